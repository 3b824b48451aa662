use super::*;
use crate::conversation::Channel;

use ListeningCode::{ComplexReflection as X, OpenQuestion as O};
use labelled::{LABELLED, Labelled, UNSEEN};

mod labelled;

fn agreement(labelled: &[Labelled]) -> (usize, Vec<String>) {
    let mut wrong = Vec::new();
    for (before, sentence, label) in labelled {
        let codes: Vec<_> = sentences(sentence)
            .filter_map(|s| rules::code(s, before))
            .collect();
        if codes.first().copied() != *label || codes.len() > 1 {
            wrong.push(format!("{sentence:?}: {codes:?}, should be {label:?}"));
        }
    }
    (labelled.len() - wrong.len(), wrong)
}

#[test]
fn rules_agree_with_our_labels() {
    for (labelled, floor) in [(LABELLED, 90), (UNSEEN, 60)] {
        let (right, wrong) = agreement(labelled);
        println!("{right} of {} agree", labelled.len());
        wrong.iter().for_each(|w| println!("{w}"));
        assert!(right * 100 >= labelled.len() * floor, "{wrong:#?}");
    }
}

fn call(turns: &[(Role, &str)]) -> Conversation {
    let mut call = Conversation::new("acme", Channel::Chat);
    for (role, text) in turns {
        call.say(*role, *text);
    }
    call
}

#[test]
fn ratios_rest_on_utterances() {
    let call = call(&[
        (Role::HumanAgent, "Hello. How can I help you?"),
        (
            Role::EndUser,
            "I paid $42.50 twice, and I called three times.",
        ),
        (
            Role::HumanAgent,
            "So you paid $42.50 twice. That must be exhausting for you. What is your name? What happened then?",
        ),
        (Role::EndUser, "Ada. Nobody called me back."),
        (Role::HumanAgent, "Is that all?"),
    ]);
    let report = code_listening(&call);
    assert_eq!(report.agent_utterances, 3);
    assert_eq!(
        (report.simple_reflections, report.complex_reflections),
        (0, 1)
    );
    assert_eq!((report.open_questions, report.closed_questions), (2, 1));
    assert_eq!(report.complex_share, Some(1.0));
    assert_eq!(report.utterances[1].utterance, UtteranceId(3));
    assert_eq!(report.utterances[1].codes, [X, O]);
}

#[test]
fn nothing_is_counted_where_nothing_can_be_told() {
    let mut other = call(&[(Role::HumanAgent, "Was kann ich tun?")]);
    other.language = "de".into();
    let report = code_listening(&other);
    assert_eq!(report.questions(), 0);
    assert_eq!(report.reflection_to_question, None);
    for text in [
        "",
        "?",
        " ... ",
        "\u{2019}\u{2019}",
        "so",
        "\u{1f600}?",
        "you you you you",
    ] {
        code_listening(&call(&[(Role::EndUser, text), (Role::HumanAgent, text)]));
    }
}

#[test]
fn a_point_in_a_number_ends_no_sentence() {
    let cut: Vec<&str> = sentences("You paid 42.50. Is that right? Yes").collect();
    assert_eq!(cut, ["You paid 42.50.", "Is that right?", "Yes"]);
}
