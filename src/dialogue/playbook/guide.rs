//! A company's own workflow guide as playbooks: the layout in which retail guidelines are published (asappresearch/abcd,
//! `guidelines.json` and `kb.json`).
//!
//! A guide is written for people: it names buttons and what to look for, not what to say. What comes out is a draft that
//! runs in agent assist as it is (steps, their order, what must be known) and that a virtual agent needs words and tools for.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::{Playbook, Slot, SlotKind, Step, StepKind};
use crate::error::{Error, ErrorKind, OrError, Result};

/// What a guide writes in place of a button.
const NO_BUTTON: &str = "N/A";
/// Letters of a step's label.
const LONGEST_LABEL: usize = 120;
/// What guides ask a customer for, by the words they use, in the order in which longer words come first.
const ASKED_FOR: [(&str, &str, SlotKind); 13] = [
    ("account id", "account_id", SlotKind::Text),
    ("full name", "customer_name", SlotKind::Text),
    ("order id", "order_id", SlotKind::Text),
    ("email address", "email", SlotKind::Email),
    ("zip code", "zip_code", SlotKind::Text),
    ("phone number", "phone", SlotKind::Phone),
    ("username", "username", SlotKind::Text),
    ("pin number", "pin_number", SlotKind::Text),
    ("security", "security_answer", SlotKind::Text),
    ("membership level", "membership_level", SlotKind::Text),
    ("dollar amount", "amount", SlotKind::Money),
    ("full address", "full_address", SlotKind::Text),
    ("payment method", "payment_method", SlotKind::Text),
];

#[derive(Deserialize)]
struct Flow {
    #[serde(default)]
    description: String,
    subflows: BTreeMap<String, Subflow>,
}

#[derive(Deserialize)]
struct Subflow {
    actions: Vec<Action>,
    #[serde(default)]
    instructions: Vec<String>,
}

#[derive(Deserialize)]
struct Action {
    #[serde(rename = "type")]
    kind: String,
    button: String,
    text: String,
    #[serde(default)]
    subtext: Vec<String>,
}

/// Reads a workflow guide: each of its subflows becomes a playbook, ordered by id.
///
/// `guidelines` is a JSON object of flows with their `subflows`, each with `actions` (`type`, `button`, `text`, `subtext`)
/// and `instructions`. `workflows`, if there is one, is a JSON object from the name of a workflow to the actions it needs:
/// what it leaves out is optional.
///
/// # Errors
/// [`ErrorKind::Config`] with the place of what cannot be read, or for a guide without a procedure.
pub fn playbooks_from_guide(guidelines: &str, workflows: Option<&str>) -> Result<Vec<Playbook>> {
    let flows: BTreeMap<String, Flow> = serde_json::from_str(guidelines).or_error(
        ErrorKind::Config,
        || "the guidelines cannot be read; give an object of flows with their subflows",
    )?;
    let needed: BTreeMap<String, Vec<String>> = match workflows {
        Some(text) => serde_json::from_str(text).or_error(
            ErrorKind::Config,
            || "the workflows cannot be read; give an object of lists of actions",
        )?,
        None => BTreeMap::new(),
    };
    let mut playbooks: Vec<Playbook> = Vec::new();
    for (flow_name, flow) in &flows {
        for (name, subflow) in &flow.subflows {
            let mut playbook = drafted(flow, name, subflow, needed_for(name, &needed));
            if playbook.steps.is_empty() {
                continue;
            }
            if playbooks.iter().any(|other| other.id == playbook.id) {
                playbook.id = format!("{}-{}", slug(flow_name), playbook.id);
            }
            playbooks.push(playbook.checked()?);
        }
    }
    if playbooks.is_empty() {
        return Err(Error::new(
            ErrorKind::Config,
            "the guidelines hold no procedure with actions",
        ));
    }
    playbooks.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(playbooks)
}

