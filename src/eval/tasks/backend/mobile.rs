//! SIM cards.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::args::{OfAccount, Said, words};
use super::lenient::code;
use super::record::{Account, World};
use super::{Backend, refused, unusable};
use crate::dialogue::{Tool, ToolEffect};
use crate::error::Result;

#[derive(Debug, Deserialize, JsonSchema)]
struct Order {
    /// The account: LF and six digits.
    account_number: String,
    /// `esim` (by e-mail) or `post` (a card to the address on the account).
    kind: String,
    /// The one-time code that the customer was sent.
    code: Option<Said>,
}

pub(super) fn tools(backend: &Backend, tools: &mut Vec<Arc<dyn Tool>>) {
    use ToolEffect::{Idempotent, Read};
    tools.push(backend.tool(
        "get_sim",
        "Looks up the SIM and whether it is blocked",
        Read,
        get,
    ));
    tools.push(backend.tool(
        "block_sim",
        "Blocks the SIM within 5 minutes",
        Idempotent,
        block,
    ));
    tools.push(backend.tool(
        "unblock_sim",
        "Removes the block, unless a new SIM is active",
        Idempotent,
        unblock,
    ));
    tools.push(backend.tool(
        "order_sim",
        "Orders a new SIM; needs the one-time code",
        Idempotent,
        order,
    ));
}

fn with_sim<'a>(world: &'a mut World, said: &str) -> Result<Account<'a>> {
    let account = world.account(said)?;
    match account.get("sim.number") {
        Some(_) => Ok(account),
        None => refused("there is no mobile plan on the account"),
    }
}

fn get(world: &mut World, given: &OfAccount) -> Result<Value> {
    let account = with_sim(world, &given.account_number)?;
    Ok(
        json!({ "blocked": account.text("sim.status") == "blocked", "replacement": account.get("sim.replacement") }),
    )
}

fn block(world: &mut World, given: &OfAccount) -> Result<Value> {
    let mut account = with_sim(world, &given.account_number)?;
    account.set("sim.status", "blocked");
    Ok(json!({ "blocked": true, "works": "within 5 minutes" }))
}

fn unblock(world: &mut World, given: &OfAccount) -> Result<Value> {
    let mut account = with_sim(world, &given.account_number)?;
    if account.get("sim.replacement").is_some() {
        return refused("a new SIM was ordered; the old one cannot be used any more");
    }
    if account.text("sim.status") != "blocked" {
        return refused("the SIM is not blocked");
    }
    account.set("sim.status", "active");
    Ok(json!({ "blocked": false, "works": "within 1 hour" }))
}

fn order(world: &mut World, given: &Order) -> Result<Value> {
    let mut account = with_sim(world, &given.account_number)?;
    let kind = given.kind.to_lowercase();
    let (kind, ready) = match () {
        () if kind.contains("esim")
            || kind.contains("e-sim")
            || kind.contains("mail") && !kind.contains("post") =>
        {
            ("esim", "within 15 minutes, by email")
        }
        () if kind.contains("post") || kind.contains("card") || kind.contains("physical") => (
            "post",
            "within 2 working days, to the address on the account",
        ),
        () => return unusable(format!("{kind:?} is neither an eSIM nor a card by post")),
    };
    let right = account.text("one_time_code").to_owned();
    match words(&given.code).map(|said| code(&said)) {
        Some(given) if given.contains(&right) && !right.is_empty() => {}
        Some(_) => return refused("the one-time code is wrong"),
        None => return refused("a new SIM needs the one-time code"),
    }
    if account.get("sim.replacement").is_some() {
        return refused("a new SIM was ordered already");
    }
    let free = kind == "esim" || !account.is("sim.had_card_this_year");
    account.set("sim.replacement", kind);
    if !free {
        account.add(
            "charges",
            "E",
            json!({ "what": "sim", "amount": 5, "status": "charged" }),
        );
    }
    Ok(json!({ "kind": kind, "ready": ready, "price": if free { 0 } else { 5 } }))
}
