//! What is owed: late fees, payment plans, due dates.

use std::sync::Arc;

use jiff::ToSpan;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::args::{OfAccount, Said};
use super::record::{Account, World, days_between, named, pounds};
use super::{Backend, refused, unusable};
use crate::dialogue::{Tool, ToolEffect};
use crate::error::Result;

#[derive(Debug, Deserialize, JsonSchema)]
struct Plan {
    /// The account: LF and six digits.
    account_number: String,
    /// How many monthly instalments.
    instalments: Said,
}

#[derive(Debug, Deserialize, JsonSchema)]
struct Postponement {
    /// The account: LF and six digits.
    account_number: String,
    /// By how many days.
    days: Said,
}

pub(super) fn tools(backend: &Backend, tools: &mut Vec<Arc<dyn Tool>>) {
    tools.push(backend.tool(
        "get_balance",
        "Looks up what is owed, late fees, and which payment plan is possible",
        ToolEffect::Read,
        balance,
    ));
    tools.push(backend.tool(
        "set_payment_plan",
        "Spreads what is owed over monthly instalments",
        ToolEffect::Idempotent,
        set_plan,
    ));
    tools.push(backend.tool(
        "move_due_date",
        "Moves the due date of a bill under £50 once, by up to 14 days",
        ToolEffect::Idempotent,
        move_due_date,
    ));
    tools.push(backend.tool(
        "remove_late_fee",
        "Removes a late fee where the rules allow it",
        ToolEffect::Idempotent,
        remove_fee,
    ));
}

/// The most instalments; none where no plan is possible.
fn most_instalments(account: &Account<'_>) -> u64 {
    let owed = account.number("balance");
    if account.get("payment_plan.instalments").is_some() || owed <= 0.0 || owed > 600.0 {
        return 0;
    }
    if account.is("vulnerable") {
        return 12;
    }
    match owed {
        owed if owed < 50.0 => 0,
        owed if owed <= 150.0 => 3,
        _ => 6,
    }
}

fn balance(world: &mut World, given: &OfAccount) -> Result<Value> {
    let account = world.account(&given.account_number)?;
    let fees = account.entries("late_fees");
    let is_charged =
        |(_, fee): &&(String, Value)| fee.get("status").and_then(Value::as_str) == Some("charged");
    let fee = fees.iter().rev().find(is_charged);
    Ok(json!({
        "owed": account.number("balance"),
        "due": account.text("due"),
        "late_fees": fees.iter().map(|(id, fee)| named(id, fee)).collect::<Vec<_>>(),
        "late_fee": fee.and_then(|(_, fee)| fee.get("amount")),
        "late_fee_removable": fee.is_some() && fee_problem(&account).is_none(),
        "most_instalments": most_instalments(&account),
        "plan_running": account.get("payment_plan.instalments").is_some(),
    }))
}

fn set_plan(world: &mut World, given: &Plan) -> Result<Value> {
    let mut account = world.account(&given.account_number)?;
    let Some(count) = given.instalments.count().filter(|count| *count > 0) else {
        return unusable("say how many monthly instalments");
    };
    let (most, owed) = (most_instalments(&account), account.number("balance"));
    if account.get("payment_plan.instalments").is_some() {
        return refused("another payment plan is running");
    }
    if most == 0 && owed > 600.0 {
        return refused("more than £600 is owed; a person agrees a plan after a review");
    }
    if most == 0 {
        return refused("less than £50 is owed; the due date can be moved instead");
    }
    if count > most {
        return refused(format!("at most {most} instalments are possible"));
    }
    let each = pounds(owed / count as f64);
    let first = account
        .today
        .checked_add(14.days())
        .unwrap_or(account.today)
        .to_string();
    account.set(
        "payment_plan",
        json!({ "instalments": count, "amount": owed, "status": "running" }),
    );
    Ok(
        json!({ "instalments": count, "each": each, "first_due": first, "confirmed_by": "email within 24 hours" }),
    )
}

fn move_due_date(world: &mut World, given: &Postponement) -> Result<Value> {
    let mut account = world.account(&given.account_number)?;
    let Some(days) = given.days.count().filter(|days| *days > 0) else {
        return unusable("say by how many days");
    };
    if account.number("balance") >= 50.0 {
        return refused("£50 or more is owed; a payment plan is possible instead");
    }
    if days > 14 {
        return refused("the due date can be moved by up to 14 days");
    }
    if account.is("due_moved") {
        return refused("the due date was moved once already");
    }
    let Some(due) = account.date("due") else {
        return refused("no bill is open");
    };
    let due = due
        .checked_add((days as i64).days())
        .unwrap_or(due)
        .to_string();
    account.set("due", due.clone());
    account.set("due_moved", true);
    Ok(json!({ "due": due }))
}

/// Why the last late fee stays.
fn fee_problem(account: &Account<'_>) -> Option<&'static str> {
    let fees = account.entries("late_fees");
    let is_recent = |fee: &Value| {
        let date = fee
            .get("date")
            .and_then(Value::as_str)
            .and_then(|date| date.parse().ok());
        date.is_none_or(|date| days_between(date, account.today) <= 365)
    };
    let removed = |fee: &Value| {
        fee.get("status").and_then(Value::as_str) == Some("removed") && is_recent(fee)
    };
    let is_ours = fees
        .iter()
        .any(|(_, fee)| fee.get("our_mistake").and_then(Value::as_bool) == Some(true));
    if is_ours || account.is("vulnerable") {
        return None;
    }
    if fees.iter().any(|(_, fee)| removed(fee)) {
        return Some(
            "a late fee was removed in the last 12 months already; a second one stays unless it was our mistake",
        );
    }
    if account.number("balance") > 0.0 && account.get("payment_plan.instalments").is_none() {
        return Some("the bill has to be paid first, or a payment plan agreed");
    }
    None
}

fn remove_fee(world: &mut World, given: &OfAccount) -> Result<Value> {
    let mut account = world.account(&given.account_number)?;
    let fees = account.entries("late_fees");
    let charged = fees
        .iter()
        .rev()
        .find(|(_, fee)| fee.get("status").and_then(Value::as_str) == Some("charged"));
    let Some((id, fee)) = charged else {
        return refused("there is no late fee on the account");
    };
    if let Some(problem) = fee_problem(&account) {
        return refused(problem);
    }
    account.set(&format!("late_fees.{id}.status"), "removed");
    Ok(json!({ "fee_id": id, "amount": fee.get("amount"), "removed": true }))
}
