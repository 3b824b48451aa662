//! A state notes which texts it follows, and says where nobody has them any more.

use super::*;

fn pinned(state: &DialogueState) -> Vec<&str> {
    state.pinned.keys().map(String::as_str).collect()
}

fn gone(effects: &[Effect]) -> bool {
    matches!(
        effects,
        [Effect::HandOff {
            reason: HandoffReason::ProcedureGone
        }]
    )
}

fn waits_at(source: &str) -> DialogueState {
    DialogueState {
        playbook: Some("bill".into()),
        pending: Some(PendingApproval {
            source: source.into(),
            by: Approver::HumanAgent,
            question: "Look it up".into(),
            asked_at: jiff::Timestamp::UNIX_EPOCH,
            expires_at: jiff::Timestamp::from_second(3600).unwrap(),
        }),
        ..DialogueState::default()
    }
}

#[test]
fn what_is_begun_is_pinned_until_it_is_over_and_pinned_anew_when_it_begins_again() {
    let books = playbooks();
    let (state, _, _) = apply(DialogueState::default(), &[start("bill")], &at(&books));
    assert_eq!(pinned(&state), ["bill"]);
    let first = Pin::of(&books[0]);
    assert_eq!(state.pinned["bill"], first);
    // The other one is through at once, and the paused one goes on.
    let (state, _, _) = apply(state, &[start("other")], &at(&books));
    assert_eq!(pinned(&state), ["bill"]);
    let mut changed = playbooks();
    changed[0].version = 2;
    let (state, _, _) = apply(state, &[set("LF402117")], &at(&changed));
    assert_eq!(state.pinned["bill"], first, "it was begun before");
    assert!(state.follows("bill", &first));
    let (state, _, _) = apply(state, &[Command::StopPlaybook], &at(&changed));
    assert_eq!(pinned(&state), [] as [&str; 0]);
    let (state, _, _) = apply(state, &[start("bill")], &at(&changed));
    assert!(state.follows("bill", &Pin::of(&changed[0])));
    assert!(!state.follows("bill", &first));
}

#[test]
fn what_is_set_aside_is_not_followed_any_more() {
    let books = playbooks();
    let (mut state, _, _) = apply(DialogueState::default(), &[start("bill")], &at(&books));
    crate::dialogue::set_aside(&mut state);
    assert_eq!(pinned(&state), [] as [&str; 0]);
}

#[test]
fn a_state_without_pins_goes_on_with_what_is_there() {
    let books = playbooks();
    let state = DialogueState {
        playbook: Some("bill".into()),
        ..DialogueState::default()
    };
    let (state, effects, _) = apply(state, &[set("LF402117")], &at(&books));
    assert!(matches!(&effects[..], [Effect::CallTool { .. }]));
    assert_eq!(state.pinned["bill"], Pin::of(&books[0]));
}

#[test]
fn what_nobody_has_any_more_goes_to_a_person_and_nothing_else_is_done() {
    let books = playbooks();
    let running = DialogueState {
        playbook: Some("gone".into()),
        ..DialogueState::default()
    };
    let paused = DialogueState {
        playbook: Some("bill".into()),
        paused: vec!["gone".into()],
        ..DialogueState::default()
    };
    for state in [running, paused, waits_at("bill/renamed")] {
        let name = state.lost(&books).unwrap().to_owned();
        let (state, effects, rejections) = apply(state, &[set("LF402117")], &at(&books));
        assert!(gone(&effects), "{name}: {effects:?}");
        assert_eq!(rejections[0].proposal, name);
        assert_eq!(state.handed_off, Some(HandoffReason::ProcedureGone));
        // It is with a person now; that is not said twice.
        let (_, effects, _) = apply(state, &[], &at(&books));
        assert!(effects.is_empty(), "{effects:?}");
    }
    assert_eq!(waits_at("bill/look").lost(&books), None);
}

#[test]
fn what_waits_and_is_gone_when_its_turn_comes_is_no_silent_end() {
    let books = playbooks();
    let state = DialogueState {
        waiting: vec!["gone".into()],
        ..DialogueState::default()
    };
    assert_eq!(state.lost(&books), None);
    let (state, effects, _) = apply(state, &[start("other")], &at(&books));
    assert_eq!(state.handed_off, Some(HandoffReason::ProcedureGone));
    assert!(
        matches!(&effects[..], [Effect::Say { text, .. }, Effect::HandOff { .. }] if text == "That is all."),
        "{effects:?}"
    );
}

#[test]
fn a_yes_to_a_step_that_is_gone_goes_to_a_person() {
    let books = playbooks();
    let grant = ApprovalGrant {
        by: Approver::HumanAgent,
        who: "a1".into(),
        at: jiff::Timestamp::UNIX_EPOCH,
    };
    let state = waits_at("bill/renamed");
    let (state, effects) =
        approve(state, "bill/renamed", grant.clone(), true, &at(&books)).unwrap();
    assert!(gone(&effects), "{effects:?}");
    let refused = approve(state, "bill/renamed", grant, true, &at(&books)).unwrap_err();
    assert!(refused.contains("a person has it"), "{refused}");
}
