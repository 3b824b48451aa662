use serde_json::{Value, json};

use super::*;
use crate::eval::lines::write_lines;

/// A call in which the agent proposes so many dates; the customer hangs up where there are many.
fn call(number: usize, proposals: usize) -> Value {
    let said = |who: &str, intent: &str, entity: &str| json!({"caller_name": who, "intent": intent, "entities": [{"entity": entity}]});
    let mut acts = vec![said("nlg", "welcome", &format!("kind_{number}"))];
    for _ in 0..proposals {
        acts.push(said("nlu", "refuse", "day"));
        acts.push(said("nlg", "propose_day", "day"));
    }
    if proposals < 3 {
        acts.push(said("nlu", "agree", "day"));
    }
    let label = if proposals < 3 { "not_luhf" } else { "luhf" };
    json!({"LUHF": label, "utterances_annotations": acts})
}

#[test]
fn heads_are_fitted_written_and_scored_on_what_they_have_not_seen() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("valid.jsonl.gz");
    let lines: Vec<Value> = (0..60).map(|number| call(number, number % 5)).collect();
    write_lines(&path, &lines);
    let report = train::run(folder.path(), &folder.path().join("out")).unwrap();
    assert!(
        report.cv_auc > 0.95 && report.cv_macro_f1 > 0.9,
        "{report:?}"
    );
    let text = std::fs::read_to_string(folder.path().join("out/escalation-head.json")).unwrap();
    let head = EscalationHead::parse(&text).unwrap();
    let act = |role, intent| DialogueAct::new(role, intent);
    let refused = [
        act(Role::AutomatedAgent, "propose_day"),
        act(Role::EndUser, "refuse"),
    ];
    let calm = [
        act(Role::AutomatedAgent, "welcome"),
        act(Role::EndUser, "agree"),
    ];
    let refused: Vec<DialogueAct> = std::iter::repeat_n(refused, 4).flatten().collect();
    assert!(head.risk(&refused) > head.threshold());
    assert!(head.risk(&calm) < head.threshold());
    // The shipped head knows none of these calls, nor their words.
    let score = run(&path, Some(50)).unwrap();
    assert_eq!(
        (score.n, score.left_out, score.cross_validated),
        (50, 0, false)
    );
}

#[test]
fn what_nobody_answered_is_not_looked_at() {
    let mut acts = vec![
        DialogueAct::new(Role::AutomatedAgent, "welcome"),
        DialogueAct::new(Role::EndUser, "agree"),
    ];
    let features = act_features(&acts);
    acts.push(DialogueAct::new(Role::AutomatedAgent, "propose_day"));
    assert_eq!(act_features(&acts), features);
    assert!(act_features(&[]).is_empty());
}

#[test]
fn the_shipped_head_is_read_and_others_are_refused() {
    let head = EscalationHead::shipped();
    assert!((0.0..=1.0).contains(&head.risk(&[])) && head.threshold() > 0.0);
    assert_eq!(
        EscalationHead::parse("{}").unwrap_err().kind(),
        ErrorKind::Model
    );
    let missing = run(Path::new("nowhere.jsonl.gz"), None).unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
}