fn drafted(flow: &Flow, name: &str, subflow: &Subflow, needed: Option<&Vec<String>>) -> Playbook {
    let mut slots: Vec<Slot> = Vec::new();
    let mut steps: Vec<Step> = Vec::new();
    for action in &subflow.actions {
        let has_button = action.button != NO_BUTTON && !action.button.trim().is_empty();
        let tool = slug(&action.button);
        let is_tool = has_button && action.kind != "communication" && action.kind != "faq/policy";
        let requires: Vec<String> = match is_tool {
            true => asked_for(action),
            false => Vec::new(),
        };
        for wanted in &requires {
            if slots.iter().all(|slot| &slot.name != wanted) {
                slots.extend(slot(wanted));
            }
        }
        let base = if has_button {
            tool.clone()
        } else {
            "tell".to_owned()
        };
        let same = steps
            .iter()
            .filter(|step| step.id.starts_with(&base))
            .count();
        let id = match same {
            0 => base,
            _ => format!("{base}-{}", same + 1),
        };
        let is_needed = needed.is_none_or(|needed| !is_tool || needed.contains(&tool));
        let after = steps.last().map(|step| step.id.clone());
        steps.push(Step {
            id,
            label: label(&action.text),
            kind: if is_tool {
                StepKind::Tool
            } else {
                StepKind::Inform
            },
            examples: action.subtext.clone(),
            requires,
            after: after.into_iter().collect(),
            tool: if is_tool {
                tool.replace('-', "_")
            } else {
                String::new()
            },
            optional: !is_needed,
            ..Step::default()
        });
    }
    let described = match flow.description.is_empty() {
        true => Vec::new(),
        false => vec![format!("{name}: {}", flow.description)],
    };
    Playbook {
        id: slug(name),
        version: 1,
        title: name.to_owned(),
        about: None,
        goal: format!("What the customer needs ({name}) is done, and nothing else is open."),
        examples: std::iter::once(name.to_owned()).chain(described).collect(),
        entry: None,
        articles: Vec::new(),
        wrap_up: Vec::new(),
        policies: subflow.instructions.clone(),
        checks: Vec::new(),
        slots,
        steps,
    }
}

/// The workflow of a subflow: the one named by most of its words ("Initiate Refund" is `refund_initiate`).
fn needed_for<'a>(
    name: &str,
    workflows: &'a BTreeMap<String, Vec<String>>,
) -> Option<&'a Vec<String>> {
    let words = |text: &str| -> BTreeSet<String> {
        let words = text.split(|c: char| !c.is_alphanumeric());
        words
            .filter(|word| word.len() > 2 || word.chars().any(|c| c.is_ascii_digit()))
            .map(str::to_lowercase)
            .collect()
    };
    let wanted = words(name);
    let share = |workflow: &str| {
        let own = words(workflow);
        let both = own.intersection(&wanted).count();
        both as f64 / own.union(&wanted).count().max(1) as f64
    };
    let best = workflows
        .iter()
        .map(|(workflow, actions)| (share(workflow), actions))
        .max_by(|a, b| a.0.total_cmp(&b.0));
    best.filter(|(share, _)| *share > 0.5)
        .map(|(_, actions)| actions)
}

/// What an action asks the customer for. Of alternatives ("full name or Account ID") the last one, which is the id.
fn asked_for(action: &Action) -> Vec<String> {
    let mut wanted: Vec<String> = Vec::new();
    for line in std::iter::once(&action.text).chain(&action.subtext) {
        let line = line.to_lowercase();
        let named: Vec<&str> = ASKED_FOR
            .iter()
            .filter(|(words, _, _)| line.contains(words))
            .map(|(_, slot, _)| *slot)
            .collect();
        let named = match line.contains(" or ") {
            true => named.get(..1).unwrap_or_default(),
            false => &named[..],
        };
        for slot in named {
            if wanted.iter().all(|known| known != slot) {
                wanted.push((*slot).to_owned());
            }
        }
    }
    wanted
}

