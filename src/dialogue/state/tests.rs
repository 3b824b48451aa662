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

/// A refund that the customer and a supervisor must approve, of an account that is verified first.
fn refund() -> [Playbook; 1] {
    let text = r#"
        id = "refund"
        title = "Refund"
        goal = "The money is back."
        examples = ["I want my money back"]
        [[checks]]
        id = "known"
        steps = ["pay"]
        require = "results.verify.ok"
        say = "I may not do that."
        [[slots]]
        name = "account"
        description = "account number"
        pattern = 'LF\d{6}'
        ask = "Your account number?"
        [[slots]]
        name = "born"
        description = "date of birth"
        kind = "date"
        ask = "When were you born?"
        [[slots]]
        name = "amount"
        description = "amount"
        kind = "money"
        ask = "How much?"
        [[steps]]
        id = "ask"
        label = "Ask who it is"
        kind = "ask"
        say = "Your account number and date of birth?"
        collects = ["account", "born"]
        [[steps]]
        id = "verify"
        label = "Verify"
        kind = "tool"
        tool = "verify"
        after = ["ask"]
        arguments = { account = "slots.account", born = "slots.born" }
        redo = { when = "not result.ok", clear = ["born"], say = "That does not match.", at_most = 1 }
        [[steps]]
        id = "pay"
        label = "Pay it back"
        kind = "tool"
        tool = "pay"
        after = ["verify"]
        requires = ["amount"]
        arguments = { account = "slots.account", amount = "slots.amount" }
        approvals = ["customer", "supervisor"]
        confirm = "Shall I pay {{ slots.amount | money('£') }} back?"
        done = "I have paid back {{ result.paid | money('£') }}."
        [[steps]]
        id = "large"
        label = "Say how long large sums take"
        kind = "inform"
        say = "It takes five days."
        after = ["pay"]
        when = "slots.amount > 100"
    "#;
    [Playbook::from_toml(text).unwrap()]
}

