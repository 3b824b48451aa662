//! A made-up business: dialogues of two domains that follow their flows.

use serde_json::{Value, json};

use super::*;
use crate::embedding::HashingEmbedder;
use crate::eval::lines::write_lines;

const DOMAINS: [(&str, &str); 2] = [("garden", "plot"), ("library", "book")];

fn task(domain: &str, thing: &str) -> Value {
    let (asks, tells, bye) = (
        format!("{domain}_ask_{thing}"),
        format!("{domain}_inform_result"),
        format!("{domain}_bye"),
    );
    json!({
        "task": domain,
        "replies": {
            "hello": "Hello, how can I help?",
            asks.clone(): format!("Which {thing} would you like?"),
            tells.clone(): format!("The {thing} is yours until {{date:s}}."),
            "anything_else": "Is there anything else?",
            bye.clone(): "Thank you and goodbye.",
            "query": "Query",
            "no": "No",
        },
        "graph": {
            "hello": asks.clone(), asks: "query", "query": tells.clone(), tells: "anything_else", "no": bye,
        },
    })
}

fn dialogue(at: usize, domain: &str, thing: &str) -> Value {
    let pick = |label: String, text: &str| json!({"Agent": "Wizard", "Action": "pick_suggestion", "ActionLabel": label, "Text": text});
    let user = |text: &str| json!({"Agent": "User", "Action": "utter", "Text": text});
    let mut events = vec![user("Good morning.")];
    events.push(pick("hello".into(), "Hello, how can I help?"));
    events.push(user(&format!("I want a {thing}")));
    // What the wizard typed gives the label away; it must not be looked at.
    events.push(json!({"Agent": "Wizard", "Action": "request_suggestions", "Text": "which"}));
    events.push(pick(
        format!("{domain}_ask_{thing}"),
        &format!("Which {thing} would you like?"),
    ));
    events.push(user(&format!("number {at} please")));
    events.push(
        json!({"Agent": "Wizard", "Action": "query", "Constraints": [{"Number": at.to_string()}]}),
    );
    events.push(json!({"Agent": "KnowledgeBase", "Action": "return_item", "Item": {"Date": "Monday"}, "TotalItems": 1}));
    events.push(pick(
        format!("{domain}_inform_result"),
        &format!("The {thing} is yours until Monday."),
    ));
    events.push(user("great, that is all, thank you"));
    events.push(pick("goodbye_1".into(), "Thank you and goodbye."));
    json!({"id": at, "domains": [domain], "tasks": [domain], "happy": at.is_multiple_of(2), "multitask": false, "events": events})
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("tasks")).unwrap();
    let mut lines = Vec::new();
    for (domain, thing) in DOMAINS {
        let path = folder.path().join(format!("tasks/{domain}.json"));
        std::fs::write(path, task(domain, thing).to_string()).unwrap();
        lines.extend((0..60).map(|at| dialogue(at, domain, thing)));
    }
    lines.push(json!({"id": 999, "tasks": ["garden", "library"], "multitask": true, "events": []}));
    write_lines(&folder.path().join("dialogs.jsonl.gz"), &lines);
    folder
}

#[tokio::test]
async fn what_one_domain_teaches_holds_in_another() {
    let folder = folder();
    let embedder = Arc::new(HashingEmbedder::new(32));
    let options = NextActionOptions {
        zero_shot: true,
        ..NextActionOptions::default()
    };
    let score = run(
        folder.path(),
        embedder.clone(),
        options.clone(),
        None,
        |_| {},
    )
    .await
    .unwrap();
    assert_eq!(score.n, 2 * 60 * 5);
    assert_eq!(score.head, "zero-shot");
    // The label of the goodbye is nowhere in the flow; it was learned from the other domain's words.
    assert!(score.accuracy > 0.9, "{score:?}");
    let again = run(folder.path(), embedder, options, None, |_| {})
        .await
        .unwrap();
    assert_eq!(
        (again.accuracy, again.weighted_f1),
        (score.accuracy, score.weighted_f1)
    );
}

#[tokio::test]
async fn a_head_of_ones_own_is_written_read_and_scored() {
    let folder = folder();
    let embedder = Arc::new(HashingEmbedder::new(32));
    let out = folder.path().join("out");
    let report = train::run(folder.path(), &out, embedder.clone(), 1, None)
        .await
        .unwrap();
    assert_eq!(report.dialogues, 120);
    let bytes = std::fs::read(out.join("action-head.bin")).unwrap();
    let head = ActionHead::from_bytes(&bytes).unwrap();
    assert!(head.was_trained_on("garden") && !head.was_trained_on("bank"));
    assert_eq!(head.to_bytes().unwrap(), bytes);
    assert!(ActionHead::from_bytes(&bytes[..bytes.len() - 2]).is_err());
    let options = NextActionOptions {
        train: Some(folder.path().to_owned()),
        ..NextActionOptions::default()
    };
    let score = run(folder.path(), embedder, options, None, |_| {})
        .await
        .unwrap();
    assert!(score.weighted_f1 > 0.9, "{score:?}");
    assert_eq!(score.head, "trained");
}

#[tokio::test]
async fn a_folder_without_flows_is_told() {
    let folder = folder();
    std::fs::remove_file(folder.path().join("tasks/garden.json")).unwrap();
    let embedder = Arc::new(HashingEmbedder::new(32));
    let error = run(
        folder.path(),
        embedder,
        NextActionOptions::default(),
        None,
        |_| {},
    )
    .await;
    assert!(error.unwrap_err().to_string().contains("garden"));
}
