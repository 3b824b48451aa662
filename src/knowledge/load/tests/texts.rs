//! Markdown, text and pairs: what needs no further crates.

use super::*;
use crate::knowledge::Audience;

#[test]
fn good_files_are_read_with_their_front_matter() {
    let dir = tempfile::tempdir().unwrap();
    write(
        dir.path(),
        "refund.md",
        "---\nid: refunds\ntitle: \"Refunds: how long\"\ntenant: globex\nlanguage: en-GB\naudience: agent\n\
         valid_from: 2026-01-31\nvalid_to: 2026-12-31T10:00:00+02:00\nproduct: fibre\n---\r\n# Refunds\r\nFive days.\r\n",
    );
    write(
        dir.path(),
        "net/outage_help.txt",
        "\u{feff}Restart the router.",
    );
    write(
        dir.path(),
        "titled.md",
        "Intro\n\n# Moving house #\nTell us.",
    );
    write(dir.path(), "README.md", "not an article");
    write(dir.path(), ".draft.md", "hidden");
    write(dir.path(), "logo.png", [0_u8, 1]);
    let report = load_articles(dir.path(), &"acme".into()).unwrap();
    assert_eq!(report.skipped, []);
    let [outage, refund, titled] = report.articles.as_slice() else {
        panic!("{report:?}");
    };
    assert_eq!(outage.id.as_str(), "net/outage_help");
    assert_eq!(outage.title, "outage help");
    assert_eq!(outage.body, "Restart the router.");
    assert_eq!(
        (outage.tenant.as_str(), outage.audience),
        ("acme", Audience::Customer)
    );
    assert_eq!(refund.id.as_str(), "refunds");
    assert_eq!(refund.title, "Refunds: how long");
    assert_eq!(
        (refund.tenant.as_str(), refund.audience),
        ("globex", Audience::Agent)
    );
    assert_eq!(
        refund.valid_from,
        Some("2026-01-31T00:00:00Z".parse().unwrap())
    );
    assert_eq!(
        refund.valid_to,
        Some("2026-12-31T08:00:00Z".parse().unwrap())
    );
    assert_eq!(refund.body, "# Refunds\nFive days.");
    assert_eq!(titled.title, "Moving house");
}

#[test]
fn bad_files_are_skipped_with_a_reason_and_the_rest_is_loaded() {
    let dir = tempfile::tempdir().unwrap();
    let cases: [(&str, &[u8], &str); 10] = [
        ("empty.md", b" \n", "empty"),
        ("only-front.md", b"---\nid: a\n---\n", "empty"),
        ("zero.txt", b"a\0b", "zero bytes"),
        ("open.md", b"---\nid: a\ntext", "no closing"),
        ("noise.md", b"---\nhello\n---\ntext", "`hello`"),
        ("typo.md", b"---\naudiance: agent\n---\ntext", "audiance"),
        (
            "audience.md",
            b"---\naudience: all\n---\ntext",
            "audience `all`",
        ),
        (
            "date.md",
            b"---\nvalid_from: 31.1.2026\n---\ntext",
            "31.1.2026",
        ),
        (
            "order.md",
            b"---\nvalid_from: 2026-02-01\nvalid_to: 2026-01-01\n---\nx",
            "not after",
        ),
        ("z-again.md", b"---\nid: good\n---\ntext", "already used by"),
    ];
    for (name, content, _) in cases {
        write(dir.path(), name, content);
    }
    write(dir.path(), "good.md", "---\nid: good\n---\ntext");
    let report = load_articles(dir.path(), &"acme".into()).unwrap();
    assert_eq!(report.articles.len(), 1);
    assert_eq!(report.skipped.len(), cases.len());
    for (name, _, reason) in cases {
        let found = report.skipped.iter().find(|s| s.path.ends_with(name));
        let found = found.unwrap_or_else(|| panic!("{name} was not skipped"));
        assert!(found.reason.contains(reason), "{name}: {}", found.reason);
    }
}