fn slot(name: &str) -> Option<Slot> {
    let (words, _, kind) = ASKED_FOR.iter().find(|(_, slot, _)| *slot == name)?;
    Some(Slot {
        name: name.to_owned(),
        description: format!("the customer's {words}"),
        kind: *kind,
        pattern: None,
        values: Vec::new(),
        synonyms: BTreeMap::new(),
        ask: format!("May I have your {words}, please?"),
        cues: Vec::new(),
        asked_only: false,
        upcoming: false,
        secret: matches!(name, "pin_number" | "security_answer"),
    })
}

/// The first sentence, without the marks of its buttons.
fn label(text: &str) -> String {
    let plain = text.replace(['[', ']'], "");
    let first = plain.split(". ").next().unwrap_or_default().trim();
    let first = first.trim_end_matches(['.', ':']);
    first.chars().take(LONGEST_LABEL).collect()
}

/// "Pull up Account" -> "pull-up-account".
fn slug(name: &str) -> String {
    let words = name.split(|c: char| !c.is_alphanumeric());
    let words: Vec<String> = words
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    words.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUIDE: &str = r#"{ "Returns": { "description": "things that come back", "subflows": {
        "Start Return": { "actions": [
            { "type": "interaction", "button": "Pull up Account", "text": "Ask for the full name or Account ID with [Pull up Account]. It opens the account.", "subtext": [] },
            { "type": "kb query", "button": "Check Order", "text": "Confirm the order:", "subtext": ["Order ID", "Email Address - as on the order"] },
            { "type": "communication", "button": "N/A", "text": "Tell the customer how long it takes", "subtext": [] },
            { "type": "interaction", "button": "Add Note", "text": "Note the reason", "subtext": [] }
        ], "instructions": ["Be kind."] },
        "Nothing": { "actions": [] }
    } } }"#;

    #[test]
    fn a_guide_becomes_playbooks() {
        let workflows = r#"{ "return_start": ["pull-up-account", "check-order"] }"#;
        let playbooks = playbooks_from_guide(GUIDE, Some(workflows)).unwrap();
        assert_eq!(playbooks.len(), 1, "what has no actions is no procedure");
        let playbook = &playbooks[0];
        assert_eq!(
            (playbook.id.as_str(), &playbook.policies[..]),
            ("start-return", &["Be kind.".to_owned()][..])
        );
        let steps: Vec<(&str, StepKind, bool)> = playbook
            .steps
            .iter()
            .map(|step| (step.id.as_str(), step.kind, step.optional))
            .collect();
        assert_eq!(
            steps,
            [
                ("pull-up-account", StepKind::Tool, false),
                ("check-order", StepKind::Tool, false),
                ("tell", StepKind::Inform, false),
                ("add-note", StepKind::Tool, true),
            ]
        );
        assert_eq!(
            playbook.steps[0].label,
            "Ask for the full name or Account ID with Pull up Account"
        );
        assert_eq!(playbook.steps[0].requires, ["account_id"]);
        assert_eq!(playbook.steps[1].requires, ["order_id", "email"]);
        assert_eq!(playbook.steps[2].after, ["check-order"]);
        let again = Playbook::from_toml(&toml::to_string(playbook).unwrap()).unwrap();
        assert_eq!(&again, playbook, "a draft can be written down and edited");
    }

    #[test]
    fn what_is_no_guide_is_refused_with_its_place() {
        let line = playbooks_from_guide("{ \"A\": { \"subflows\": 5 } }", None).unwrap_err();
        assert_eq!(line.kind(), ErrorKind::Config);
        assert!(line.to_string().contains("line 1"), "{line}");
        for empty in [
            "{}",
            r#"{ "A": { "subflows": { "B": { "actions": [] } } } }"#,
        ] {
            assert!(
                playbooks_from_guide(empty, None)
                    .unwrap_err()
                    .to_string()
                    .contains("no procedure")
            );
        }
        assert!(playbooks_from_guide(GUIDE, Some("[]")).is_err());
    }
}
