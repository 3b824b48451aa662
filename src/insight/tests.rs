use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::conversation::{Channel, Conversation, Role};
use crate::embedding::HashingEmbedder;
use crate::error::ErrorKind;

/// What happens in a generated conversation, by its number: what the customer opens with, what is complained about,
/// what the note says.
const STORIES: [(&str, &str, &str); 3] = [
    (
        "I was charged twice for my broadband bill",
        "You charged me twice and nobody called back.",
        "Double charge on broadband bill refunded, resolved.",
    ),
    (
        "My router light is red and the internet is gone",
        "The router keeps failing every evening.",
        "Router restarted, customer upset.",
    ),
    (
        "I want to cancel the mobile contract please",
        "That is fine for me.",
        "Mobile contract cancelled as wished.",
    ),
];
const DAY_S: i64 = 24 * 3600;
const START_S: i64 = 1_790_000_000;

/// A conversation of story `n % 3`, `n` days after the start; by the virtual agent where `n` is even.
fn made(n: usize) -> Value {
    let (opening, complaint, note) = STORIES[n % 3];
    let agent = if n.is_multiple_of(2) {
        "automated_agent"
    } else {
        "human_agent"
    };
    let started = START_S + i64::try_from(n).unwrap() * DAY_S;
    json!({
        "id": format!("c{n}"),
        "tenant": "acme",
        "turns": [
            {"role": agent, "text": "Hello, how can I help?", "start_ms": 0, "end_ms": 2_000},
            {"role": "end_user", "text": "Hello."},
            {"role": agent, "text": "What is it about?"},
            {"role": "end_user", "text": format!("{opening} (kim{n}@example.com).")},
            {"role": agent, "text": "I will look into it."},
            {"role": "end_user", "text": complaint, "start_ms": 50_000, "end_ms": 60_000},
        ],
        "queue": if n % 3 == 2 { "mobile" } else { "broadband" },
        "started_at": jiff::Timestamp::from_second(started).unwrap().to_string(),
        "notes": note,
        "pulse": {"score": if n % 3 == 2 { 2 } else { 4 }, "comment": format!("Fine {n}, write to kim{n}@example.com")},
        "customer": format!("k{n}"),
        "satisfaction": 3.0,
    })
}

fn read(value: &Value) -> ConversationRecord {
    ConversationRecord::from_json(&value.to_string()).unwrap()
}

fn records(count: usize) -> Vec<ConversationRecord> {
    (0..count).map(|n| read(&made(n))).collect()
}

async fn report(records: &[ConversationRecord], by: Option<GroupBy>) -> InsightReport {
    let analyst = Analyst::new(Arc::new(HashingEmbedder::default()));
    let options = InsightOptions::default().by(by);
    analyst.report(records, &options).await.unwrap()
}

#[tokio::test]
async fn topics_are_found_named_and_shown_without_personal_data() {
    let report = report(&records(30), None).await;
    let sizes: Vec<usize> = report.topics.iter().map(|t| t.conversations).collect();
    assert_eq!(sizes, [10, 10, 10], "{:#?}", report.topics);
    let billing = report.topics.iter().find(|t| t.name.contains("charged"));
    assert!(billing.unwrap().example.contains("charged twice"));
    assert_eq!(billing.unwrap().complaining, 1.0);
    let names: Vec<&str> = report.irritants.iter().map(|i| i.name.as_str()).collect();
    // Paying twice is told twice: as what it is about, and as a complaint later.
    assert_eq!(names.len(), 3, "{names:?}");
    assert!(report.irritants.iter().all(|i| i.conversations == 10));
    let json = serde_json::to_string(&report).unwrap();
    assert!(!json.contains("kim"), "{json}");
    assert_eq!(
        serde_json::from_str::<InsightReport>(&json).unwrap(),
        report
    );
}

#[tokio::test]
async fn whoever_comes_back_was_not_helped_and_the_last_week_is_not_known() {
    let mut records = records(30);
    // The customer of 0 comes back three days later about the same, the one of 1 about something else.
    records[3].customer = Some("k0".into());
    records[5].customer = Some("k1".into());
    let report = report(&records, None).await;
    // 30 contacts on 30 days; one is a repeat, and of the last seven days nothing is known.
    assert_eq!(report.total.first_contacts, 30 - 1 - 7);
    let rate = report.total.first_contact_resolution.unwrap();
    assert!((rate - 21.0 / 22.0).abs() < 1e-5, "{rate}");
    let all = &report.voices[0];
    assert_eq!(all.noted_solved_came_back.count, 1);
    assert_eq!(all.noted_solved_came_back.examples[0].as_str(), "c0");
}