#[test]
fn a_missing_folder_is_not_found() {
    let error = load_articles(Path::new("/no/such/folder"), &"acme".into()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[cfg(not(feature = "documents"))]
#[test]
fn a_build_without_documents_says_what_it_does_not_read() {
    let report = load(&[
        ("a.md", b"caf\xe9"),
        ("b.html", b"<p>text"),
        ("c.csv", b"x"),
    ]);
    assert_eq!(report.articles, []);
    let [text, page, rows] = report.skipped.as_slice() else {
        panic!("{report:?}");
    };
    assert!(text.reason.contains("not UTF-8 (byte 3)"), "{text:?}");
    assert!(page.reason.contains("feature `documents`"), "{page:?}");
    assert!(rows.reason.contains("feature `documents`"), "{rows:?}");
}

#[test]
fn utf_16_is_read_and_damaged_utf_16_is_refused() {
    let little: Vec<u8> = "\u{feff}Grüße, 東京"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let big: Vec<u8> = "\u{feff}Grüße, 東京"
        .encode_utf16()
        .flat_map(u16::to_be_bytes)
        .collect();
    let report = load(&[
        ("a.md", &little),
        ("b.md", &big),
        ("c.md", &little[..little.len() - 1]),
        ("d.md", &[0xff, 0xfe, 0x00, 0xd8, 0x41, 0x00]),
    ]);
    let bodies: Vec<&str> = report.articles.iter().map(|a| a.body.as_str()).collect();
    assert_eq!(bodies, ["Grüße, 東京"; 2]);
    assert_eq!(report.skipped.len(), 2);
    assert!(report.skipped.iter().all(|s| s.reason.contains("UTF-16")));
}

#[test]
fn json_pairs_become_articles_whose_ids_do_not_depend_on_their_place() {
    let rows = br#"[
        {"question": "How long does a refund take?", "answer": "Five days."},
        {"id": "hours", "question": "When are you open?", "answer": "From 8 to 18.", "title": "Opening hours",
         "language": "en-GB", "audience": "agent", "valid_from": "2026-01-31", "product": "shop", "tenant": "globex"}
    ]"#;
    let moved = br#"{"faq": [
        {"question": "New?", "answer": "Yes."},
        {"question": "How long does a  refund take", "answer": "Six days."}
    ]}"#;
    let report = load(&[("faq.json", rows)]);
    assert_eq!(report.skipped, []);
    let [refund, hours] = report.articles.as_slice() else {
        panic!("{report:?}");
    };
    assert_eq!(refund.title, "How long does a refund take?");
    assert_eq!(refund.body, "# How long does a refund take?\n\nFive days.");
    assert_eq!(hours.id.as_str(), "hours");
    assert_eq!(hours.title, "Opening hours");
    assert_eq!(hours.audience, Audience::Agent);
    assert_eq!(hours.tenant.as_str(), "globex");
    assert_eq!(hours.products, ["shop"]);
    let again = load(&[("faq.json", moved)]);
    assert_eq!(again.articles[1].id, refund.id);
    assert_ne!(again.articles[0].id, refund.id);
}

#[test]
fn a_bad_line_is_left_out_and_a_misspelt_field_refuses_the_file() {
    let report = load(&[(
        "faq.jsonl",
        b"{\"question\": \"A?\", \"answer\": \"1\"}\n\n{\"question\": \"B?\"}\n[1]\nno\n\
          {\"question\": \"C?\", \"answer\": \"3\", \"audience\": \"staff\"}\n\
          {\"question\": \"a\", \"answer\": \"again\"}\n",
    )]);
    assert_eq!(report.articles.len(), 1);
    let reasons: Vec<&str> = report.skipped.iter().map(|s| s.reason.as_str()).collect();
    let wanted = [
        "line 3: there is no answer",
        "line 4: not an object",
        "line 5: not JSON",
        "`staff`",
        "twice",
    ];
    assert_eq!(reasons.len(), wanted.len());
    for (reason, wanted) in reasons.iter().zip(wanted) {
        assert!(reason.contains(wanted), "{reason}");
    }
    let report = load(&[(
        "faq.jsonl",
        b"{\"question\": \"A?\", \"answer\": \"1\"}\n{\"question\": \"B?\", \"answer\": \"2\", \"audiance\": \"agent\"}",
    )]);
    assert_eq!(report.articles, []);
    assert!(report.skipped[0].reason.contains("audiance"));
}

