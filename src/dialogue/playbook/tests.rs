use super::*;

const SLOT: &str = "[[slots]]\nname = \"when\"\ndescription = \"a date\"\nask = \"When?\"\n";

fn playbook(slots: &str, steps: &str) -> Result<Playbook> {
    Playbook::from_toml(&format!(
        "id = \"p\"\ntitle = \"P\"\ngoal = \"g\"\nexamples = [\"e\"]\n{slots}{steps}"
    ))
}

#[test]
fn mistakes_are_told_with_their_place() {
    let step = "[[steps]]\nid = \"s\"\nlabel = \"l\"\n";
    for (steps, told) in [
        ("kind = \"tool\"", "tool step \"s\" names no tool"),
        ("kind = \"inform\"\nwhen = \"a ==\"", "step \"s\", when"),
        ("kind = \"inform\"\nsay = \"{{ a\"", "step \"s\", say"),
        (
            "kind = \"inform\"\nrequires = [\"x\"]",
            "unknown slot \"x\"",
        ),
        (
            "kind = \"inform\"\nafter = [\"x\"]",
            "does not stand before it",
        ),
        (
            "kind = \"tool\"\ntool = \"t\"\napprovals = [\"customer\"]",
            "no words in confirm",
        ),
        ("kind = \"inform\"\ncollects = [\"when\"]", "is no ask step"),
        ("kind = \"inform\"\nwhne = \"a\"", "unknown field `whne`"),
    ] {
        let error = playbook(SLOT, &format!("{step}{steps}")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains(told), "{error}");
    }
    let line = playbook("", "[[steps]]\nid = \"s\"\nlabel = 5").unwrap_err();
    assert!(line.to_string().contains("line 7"), "{line}");
}

#[test]
fn values_are_kept_in_the_form_of_their_kind() {
    let slot = |kind: SlotKind| Slot {
        kind,
        ..playbook(
            SLOT,
            "[[steps]]\nid = \"s\"\nlabel = \"l\"\nkind = \"inform\"",
        )
        .unwrap()
        .slots[0]
            .clone()
    };
    for (kind, said, kept) in [
        (SlotKind::Money, "£1,020.50", "1020.5"),
        (SlotKind::Money, "forty two pounds", "42"),
        (SlotKind::Number, "3", "3"),
        (SlotKind::Date, "2026-03-03", "2026-03-03"),
        (SlotKind::Date, "the third of March 1980", "1980-03-03"),
        (SlotKind::YesNo, "Yes", "true"),
        (SlotKind::Email, "Ann@Example.org", "ann@example.org"),
        (SlotKind::Text, " as it is ", "as it is"),
    ] {
        assert_eq!(slot(kind).accept(said).as_deref(), Ok(kept), "{kind:?}");
    }
    for (kind, said) in [
        (SlotKind::Money, "much"),
        (SlotKind::Date, "soon"),
        (SlotKind::YesNo, "maybe"),
        (SlotKind::Text, " "),
    ] {
        assert!(slot(kind).accept(said).is_err(), "{kind:?}");
    }
    let choice = Slot {
        values: vec!["cancel".into(), "stay".into()],
        synonyms: [("cancel".to_owned(), vec!["leave".to_owned()])].into(),
        ..slot(SlotKind::Text)
    };
    assert_eq!(choice.accept("Leave").as_deref(), Ok("cancel"));
    assert!(
        choice
            .accept("dance")
            .unwrap_err()
            .contains("one of cancel, stay")
    );
}
