//! A procedure with checks, approvals and another try.

use super::*;

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
    let by = grant(Approver::Supervisor);
    let (state, effects) = approve(state, "refund/pay", by, true, &later).unwrap();
    assert_eq!(
        words(&effects)[0],
        "Nobody said yes to that in time, so it was not done."
    );
    assert!(state.pending.is_none() && state.dropped.contains("refund/pay"));
    let called = |effect: &Effect| matches!(effect, Effect::CallTool { .. });
    assert!(!effects.iter().any(called), "{effects:?}");
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
fn the_same_need_again_forgets_what_the_tools_found_before() {
    let books = refund();
    let (mut state, _, _) = apply(asked(&books), &[Command::StopPlaybook], &at(&books));
    assert!(state.results.contains_key("verify"));
    state.answers.insert("pay".into(), true);
    let (state, effects, _) = apply(state, &[start("refund")], &at(&books));
    assert!(
        matches!(&effects[..], [Effect::CallTool { identity, .. }] if identity == "refund/verify#2.0"),
        "{effects:?}"
    );
    assert_eq!((state.results.len(), state.answers.len()), (0, 0));
    assert_eq!(state.slots["account"], "LF402117", "who it is stays known");
}