#[test]
fn a_field_given_twice_refuses_the_row_and_blank_lines_hide_no_front_matter() {
    let rows = b"{\"question\": \"A?\", \"answer\": \"1\", \"audience\": \"agent\", \"audience\": \"customer\"}\n\
        {\"question\": \"B?\", \"answer\": 2}";
    let report = load(&[
        ("a.json", b"[{\"audience\": \"agent\", \"audience\": \"customer\", \"question\": \"A?\", \"answer\": \"1\"}]"),
        ("b.jsonl", rows),
        ("c.md", "\u{feff}\u{feff}\n \n---\naudience: agent\n---\ntext".as_bytes()),
    ]);
    let [number, text] = report.articles.as_slice() else {
        panic!("{report:?}");
    };
    assert_eq!(number.body, "# B?\n\n2");
    assert_eq!(
        (text.audience, text.body.as_str()),
        (Audience::Agent, "text")
    );
    assert_eq!(report.skipped.len(), 2);
    for skipped in &report.skipped {
        assert!(
            skipped.reason.contains("`audience` is there twice"),
            "{skipped:?}"
        );
    }
}

#[test]
fn a_file_beside_gives_the_keys_and_its_mistakes_refuse_the_file() {
    let pairs = br#"[{"question": "A?", "answer": "1"}, {"question": "B?", "answer": "2", "audience": "customer"}]"#;
    let report = load(&[
        ("a.json", pairs),
        ("a.json.meta", b"audience: agent\nproduct: fibre\n"),
        ("b.md", b"---\ntitle: B\n---\ntext"),
        ("b.md.meta", b"---\nvalid_to: 2030-01-01\n---\n"),
        ("c.md", b"text"),
        ("c.md.meta", b"audiance: agent"),
        ("d.md", b"---\naudience: customer\n---\ntext"),
        ("d.md.meta", b"audience: agent"),
        ("e.json", pairs),
        ("e.json.meta", b"id: all"),
        ("gone.pdf.meta", b"audience: agent"),
    ]);
    let [first, second, text] = report.articles.as_slice() else {
        panic!("{report:?}");
    };
    assert_eq!(
        (first.audience, second.audience),
        (Audience::Agent, Audience::Customer)
    );
    assert_eq!(first.products, ["fibre"]);
    assert!(text.valid_to.is_some() && text.title == "B");
    let reasons: Vec<&str> = report.skipped.iter().map(|s| s.reason.as_str()).collect();
    let wanted = [
        "audiance",
        "given twice",
        "many articles",
        "many articles",
        "not there",
    ];
    assert_eq!(reasons.len(), wanted.len(), "{reasons:?}");
    for (reason, wanted) in reasons.iter().zip(wanted) {
        assert!(reason.contains(wanted), "{reason}");
    }
}

#[test]
fn a_file_that_is_too_large_is_not_read() {
    let dir = tempfile::tempdir().unwrap();
    // Sparse: it takes no room on the disk.
    for name in ["a.md", "b.json", "c.pdf", "d.html"] {
        let file = std::fs::File::create(dir.path().join(name)).unwrap();
        file.set_len(300 * 1024 * 1024).unwrap();
    }
    let begin = std::time::Instant::now();
    let report = load_articles(dir.path(), &"acme".into()).unwrap();
    assert!(begin.elapsed() < Duration::from_secs(5));
    assert_eq!(report.skipped.len(), 4);
    for skipped in &report.skipped {
        assert!(skipped.reason.contains("larger than"), "{skipped:?}");
    }
    assert!(report.is_complete());
}

