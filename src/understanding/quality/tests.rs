use super::*;
use crate::conversation::{Channel, Conversation, ExperienceSign as Sign, Role, UtteranceId};

fn call(said: &[(Role, &str)]) -> Conversation {
    let mut call = Conversation::new("acme", Channel::Chat);
    for (role, text) in said {
        call.say(*role, *text);
    }
    call
}

const CUSTOMER: Role = Role::EndUser;
const AGENT: Role = Role::AutomatedAgent;

#[test]
fn a_good_call_scores_above_a_plain_one_and_that_above_a_bad_one() {
    let good = ExperienceTracker::review(&call(&[
        (CUSTOMER, "I need a table for two tonight."),
        (
            AGENT,
            "Your table has been booked, the reference number is 12.",
        ),
        (CUSTOMER, "Perfect, thank you so much!"),
    ]));
    let plain = ExperienceTracker::review(&call(&[
        (CUSTOMER, "I need a table for two tonight."),
        (AGENT, "At what time?"),
        (CUSTOMER, "At seven."),
    ]));
    let bad = ExperienceTracker::review(&call(&[
        (CUSTOMER, "I need a table for two tonight."),
        (AGENT, "Sorry, I did not understand that."),
        (CUSTOMER, "I need a table for two tonight!"),
        (AGENT, "Unfortunately there are no tables."),
        (CUSTOMER, "This is useless. Get me a real person."),
    ]));
    assert!((plain.satisfaction - 3.0).abs() < 0.1, "{plain:?}");
    assert!(
        good.satisfaction > 3.7 && bad.satisfaction < 2.3,
        "{good:?} {bad:?}"
    );
    assert!(good.resolution > plain.resolution && plain.resolution > bad.resolution);
    assert!(good.escalation < plain.escalation && plain.escalation < bad.escalation);
    assert!(bad.strain > plain.strain && bad.escalation > 0.5, "{bad:?}");
    for score in [&good, &plain, &bad] {
        assert!((1.0..=5.0).contains(&score.satisfaction));
    }
}

#[test]
fn the_turns_that_moved_the_score_are_named() {
    let score = ExperienceTracker::review(&call(&[
        (CUSTOMER, "Please send the invoice for March again."),
        (AGENT, "I could not find an invoice."),
        (CUSTOMER, "Please send the invoice for March again!"),
        (AGENT, "It has been sent."),
        (CUSTOMER, "Great, thanks"),
    ]));
    let told: Vec<(u32, Sign)> = score
        .reasons
        .iter()
        .map(|reason| (reason.utterance.0, reason.sign))
        .collect();
    assert_eq!(
        told,
        [
            (2, Sign::Failure),
            (3, Sign::Repetition),
            (4, Sign::Success),
            (5, Sign::Gratitude),
            (5, Sign::Praise),
        ]
    );
    assert!(score.reasons[0].effect < 0.0 && score.reasons[3].effect > 0.0);
}

#[test]
fn the_score_is_the_same_for_people_and_machines() {
    let with = |agent: Role| {
        ExperienceTracker::review(&call(&[
            (CUSTOMER, "Where is my parcel?"),
            (agent, "I am unable to see that."),
            (CUSTOMER, "How disappointing."),
        ]))
    };
    assert_eq!(with(Role::HumanAgent), with(Role::AutomatedAgent));
}

#[test]
fn negation_and_polite_words_are_understood() {
    let of = |text: &str| ExperienceTracker::review(&call(&[(CUSTOMER, text)])).satisfaction;
    assert!(of("That is not good.") < 3.0);
    assert!(of("No problem.") >= 3.0);
    assert!(of("No, that's all, thanks.") > of("Thanks."));
    assert!(of("No, I want something else.") < 3.0);
    assert!(of("I don\u{2019}t like it") < of("I don't"));
    // Within another word nothing is found.
    assert_eq!(of("Goodge Street, Notting Hill"), 3.0);
}

#[test]
fn what_else_is_known_counts() {
    let id = UtteranceId(1);
    let text = "It is what it is today.";
    let score = |heard: &[HeardUtterance<'_>]| {
        let mut tracker = ExperienceTracker::new();
        heard.iter().for_each(|heard| tracker.hear(*heard));
        tracker.score()
    };
    let plain = HeardUtterance::new(id, CUSTOMER, text);
    let pleased = score(&[plain.with_valence(0.8)]).satisfaction;
    let odd = score(&[plain.with_valence(f32::NAN)]).satisfaction;
    assert!(pleased > 3.5 && odd == 3.0);
    let (one, other) = ([1.0, 0.0], [0.6, 0.8]);
    let again = score(&[plain.with_vector(&one), plain.with_vector(&one)]);
    let new = score(&[plain.with_vector(&one), plain.with_vector(&other)]);
    assert!(again.satisfaction < new.satisfaction);
    assert_eq!(
        score(&[HeardUtterance::new(id, Role::Unknown, "Thanks")]),
        score(&[])
    );
}

#[test]
fn questions_asked_twice_cost() {
    let asked = |second: &str| {
        ExperienceTracker::review(&call(&[
            (AGENT, "What is the number of your order?"),
            (CUSTOMER, "12"),
            (AGENT, second),
            (CUSTOMER, "12"),
        ]))
        .satisfaction
    };
    assert!(asked("What is the number of your order?") < asked("In which town do you live?"));
}