fn put(name: &str, value: &str) -> Command {
    Command::SetSlot {
        name: name.into(),
        value: value.into(),
    }
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

/// The refund up to where the customer is asked for their yes.
fn asked(books: &[Playbook]) -> DialogueState {
    let given = [
        start("refund"),
        put("account", "LF402117"),
        put("born", "1980-03-03"),
        put("amount", "42.50"),
    ];
    let (state, effects, _) = apply(DialogueState::default(), &given, &at(books));
    assert!(
        matches!(&effects[..], [Effect::CallTool { tool, .. }] if tool == "verify"),
        "{effects:?}"
    );
    let (state, effects) = tool_ended(
        state,
        "refund/verify",
        &receipt("verify", ActionStatus::Succeeded),
        false,
        &at(books),
    );
    assert_eq!(words(&effects), ["Shall I pay £42.50 back?"]);
    state
}

fn grant(by: Approver) -> ApprovalGrant {
    ApprovalGrant {
        by,
        who: "u1".into(),
        at: jiff::Timestamp::UNIX_EPOCH,
    }
}

#[test]
fn a_tool_runs_when_everybody_said_yes_in_order() {
    let books = refund();
    let state = asked(&books);
    let early = approve(
        state.clone(),
        "refund/pay",
        grant(Approver::Supervisor),
        true,
        &at(&books),
    );
    assert!(early.unwrap_err().contains("waits for the yes of Customer"));
    let (state, effects, _) = apply(state, &[Command::Confirm { yes: true }], &at(&books));
    assert!(matches!(
        &effects[..],
        [Effect::RequestApproval {
            by: Approver::Supervisor,
            ..
        }]
    ));
    let (state, effects, _) = apply(state, &[Command::Confirm { yes: true }], &at(&books));
    assert!(
        matches!(&effects[..], [Effect::RequestApproval { again: true, .. }]),
        "a customer's yes is no supervisor's: {effects:?}"
    );
    let (state, effects) = approve(
        state,
        "refund/pay",
        grant(Approver::Supervisor),
        true,
        &at(&books),
    )
    .unwrap();
    assert!(matches!(&effects[..], [Effect::CallTool { approvals, .. }] if approvals.len() == 2));
    let (state, effects) = tool_ended(
        state,
        "refund/pay",
        &receipt("pay", ActionStatus::Succeeded),
        true,
        &at(&books),
    );
    assert_eq!(
        words(&effects),
        ["I have paid back £42.50."],
        "no word of large sums"
    );
    let (state, _, refused) = apply(state, &[put("amount", "99")], &at(&books));
    assert_eq!(refused.len(), 1, "nothing runs any more");
    assert!(
        approve(
            state,
            "refund/pay",
            grant(Approver::Supervisor),
            true,
            &at(&books)
        )
        .is_err()
    );
}

#[test]
fn a_corrected_value_takes_back_the_yes_that_was_given_to_the_other() {
    let books = refund();
    let (state, _, _) = apply(
        asked(&books),
        &[Command::Confirm { yes: true }],
        &at(&books),
    );
    let (state, effects, _) = apply(state, &[put("amount", "120")], &at(&books));
    assert_eq!(words(&effects), ["Shall I pay £120 back?"]);
    assert!(state.approvals.is_empty());
    let (state, effects, _) = apply(state, &[put("account", "LF000001")], &at(&books));
    assert!(
        matches!(&effects[..], [Effect::CallTool { tool, .. }] if tool == "verify"),
        "another account is verified anew: {effects:?}"
    );
    assert!(state.results.is_empty());
}

#[test]
fn a_no_drops_the_step_and_a_late_yes_does_not_count() {
    let books = refund();
    let (state, effects, _) = apply(
        asked(&books),
        &[Command::Confirm { yes: false }],
        &at(&books),
    );
    assert_eq!(
        (state.playbook.as_deref(), &effects[..]),
        (None, &[Effect::AskMore][..])
    );
    let (state, _, _) = apply(
        asked(&books),
        &[Command::Confirm { yes: true }],
        &at(&books),
    );
    let books_later = refund();
    let mut later = at(&books_later);
    later.now = jiff::Timestamp::from_second(100_000_000).unwrap();
    assert!(
        approve(
            state,
            "refund/pay",
            grant(Approver::Supervisor),
            true,
            &later
        )
        .unwrap_err()
        .contains("expired")
    );
}

#[test]
fn what_does_not_match_is_asked_once_more_and_then_handed_over() {
    let books = refund();
    let given = [
        start("refund"),
        put("account", "LF402117"),
        put("born", "1980-03-03"),
    ];
    let (state, _, _) = apply(DialogueState::default(), &given, &at(&books));
    let wrong = ActionReceipt {
        result: serde_json::json!({ "ok": false }),
        ..receipt("verify", ActionStatus::Succeeded)
    };
    let (state, effects) = tool_ended(state, "refund/verify", &wrong, false, &at(&books));
    assert_eq!(
        words(&effects),
        ["That does not match.", "When were you born?"]
    );
    let (state, effects, _) = apply(state, &[put("born", "1981-01-01")], &at(&books));
    let Effect::CallTool { identity, .. } = &effects[0] else {
        panic!("{effects:?}")
    };
    assert_eq!(
        identity, "refund/verify#1.1",
        "another attempt is another action"
    );
    let (state, _) = tool_ended(state, "refund/verify", &wrong, false, &at(&books));
    assert_eq!(state.handed_off, Some(HandoffReason::PolicyRequiresPerson));
}

#[test]
fn failures_and_unknown_ends_go_to_a_person() {
    let books = refund();
    for status in [ActionStatus::Failed, ActionStatus::Unknown] {
        let (state, effects) = tool_ended(
            asked(&books),
            "refund/pay",
            &receipt("pay", status),
            true,
            &at(&books),
        );
        assert_eq!(state.handed_off, Some(HandoffReason::ActionFailed));
        assert_eq!(
            effects,
            [Effect::HandOff {
                reason: HandoffReason::ActionFailed
            }]
        );
        assert!(!state.is_done("refund", "pay"));
    }
}

#[test]
fn turns_that_bring_nothing_end_with_a_person() {
    let books = refund();
    let (mut state, _, _) = apply(DialogueState::default(), &[start("refund")], &at(&books));
    for turn in 1..=3 {
        let (next, _, _) = apply(state, &[Command::Clarify], &at(&books));
        state = next;
        assert_eq!(state.handed_off.is_some(), turn == 3);
    }
    assert_eq!(state.handed_off, Some(HandoffReason::Stuck));
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
