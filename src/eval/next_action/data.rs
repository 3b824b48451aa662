//! Dialogues of the STAR collection (Mosig, Mehri and Kober 2020): events, and a flow for every task.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use crate::dialogue::flow::{Flow, FlowEvent};
use crate::error::{Error, ErrorKind, OrError, Result};
use crate::eval::lines::read_lines;

/// The label of a look-up.
pub(super) const QUERY: &str = "query";

#[derive(Debug, Deserialize)]
struct Line {
    #[serde(default)]
    domains: Vec<Option<String>>,
    tasks: Vec<String>,
    #[serde(default)]
    happy: bool,
    #[serde(default)]
    multitask: bool,
    events: Vec<Event>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Event {
    agent: String,
    action: String,
    #[serde(default)]
    text: String,
    action_label: Option<String>,
    #[serde(default)]
    constraints: Vec<BTreeMap<String, Value>>,
    item: Option<BTreeMap<String, Value>>,
}

/// A dialogue about one task.
#[derive(Clone, Debug)]
pub(in crate::eval) struct Dialogue {
    pub(in crate::eval) task: String,
    pub(in crate::eval) domain: String,
    pub(in crate::eval) happy: bool,
    pub(in crate::eval) events: Vec<FlowEvent>,
}

/// A folder: its flows by task and its dialogues about one task.
#[derive(Debug)]
pub(in crate::eval) struct Collection {
    pub(in crate::eval) flows: BTreeMap<String, Flow>,
    pub(in crate::eval) dialogues: Vec<Dialogue>,
}

/// Reads `tasks/*.json` and the dialogues of `file` in `folder`.
pub(in crate::eval) fn read(folder: &Path, file: Option<&str>) -> Result<Collection> {
    let flows = flows(&folder.join("tasks"))?;
    let lines: Vec<Line> = read_lines(&folder.join(file.unwrap_or("dialogs.jsonl.gz")))?;
    let lines: Vec<Line> = lines
        .into_iter()
        .filter(|line| !line.multitask && line.tasks.len() == 1)
        .collect();
    // Some dialogues leave their domain out; others about the same task tell it.
    let mut domains: BTreeMap<String, String> = BTreeMap::new();
    for line in &lines {
        if let (Some(task), Some(Some(domain))) = (line.tasks.first(), line.domains.first()) {
            domains.insert(task.clone(), domain.clone());
        }
    }
    let mut dialogues = Vec::new();
    for line in lines {
        let Some(task) = line.tasks.first().cloned() else {
            continue;
        };
        if !flows.contains_key(&task) {
            let told = format!("there is no tasks/{task}.json, which a dialogue is about");
            return Err(Error::new(ErrorKind::InvalidInput, told));
        }
        dialogues.push(Dialogue {
            domain: domains.get(&task).unwrap_or(&task).clone(),
            task,
            happy: line.happy,
            events: line.events.into_iter().filter_map(event).collect(),
        });
    }
    if dialogues.is_empty() {
        let told = format!("{} holds no dialogue about a single task", folder.display());
        return Err(Error::new(ErrorKind::InvalidInput, told));
    }
    Ok(Collection { flows, dialogues })
}

fn flows(folder: &Path) -> Result<BTreeMap<String, Flow>> {
    let missing = || format!("cannot read {}; it holds a file a task", folder.display());
    let mut flows = BTreeMap::new();
    for entry in std::fs::read_dir(folder).or_error(ErrorKind::NotFound, missing)? {
        let path = entry.or_error(ErrorKind::NotFound, missing)?.path();
        let name = path.file_stem().and_then(|name| name.to_str());
        if let (Some(name), Some("json")) = (name, path.extension().and_then(|e| e.to_str())) {
            let text = std::fs::read_to_string(&path).or_error(ErrorKind::NotFound, missing)?;
            flows.insert(name.to_owned(), Flow::from_star_json(name, &text)?);
        }
    }
    Ok(flows)
}

/// What happened, or `None` for what may not be seen: what the wizard typed before it picked leaks what it picks.
fn event(event: Event) -> Option<FlowEvent> {
    match (event.agent.as_str(), event.action.as_str()) {
        ("User", "utter") => Some(FlowEvent::Customer(event.text)),
        ("Wizard", "utter") => Some(FlowEvent::Said(event.text)),
        ("Wizard", "pick_suggestion") => Some(FlowEvent::Action {
            name: event.action_label?,
            text: event.text,
        }),
        ("Wizard", QUERY) => Some(FlowEvent::Query(
            event
                .constraints
                .into_iter()
                .flatten()
                .map(|(name, value)| (name, plain(&value)))
                .collect(),
        )),
        ("KnowledgeBase", "return_item") => Some(FlowEvent::Result(event.item.unwrap_or_default())),
        _ => None,
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
