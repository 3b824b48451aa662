use std::sync::Arc;

use super::*;
use crate::conversation::Channel;
use crate::embedding::HashingEmbedder;

fn playbooks() -> Arc<[Playbook]> {
    let cancel = r#"
        id = "cancel"
        title = "Cancel"
        goal = "g"
        examples = ["I want to cancel my contract", "please close my account", "I am leaving and want to cancel"]
        [[slots]]
        name = "account"
        description = "account number"
        pattern = 'LF\d{6}'
        ask = "Your account number?"
        [[slots]]
        name = "born"
        description = "date of birth"
        kind = "date"
        cues = ["born", "birth"]
        ask = "When were you born?"
        [[slots]]
        name = "address"
        description = "first line of the address"
        ask = "Your address?"
        [[slots]]
        name = "decision"
        description = "whether to cancel"
        values = ["cancel", "stay"]
        asked_only = true
        ask = "Do you want to go ahead?"
        [slots.synonyms]
        cancel = ["go ahead"]
        stay = ["keep it"]
        [[steps]]
        id = "who"
        label = "Who"
        kind = "ask"
        say = "Your date of birth and address?"
        collects = ["born", "address"]
        requires = ["account"]
        [[steps]]
        id = "end"
        label = "End it"
        kind = "tool"
        tool = "cancel"
        approvals = ["customer"]
        confirm = "Shall I?"
        requires = ["decision"]
        after = ["who"]
    "#;
    let outage = r#"
        id = "outage"
        title = "Outage"
        goal = "g"
        examples = ["my internet is down", "there is no connection at all", "the internet does not work"]
        [[steps]]
        id = "s"
        label = "l"
        kind = "inform"
        say = "We know."
    "#;
    [cancel, outage]
        .map(|text| Playbook::from_toml(text).unwrap())
        .into()
}

async fn read(state: &DialogueState, text: &str) -> Reading {
    let reader = Reader::new(Arc::new(HashingEmbedder::default()), playbooks())
        .await
        .unwrap();
    let mut chat = Conversation::new("acme", Channel::Chat);
    chat.say(Role::AutomatedAgent, "What can I do for you?");
    chat.say(Role::EndUser, text);
    reader.read(&chat, state).await.unwrap()
}

fn asked(slot: &str) -> DialogueState {
    DialogueState {
        playbook: Some("cancel".into()),
        asked: Some(slot.into()),
        ..DialogueState::default()
    }
}

fn value(name: &str, value: &str) -> Command {
    Command::SetSlot {
        name: name.into(),
        value: value.into(),
    }
}

#[tokio::test]
async fn a_need_is_read_with_the_values_that_come_along() {
    let read_it = read(
        &DialogueState::default(),
        "Hi, I want to cancel my contract, it is LF402117",
    )
    .await;
    assert!(read_it.is_certain);
    assert!(
        matches!(&read_it.commands[..], [Command::StartPlaybook { playbook, .. }, Command::SetSlot { value, .. }]
        if playbook == "cancel" && value == "LF402117"),
        "{read_it:?}"
    );
}

#[tokio::test]
async fn two_answers_of_one_question_are_told_apart() {
    let read_it = read(
        &asked("born"),
        "Sure, 3 March 1980, and I live at 12 Mill Lane",
    )
    .await;
    assert_eq!(
        read_it.commands,
        [
            value("born", "1980-03-03"),
            value("address", "12 Mill Lane")
        ]
    );
    assert!(read_it.is_certain);
    let refused = read(&asked("address"), "No, I won't tell you that").await;
    assert!(!refused.is_certain, "{refused:?}");
    assert_eq!(
        read(&asked("decision"), "keep it please").await.commands,
        [value("decision", "stay")]
    );
}

#[tokio::test]
async fn questions_persons_and_yeses_come_before_values() {
    let back = read(&asked("account"), "What is the notice period?").await;
    assert_eq!(back.commands, [answer("What is the notice period?")]);
    let person = read(&asked("account"), "Just let me talk to a real person").await;
    assert_eq!(
        person.commands,
        [Command::HandOff {
            reason: HandoffReason::CustomerAsked
        }]
    );
    let mut waits = asked("account");
    waits.asked = None;
    waits.pending = Some(super::super::state::PendingApproval {
        source: "cancel/end".into(),
        by: Approver::Customer,
        question: "Shall I?".into(),
        asked_at: jiff::Timestamp::UNIX_EPOCH,
        expires_at: jiff::Timestamp::MAX,
    });
    assert_eq!(
        read(&waits, "Yes please").await.commands,
        [Command::Confirm { yes: true }]
    );
    assert_eq!(
        read(&waits, "yes but how much is it?").await.commands,
        [answer("yes but how much is it?")]
    );
    assert_eq!(
        read(&waits, "actually, never mind").await.commands,
        [Command::StopPlaybook]
    );
}

#[tokio::test]
async fn what_the_model_proposes_must_be_in_the_words() {
    let reader = Reader::new(Arc::new(HashingEmbedder::default()), playbooks())
        .await
        .unwrap();
    let proposed = vec![
        value("account", "LF999999"),
        value("address", "12 mill lane"),
        Command::HandOff {
            reason: HandoffReason::CustomerAsked,
        },
        Command::End,
    ];
    let mut chat = Conversation::new("acme", Channel::Chat);
    chat.say(Role::EndUser, "I live in 12 Mill-Lane");
    let (kept, refused) = reader.grounded(proposed, &chat, &DialogueState::default());
    assert_eq!(kept, [value("address", "12 mill lane")]);
    assert_eq!(refused.len(), 3);
}
