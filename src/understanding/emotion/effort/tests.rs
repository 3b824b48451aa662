use super::*;
use crate::conversation::{Channel, Conversation};

fn kinds(role: Role, text: &str) -> Vec<EffortKind> {
    let mut call = Conversation::new("acme", Channel::Voice);
    let id = call.say(role, text);
    let said = call.transcript.get(id).unwrap();
    let signs = EffortTracker::new().update(said, &[]);
    signs.into_iter().map(|sign| sign.kind).collect()
}

#[test]
fn customers_tell_of_their_effort() {
    use EffortKind::{EarlierContact, Transferred, Waiting};
    let told = [
        (
            "This is the third time I have called about this.",
            vec![EarlierContact],
        ),
        (
            "I already told your colleague all that.",
            vec![EarlierContact],
        ),
        (
            "I called yesterday and nobody knew anything.",
            vec![EarlierContact],
        ),
        (
            "Every time I call I get another answer.",
            vec![EarlierContact],
        ),
        (
            "I have spoken to three different people today.",
            vec![EarlierContact],
        ),
        ("I've been waiting for forty minutes.", vec![Waiting]),
        ("We waited three weeks for the parcel.", vec![Waiting]),
        ("I was on hold for half an hour.", vec![Waiting]),
        (
            "I keep getting transferred from one to the next.",
            vec![Transferred],
        ),
        (
            "They sent me from department to department.",
            vec![Transferred],
        ),
        (
            "I have been on hold twice and this is the second time I call.",
            vec![EarlierContact, Waiting],
        ),
        ("Wait a moment, I have the number here.", vec![]),
        (
            "I would like to call my sister, can I add her number?",
            vec![],
        ),
        ("It was sent to the wrong address.", vec![]),
        ("My order number is four one two nine.", vec![]),
        ("", vec![]),
    ];
    for (text, expected) in told {
        assert_eq!(kinds(Role::EndUser, text), expected, "{text}");
    }
    let agent = "I have transferred me, I mean you, and you called twice already.";
    assert!(kinds(Role::HumanAgent, agent).is_empty());
}

#[test]
fn saying_the_same_again_is_a_repeat_and_an_acknowledgement_is_not() {
    let mut call = Conversation::new("acme", Channel::Voice);
    let mut tracker = EffortTracker::new();
    let mut say = |text: &str, vector: &[f32]| {
        let id = call.say(Role::EndUser, text);
        let said = call.transcript.get(id).unwrap().clone();
        tracker.update(&said, vector)
    };
    assert!(say("My internet is down since this morning.", &[1.0, 0.0]).is_empty());
    assert!(say("Yes please.", &[1.0, 0.0]).is_empty());
    assert!(say("And I also moved house last June.", &[0.0, 1.0]).is_empty());
    let again = say("As I said, the internet is down.", &[0.95, 0.312]);
    assert_eq!(again[0].kind, EffortKind::Repeat);
    assert_eq!(again[0].repeats.unwrap().0, 1);
    // A vector of another length, as of another embedder, is compared with nothing.
    assert!(say("My internet is down since this morning.", &[1.0]).is_empty());
    assert_eq!(tracker.effort().count(EffortKind::Repeat), 1);
}

#[test]
fn all_phrases_are_expressions() {
    assert_eq!(PHRASES.len(), 9);
}
