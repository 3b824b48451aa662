//! Equipment that goes back, and what is charged for it.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::args::{Said, words};
use super::lenient::code;
use super::record::{Account, World, days_between};
use super::{Backend, refused, unusable};
use crate::dialogue::{Tool, ToolEffect};
use crate::error::Result;

/// Days after the end of the contract within which a charge is refunded.
const REFUND_DAYS: i32 = 60;

#[derive(Debug, Deserialize, JsonSchema)]
struct Device {
    /// The account: LF and six digits.
    account_number: String,
    /// `hub` or `booster`; the hub where it is left out.
    device: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
struct Charge {
    /// The account: LF and six digits.
    account_number: String,
    /// On the parcel shop's receipt.
    tracking_number: Option<Said>,
    /// `hub` or `booster`; the hub where it is left out.
    device: Option<String>,
}

pub(super) fn tools(backend: &Backend, tools: &mut Vec<Arc<dyn Tool>>) {
    tools.push(backend.tool(
        "get_return_status",
        "Looks up whether a device has come back and whether it was charged",
        ToolEffect::Read,
        status,
    ));
    tools.push(backend.tool(
        "send_returns_bag",
        "Sends a bag with a prepaid label",
        ToolEffect::Idempotent,
        send_bag,
    ));
    tools.push(backend.tool(
        "refund_charge",
        "Refunds the charge for a device that came back within 60 days",
        ToolEffect::Write,
        refund,
    ));
}

fn device(said: &Option<String>) -> Result<&'static str> {
    let said = said.as_deref().unwrap_or("hub").to_lowercase();
    match () {
        () if said.contains("boost") || said.contains("extender") => Ok("booster"),
        () if said.contains("hub")
            || said.contains("router")
            || said.contains("box")
            || said.trim().is_empty() =>
        {
            Ok("hub")
        }
        () => unusable(format!("{said:?} is neither the hub nor the booster")),
    }
}

/// The charge for a device that was not refunded yet.
fn charge_for(account: &Account<'_>, device: &str) -> Option<(String, Value)> {
    let text = |charge: &Value, field: &str| {
        charge
            .get(field)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let is_open = |(_, charge): &(String, Value)| {
        text(charge, "what") == device && text(charge, "status") == "charged"
    };
    account.entries("charges").into_iter().find(is_open)
}

fn status(world: &mut World, given: &Device) -> Result<Value> {
    let account = world.account(&given.account_number)?;
    let device = device(&given.device)?;
    let of = |field: &str| account.get(&format!("returns.{device}.{field}")).cloned();
    let since_end = account
        .date("contract.end_date")
        .map(|end| days_between(end, account.today));
    Ok(json!({
        "device": device,
        "status": of("status").unwrap_or_else(|| "not_received".into()),
        "received": of("status").is_some_and(|status| status == "received"),
        "received_on": of("received_on"),
        "bag_sent": of("bag").is_some_and(|bag| bag == "sent"),
        "charge": charge_for(&account, device).and_then(|(_, charge)| charge.get("amount").cloned()),
        "contract_end": account.get("contract.end_date"),
        "days_left": since_end.map(|days| 21 - days),
    }))
}

fn send_bag(world: &mut World, given: &Device) -> Result<Value> {
    let mut account = world.account(&given.account_number)?;
    let device = device(&given.device)?;
    if account.text(&format!("returns.{device}.status")) == "received" {
        return refused("the device has come back already");
    }
    account.set(&format!("returns.{device}.bag"), "sent");
    Ok(json!({ "device": device, "sent": true, "arrives": "within 5 working days" }))
}

fn refund(world: &mut World, given: &Charge) -> Result<Value> {
    let reference = world.reference("RF");
    let mut account = world.account(&given.account_number)?;
    let device = device(&given.device)?;
    let Some((id, charge)) = charge_for(&account, device) else {
        return refused(format!("there is no open charge for the {device}"));
    };
    let stored = account
        .text(&format!("returns.{device}.tracking_number"))
        .to_owned();
    let given_number = words(&given.tracking_number).map(|said| code(&said));
    let is_received = account.text(&format!("returns.{device}.status")) == "received";
    match given_number {
        Some(number) if stored.is_empty() || !number.contains(&stored) => {
            return refused("no parcel with this tracking number belongs to the account");
        }
        None if !is_received => {
            return refused("the device has not been booked in, and there is no tracking number");
        }
        _ => {}
    }
    let end = account.date("contract.end_date").unwrap_or(account.today);
    let came = account
        .date(&format!("returns.{device}.sent_on"))
        .or_else(|| account.date(&format!("returns.{device}.received_on")));
    if days_between(end, came.unwrap_or(account.today)) > REFUND_DAYS {
        return refused("the device came back more than 60 days after the end of the contract");
    }
    account.set(&format!("charges.{id}.status"), "refunded");
    Ok(
        json!({ "reference": reference, "amount": charge.get("amount"), "arrives": "within 5 working days" }),
    )
}
