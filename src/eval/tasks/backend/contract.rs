//! Contracts: terms, offers, cancellation, another tariff, another home.

use std::sync::Arc;

use jiff::ToSpan;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::args::{OfAccount, Said, words};
use super::lenient::{code, day, tokens};
use super::record::{Account, World, days_between, full_months};
use super::{Backend, refused, unusable};
use crate::dialogue::{Tool, ToolEffect};
use crate::error::Result;

/// Broadband plans, slowest first: name, price a month, exit fee for each month left.
const PLANS: [(&str, f64, f64); 3] = [
    ("Fibre 100", 27.0, 11.0),
    ("Fibre 300", 33.0, 14.0),
    ("Fibre 900", 45.0, 19.0),
];
/// Mobile plans, smallest first.
const MOBILE: [(&str, f64); 3] = [
    ("Mobile 10 GB", 9.0),
    ("Mobile 50 GB", 14.0),
    ("Mobile Unlimited", 21.0),
];
/// Offers: code, the reason that calls for it, words.
const OFFERS: [(&str, &str, &str); 5] = [
    (
        "SAVE8",
        "price",
        "£8 a month off for 12 months, with a new term of 18 months",
    ),
    (
        "MATCH12",
        "competitor",
        "the competitor's price, at most £12 a month off, with a written quote",
    ),
    (
        "BOOST0",
        "quality",
        "a Booster free of charge for the whole term, and a line check",
    ),
    (
        "FIT",
        "too_much",
        "a smaller plan without the change fee of £15",
    ),
    (
        "PAUSE3",
        "moving",
        "a pause for up to 3 months, free of charge",
    ),
];

