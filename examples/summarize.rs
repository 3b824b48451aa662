//! The note about a conversation: what an agent-desktop plugin calls when a call ends.
//!
//! `cargo run --example summarize` (models: `make models`)

use attendant::assistant::local::LocalModels;
use attendant::conversation::{Channel, Conversation, Role, TenantId};
use attendant::models::Cache;
use attendant::{Assistant, Content, Result, summary::SummaryOptions};

#[tokio::main]
async fn main() -> Result<()> {
    // Wrap-up codes come from the content folder, models from the model cache.
    let content = Content::load("knowledge".as_ref(), &TenantId::from("larkfield"))?;
    let models = LocalModels::default().choose(None, Some("none"), None);
    let assistant = Assistant::builder()
        .organisation("Larkfield")
        .content(&content)
        .local(&Cache::from_env()?, &models)
        .await?
        .build()
        .await?;

    let mut call = Conversation::new("larkfield", Channel::Voice);
    call.say(Role::EndUser, "You charged me 42 pounds twice this month.");
    call.say(Role::HumanAgent, "I am sorry. What is your account number?");
    call.say(Role::EndUser, "It is LF902412.");
    call.say(Role::HumanAgent, "I refunded the second payment today.");
    call.say(Role::EndUser, "That was quick, thank you!");

    let note = assistant
        .summarize(&call, SummaryOptions::default())
        .await?;
    for section in &note.sections {
        // Every line says which utterances stand behind it.
        show(&format!(
            "{:?}: {} {:?}",
            section.kind, section.text, section.evidence
        ));
    }
    if let Some(wrap_up) = note.wrap_up {
        show(&format!("{} {:.2}", wrap_up.code.label, wrap_up.confidence));
    }
    for left_out in note.withheld {
        show(&format!("left out: {} {}", left_out.text, left_out.reason));
    }
    Ok(())
}

#[allow(clippy::print_stdout)] // A program of its own may print.
fn show(line: &str) {
    println!("{line}");
}
