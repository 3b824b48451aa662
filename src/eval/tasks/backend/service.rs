//! Outages, line tests and engineers.

use std::sync::Arc;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::args::OfAccount;
use super::lenient::{day, working_days_after};
use super::record::{Account, World, days_between};
use super::{Backend, refused, unusable};
use crate::dialogue::{Tool, ToolEffect};
use crate::error::Result;

#[derive(Debug, Deserialize, JsonSchema)]
struct Visit {
    /// The account: LF and six digits.
    account_number: String,
    /// `morning` (8 am to 1 pm) or `afternoon` (1 pm to 6 pm).
    window: Option<String>,
    /// The day; without it the first that is free.
    date: Option<String>,
}

pub(super) fn tools(backend: &Backend, tools: &mut Vec<Arc<dyn Tool>>) {
    use ToolEffect::{Idempotent, Read};
    tools.push(backend.tool(
        "check_service_status",
        "Says whether an outage is known at the customer's address",
        Read,
        status,
    ));
    tools.push(backend.tool(
        "run_line_test",
        "Tests the customer's line",
        Read,
        line_test,
    ));
    tools.push(backend.tool(
        "get_appointment",
        "Looks up the engineer's appointment",
        Read,
        appointment,
    ));
    tools.push(backend.tool(
        "book_engineer",
        "Books an engineer for a fault that a line test showed",
        Idempotent,
        book,
    ));
    tools.push(backend.tool(
        "change_appointment",
        "Moves the engineer's appointment, up to 24 hours before",
        Idempotent,
        change,
    ));
    tools.push(backend.tool(
        "cancel_appointment",
        "Cancels the engineer's appointment, up to 24 hours before",
        Idempotent,
        cancel,
    ));
}

fn status(world: &mut World, given: &OfAccount) -> Result<Value> {
    let postcode = world
        .account(&given.account_number)?
        .text("postcode")
        .to_owned();
    let outage = world
        .database
        .get("outages")
        .and_then(|all| all.get(&postcode));
    let today = world.today();
    let since = outage.and_then(|outage| {
        outage
            .get("since")?
            .as_str()?
            .get(..10)?
            .parse::<Date>()
            .ok()
    });
    let days = since.map_or(0, |since| days_between(since, today).max(0));
    Ok(json!({
        "outage": outage.is_some(),
        "since": outage.and_then(|outage| outage.get("since")),
        "cause": outage.and_then(|outage| outage.get("cause")),
        "full_days": days,
        "credit_so_far": 6 * days,
        "repair_target_hours": 48,
    }))
}

fn line_test(world: &mut World, given: &OfAccount) -> Result<Value> {
    let account = world.account(&given.account_number)?;
    let result = account.text("line.test");
    Ok(json!({ "result": result, "fault": result == "fault" }))
}

/// The appointment that stands.
fn standing(account: &Account<'_>) -> Option<(String, Value)> {
    let booked = |(_, visit): &(String, Value)| {
        visit.get("status").and_then(Value::as_str) == Some("booked")
    };
    account.entries("appointments").into_iter().find(booked)
}

fn appointment(world: &mut World, given: &OfAccount) -> Result<Value> {
    let account = world.account(&given.account_number)?;
    let field = |name: &str| standing(&account).and_then(|(_, visit)| visit.get(name).cloned());
    Ok(
        json!({ "booked": standing(&account).is_some(), "date": field("date"), "window": field("window") }),
    )
}

fn window(said: &Option<String>) -> Result<Option<&'static str>> {
    let Some(said) = said
        .as_deref()
        .map(str::to_lowercase)
        .filter(|said| !said.trim().is_empty())
    else {
        return Ok(None);
    };
    let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
    match () {
        () if has(&["afternoon", "after lunch", "pm", "evening", "1 to 6"]) => {
            Ok(Some("afternoon"))
        }
        () if has(&["morning", "am", "early", "before", "8 to 1"]) => Ok(Some("morning")),
        () if has(&["any", "either", "no matter", "don't mind"]) => Ok(Some("morning")),
        () => unusable(format!("{said:?} is neither morning nor afternoon")),
    }
}

fn visit_day(said: &Option<String>, today: Date) -> Result<Date> {
    match said.as_deref().filter(|said| !said.trim().is_empty()) {
        None => Ok(working_days_after(today, 2)),
        Some(said) => match day(said, today) {
            Some(date) if date <= today => refused("the first free day is tomorrow"),
            Some(date) if date.weekday() == jiff::civil::Weekday::Sunday => {
                refused("no engineer comes on a Sunday")
            }
            Some(date) => Ok(date),
            None => unusable(format!("{said:?} is no date")),
        },
    }
}

fn hours(window: &str) -> (&'static str, &'static str) {
    if window == "morning" {
        ("8 am", "1 pm")
    } else {
        ("1 pm", "6 pm")
    }
}

fn told(date: Date, window: &str) -> Value {
    let (from, to) = hours(window);
    json!({ "date": date.to_string(), "weekday": format!("{:?}", date.weekday()), "window": window, "from": from, "to": to })
}

fn book(world: &mut World, given: &Visit) -> Result<Value> {
    let mut account = world.account(&given.account_number)?;
    let Some(window) = window(&given.window)? else {
        return unusable("say morning or afternoon");
    };
    if account.text("line.test") != "fault" {
        return refused("the line test shows no fault, and an engineer comes for a fault only");
    }
    if standing(&account).is_some() {
        return refused("an appointment is booked already");
    }
    let date = visit_day(&given.date, account.today)?;
    account.add(
        "appointments",
        "A",
        json!({ "date": date.to_string(), "window": window, "status": "booked" }),
    );
    Ok(told(date, window))
}

/// The appointment, where it is early enough to touch it.
fn movable(account: &Account<'_>) -> Result<(String, Value)> {
    let Some((id, visit)) = standing(account) else {
        return refused("no appointment is booked");
    };
    let date = visit
        .get("date")
        .and_then(Value::as_str)
        .and_then(|date| date.parse::<Date>().ok());
    if date.is_some_and(|date| days_between(account.today, date) < 2) {
        return refused(
            "it is less than 24 hours to the appointment; a change costs £40 and needs a person",
        );
    }
    Ok((id, visit))
}

fn change(world: &mut World, given: &Visit) -> Result<Value> {
    let mut account = world.account(&given.account_number)?;
    let (id, visit) = movable(&account)?;
    let old = |field: &str| {
        visit
            .get(field)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let wanted = window(&given.window)?;
    let date = match &given.date {
        Some(said) if !said.trim().is_empty() => visit_day(&given.date, account.today)?,
        _ => old("date").parse().unwrap_or(account.today),
    };
    let old_window = old("window");
    let window = wanted.unwrap_or(if old_window == "morning" {
        "morning"
    } else {
        "afternoon"
    });
    if wanted.is_none() && given.date.is_none() {
        return unusable("say the new day, or morning or afternoon");
    }
    account.set(&format!("appointments.{id}.date"), date.to_string());
    account.set(&format!("appointments.{id}.window"), window);
    Ok(told(date, window))
}

fn cancel(world: &mut World, given: &OfAccount) -> Result<Value> {
    let mut account = world.account(&given.account_number)?;
    let (id, _) = movable(&account)?;
    account.set(&format!("appointments.{id}.status"), "cancelled");
    Ok(json!({ "cancelled": true }))
}