#[cfg(unix)]
#[test]
fn circles_of_links_pipes_and_what_is_out_of_reach() {
    use std::os::unix::fs::symlink;
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "inside/good.md", "text");
    symlink(dir.path(), dir.path().join("inside/circle")).unwrap();
    symlink("self.md", dir.path().join("self.md")).unwrap();
    symlink(
        dir.path().join("inside/good.md"),
        dir.path().join("linked.md"),
    )
    .unwrap();
    let pipe = dir.path().join("pipe.txt");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    let report = load_articles(dir.path(), &"acme".into()).unwrap();
    let ids: Vec<&str> = report.articles.iter().map(|a| a.id.as_str()).collect();
    assert_eq!(ids, ["inside/good", "linked"]);
    let reason = |name: &str| {
        let found = report.skipped.iter().find(|s| s.path.ends_with(name));
        found.map(|s| s.reason.as_str()).unwrap_or_default()
    };
    assert!(reason("circle").contains("not followed"));
    assert!(reason("self.md").contains("cannot be read"));
    if made.is_ok_and(|status| status.success()) {
        assert!(reason("pipe.txt").contains("not a regular file"));
    }
    assert_eq!(report.unreachable, 1);
    assert!(!report.is_complete());
}

#[test]
fn progress_is_told_and_formats_that_are_not_read_are_reported() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["a.md", "b.txt", "c.doc", "d.xlsx", "e.png"] {
        write(dir.path(), name, "text");
    }
    let told = std::sync::Mutex::new(Vec::new());
    let progress = |done: usize, total: usize| told.lock().unwrap().push((done, total));
    let options = LoadOptions::default();
    let report = load_articles_with(dir.path(), &"acme".into(), &options, Some(&progress)).unwrap();
    assert_eq!(*told.lock().unwrap(), [(0, 2), (1, 2), (2, 2)]);
    assert_eq!(report.skipped.len(), 2);
    assert!(report.skipped[0].reason.contains(".doc"));
}

#[test]
fn products_are_one_or_a_list_in_every_kind_of_file() {
    let pairs = br#"[{"question": "A?", "answer": "1", "product": ["Fibre", "mobile"]},
        {"question": "B?", "answer": "2", "product": []}, {"question": "C?", "answer": "3", "product": [1]}]"#;
    let report = load(&[
        ("a.md", b"---\nproduct: Fibre\n---\ntext"),
        (
            "b.md",
            b"---\nproduct: [Fibre, \"Mobile, SIM only\", O'Brien pack, fibre]\n---\ntext",
        ),
        (
            "c.md",
            b"---\nproduct:\n  - Fibre\n  - 'Mobile'\naudience: agent\n---\ntext",
        ),
        ("d.md", b"---\nproduct: []\n---\ntext"),
        ("e.md", b"---\ntitle: E\n---\ntext"),
        ("f.md", b"---\nproduct:\naudience: agent\n---\ntext"),
        ("g.md", b"---\nproduct: [Fibre, ]\n---\ntext"),
        ("h.md", b"---\naudience:\n  - agent\n---\ntext"),
        ("i.json", pairs),
    ]);
    let found: Vec<Vec<&str>> = report
        .articles
        .iter()
        .map(|article| article.products.iter().map(String::as_str).collect())
        .collect();
    let wanted: [&[&str]; 7] = [
        &["Fibre"],
        &["Fibre", "Mobile, SIM only", "O'Brien pack"],
        &["Fibre", "Mobile"],
        &[],
        &[],
        &["Fibre", "mobile"],
        &[],
    ];
    assert_eq!(found, wanted);
    assert_eq!(report.articles[2].audience, Audience::Agent);
    let reasons: Vec<&str> = report.skipped.iter().map(|s| s.reason.as_str()).collect();
    let told = ["has no value", "has no name", "has no value", "no text"];
    assert_eq!(reasons.len(), told.len(), "{reasons:?}");
    for (reason, told) in reasons.iter().zip(told) {
        assert!(reason.contains(told), "{reason}");
    }
}