#[derive(Debug, Deserialize, JsonSchema)]
struct Offer {
    /// The account: LF and six digits.
    account_number: String,
    /// Code of the offer, or the customer's reason: price, competitor, quality, too_much, moving.
    offer: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
struct Cancellation {
    /// The account: LF and six digits.
    account_number: String,
    /// Why the customer leaves.
    reason: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
struct Tariff {
    /// The account: LF and six digits.
    account_number: String,
    /// The plan, e.g. `Fibre 300` or `Mobile 50 GB`.
    tariff: Said,
}

#[derive(Debug, Deserialize, JsonSchema)]
struct Place {
    /// The new postcode.
    postcode: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
struct Move {
    /// The account: LF and six digits.
    account_number: String,
    /// The new postcode.
    postcode: String,
    /// The day of the move.
    moving_date: String,
    /// First line of the new address.
    address: Option<Said>,
}

pub(super) fn tools(backend: &Backend, tools: &mut Vec<Arc<dyn Tool>>) {
    use ToolEffect::{Idempotent, Read};
    tools.push(backend.tool(
        "get_contract",
        "Looks up plan, minimum term and early exit fee",
        Read,
        get,
    ));
    tools.push(backend.tool(
        "get_retention_offer",
        "Says which offer, if any, fits the reason for which a customer wants to leave",
        Read,
        offer_for,
    ));
    tools.push(backend.tool(
        "apply_retention_offer",
        "Applies an offer that the customer accepted",
        Idempotent,
        apply_offer,
    ));
    tools.push(backend.tool(
        "cancel_contract",
        "Cancels the contract with 30 days' notice",
        Idempotent,
        cancel,
    ));
    tools.push(backend.tool(
        "get_tariff_change",
        "Says what a change to another plan costs and does",
        Read,
        quote,
    ));
    tools.push(backend.tool("change_tariff", "Changes the plan", Idempotent, change));
    tools.push(backend.tool(
        "check_address",
        "Says which plans are available at a postcode",
        Read,
        check_address,
    ));
    tools.push(backend.tool(
        "start_move",
        "Takes the broadband along to a new home",
        Idempotent,
        start_move,
    ));
}

fn plan(name: &str) -> Option<&'static (&'static str, f64, f64)> {
    PLANS.iter().find(|(plan, ..)| *plan == name)
}

fn months_left(account: &Account<'_>) -> i32 {
    account
        .date("contract.term_end")
        .map_or(0, |end| full_months(account.today, end))
}

fn exit_fee(account: &Account<'_>) -> f64 {
    let each = plan(account.text("contract.tariff")).map_or(0.0, |(_, _, fee)| *fee);
    let waived = account.is("contract.no_exit_fee");
    if waived {
        0.0
    } else {
        each * f64::from(months_left(account))
    }
}

fn get(world: &mut World, given: &OfAccount) -> Result<Value> {
    let account = world.account(&given.account_number)?;
    let tariff = account.text("contract.tariff");
    let left = account
        .date("contract.term_end")
        .map_or(0, |end| days_between(account.today, end).max(0));
    Ok(json!({
        "tariff": tariff,
        "mobile": account.get("contract.mobile"),
        "monthly_price": plan(tariff).map(|(_, price, _)| price),
        "term_end": account.text("contract.term_end"),
        "months_left": months_left(&account),
        "term_over": left == 0,
        "exit_fee": exit_fee(&account),
        "status": account.text("contract.status"),
        "customer_since": account.text("since"),
        "notice_days": 30,
        "end_if_cancelled_today": account.today.checked_add(30.days()).map(|end| end.to_string()).unwrap_or_default(),
    }))
}

fn offer_named(said: &str) -> Option<&'static (&'static str, &'static str, &'static str)> {
    let said = said.trim().to_lowercase();
    OFFERS
        .iter()
        .find(|(code, reason, _)| said == code.to_lowercase() || said == *reason)
}

/// Why nothing is offered.
fn offer_problem(account: &Account<'_>) -> Option<&'static str> {
    let is_new = account
        .date("since")
        .is_some_and(|since| full_months(since, account.today) < 12);
    let last = account
        .date("last_offer")
        .is_some_and(|last| full_months(last, account.today) < 24);
    match () {
        () if is_new => Some("offers are for customers of 12 months or more"),
        () if account.is("overdue") => Some("something is overdue on the account"),
        () if last => Some("the customer had an offer in the last 24 months"),
        () => None,
    }
}

fn offer_for(world: &mut World, given: &Offer) -> Result<Value> {
    let account = world.account(&given.account_number)?;
    let offer = offer_named(&given.offer).filter(|_| offer_problem(&account).is_none());
    Ok(json!({
        "available": offer.is_some(),
        "offer": offer.map(|(code, ..)| code),
        "description": offer.map(|(_, _, words)| words),
    }))
}

fn apply_offer(world: &mut World, given: &Offer) -> Result<Value> {
    let mut account = world.account(&given.account_number)?;
    let Some((code, _, words)) = offer_named(&given.offer) else {
        return refused(format!("no offer fits {:?}", given.offer));
    };
    if let Some(problem) = offer_problem(&account) {
        return refused(problem);
    }
    if account.text("contract.status") != "active" {
        return refused("the contract is not active");
    }
    let today = account.today;
    account.set("last_offer", today.to_string());
    account.set("offer", *code);
    if *code == "SAVE8" {
        let end = today.checked_add(18.months()).unwrap_or(today);
        account.set("contract.term_end", end.to_string());
    }
    Ok(json!({ "offer": code, "description": words, "applied": true }))
}

fn cancel(world: &mut World, given: &Cancellation) -> Result<Value> {
    let _ = &given.reason;
    let reference = world.reference("CN");
    let mut account = world.account(&given.account_number)?;
    if account.text("contract.status") != "active" {
        let status = account.text("contract.status");
        return refused(format!("the contract is {status} already"));
    }
    let fee = exit_fee(&account);
    let end = account
        .today
        .checked_add(30.days())
        .unwrap_or(account.today)
        .to_string();
    account.set("contract.status", "cancelled");
    account.set("contract.end_date", end.clone());
    Ok(
        json!({ "reference": reference, "end_date": end, "exit_fee": fee, "confirmed_by": "email within 24 hours" }),
    )
}

/// The plan that is meant: "the 300 one", "unlimited", "Fibre 900".
fn tariff_named(said: &str) -> Option<&'static str> {
    let said = tokens(said);
    let names = PLANS
        .iter()
        .map(|(name, ..)| *name)
        .chain(MOBILE.iter().map(|(name, _)| *name));
    let squashed: Vec<String> = said.iter().map(|token| code(token)).collect();
    let mut found = names.filter(|name| {
        let key = tokens(name)
            .into_iter()
            .find(|token| token != "fibre" && token != "mobile")
            .unwrap_or_default();
        squashed.contains(&key.to_uppercase())
    });
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

/// Another plan: its price, whether it is a step up, what the change costs.
fn terms(account: &Account<'_>, said: &str) -> Result<(&'static str, f64, bool, f64, bool)> {
    let Some(name) = tariff_named(said) else {
        return unusable(format!("there is no plan {said:?}"));
    };
    if account.text("contract.status") != "active" {
        return refused("the contract is not active");
    }
    let broadband = PLANS.iter().position(|(plan, ..)| *plan == name);
    let place = |of: &str| PLANS.iter().position(|(plan, ..)| *plan == of);
    let mobile = |of: &str| MOBILE.iter().position(|(plan, _)| *plan == of);
    let current = match broadband {
        Some(_) => account.text("contract.tariff"),
        None => account.text("contract.mobile"),
    };
    if current.is_empty() {
        return refused("the account has no plan of this kind");
    }
    if current == name {
        return refused(format!("{name} is the plan that the account has"));
    }
    let up = match broadband {
        Some(at) => place(current).is_none_or(|now| at > now),
        None => mobile(name) > mobile(current),
    };
    let left = account
        .date("contract.term_end")
        .map_or(0, |end| days_between(account.today, end));
    let fee = if !up && broadband.is_some() && left > 90 {
        15.0
    } else {
        0.0
    };
    let price = plan(name).map(|(_, price, _)| *price).or_else(|| {
        MOBILE
            .iter()
            .find(|(plan, _)| *plan == name)
            .map(|(_, price)| *price)
    });
    Ok((
        name,
        price.unwrap_or_default(),
        up,
        fee,
        broadband.is_some(),
    ))
}

fn told((name, price, up, fee, broadband): (&str, f64, bool, f64, bool)) -> Value {
    let active = match (broadband, up) {
        (true, true) => "within 2 working days",
        (true, false) => "from the next bill date",
        (false, true) => "from midnight",
        (false, false) => "from the next bill date",
    };
    json!({
        "tariff": name,
        "monthly_price": price,
        "upgrade": up,
        "fee": fee,
        "active": active,
        "new_term_months": if broadband && up { 18 } else { 0 },
        "new_hub": broadband && name == "Fibre 900",
    })
}

fn quote(world: &mut World, given: &Tariff) -> Result<Value> {
    let account = world.account(&given.account_number)?;
    Ok(told(terms(&account, &given.tariff.text())?))
}

fn change(world: &mut World, given: &Tariff) -> Result<Value> {
    let mut account = world.account(&given.account_number)?;
    let terms = terms(&account, &given.tariff.text())?;
    let (name, _, up, fee, broadband) = terms;
    account.set(
        if broadband {
            "contract.tariff"
        } else {
            "contract.mobile"
        },
        name,
    );
    if broadband && up {
        let end = account
            .today
            .checked_add(18.months())
            .unwrap_or(account.today);
        account.set("contract.term_end", end.to_string());
    }
    if fee > 0.0 {
        account.add(
            "charges",
            "E",
            json!({ "what": "plan change", "amount": fee, "status": "charged" }),
        );
    }
    Ok(told(terms))
}

/// A postcode as it is written: capitals, a blank before the last three.
fn postcode(said: &str) -> String {
    let squashed = code(said);
    let cut = squashed.len().saturating_sub(3);
    match (squashed.get(..cut), squashed.get(cut..)) {
        (Some(outward), Some(inward)) => format!("{outward} {inward}"),
        _ => squashed,
    }
}

fn plans_at(world: &World, postcode: &str) -> Vec<String> {
    let at = world
        .database
        .get("coverage")
        .and_then(|all| all.get(postcode));
    let plans = at.and_then(|at| at.get("plans")).and_then(Value::as_array);
    plans
        .into_iter()
        .flatten()
        .filter_map(|plan| plan.as_str().map(str::to_owned))
        .collect()
}

fn check_address(world: &mut World, given: &Place) -> Result<Value> {
    let at = postcode(&given.postcode);
    let plans = plans_at(world, &at);
    Ok(json!({ "postcode": at, "available": !plans.is_empty(), "plans": plans }))
}

fn start_move(world: &mut World, given: &Move) -> Result<Value> {
    let to = postcode(&given.postcode);
    let plans = plans_at(world, &to);
    let has_line = world
        .database
        .get("coverage")
        .and_then(|all| all.get(&to)?.get("line")?.as_bool())
        .unwrap_or_default();
    let reference = world.reference("MV");
    let mut account = world.account(&given.account_number)?;
    let Some(date) = day(&given.moving_date, account.today) else {
        return unusable(format!("{:?} is no date", given.moving_date));
    };
    if date <= account.today {
        return refused("the day of the move is over");
    }
    if plans.is_empty() {
        return refused(
            "Larkfield is not available at the new address; the contract can end without an early exit fee",
        );
    }
    let tariff = account.text("contract.tariff");
    if !plans.iter().any(|plan| plan == tariff) {
        return refused(format!(
            "{tariff} is not available there, but {} is",
            plans.join(", ")
        ));
    }
    if account.get("move.postcode").is_some() {
        return refused("a move is under way already");
    }
    let mut entry = json!({ "postcode": to, "date": date.to_string() });
    if let (Some(address), Some(fields)) = (words(&given.address), entry.as_object_mut()) {
        fields.insert("address".into(), address.into());
    }
    let notice = days_between(account.today, date);
    account.set("move", entry);
    Ok(json!({
        "reference": reference,
        "postcode": to,
        "moving_date": date.to_string(),
        "short_notice": notice < 14,
        "engineer_needed": !has_line,
    }))
}
