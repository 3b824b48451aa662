//! Values that cannot be are asked for again.

use super::*;

fn plan() -> Vec<Playbook> {
    let text = r#"
        id = "plan"
        title = "Plan"
        goal = "g"
        examples = ["e"]
        [[checks]]
        id = "possible"
        steps = ["set"]
        require = "not slots.parts or slots.parts <= 6"
        clear = ["parts"]
        say = "Six at most."
        [[slots]]
        name = "parts"
        description = "how many parts"
        kind = "number"
        ask = "In how many parts?"
        [[steps]]
        id = "set"
        label = "Set it up"
        kind = "tool"
        tool = "set_plan"
        requires = ["parts"]
        approvals = ["customer"]
        confirm = "Shall I set up {{ slots.parts | int }} parts?"
    "#;
    vec![Playbook::from_toml(text).unwrap()]
}

fn parts(value: &str) -> Command {
    Command::SetSlot {
        name: "parts".into(),
        value: value.into(),
    }
}

fn said(effects: &[Effect]) -> Vec<&str> {
    let text =
        |effect: &&Effect| matches!(effect, Effect::Say { .. } | Effect::RequestApproval { .. });
    let words = effects.iter().filter(text).map(|effect| match effect {
        Effect::Say { text, .. } | Effect::RequestApproval { text, .. } => text.as_str(),
        _ => "",
    });
    words.collect()
}

#[test]
fn too_many_are_asked_for_again_and_a_possible_number_goes_on() {
    let books = plan();
    let (state, _, _) = apply(DialogueState::default(), &[start("plan")], &at(&books));
    let (state, effects, _) = apply(state, &[parts("12")], &at(&books));
    assert_eq!(said(&effects), ["Six at most.", "In how many parts?"]);
    assert_eq!(state.slots.get("parts"), None);
    assert_eq!(state.asked.as_deref(), Some("parts"));
    let (state, effects, _) = apply(state, &[parts("6")], &at(&books));
    assert_eq!(said(&effects), ["Shall I set up 6 parts?"]);
    assert!(state.pending.is_some() && state.handed_off.is_none());
}

#[test]
fn who_insists_gets_a_person() {
    let books = plan();
    let (mut state, _, _) = apply(DialogueState::default(), &[start("plan")], &at(&books));
    for _ in 0..4 {
        (state, _, _) = apply(state, &[parts("12")], &at(&books));
    }
    assert_eq!(state.handed_off, Some(HandoffReason::Stuck));
}

#[test]
fn a_check_that_clears_an_unknown_slot_is_refused() {
    let text = toml::to_string(&plan()[0]).unwrap();
    let wrong = text.replace("clear = [\"parts\"]", "clear = [\"pieces\"]");
    let error = Playbook::from_toml(&wrong).unwrap_err().to_string();
    assert!(error.contains("unknown slot \"pieces\""), "{error}");
}