#[tokio::test]
async fn notes_and_pulse_stand_beside_what_was_said() {
    let report = report(&records(30), None).await;
    let all = &report.voices[0];
    assert_eq!(
        (all.conversations, all.noted, all.pulse_answers),
        (30, 30, 30)
    );
    // Notes of billing say nothing of the complaint, those of routers do.
    assert_eq!(all.unnoted_complaints.count, 10);
    assert_eq!(all.silent_dissatisfaction.count, 10);
    assert_eq!(all.recovered.count, 20);
    assert_eq!(report.voices.len(), 4);
    assert!(all.comments[0].contains("EMAIL"), "{:?}", all.comments);
}

#[tokio::test]
async fn figures_are_grouped_and_handle_time_never_stands_alone() {
    let mut records = records(30);
    let queues = report(&records, Some(GroupBy::Queue)).await;
    let names: Vec<&str> = queues.groups.iter().map(|g| g.group.as_str()).collect();
    assert_eq!(names, ["broadband", "mobile"]);
    let mobile = &queues.groups[1].measures;
    assert_eq!((mobile.conversations, mobile.pulse), (10, Some(2.0)));
    assert_eq!(queues.total.containment, Some(1.0));
    assert_eq!(queues.total.virtual_conversations, 15);
    assert_eq!(queues.total.mean_handle_ms, Some(60_000));
    for (by, first) in [
        (GroupBy::Day, "2026-09-21"),
        (GroupBy::Week, "2026-W39"),
        (GroupBy::Month, "2026-09"),
        (GroupBy::Product, "unknown"),
    ] {
        let grouped = report(&records, Some(by)).await;
        assert_eq!(grouped.groups[0].group, first);
        let sum: usize = grouped
            .groups
            .iter()
            .map(|g| g.measures.conversations)
            .sum();
        assert_eq!(sum, 30);
    }
    for record in &mut records {
        (record.customer, record.satisfaction) = (None, None);
        record.pulse.clear();
    }
    // What was said still tells how satisfied they were.
    let told = report(&records, None).await.total;
    assert!(told.satisfaction.is_some() && told.mean_handle_ms.is_some());
    for record in &mut records {
        let mut silent = Conversation::new("acme", Channel::Chat);
        silent.say(Role::EndUser, "My number is four one two.");
        record.conversation = silent;
        record.duration_ms = Some(60_000);
    }
    let told = report(&records, None).await.total;
    assert_eq!((told.satisfaction, told.mean_handle_ms), (None, None));
}

#[tokio::test]
async fn tables_and_drawing_hold_the_figures() {
    let report = report(&records(30), Some(GroupBy::Queue)).await;
    let csv = report.measures_csv();
    let rows: Vec<&str> = csv.lines().collect();
    assert_eq!(rows.len(), 4);
    assert!(rows[3].starts_with("all,30,"), "{csv}");
    assert_eq!(report.topics_csv().lines().count(), 4);
    assert_eq!(report.irritants_csv().lines().count(), 4);
    assert_eq!(report.voices_csv().lines().count(), 5);
    #[cfg(feature = "plot")]
    {
        let svg = report.to_svg().unwrap();
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
        assert!(
            svg.contains("broadband (20)") && svg.contains("charged"),
            "{svg}"
        );
    }
}

#[tokio::test]
async fn bad_records_are_told_and_poor_ones_do_no_harm() {
    for (field, value) in [
        ("pulse", json!({"score": 9})),
        ("satisfaction", json!(7)),
        ("handled_by", json!("robot")),
        ("started_at", json!("yesterday")),
        ("quue", json!("x")),
    ] {
        let mut bad = made(1);
        bad[field] = value;
        let error = ConversationRecord::from_json(&bad.to_string()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{field}");
    }
    for text in ["", "[]", "3", "{}", "{\"turns\": 1}"] {
        assert!(ConversationRecord::from_json(text).is_err(), "{text}");
    }
    let analyst = Analyst::new(Arc::new(HashingEmbedder::default()));
    let none = analyst.report(&[], &InsightOptions::default()).await;
    assert_eq!(none.unwrap_err().kind(), ErrorKind::InsufficientContent);
    let poor = read(&json!({"turns": [], "duration_ms": u64::MAX}));
    assert!(!poor.has_id());
    let full = serde_json::to_value(&poor.conversation).unwrap();
    assert!(read(&full).has_id());
    assert!(read(&full).started_at.is_some());
    let both = report(&[poor.clone(), poor], Some(GroupBy::Day)).await;
    assert_eq!(both.total.conversations, 2);
    assert_eq!(both.topics, []);
}
