//! An approval flow: the customer confirms, then a supervisor; only then the tool runs, and there is a receipt.
//!
//! `cargo run --example approval` (no weights, no network)
#![allow(clippy::print_stdout, reason = "an example shows what happens")]

use std::sync::Arc;

use attendant::conversation::{Channel, Conversation, Participant, Role};
use attendant::dialogue::{FnTool, Playbook, Tool, ToolSpec};
use attendant::session::{SessionEvent, SessionInput};
use attendant::{Assistant, Error, Result};
use futures::StreamExt;

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Goodwill {
    amount: f64,
}

const PLAYBOOK: &str = r#"
id = "goodwill"
title = "Goodwill credit"
goal = "The customer has a credit, or knows why not."
examples = ["I want compensation", "What do I get for the trouble?", "I expect a credit for this"]

[[slots]]
name = "amount"
description = "how much the customer expects, in pounds"
kind = "money"
ask = "How much do you have in mind?"

[[steps]]
id = "credit"
label = "Give the credit"
kind = "tool"
tool = "add_credit"
requires = ["amount"]
approvals = ["customer", "supervisor"]
confirm = "Shall I ask for a credit of {{ slots.amount | money('£') }}?"
done = "I have added a credit of {{ result.credited | money('£') }} to your next bill."
"#;

#[tokio::main]
async fn main() -> Result<()> {
    // Every call of this tool changes something, so it is never called again where it may have been done.
    let spec = ToolSpec::new("add_credit", "Adds a credit to the next bill");
    let credit = FnTool::new(spec, |asked: Goodwill, _call| async move {
        Ok(serde_json::json!({ "credited": asked.amount }))
    });
    let assistant = Assistant::builder()
        .organisation("Larkfield")
        .playbooks(vec![Playbook::from_toml(PLAYBOOK)?])
        .tools(vec![Arc::new(credit) as Arc<dyn Tool>])
        .build()
        .await?;
    let mut conversation = Conversation::new("larkfield", Channel::Chat);
    conversation.join(Participant::new("bot", Role::AutomatedAgent));
    let mut session = assistant.session(conversation);
    let mut events = session.events();

    for words in ["I want compensation", "£20 would be fair", "Yes, please"] {
        session.say(Role::EndUser, words).await?;
        session.settle().await?;
    }
    let mut approved = false;
    // What happened so far is in the stream; the supervisor answers what is asked there.
    while let Some(event) = events.next().await {
        match event {
            SessionEvent::UtteranceFinal(words) if words.role == Role::EndUser => {
                println!("Customer:   {}", words.text)
            }
            SessionEvent::Reply { text, .. } => println!("Bot:        {text}"),
            SessionEvent::ApprovalRequested {
                source,
                by,
                question,
            } => {
                println!("Supervisor: [asked: {question}] yes");
                let who = "supervisor-7".to_owned();
                session
                    .send(SessionInput::Approve {
                        source,
                        by,
                        who,
                        yes: true,
                    })
                    .await?;
            }
            SessionEvent::Action(receipt) => {
                println!(
                    "            [{} {:?}, approved by {}]",
                    receipt.tool,
                    receipt.status,
                    receipt.approvals.len()
                );
                approved = receipt.approvals.len() == 2;
                session.send(SessionInput::End).await?;
            }
            SessionEvent::Ended => break,
            _ => {}
        }
    }
    match approved {
        true => Ok(()),
        false => Err(Error::new(
            attendant::ErrorKind::Internal,
            "nothing was approved",
        )),
    }
}
