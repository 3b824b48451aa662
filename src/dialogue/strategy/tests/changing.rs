//! Facts change, people do not answer, events come early or twice.

use super::*;

const CHANGING: &str = r#"
completion = "true"
[[questions]]
fact = "colour"
ask = "Which colour?"
within = "1 day"
[[steps]]
id = "a"
label = "Reserve"
owner = "tool"
tool = "a"
when = "wanted"
undo = { tool = "undo_a", when = "not wanted" }
[[steps]]
id = "pack"
label = "Pack"
owner = "human"
after = ["a"]
when = "wanted and colour == 'blue'"
within = "1 day"
"#;

#[tokio::test]
async fn facts_change_and_the_plan_follows() {
    let (world, mut running) = begin(
        CHANGING,
        Situation::new("n").with_fact("wanted", true),
        Backend::default(),
    )
    .await;
    let set = |name: &str, value: Value| StrategyInput::Facts {
        facts: facts(json!({ name: value })),
    };
    let events = running.advance(at(0), vec![]).await.unwrap();
    assert_eq!(names(&events)[2..], ["question colour"]);
    let events = running
        .advance(at(0), vec![set("colour", json!("blue"))])
        .await
        .unwrap();
    assert_eq!(names(&events), ["work_needed pack"]);
    let events = running
        .advance(at(0), vec![set("wanted", json!(false))])
        .await
        .unwrap();
    assert_eq!(
        names(&events),
        ["taken_back a", "step_failed pack", "resolved"]
    );
    assert_eq!(world.backend.called(), ["a", "undo_a"]);
}

#[tokio::test]
async fn who_never_answers_is_looked_after_by_a_person() {
    let (_, mut running) = begin(
        CHANGING,
        Situation::new("n").with_fact("wanted", true),
        Backend::default(),
    )
    .await;
    running.advance(at(0), vec![]).await.unwrap();
    assert_eq!(running.wakes_at(), Some(at(1)));
    let events = running.advance(at(1), vec![]).await.unwrap();
    assert_eq!(names(&events), ["taken_back a", "needs_person"]);
}

#[tokio::test]
async fn what_is_cancelled_is_taken_back() {
    let (world, mut running) = begin(
        CHANGING,
        Situation::new("n").with_fact("wanted", true),
        Backend::default(),
    )
    .await;
    running.advance(at(0), vec![]).await.unwrap();
    let events = running
        .advance(
            at(0),
            vec![StrategyInput::Cancelled {
                why: "moved away".into(),
            }],
        )
        .await
        .unwrap();
    assert_eq!(names(&events), ["taken_back a", "cancelled"]);
    assert_eq!(world.backend.called(), ["a", "undo_a"]);
}

#[tokio::test]
async fn facts_that_nobody_can_tell_and_tests_that_never_hold_end_with_a_person() {
    let nobody = WRITE.replace(
        "tool = \"refund\"",
        "tool = \"refund\"\nwhen = \"riddle > 3\"",
    );
    let (_, mut running) = begin(&nobody, Situation::new("n"), Backend::default()).await;
    let events = running.advance(at(0), vec![]).await.unwrap();
    let StrategyEvent::NeedsPerson { why, briefing } = &events[0] else {
        panic!()
    };
    assert!(why.contains("riddle"), "{why}");
    assert_eq!(briefing.open, ["Refund"]);
    let never = WRITE.replace("refund is defined", "false").to_owned()
        + "[follow_up]\nafter = \"1 day\"\ntimes = 2\n";
    let (_, mut running) = begin(&never, Situation::new("n"), Backend::default()).await;
    running.advance(at(0), vec![]).await.unwrap();
    assert_eq!(
        names(&running.advance(at(1), vec![]).await.unwrap()),
        ["followed_up"]
    );
    assert_eq!(
        names(&running.advance(at(2), vec![]).await.unwrap()),
        ["followed_up", "needs_person"]
    );
}

#[tokio::test]
async fn an_event_told_twice_counts_once_and_one_that_came_early_is_not_lost() {
    let text = r#"
completion = "true"
[[steps]]
id = "first"
label = "First parcel"
owner = "customer"
wait = { signal = "parcel" }
within = "9 days"
[[steps]]
id = "second"
label = "Second parcel"
owner = "customer"
wait = { signal = "parcel" }
within = "9 days"
after = ["first"]
[[steps]]
id = "rest"
label = "Let it rest"
owner = "human"
wait = { time = "1 day" }
after = ["second"]
"#;
    let parcel = |id: &str| {
        StrategyInput::Signal(StrategySignal {
            name: "parcel".into(),
            payload: json!(id),
            id: Some(id.into()),
        })
    };
    let (_, mut running) = begin(text, Situation::new("n"), Backend::default()).await;
    let events = running
        .advance(at(0), vec![parcel("p1"), parcel("p1")])
        .await
        .unwrap();
    assert_eq!(
        names(&events),
        ["waiting first", "step_done first", "waiting second"]
    );
    let events = running
        .advance(at(1), vec![parcel("p1"), parcel("p2")])
        .await
        .unwrap();
    assert_eq!(names(&events), ["step_done second", "waiting rest"]);
    assert_eq!(running.wakes_at(), Some(at(2)));
    let events = running.advance(at(2), vec![]).await.unwrap();
    assert_eq!(names(&events), ["step_done rest", "resolved"]);
}

#[tokio::test]
async fn words_about_what_is_not_there_change_nothing() {
    let (world, mut running) = begin(WRITE, Situation::new("n"), Backend::default()).await;
    let grant = ApprovalGrant {
        by: Approver::Customer,
        who: "w".into(),
        at: at(0),
    };
    let step = || "nowhere".to_owned();
    let inputs = vec![
        StrategyInput::Approved {
            step: step(),
            grant,
        },
        StrategyInput::Declined {
            step: step(),
            by: "w".into(),
            why: "no".into(),
        },
        done("nowhere", json!(1)),
        // Nobody's word ends a tool.
        done("refund", json!(1)),
        StrategyInput::CouldNot {
            step: step(),
            why: "no".into(),
        },
        StrategyInput::HandedBack {
            by: "w".into(),
            done: [("refund".to_owned(), json!(1))].into(),
            again: vec![step()],
        },
    ];
    let events = running.advance(at(0), inputs).await.unwrap();
    assert_eq!(
        names(&events),
        ["step_started refund", "step_done refund", "resolved"]
    );
    assert_eq!(world.backend.called(), ["refund"]);
}
