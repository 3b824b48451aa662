use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::conversation::{Channel, HandoffReason};
use crate::dialogue::state::DialogueState;
use crate::error::ErrorKind;

const POLICY: &str = r#"
    tries = 3
    at_most = 2
    [[queues]]
    name = "care"
    reasons = ["customer_at_risk"]
    seconds = 20
    [[queues]]
    name = "first"
    seconds = 60
    next = ["second"]
    [[queues]]
    name = "second"
    seconds = 30
    [[alternatives]]
    id = "call_back"
    ask = "Shall we call you back?"
    done = "We have noted that."
    channels = ["chat"]
"#;

fn policy() -> HandoffPolicy {
    toml::from_str(POLICY).unwrap()
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
}

fn opened(reason: HandoffReason) -> Transfer {
    Transfer::open(1, reason, None, &policy(), at(0))
}

#[test]
fn an_offer_that_nobody_takes_goes_round_the_queues_and_is_given_up() {
    let policy = policy();
    let mut transfer = opened(HandoffReason::Stuck);
    assert_eq!(transfer.last().unwrap().queue, "first");
    assert_eq!(transfer.time_out(&policy, at(59)), None, "too early");
    assert_eq!(
        transfer.time_out(&policy, at(60)),
        Some(HandoffStep::OfferedAgain)
    );
    let second = transfer.last().unwrap();
    assert_eq!(
        (second.queue.as_str(), second.expires_at),
        ("second", Some(at(90)))
    );
    let stale = transfer.decline("handoff-1.1", "a", "busy", &policy, at(61));
    assert!(stale.unwrap_err().contains("handoff-1.1"));
    let step = transfer.decline("handoff-1.2", "b", "not mine", &policy, at(70));
    assert_eq!(step, Ok(HandoffStep::OfferedAgain));
    assert_eq!(transfer.last().unwrap().queue, "first");
    assert_eq!(
        transfer.time_out(&policy, at(500)),
        Some(HandoffStep::GivenUp)
    );
    assert_eq!(transfer.stage, HandoffStage::GivenUp);
    assert!(transfer.accept("a").is_err() && transfer.expires_at().is_none());
    let outcomes: Vec<&HandoffOutcome> = transfer.attempts.iter().map(|a| &a.outcome).collect();
    assert!(matches!(
        outcomes[..],
        [
            HandoffOutcome::TimedOut,
            HandoffOutcome::Declined { .. },
            HandoffOutcome::TimedOut
        ]
    ));
}

#[test]
fn somebody_in_danger_is_offered_until_somebody_comes() {
    let policy = policy();
    let mut transfer = opened(HandoffReason::CustomerAtRisk);
    for round in 1..=20 {
        assert_eq!(transfer.last().unwrap().queue, "care");
        assert_eq!(
            transfer.time_out(&policy, at(round * 20)),
            Some(HandoffStep::OfferedAgain)
        );
    }
    transfer.accept("nurse").unwrap();
}

#[test]
fn one_person_leads_and_only_they_give_it_back() {
    let mut transfer = opened(HandoffReason::Stuck);
    assert!(transfer.give_back("ann", String::new()).is_err());
    transfer.accept("ann").unwrap();
    transfer.accept("ann").unwrap();
    assert!(transfer.accept("bob").unwrap_err().contains("ann"));
    assert!(transfer.give_back("bob", String::new()).is_err());
    assert_eq!(transfer.time_out(&policy(), at(9_999)), None);
    transfer.give_back("ann", "k".into()).unwrap();
    assert_eq!(transfer.stage, HandoffStage::Returned { by: "ann".into() });
    assert!(transfer.owns("handoff-1.1") && !transfer.owns("handoff-1.2"));
    assert!(!transfer.owns("handoff-11.1") && !transfer.owns("handoff-1"));
}

#[test]
fn a_need_that_came_back_goes_again_only_with_something_new() {
    let policy = policy();
    let mut state = DialogueState {
        playbook: Some("refund".into()),
        ..DialogueState::default()
    };
    let again = |state: &DialogueState, reason| may_hand_off(state, reason, &policy);
    assert!(again(&state, HandoffReason::Stuck));
    let mut transfer = Transfer::open(
        1,
        HandoffReason::Stuck,
        state.playbook.clone(),
        &policy,
        at(0),
    );
    transfer.accept("ann").unwrap();
    transfer.give_back("ann", what_is_known(&state)).unwrap();
    state.transfers.push(transfer);
    assert!(!again(&state, HandoffReason::Stuck), "nothing is new");
    assert!(again(&state, HandoffReason::CustomerAsked));
    assert!(again(&state, HandoffReason::ActionFailed), "another reason");
    let mut other = state.clone();
    other.slots.insert("account".into(), "1".into());
    assert!(again(&other, HandoffReason::Stuck), "a new fact");
    let mut often = other.clone();
    let second = Transfer::open(2, HandoffReason::Stuck, None, &policy, at(9));
    often.transfers.push(second);
    assert!(!again(&often, HandoffReason::CustomerAsked), "at most two");
    assert!(again(&often, HandoffReason::CustomerAtRisk));
}

#[test]
fn without_a_policy_it_is_offered_once_and_without_end() {
    let policy = HandoffPolicy::default();
    let mut transfer = Transfer::open(1, HandoffReason::Stuck, None, &policy, at(0));
    assert_eq!(transfer.expires_at(), None);
    assert_eq!(transfer.time_out(&policy, at(1_000_000)), None);
}

#[test]
fn alternatives_are_for_their_channels_and_asked_once() {
    let policy = policy();
    let found = policy.alternative(Channel::Chat, |_| false);
    assert_eq!(found.map(|one| one.id.as_str()), Some("call_back"));
    assert!(policy.alternative(Channel::Voice, |_| false).is_none());
    assert!(
        policy
            .alternative(Channel::Chat, |id| id == "call_back")
            .is_none()
    );
}

#[test]
fn mistakes_in_a_policy_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("handoff.toml");
    let refused = |text: &str| {
        std::fs::write(&path, text).unwrap();
        let error = load_handoff_policy(&path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        error.to_string()
    };
    assert!(refused("[[queues]]\nname = \"a\"\nnext = [\"ghost\"]").contains("ghost"));
    assert!(refused("[[queues]]\nname = \"a\"\n[[queues]]\nname = \"a\"").contains("two queues"));
    assert!(refused("[[queues]]\nname = \"a\"\nseconds = 0").contains("no time"));
    assert!(refused("trys = 3").contains("trys"));
    std::fs::write(&path, POLICY).unwrap();
    assert_eq!(load_handoff_policy(&path).unwrap(), policy());
}
