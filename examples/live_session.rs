//! A live text conversation without any weights: what a host feeds, what it gets back.
//!
//! `cargo run --example live_session --no-default-features`

use attendant::conversation::{Channel, Conversation, Role};
use attendant::dialogue::Playbook;
use attendant::knowledge::KnowledgeArticle;
use attendant::session::{SessionEvent, SessionInput};
use attendant::{Assistant, Result};
use futures::StreamExt;

const PLAYBOOK: &str = r#"
id = "charged-twice"
title = "Customer was charged twice"
goal = "The second payment is refunded."
examples = ["I was charged twice this month", "You took the money two times"]
[[slots]]
name = "account_number"
description = "account number"
pattern = '^LF\d{6}$'
ask = "May I have your account number?"
[[steps]]
id = "find-payments"
label = "Look up the payments"
kind = "tool"
tool = "list_payments"
requires = ["account_number"]
"#;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    // An assistant is built once. What is not given here (models, stores) has a light stand-in.
    let assistant = Assistant::builder()
        .organisation("Larkfield")
        .playbooks(vec![Playbook::from_toml(PLAYBOOK)?])
        .build()
        .await?;
    let text = "If you were charged twice this month, the second payment is refunded within five working days.";
    let article = KnowledgeArticle::new("charged-twice", "Charged twice", "larkfield", text);
    assistant.knowledge().ingest(vec![article], None).await?;

    // Each conversation has a session: inputs go in, a stream of events comes out.
    let mut session = assistant.session(Conversation::new("larkfield", Channel::Chat));
    let mut events = session.events();
    session
        .say(Role::EndUser, "I was charged twice this month!")
        .await?;
    session
        .say(Role::HumanAgent, "I am sorry. What is your account number?")
        .await?;
    session.say(Role::EndUser, "It is LF902412.").await?;
    session.send(SessionInput::End).await?;

    while let Some(event) = events.next().await {
        match event {
            SessionEvent::UtteranceFinal(said) => {
                show(&format!("{}: {}", said.role.label(), said.text))
            }
            SessionEvent::Suggestion(card) => show(&format!("   card: {:?}", card.kind)),
            SessionEvent::Summary(note) => show(&format!("   facts: {:?}", note.facts)),
            _ => {}
        }
    }
    Ok(())
}

#[allow(clippy::print_stdout)] // an example is there to be looked at
fn show(line: &str) {
    println!("{line}");
}
