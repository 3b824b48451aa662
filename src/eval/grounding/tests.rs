use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::*;
use crate::embedding::HashingEmbedder;

fn write(path: &Path, rows: &[Value]) {
    let mut out = GzEncoder::new(std::fs::File::create(path).unwrap(), Compression::fast());
    for row in rows {
        writeln!(out, "{row}").unwrap();
    }
    out.finish().unwrap();
}

fn knowledge() -> Vec<Value> {
    vec![
        json!({"hotel": {
            "0": {"name": "ACORN GUEST HOUSE",
                  "faqs": {"0": {"question": "Is there wifi?", "answer": "Wifi is free."},
                           "1": {"question": "May I bring my dog?", "answer": null}},
                  "reviews": {"3": {"traveler_type": "Couples", "sentences": {"0": "Breakfast was\n# great."}}}},
            "1": {"name": "Cityroomz", "docs": {"7": {"title": "Is there wifi?", "body": "No wifi."}}},
            "2": "not an entity"}}),
        json!({"train": {"*": {"name": null, "docs": {"0": {"title": "May I bring a bicycle?", "body": "Yes."}}}}}),
    ]
}

fn contexts() -> Vec<Value> {
    vec![
        json!({"log": [{"speaker": "U", "text": "any rooms this week"}, {"speaker": "S", "text": "acorn guest house has one"},
                       {"speaker": "U", "text": "is there wifi", "nbest": [{"hyp": "is there wifi", "score": -1.0}, {"hyp": "is their wifi", "score": -2.0}]}],
               "label": {"target": true, "knowledge": [{"domain": "hotel", "entity_id": 0, "doc_type": "faq", "doc_id": 0}]}}),
        json!({"log": [{"speaker": "U", "text": "does cityroomz have wifi"}],
               "label": {"target": true, "knowledge": [{"domain": "hotel", "entity_id": "1", "doc_id": 7}]}}),
        json!({"log": [{"speaker": "U", "text": "was breakfast great at the acorn guest house"}],
               "label": {"target": true, "knowledge": [{"domain": "hotel", "entity_id": 0, "doc_type": "review", "doc_id": 3, "sent_id": 0}]}}),
        json!({"log": [{"speaker": "U", "text": "book it please"}], "label": {"target": false}}),
        json!({"log": [], "label": {"target": false}}),
    ]
}

fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join("knowledge.jsonl.gz"), &knowledge());
    write(&dir.path().join("val.jsonl.gz"), &contexts());
    dir
}

#[test]
fn both_formats_are_read() {
    let dir = folder();
    let articles = data::articles(dir.path()).unwrap();
    let ids: Vec<&str> = articles.iter().map(|article| article.id.as_str()).collect();
    assert_eq!(
        ids,
        [
            "hotel/0/0/",
            "hotel/0/1/",
            "hotel/0/review-3/0",
            "hotel/1/7/",
            "train/*/0/"
        ]
    );
    assert_eq!(articles[4].title, "train");
    assert_eq!(articles[2].body, "Breakfast was # great.");
    let rows = data::rows(dir.path()).unwrap();
    assert_eq!(
        rows.len(),
        4,
        "a conversation without turns is no conversation"
    );
    let gold: Vec<&String> = rows.iter().flat_map(|row| &row.gold).collect();
    assert_eq!(gold, ["hotel/0/0/", "hotel/1/7/", "hotel/0/review-3/0"]);
    assert_eq!(rows[0].turns[2].hypotheses.len(), 2);
    assert_ne!(rows[0].recent(true), rows[0].recent(false));
    assert_ne!(rows[0].fingerprint(), rows[1].fingerprint());
}

#[tokio::test]
async fn any_gold_snippet_counts_and_labels_are_only_compared() {
    let dir = folder();
    let embedder = Arc::new(HashingEmbedder::default());
    let options = GroundingOptions::default();
    let score = run(dir.path(), embedder.clone(), options.clone(), None)
        .await
        .unwrap();
    assert_eq!(
        (score.n, score.targets, score.snippets, score.trained_on),
        (4, 3, 5, 0)
    );
    assert!((score.r_at_1 - 1.0).abs() < 1e-9, "{score:?}");
    assert!((score.always_yes_f1 - 6.0 / 7.0).abs() < 1e-9);
    assert!(score.rrf_r_at_1 < 1.0, "{score:?}");
    let nbest = GroundingOptions {
        asr_nbest: true,
        limit: Some(1),
        index: Some(dir.path().join("index")),
    };
    let one = run(dir.path(), embedder.clone(), nbest, None)
        .await
        .unwrap();
    assert_eq!((one.n, one.targets), (1, 1));

    std::fs::write(dir.path().join("val.jsonl.gz"), b"not gzip").unwrap();
    let error = run(dir.path(), embedder.clone(), options.clone(), None)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let error = run(Path::new("/no/such"), embedder, options, None)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[test]
fn measures_follow_their_definitions() {
    let sums = Sums {
        n: 10,
        targets: 4,
        said_yes: 6,
        rightly: 3,
        first: 2,
        five: 3,
        reciprocal: 2.5,
        plain: 1,
        confidence: 2.0,
        times: vec![1.0, 2.0],
    };
    let score = sums.score();
    assert!((score.detection_f1 - 0.6).abs() < 1e-9);
    assert!((score.detection_precision - 0.5).abs() < 1e-9);
    assert!((score.detection_recall - 0.75).abs() < 1e-9);
    assert!((score.always_yes_f1 - 8.0 / 14.0).abs() < 1e-9);
    assert!((score.mrr_at_5 - 0.625).abs() < 1e-9);
    assert_eq!(
        (score.r_at_1, score.r_at_5, score.query_p95_ms),
        (0.5, 0.75, 2.0)
    );
}

#[tokio::test]
async fn training_writes_heads_that_load_and_names_its_dialogues() {
    let dir = folder();
    let out = dir.path().join("out");
    let mut rows = Vec::new();
    for number in 0..30 {
        for mut row in contexts() {
            if let Some(first) = row["log"].get_mut(0) {
                let text = first["text"].as_str().unwrap().to_owned();
                first["text"] = json!(format!("{text} number {number}"));
                rows.push(row);
            }
        }
    }
    write(&dir.path().join("val.jsonl.gz"), &rows);
    let embedder = Arc::new(HashingEmbedder::default());
    let report = train::run(dir.path(), &out, embedder.clone(), None, 0, None)
        .await
        .unwrap();
    assert_eq!(report.n + report.held_out, 120);
    assert!(report.held_out > 0 && report.cv_r_at_1 > 0.8, "{report:?}");
    let text = std::fs::read_to_string(out.join("turn-head.json")).unwrap();
    let weights: crate::knowledge::Weights = serde_json::from_str(&text).unwrap();
    crate::knowledge::Head::new(weights).unwrap();
    let dialogues = std::fs::read_to_string(out.join("turn-head.trained-on.txt")).unwrap();
    let read = data::rows(dir.path()).unwrap();
    let known = read
        .iter()
        .filter(|row| dialogues.contains(&row.fingerprint()))
        .count();
    assert_eq!(
        known, report.n,
        "what is held out is not among the dialogues"
    );
}
