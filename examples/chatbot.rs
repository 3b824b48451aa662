//! A chatbot with a procedure and a tool: the model proposes nothing here, code does all of it.
//!
//! `cargo run --example chatbot` (no weights, no network)
#![allow(clippy::print_stdout, reason = "an example shows what happens")]

use std::sync::Arc;

use attendant::conversation::{Channel, Conversation, Participant, Role};
use attendant::dialogue::{FnTool, Playbook, Tool, ToolEffect, ToolSpec};
use attendant::session::SessionEvent;
use attendant::{Assistant, Result};
use futures::StreamExt;

/// What the tool wants to know. Its JSON schema is made of this type.
#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Order {
    order: String,
}

/// A procedure is data: what customers say, what must be known, which steps follow each other.
const PLAYBOOK: &str = r#"
id = "order-status"
title = "Where is my order?"
goal = "The customer knows where the order is."
examples = ["Where is my order?", "When does my parcel arrive?", "Has my order been sent yet?"]

[[slots]]
name = "order"
description = "the order number: two letters and four digits"
pattern = '[A-Z]{2}\d{4}'
ask = "What is your order number?"

[[steps]]
id = "look-up"
label = "Look up the order"
kind = "tool"
tool = "order_status"
requires = ["order"]
done = "Your order is {{ result.status }} and arrives on {{ result.arrives | day }}."
failed = "I cannot find this order."

[[steps]]
id = "apologise"
label = "Apologise for a delay"
kind = "inform"
say = "I am sorry that it is late."
after = ["look-up"]
when = "results.order_status.late"
"#;

#[tokio::main]
async fn main() -> Result<()> {
    let spec =
        ToolSpec::new("order_status", "Says where an order is").with_effect(ToolEffect::Read);
    let look_up = FnTool::new(spec, |asked: Order, _call| async move {
        let status = format!("on the road with number {}", asked.order);
        Ok(serde_json::json!({ "status": status, "arrives": "2026-12-01", "late": true }))
    });
    let assistant = Assistant::builder()
        .organisation("Larkfield")
        .playbooks(vec![Playbook::from_toml(PLAYBOOK)?])
        .tools(vec![Arc::new(look_up) as Arc<dyn Tool>])
        .build()
        .await?;

    let mut conversation = Conversation::new("larkfield", Channel::Chat);
    conversation.join(Participant::new("bot", Role::AutomatedAgent));
    let mut session = assistant.session(conversation);
    let mut events = session.events();
    let chat = async move {
        for words in [
            "Where is my order?",
            "It's AB 4021",
            "No, that's all, thanks",
        ] {
            session.say(Role::EndUser, words).await?;
            session.settle().await?;
        }
        Ok::<_, attendant::Error>(())
    };
    let show = async {
        let mut said = String::new();
        while let Some(event) = events.next().await {
            match event {
                SessionEvent::UtteranceFinal(words) if words.role == Role::EndUser => {
                    println!("Customer: {}", words.text)
                }
                SessionEvent::Action(receipt) => {
                    println!("          [{} {:?}]", receipt.tool, receipt.status)
                }
                SessionEvent::Reply { text, .. } => {
                    println!("Bot:      {text}");
                    said += &text;
                }
                _ => {}
            }
        }
        said
    };
    let (chatted, said) = futures::join!(chat, show);
    assert!(
        said.contains("arrives on 1 December 2026"),
        "the tool's result reached the customer"
    );
    chatted
}
