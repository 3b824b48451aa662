//! Payments, refunds and credits.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::args::{OfAccount, Said, words};
use super::record::{World, named, pounds};
use super::{Backend, refused, unusable};
use crate::dialogue::{Tool, ToolEffect};
use crate::error::Result;

/// Refunds above this need a team leader.
const LARGEST_REFUND: f64 = 200.0;
/// Credits above this need a team leader.
const LARGEST_CREDIT: f64 = 20.0;

#[derive(Debug, Deserialize, JsonSchema)]
struct Refund {
    /// The account: LF and six digits.
    account_number: String,
    /// Which payment; without it the duplicate with this amount.
    payment_id: Option<String>,
    /// The amount, in pounds.
    amount: Option<Said>,
    /// `bank` (back to where it came from) or `credit` (on the next bill).
    method: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
struct Credit {
    /// The account: LF and six digits.
    account_number: String,
    /// In pounds.
    amount: Said,
    /// Why.
    reason: Option<String>,
}

pub(super) fn tools(backend: &Backend, tools: &mut Vec<Arc<dyn Tool>>) {
    tools.push(backend.tool(
        "list_payments",
        "Lists the payments of the last two months, and the duplicate among them",
        ToolEffect::Read,
        list,
    ));
    tools.push(backend.tool(
        "refund_payment",
        "Refunds a duplicate payment, to where it came from or as a credit",
        ToolEffect::Write,
        refund,
    ));
    tools.push(backend.tool(
        "add_credit",
        "Adds a credit to the next bill",
        ToolEffect::Write,
        add_credit,
    ));
}

fn text<'a>(entry: &'a Value, field: &str) -> &'a str {
    entry.get(field).and_then(Value::as_str).unwrap_or_default()
}

fn list(world: &mut World, given: &OfAccount) -> Result<Value> {
    let account = world.account(&given.account_number)?;
    let payments = account.entries("payments");
    let is_duplicate = |(_, payment): &&(String, Value)| !text(payment, "duplicate_of").is_empty();
    let duplicate = payments.iter().find(is_duplicate);
    let status = duplicate.map_or("", |(_, payment)| text(payment, "status"));
    Ok(json!({
        "payments": payments.iter().map(|(id, payment)| named(id, payment)).collect::<Vec<_>>(),
        "duplicate_found": duplicate.is_some() && status == "completed",
        "duplicate_pending": status == "pending",
        "duplicate_refunded": matches!(status, "refunded" | "credited"),
        "duplicate_id": duplicate.map(|(id, _)| id),
        "duplicate_amount": duplicate.and_then(|(_, payment)| payment.get("amount")),
        "duplicate_date": duplicate.map(|(_, payment)| text(payment, "date")),
    }))
}

fn refund(world: &mut World, given: &Refund) -> Result<Value> {
    let reference = world.reference("RF");
    let mut account = world.account(&given.account_number)?;
    let payments = account.entries("payments");
    let asked = words_of(&given.payment_id);
    let amount = given.amount.as_ref().and_then(Said::amount);
    let fits = |(id, payment): &&(String, Value)| {
        let paid = payment
            .get("amount")
            .and_then(Value::as_f64)
            .unwrap_or_default();
        match &asked {
            Some(wanted) => id.eq_ignore_ascii_case(wanted),
            // People leave the pence out.
            None => {
                !text(payment, "duplicate_of").is_empty()
                    && amount.is_none_or(|amount| {
                        (paid - amount).abs() < 0.005 || paid.trunc() == amount
                    })
            }
        }
    };
    let Some((id, payment)) = payments.iter().find(fits) else {
        return refused("there is no duplicate payment of this amount on the account");
    };
    if text(payment, "duplicate_of").is_empty() {
        return refused(format!(
            "payment {id} is no duplicate, and only duplicates are refunded"
        ));
    }
    let paid = payment
        .get("amount")
        .and_then(Value::as_f64)
        .unwrap_or_default();
    match text(payment, "status") {
        "completed" => {}
        "pending" => {
            return refused(
                "the second payment is still pending and disappears by itself within 3 working days",
            );
        }
        other => return refused(format!("payment {id} is {other} already")),
    }
    if paid > LARGEST_REFUND {
        return refused("refunds of more than £200 need the team leader's approval");
    }
    let as_credit = given
        .method
        .as_deref()
        .is_some_and(|method| method.to_lowercase().contains("credit"));
    let (status, arrives) = match as_credit {
        true => ("credited", "on the next bill"),
        false => ("refunded", "within 5 working days"),
    };
    let path = format!("payments.{id}.status");
    account.set(&path, status);
    if as_credit {
        account.add(
            "credits",
            "C",
            json!({ "amount": paid, "reason": format!("duplicate payment {id}") }),
        );
    }
    Ok(json!({ "reference": reference, "payment_id": id, "amount": paid, "arrives": arrives }))
}

fn add_credit(world: &mut World, given: &Credit) -> Result<Value> {
    let Some(amount) = given.amount.amount().filter(|amount| *amount > 0.0) else {
        return unusable("the amount of a credit is a number of pounds");
    };
    let mut account = world.account(&given.account_number)?;
    if amount > LARGEST_CREDIT {
        return refused("credits of more than £20 need the team leader's approval");
    }
    let reason = given.reason.clone().unwrap_or_default();
    let id = account.add(
        "credits",
        "C",
        json!({ "amount": pounds(amount), "reason": reason }),
    );
    Ok(json!({ "credit_id": id, "amount": pounds(amount), "on": "the next bill" }))
}

fn words_of(said: &Option<String>) -> Option<String> {
    words(&said.clone().map(Said::Text))
}
