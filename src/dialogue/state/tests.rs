mod again;
mod pinned;
mod refund;

use super::*;
use crate::conversation::{ActionReceipt, ActionStatus};
use crate::dialogue::command::{Command, Effect};
use crate::dialogue::playbook::Playbook;

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
        later: false,
    }
}

fn at(books: &[Playbook]) -> Moment<'_> {
    static NOBODY: BTreeMap<String, String> = BTreeMap::new();
    Moment {
        playbooks: books,
        profile: &NOBODY,
        now: jiff::Timestamp::UNIX_EPOCH,
        utterance: None,
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
    let (state, effects, rejections) =
        apply(DialogueState::default(), &[start("bill")], &at(&books));
    assert!(matches!(&effects[..], [Effect::Say { text, .. }] if text == "Your account number?"));
    assert_eq!(rejections, []);
    let (state, effects, rejections) = apply(state, &[set("banana")], &at(&books));
    assert_eq!(rejections.len(), 1);
    assert!(matches!(&effects[..], [Effect::Say { text, .. }] if text == "Your account number?"));
    let (state, effects, _) = apply(state, &[set("l f 40 21 17")], &at(&books));
    assert_eq!(state.slots["account"], "LF402117");
    assert!(
        matches!(&effects[..], [Effect::CallTool { tool, arguments, .. }]
        if tool == "find_bill" && arguments["account"] == "LF402117")
    );
    assert!(
        !state.is_done("bill", "look"),
        "a tool step is done when its tool has run"
    );
    let (state, effects) = tool_ended(
        state,
        "bill/look",
        &receipt("find_bill", ActionStatus::Succeeded),
        false,
        &at(&books),
    );
    assert!(
        matches!(&effects[..], [Effect::Say { text, .. }, Effect::AskMore] if text == "Here is your bill.")
    );
    assert_eq!(state.playbook, None);
}

#[test]
fn a_digression_comes_back_to_what_was_paused() {
    let books = playbooks();
    let (state, _, _) = apply(DialogueState::default(), &[start("bill")], &at(&books));
    let (state, effects, _) = apply(state, &[start("other")], &at(&books));
    let said: Vec<&str> = words(&effects);
    assert_eq!(said, ["That is all.", "Your account number?"]);
    assert_eq!(state.playbook.as_deref(), Some("bill"));
    let question = Command::Answer {
        question: "What is a bill?".into(),
    };
    let (_, effects, _) = apply(state, &[question], &at(&books));
    assert!(
        matches!(&effects[..], [Effect::SearchKnowledge { .. }, Effect::Say { text, .. }] if text == "Your account number?")
    );
}

#[test]
fn the_second_need_of_a_message_waits_for_the_first() {
    let books = playbooks();
    let (state, effects, _) = apply(
        DialogueState::default(),
        &[start("bill"), start("other"), set("LF402117")],
        &at(&books),
    );
    assert_eq!(
        (state.playbook.as_deref(), state.waiting.len()),
        (Some("bill"), 1)
    );
    assert!(matches!(&effects[..], [Effect::CallTool { .. }]));
    let (state, effects) = tool_ended(
        state,
        "bill/look",
        &receipt("find_bill", ActionStatus::Succeeded),
        false,
        &at(&books),
    );
    assert_eq!(words(&effects), ["Here is your bill.", "That is all."]);
    assert_eq!(state.playbook, None);
}

fn receipt(tool: &str, status: ActionStatus) -> ActionReceipt {
    ActionReceipt {
        id: "r".into(),
        tool: tool.into(),
        arguments: Value::Null,
        status,
        result: serde_json::json!({ "ok": true, "paid": 42.5 }),
        at: jiff::Timestamp::UNIX_EPOCH,
        source: String::new(),
        approvals: Vec::new(),
    }
}

fn words(effects: &[Effect]) -> Vec<&str> {
    let said = effects.iter().filter_map(|effect| match effect {
        Effect::Say { text, .. } | Effect::RequestApproval { text, .. } => Some(text.as_str()),
        _ => None,
    });
    said.collect()
}

#[test]
fn an_approval_step_waits_for_an_answer_and_a_no_is_one_too() {
    let book = r#"
        id = "offer"
        title = "Offer"
        goal = "Decided."
        examples = ["an offer"]
        [[steps]]
        id = "ask-them"
        label = "Ask"
        kind = "approval"
        say = "Shall I?"
        [[steps]]
        id = "do"
        label = "Do"
        kind = "tool"
        tool = "do_it"
        after = ["ask-them"]
        when = "answers.ask_them"
        [[steps]]
        id = "close"
        label = "Close"
        kind = "inform"
        say = "Fine."
        after = ["do"]
    "#;
    let books = [Playbook::from_toml(book).unwrap()];
    let (asked, effects, _) = apply(DialogueState::default(), &[start("offer")], &at(&books));
    assert!(matches!(&effects[..], [Effect::RequestApproval { text, .. }] if text == "Shall I?"));
    let (_, effects, _) = apply(asked.clone(), &[Command::SmallTalk], &at(&books));
    assert!(
        !effects.iter().any(|e| matches!(e, Effect::CallTool { .. })),
        "{effects:?}"
    );
    let (_, effects, _) = apply(
        asked.clone(),
        &[Command::Confirm { yes: true }],
        &at(&books),
    );
    assert!(matches!(&effects[..], [Effect::CallTool { .. }]));
    let (no, effects, _) = apply(asked, &[Command::Confirm { yes: false }], &at(&books));
    assert_eq!(
        (no.playbook.as_deref(), words(&effects)),
        (None, vec!["Fine."])
    );
}

#[test]
fn what_is_unknown_is_rejected_and_the_rest_still_counts() {
    let books = playbooks();
    let commands = [start("nonsense"), set("LF402117"), Command::SmallTalk];
    let (state, effects, rejections) = apply(DialogueState::default(), &commands, &at(&books));
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
    let (state, effects, rejections) = apply(
        DialogueState::default(),
        &[hand_off, start("bill")],
        &at(&books),
    );
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
