use super::*;

fn playbooks() -> Vec<Playbook> {
    let bill = r#"
        id = "bill"
        title = "Bill"
        goal = "Paid."
        examples = ["my bill"]
        [[slots]]
        name = "account"
        description = "account number: LF and six digits"
        pattern = 'LF\d{6}'
        ask = "Your account number?"
        [[steps]]
        id = "look"
        label = "Look it up"
        kind = "tool"
        tool = "find_bill"
        requires = ["account"]
        [[steps]]
        id = "tell"
        label = "Tell"
        kind = "inform"
        say = "Here is your bill."
        after = ["look"]
    "#;
    let other = r#"
        id = "other"
        title = "Other"
        goal = "Done."
        examples = ["something else"]
        [[steps]]
        id = "only"
        label = "Only step"
        kind = "inform"
        say = "That is all."
    "#;
    vec![
        Playbook::from_toml(bill).unwrap(),
        Playbook::from_toml(other).unwrap(),
    ]
}

fn start(id: &str) -> Command {
    Command::StartPlaybook {
        playbook: id.into(),
    }
}

fn set(value: &str) -> Command {
    Command::SetSlot {
        name: "account".into(),
        value: value.into(),
    }
}

#[test]
fn a_step_waits_for_its_slot_and_takes_a_spoken_value() {
    let books = playbooks();
    let (state, effects, rejections) = apply(DialogueState::default(), &[start("bill")], &books);
    assert!(matches!(&effects[..], [Effect::Say { text, .. }] if text == "Your account number?"));
    assert_eq!(rejections, []);
    let (state, effects, rejections) = apply(state, &[set("banana")], &books);
    assert_eq!(rejections.len(), 1);
    assert!(matches!(&effects[..], [Effect::Say { text, .. }] if text == "Your account number?"));
    let (state, effects, _) = apply(state, &[set("l f 40 21 17")], &books);
    assert_eq!(state.slots["account"], "LF402117");
    assert!(
        matches!(&effects[..], [Effect::CallTool { tool, arguments, .. }]
        if tool == "find_bill" && arguments["account"] == "LF402117")
    );
    assert!(
        !state.is_done("bill", "look"),
        "a tool step is done when its tool has run"
    );
    let mut state = state;
    state.done.insert("bill/look".into());
    let (state, effects, _) = apply(state, &[], &books);
    assert!(matches!(&effects[..], [Effect::Say { text, .. }] if text == "Here is your bill."));
    let (state, effects, _) = apply(state, &[], &books);
    assert_eq!((state.playbook, effects), (None, vec![]));
}

#[test]
fn a_digression_comes_back_to_what_was_paused() {
    let books = playbooks();
    let (state, _, _) = apply(DialogueState::default(), &[start("bill")], &books);
    let (state, effects, _) = apply(state, &[start("other")], &books);
    assert!(matches!(&effects[..], [Effect::Say { text, .. }] if text == "That is all."));
    let (state, effects, _) = apply(state, &[], &books);
    assert_eq!(state.playbook.as_deref(), Some("bill"));
    assert!(matches!(&effects[..], [Effect::Say { text, .. }] if text == "Your account number?"));
}

#[test]
fn an_approval_waits_for_a_yes_and_a_no_ends_the_procedure() {
    let book = r#"
        id = "offer"
        title = "Offer"
        goal = "Decided."
        examples = ["an offer"]
        [[steps]]
        id = "ask"
        label = "Ask"
        kind = "approval"
        say = "Shall I?"
        [[steps]]
        id = "do"
        label = "Do"
        kind = "tool"
        tool = "do_it"
        after = ["ask"]
    "#;
    let books = [Playbook::from_toml(book).unwrap()];
    let (asked, effects, _) = apply(DialogueState::default(), &[start("offer")], &books);
    assert!(matches!(&effects[..], [Effect::RequestApproval { text, .. }] if text == "Shall I?"));
    let (_, effects, _) = apply(asked.clone(), &[Command::SmallTalk], &books);
    assert!(
        !effects.iter().any(|e| matches!(e, Effect::CallTool { .. })),
        "{effects:?}"
    );
    let (_, effects, _) = apply(asked.clone(), &[Command::Confirm { yes: true }], &books);
    assert!(matches!(&effects[..], [Effect::CallTool { .. }]));
    let (no, effects, _) = apply(asked, &[Command::Confirm { yes: false }], &books);
    assert_eq!((no.playbook, effects), (None, vec![]));
}

#[test]
fn what_is_unknown_is_rejected_and_the_rest_still_counts() {
    let books = playbooks();
    let commands = [start("nonsense"), set("LF402117"), Command::SmallTalk];
    let (state, effects, rejections) = apply(DialogueState::default(), &commands, &books);
    assert_eq!(rejections.len(), 2);
    assert_eq!(effects, [Effect::Chat]);
    assert_eq!(state, DialogueState::default());
}

#[test]
fn nothing_happens_after_a_hand_off() {
    let books = playbooks();
    let hand_off = Command::HandOff {
        reason: HandoffReason::CustomerAsked,
    };
    let (state, effects, rejections) =
        apply(DialogueState::default(), &[hand_off, start("bill")], &books);
    assert_eq!(
        effects,
        [Effect::HandOff {
            reason: HandoffReason::CustomerAsked
        }]
    );
    assert_eq!(rejections.len(), 1);
    assert_eq!(state.playbook, None);
}

#[test]
fn mistakes_in_a_playbook_are_named() {
    let broken = |from: &str, to: &str| {
        let text = r#"
            id = "x"
            title = "X"
            goal = "G"
            examples = ["e"]
            [[steps]]
            id = "a"
            label = "A"
            kind = "inform"
            after = []
            requires = []
        "#;
        Playbook::from_toml(&text.replace(from, to))
            .unwrap_err()
            .to_string()
    };
    assert!(broken("requires = []", "requires = [\"ghost\"]").contains("ghost"));
    assert!(broken("after = []", "after = [\"b\"]").contains("\"b\""));
    assert!(broken("kind = \"inform\"", "kind = \"dance\"").contains("dance"));
    assert!(broken("label", "lable").contains("lable"));
}
