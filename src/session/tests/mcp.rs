//! A procedure whose tools are another process's, by the Model Context Protocol.

use super::*;
use crate::conversation::{ActionStatus, HandoffReason, Participant};
use crate::dialogue::McpOptions;
use crate::dialogue::mcp_backend::Backend;

const BOOK: &str = r#"
id = "refund"
title = "Refund"
goal = "The money is back."
examples = ["I want my money back please", "please refund what I paid"]
[[slots]]
name = "amount"
description = "how much"
kind = "money"
ask = "How much do you want back?"
[[steps]]
id = "look"
label = "Look for notes"
kind = "tool"
tool = "crm_words"
[[steps]]
id = "pay"
label = "Pay it back"
kind = "tool"
tool = "crm_refund"
after = ["look"]
requires = ["amount"]
done = "I have refunded {{ result.refunded | money('£') }}."
"#;

async fn refund(backend: &Backend) -> Vec<SessionEvent> {
    let options = McpOptions::default().with_prefix("crm_");
    let server = backend.connect(options).await.unwrap();
    let assistant = Assistant::builder()
        .playbooks(vec![Playbook::from_toml(BOOK).unwrap()])
        .tools(server.tools())
        .build()
        .await
        .unwrap();
    let mut conversation = Conversation::new("acme", Channel::Chat);
    conversation.join(Participant::new("bot", Role::AutomatedAgent));
    let inputs = ["I want my money back please", "£20"].map(|text| say(Role::EndUser, text));
    run(assistant.session(conversation), inputs.into()).await
}

fn receipts(events: &[SessionEvent]) -> Vec<(&str, ActionStatus)> {
    let receipts = events.iter().filter_map(|event| match event {
        SessionEvent::Action(receipt) => Some((receipt.tool.as_str(), receipt.status)),
        _ => None,
    });
    receipts.collect()
}

#[tokio::test]
async fn a_procedure_runs_tools_of_another_process_and_has_their_receipts() {
    let backend = Backend::new();
    let events = refund(&backend).await;
    assert_eq!(
        receipts(&events),
        [
            ("crm_words", ActionStatus::Succeeded),
            ("crm_refund", ActionStatus::Succeeded)
        ]
    );
    assert!(
        events.iter().any(
            |e| matches!(e, SessionEvent::Reply { text, .. } if text == "I have refunded £20.")
        )
    );
    // The words of the first tool ask for £500; nothing comes of that.
    let refunds: Vec<_> = backend
        .calls()
        .into_iter()
        .filter(|call| call.0 == "refund")
        .collect();
    assert_eq!(refunds.len(), 1);
    assert_eq!(refunds[0].1["amount"], 20.0);
    assert!(
        events
            .iter()
            .all(|e| !matches!(e, SessionEvent::Reply { text, .. } if text.contains("500")))
    );
}

#[tokio::test]
async fn where_the_server_dies_in_the_middle_of_a_write_a_person_looks() {
    let backend = Backend::new();
    let options = McpOptions::default().with_prefix("crm_");
    let server = backend.connect(options).await.unwrap();
    let book = BOOK.replace("[[steps]]\nid = \"look\"\nlabel = \"Look for notes\"\nkind = \"tool\"\ntool = \"crm_words\"\n", "").replace("after = [\"look\"]\n", "");
    let assistant = Assistant::builder()
        .playbooks(vec![Playbook::from_toml(&book).unwrap()])
        .tools(server.tools())
        .build()
        .await
        .unwrap();
    backend.dies_in(1);
    let mut conversation = Conversation::new("acme", Channel::Chat);
    conversation.join(Participant::new("bot", Role::AutomatedAgent));
    let inputs = ["I want my money back please", "£20"].map(|text| say(Role::EndUser, text));
    let events = run(assistant.session(conversation), inputs.into()).await;
    assert_eq!(receipts(&events), [("crm_refund", ActionStatus::Unknown)]);
    assert!(events.iter().any(
        |e| matches!(e, SessionEvent::Handoff(handoff) if handoff.reason == HandoffReason::ActionFailed)
    ));
    assert_eq!(backend.calls().len(), 1);
    assert!(
        events.iter().all(
            |e| !matches!(e, SessionEvent::Reply { text, .. } if text.contains("have refunded"))
        )
    );
}
