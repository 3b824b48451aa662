//! A company's own workflow guide as playbooks to edit: `cargo run --example import_guide -- guidelines.json [kb.json] [FOLDER]`.
//!
//! Without a folder the procedures are only counted. The layout is that of asappresearch/abcd (MIT).
#![allow(clippy::print_stdout, reason = "an example shows what happens")]

use std::path::Path;

use attendant::dialogue::playbooks_from_guide;

type AnyError = Box<dyn std::error::Error>;

const SMALL: &str = r#"{ "Returns": { "subflows": { "Start Return": { "actions": [
    { "type": "interaction", "button": "Pull up Account", "text": "Ask for the account ID" },
    { "type": "communication", "button": "N/A", "text": "Say how long a return takes" }
] } } } }"#;

fn main() -> Result<(), AnyError> {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let is_file = |path: &&String| path.ends_with(".json");
    let mut files = given.iter().filter(is_file);
    let guidelines = match files.next() {
        Some(path) => std::fs::read_to_string(path)?,
        None => SMALL.to_owned(),
    };
    let workflows = files.next().map(std::fs::read_to_string).transpose()?;
    let playbooks = playbooks_from_guide(&guidelines, workflows.as_deref())?;
    for playbook in &playbooks {
        let optional = playbook.steps.iter().filter(|step| step.optional).count();
        println!(
            "{}: {} steps ({optional} optional), {} values to ask for",
            playbook.id,
            playbook.steps.len(),
            playbook.slots.len()
        );
    }
    println!("{} playbooks", playbooks.len());
    if let Some(folder) = given.iter().find(|path| !is_file(path)) {
        std::fs::create_dir_all(folder)?;
        for playbook in &playbooks {
            let path = Path::new(folder).join(format!("{}.toml", playbook.id));
            std::fs::write(path, toml::to_string(playbook)?)?;
        }
    }
    Ok(())
}
