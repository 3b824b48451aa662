use super::*;

#[test]
fn a_file_of_another_author_is_scored_by_its_own_names_and_characters() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let lines = "{\"text\": \"é call +44 20 7946 0958\", \"entities\": [{\"kind\": \"PHONE_NUMBER\", \"start\": 7, \"end\": 23}]}\n\
                 {\"text\": \"mail jo@example.org\", \"entities\": []}\n\
                 {\"text\": \"blood type ab\", \"entities\": [{\"kind\": \"blood\", \"start\": 0, \"end\": 13}]}\n";
    std::fs::write(file.path(), lines).unwrap();
    let score = run(file.path(), None, |_| {}).unwrap();
    assert_eq!(
        (score.n, score.entities, score.unknown, score.outside),
        (3, 1, 1, 1)
    );
    assert_eq!(
        (score.recall, score.precision, score.strict_recall),
        (1.0, 1.0, 1.0)
    );
    assert_eq!(score.kinds["recall_phone"], 1.0);
}

#[test]
fn what_is_generated_is_the_same_for_a_seed_and_its_places_are_right() {
    let lines = generate::lines(300, 5);
    assert_eq!(lines, generate::lines(300, 5));
    assert_ne!(lines, generate::lines(300, 6));
    for line in &lines {
        for entity in &line.entities {
            assert!(PiiKind::from_name(&entity.kind).is_some());
            let inside: String = line
                .text
                .chars()
                .skip(entity.start)
                .take(entity.end - entity.start)
                .collect();
            assert!(
                !inside.trim().is_empty() && inside.trim() == inside,
                "{line:?}"
            );
        }
    }
}
