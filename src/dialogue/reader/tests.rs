use std::sync::Arc;

use super::*;
use crate::conversation::Channel;
use crate::dialogue::state::Topic;
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
    assert_eq!(back.commands, [answer("", "What is the notice period?")]);
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
        [answer("", "yes but how much is it?")]
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

async fn read_on(state: &DialogueState, said: &[(Role, &str)]) -> Reading {
    let reader = Reader::new(Arc::new(HashingEmbedder::default()), playbooks())
        .await
        .unwrap();
    let mut chat = Conversation::new("acme", Channel::Chat);
    for (role, text) in said {
        chat.say(*role, *text);
    }
    reader.read(&chat, state).await.unwrap()
}

fn start(playbook: &str) -> Command {
    Command::StartPlaybook {
        playbook: playbook.into(),
        later: false,
    }
}

#[tokio::test]
async fn a_need_is_found_among_names_and_numbers() {
    for text in [
        "LF402117 here (DOB 12.3.1984, 14 Elm Road). I want to cancel my contract, thanks a lot and have a good day",
        "Hi, Anna Meier, 14 Elm Road, BS4 2QT, 12 March 1984. Please close my account.",
    ] {
        let read_it = read(&DialogueState::default(), text).await;
        assert!(
            read_it.commands.contains(&start("cancel")),
            "{text}: {read_it:?}"
        );
    }
}

#[tokio::test]
async fn what_was_mentioned_before_is_begun_when_it_is_pointed_to() {
    let state = DialogueState {
        runs: [("cancel".to_owned(), 1)].into(),
        ..DialogueState::default()
    };
    let earlier = [
        (
            Role::EndUser,
            "I want to cancel my contract. My internet is down.",
        ),
        (
            Role::AutomatedAgent,
            "That is done. Is there anything else?",
        ),
    ];
    for text in [
        "And the other thing I mentioned?",
        "You forgot my second problem.",
    ] {
        let mut said = earlier.to_vec();
        said.push((Role::EndUser, text));
        let read_it = read_on(&state, &said).await;
        assert_eq!(read_it.commands, [start("outage")], "{text}");
    }
    let mut done = state.clone();
    done.runs.insert("outage".into(), 1);
    let mut said = earlier.to_vec();
    said.push((Role::EndUser, "And the other thing I mentioned?"));
    let read_it = read_on(&done, &said).await;
    assert!(
        !read_it.commands.contains(&start("outage")),
        "it was seen to: {read_it:?}"
    );
}

#[tokio::test]
async fn who_only_asks_gets_the_answer_and_no_procedure() {
    let said = [
        (Role::EndUser, "How much is it to close an account?"),
        (Role::AutomatedAgent, "Your account number?"),
        (
            Role::EndUser,
            "I only want to know, it's a general question.",
        ),
    ];
    let read_it = read_on(&asked("account"), &said).await;
    assert_eq!(
        read_it.commands,
        [
            Command::StopPlaybook,
            answer("", "How much is it to close an account?")
        ]
    );
}

fn waits_for_a_yes() -> DialogueState {
    DialogueState {
        playbook: Some("cancel".into()),
        slots: [("decision".to_owned(), "cancel".to_owned())].into(),
        pending: Some(super::super::state::PendingApproval {
            source: "cancel/who".into(),
            by: Approver::Customer,
            question: "Shall I go ahead and cancel it?".into(),
            asked_at: jiff::Timestamp::UNIX_EPOCH,
            expires_at: jiff::Timestamp::MAX,
        }),
        ..DialogueState::default()
    }
}

