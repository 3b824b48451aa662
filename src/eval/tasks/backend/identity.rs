//! Who is there: security questions, codes, and what is written down about a customer.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::args::{OfAccount, Said, words};
use super::lenient::{account_number, code, day, is_address};
use super::record::World;
use super::{Backend, refused, unusable};
use crate::dialogue::{Tool, ToolEffect};
use crate::error::Result;

/// Wrong answers after which no more are taken.
const WRONG_ANSWERS: u32 = 3;

#[derive(Debug, Deserialize, JsonSchema)]
struct Identity {
    /// The account: LF and six digits.
    account_number: String,
    /// As the customer says it.
    date_of_birth: Option<String>,
    /// First line of the address, or the postcode.
    address: Option<String>,
    /// The last four digits of the bank account.
    bank_digits: Option<Said>,
}

#[derive(Debug, Deserialize, JsonSchema)]
struct Need {
    /// The account: LF and six digits.
    account_number: String,
    /// What helps, not the cause.
    need: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
struct Complaint {
    /// The account: LF and six digits.
    account_number: String,
    /// What it is about and what the customer wants.
    complaint: String,
}

pub(super) fn tools(backend: &Backend, tools: &mut Vec<Arc<dyn Tool>>) {
    tools.push(backend.tool(
        "verify_identity",
        "Checks two answers to security questions for an account",
        ToolEffect::Read,
        verify,
    ));
    tools.push(backend.tool(
        "send_one_time_code",
        "Sends a one-time code to the customer by text; orders of a SIM need it",
        ToolEffect::Read,
        send_code,
    ));
    tools.push(backend.tool(
        "record_support_need",
        "Writes down, with the customer's consent, what support they need",
        ToolEffect::Idempotent,
        record_need,
    ));
    tools.push(backend.tool(
        "log_complaint",
        "Logs a complaint and gives its reference",
        ToolEffect::Idempotent,
        log_complaint,
    ));
}

/// Two right answers are enough; a wrong one is wrong whatever the others are. An unknown account is a failed check:
/// nobody is told whether it exists.
fn verify(world: &mut World, given: &Identity) -> Result<Value> {
    let Some(number) = account_number(&given.account_number) else {
        return unusable("the account number is LF and six digits");
    };
    if world
        .wrong_answers
        .get(&number)
        .is_some_and(|wrong| *wrong >= WRONG_ANSWERS)
    {
        return refused(
            "telephone service for this account is locked for 24 hours after three wrong answers",
        );
    }
    let mut name = None;
    if let Ok(account) = world.account(&number) {
        let birth = given
            .date_of_birth
            .as_deref()
            .filter(|said| !said.trim().is_empty());
        let birth = birth.map(|said| day(said, account.today));
        // The holder, and whoever the holder has named.
        let mut people = vec![(
            account.text("holder").to_owned(),
            account.date("date_of_birth"),
        )];
        for (_, contact) in account.entries("contacts") {
            let text = |field: &str| {
                contact
                    .get(field)
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_owned()
            };
            people.push((text("name"), day(&text("date_of_birth"), account.today)));
        }
        let person = |born: &Option<jiff::civil::Date>| {
            people
                .iter()
                .find(|(_, date)| born.is_some() && date == born)
        };
        let address = given
            .address
            .as_deref()
            .filter(|said| !said.trim().is_empty());
        let address =
            address.map(|said| is_address(said, account.text("address"), account.text("postcode")));
        let bank = words(&given.bank_digits).map(|said| code(&said) == account.text("bank_digits"));
        let born = birth.as_ref().map(|born| person(born).is_some());
        let answers: Vec<bool> = [born, address, bank].into_iter().flatten().collect();
        if answers.len() < 2 {
            return unusable(
                "the check needs two answers: date of birth, address, last four digits of the bank account",
            );
        }
        if answers.iter().all(|right| *right) {
            let found = birth.as_ref().and_then(person);
            name = Some(found.map_or_else(
                || account.text("holder").to_owned(),
                |(name, _)| name.clone(),
            ));
        }
    }
    let wrong = world.wrong_answers.entry(number).or_default();
    Ok(match name {
        Some(name) => {
            *wrong = 0;
            json!({ "verified": true, "name": name })
        }
        None => {
            *wrong += 1;
            json!({ "verified": false, "attempts_left": WRONG_ANSWERS.saturating_sub(*wrong) })
        }
    })
}

fn send_code(world: &mut World, given: &OfAccount) -> Result<Value> {
    let account = world.account(&given.account_number)?;
    if account.text("one_time_code").is_empty() {
        return refused("there is no mobile number or e-mail address to send a code to");
    }
    Ok(json!({ "sent": true, "by": "text", "valid_minutes": 10 }))
}

fn record_need(world: &mut World, given: &Need) -> Result<Value> {
    let mut account = world.account(&given.account_number)?;
    let id = account.add("support_needs", "N", json!({ "need": given.need }));
    Ok(json!({ "need_id": id, "recorded": true }))
}

fn log_complaint(world: &mut World, given: &Complaint) -> Result<Value> {
    let number = world.reference("").split_off(1);
    let reference = format!("CP{number}");
    let mut account = world.account(&given.account_number)?;
    let entry = json!({ "about": given.complaint, "reference": reference, "status": "open" });
    account.add("complaints", "K", entry);
    Ok(
        json!({ "reference": reference, "acknowledged_within": "1 working day", "answered_within": "10 working days" }),
    )
}
