use serde_json::json;

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
    for (kind, kept, value) in [
        (SlotKind::Number, "4711", json!(4711)),
        (SlotKind::Number, "3.5", json!(3.5)),
        (SlotKind::Money, "42", json!(42.0)),
        (SlotKind::YesNo, "true", json!(true)),
        (SlotKind::Text, "4711", json!("4711")),
    ] {
        assert_eq!(slot(kind).value(kept), value, "{kind:?}");
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

const IN_YAML: &str = r#"
id: returns
title: Returns
goal: It has come back.
examples:
  - I want to send it back
slots:
  - name: device
    description: what goes back
    values: [hub, none]
    synonyms:
      none: [no, not now]
    ask: Which device?
checks:
  - id: known
    require: slots.device != 'none'
    clear: [device]
    say: Please name one.
steps:
  - id: ask
    label: Ask
    kind: ask
    collects: [device]
    say: |
      Which device?
      The Hub?
"#;

#[test]
fn yaml_has_the_same_keys() {
    let playbook = Playbook::from_yaml(IN_YAML).unwrap();
    assert_eq!(playbook.slots[0].values, ["hub", "none"]);
    // A plain "no" is a word here, not a truth value.
    assert_eq!(playbook.slots[0].synonyms["none"], ["no", "not now"]);
    assert_eq!(playbook.steps[0].say, "Which device?\nThe Hub?\n");
    let again = Playbook::from_toml(&toml::to_string(&playbook).unwrap()).unwrap();
    assert_eq!(again, playbook);
}

#[test]
fn mistakes_in_yaml_are_told_with_their_place() {
    for (right, wrong, told) in [
        ("kind: ask", "kind: aks", ["aks", "line 22"]),
        ("    ask: Which", "    aks: Which", ["aks", "line 13"]),
        (
            "clear: [device]",
            "clear: [thing]",
            ["unknown slot", "thing"],
        ),
        ("examples:", "examples: ]", ["line 5", ""]),
    ] {
        let error = Playbook::from_yaml(&IN_YAML.replacen(right, wrong, 1)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        let text = error.to_string();
        assert!(told.iter().all(|part| text.contains(part)), "{text}");
    }
}

#[test]
fn a_folder_may_hold_both_formats() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.yaml"), IN_YAML).unwrap();
    let other = Playbook::from_yaml(&IN_YAML.replace("id: returns", "id: second")).unwrap();
    std::fs::write(
        folder.path().join("b.toml"),
        toml::to_string(&other).unwrap(),
    )
    .unwrap();
    std::fs::write(folder.path().join("notes.txt"), "nothing").unwrap();
    let loaded = load_playbooks(folder.path()).unwrap();
    let ids: Vec<&str> = loaded.iter().map(|playbook| playbook.id.as_str()).collect();
    assert_eq!(ids, ["returns", "second"]);
    std::fs::write(folder.path().join("c.yml"), IN_YAML).unwrap();
    let twice = load_playbooks(folder.path()).unwrap_err().to_string();
    assert!(twice.contains("another file has the id"), "{twice}");
}