#[tokio::test]
async fn a_yes_may_name_the_action_and_stand_beside_a_question() {
    let waits = waits_for_a_yes();
    let confirm = |yes| Command::Confirm { yes };
    for (text, yes) in [
        ("Cancel it, please.", true),
        ("I would rather not", false),
        ("Oh, that's good. Yes.", true),
        ("Please.", true),
    ] {
        assert_eq!(read(&waits, text).await.commands, [confirm(yes)], "{text}");
    }
    let both = read(&waits, "Yes please. When does it end?").await;
    assert_eq!(
        both.commands,
        [confirm(true), answer("", "When does it end?")]
    );
    let only = read(&waits, "Okay. What does it cost?").await;
    assert_eq!(only.commands, [answer("", "What does it cost?")]);
}

#[tokio::test]
async fn what_comes_back_to_what_was_done_is_told_again_and_what_is_new_is_not() {
    let tariff = Playbook::from_toml(
        r#"
        id = "plan"
        title = "Plan"
        goal = "g"
        examples = ["I want a bigger plan", "please change my plan"]
        [[slots]]
        name = "days"
        description = "by how many days"
        kind = "number"
        ask = "By how many days?"
        [[slots]]
        name = "kind"
        description = "which plan"
        values = ["small", "big"]
        ask = "Which plan?"
        [[steps]]
        id = "change"
        label = "Change it"
        kind = "tool"
        tool = "change"
        requires = ["days", "kind"]
        done = "I have changed it."
        "#,
    )
    .unwrap();
    let reader = Reader::new(Arc::new(HashingEmbedder::default()), Arc::from([tariff]))
        .await
        .unwrap();
    let state = DialogueState {
        slots: [("days", "10"), ("kind", "big")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        fixed: ["plan/change".to_owned()].into(),
        runs: [("plan".to_owned(), 1)].into(),
        about: Some(Topic::Playbook { id: "plan".into() }),
        ..DialogueState::default()
    };
    let again = [Command::TellAgain {
        playbook: "plan".into(),
    }];
    for (text, is_again) in [
        ("Ten days.", true),
        ("The big plan would be perfect.", true),
        ("Yes, please do that.", true),
        ("So please change my plan", false),
        ("Please change my plan, as I mentioned", true),
        ("So you change my plan by 10 days now, yes?", true),
        ("I want a new plan", false),
        ("Please cancel the big plan after all", false),
        ("I need to send you a big parcel", false),
        ("All right, yes, I accept the offer and stay.", true),
        ("By five days, please.", false),
        ("And another 10 days?", false),
        ("I'd rather have the small one.", false),
        ("What does the big one cost?", false),
        ("Yes, the box blinks red.", false),
        ("No, that's all, thanks.", false),
        ("Okay.", false),
    ] {
        let mut chat = Conversation::new("acme", Channel::Chat);
        chat.say(Role::AutomatedAgent, "Is there anything else?");
        chat.say(Role::EndUser, text);
        let reading = reader.read(&chat, &state).await.unwrap();
        assert_eq!(reading.commands == again, is_again, "{text}: {reading:?}");
    }
    // Before anything was done there is nothing to come back to.
    let mut chat = Conversation::new("acme", Channel::Chat);
    chat.say(Role::EndUser, "By ten days, please.");
    let reading = reader.read(&chat, &DialogueState::default()).await.unwrap();
    assert_ne!(reading.commands, again);
}

#[tokio::test]
async fn a_mere_yes_chooses_none_of_several_values() {
    let reader = Reader::new(Arc::new(HashingEmbedder::default()), playbooks())
        .await
        .unwrap();
    let proposed = value("decision", "cancel");
    for (text, is_kept) in [
        ("ok", false),
        ("Good, thanks.", false),
        ("Yes please.", false),
        ("Get rid of it, I have made up my mind", true),
        ("Sure, the cheaper one.", true),
    ] {
        let mut chat = Conversation::new("acme", Channel::Chat);
        chat.say(Role::EndUser, text);
        let (kept, _) = reader.grounded(vec![proposed.clone()], &chat, &asked("decision"));
        assert_eq!(!kept.is_empty(), is_kept, "{text}");
    }
}

#[tokio::test]
async fn who_somebody_is_is_no_yes_and_what_is_put_off_is_none() {
    let pending = |question: &str| DialogueState {
        playbook: Some("cancel".into()),
        slots: [("account".to_owned(), "LF402117".to_owned())].into(),
        pending: Some(crate::dialogue::state::PendingApproval {
            source: "cancel/who".into(),
            by: Approver::Customer,
            question: question.into(),
            asked_at: jiff::Timestamp::UNIX_EPOCH,
            expires_at: jiff::Timestamp::MAX,
        }),
        ..DialogueState::default()
    };
    let yes = Command::Confirm { yes: true };
    for said in ["But LF402117 has a Booster too", "I need to think about it"] {
        let read_it = read(&pending("Shall I cancel it?"), said).await;
        assert!(!read_it.commands.contains(&yes), "{said}: {read_it:?}");
    }
    let offer = pending("Would you like to stay with that instead of cancelling?");
    let read_it = read(&offer, "Don't bother, just cancel it.").await;
    assert_eq!(read_it.commands, [Command::Confirm { yes: false }]);
    for (said, answer) in [
        ("If you would.", true),
        ("Aye, crack on", true),
        ("Nay thanks, I'm off.", false),
        ("You're all right, love", false),
        ("That's good of yer, but nay.", false),
    ] {
        let read_it = read(&pending("Shall I do that?"), said).await;
        let confirms = Command::Confirm { yes: answer };
        assert_eq!(read_it.commands, [confirms], "{said}");
    }
}

#[tokio::test]
async fn a_moment_is_no_value_and_no_wish_is_no_giving_up() {
    let read_it = read(&asked("address"), "One moment, I need to find my glasses.").await;
    assert_eq!(read_it.commands, [Command::Clarify]);
    for told in ["I find it too dear", "I get a better price elsewhere"] {
        let read_it = read(&asked("address"), told).await;
        assert_ne!(read_it.commands, [Command::Clarify], "{told}");
    }
    let read_it = read(&asked("born"), "I'd rather not say that").await;
    assert_eq!(read_it.commands, [], "{read_it:?}");
    let read_it = read(&asked("address"), "I just no longer want it.").await;
    assert_ne!(read_it.commands, [Command::StopPlaybook]);
    let read_it = read(&asked("address"), "Never mind then.").await;
    assert_eq!(read_it.commands, [Command::StopPlaybook]);
}

#[tokio::test]
async fn two_messages_in_a_row_are_read_together() {
    let reader = Reader::new(Arc::new(HashingEmbedder::default()), playbooks())
        .await
        .unwrap();
    let mut chat = Conversation::new("acme", Channel::Chat);
    chat.say(Role::AutomatedAgent, "Your date of birth and address?");
    chat.say(Role::EndUser, "LF402117");
    let second = chat.say(Role::EndUser, "12/03/1984, 4 Elm Road");
    chat.say(Role::AutomatedAgent, "Your date of birth and address?");
    let state = DialogueState {
        unread: Some(second),
        ..asked("born")
    };
    let read_it = reader.read(&chat, &state).await.unwrap();
    assert_eq!(
        read_it.commands,
        [value("born", "1984-03-12"), value("address", "4 Elm Road")]
    );
}

#[tokio::test]
async fn dates_of_birth_are_read_as_people_say_them() {
    for said in [
        "Sixteenth of June, eighty-two; 53 Granary Row",
        "16 June '82 and 53 Granary Row",
        "16-Jun-1982, 53 Granary Row",
        "June 16, '82. 53 Granary Row",
        "the sixteenth of June eighty two, 53 Granary Row",
    ] {
        let read_it = read(&asked("born"), said).await;
        assert_eq!(
            read_it.commands.first(),
            Some(&value("born", "1982-06-16")),
            "{said}"
        );
        assert_eq!(
            read_it.commands.get(1),
            Some(&value("address", "53 Granary Row")),
            "{said}"
        );
    }
}
