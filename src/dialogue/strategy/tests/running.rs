//! The plan is carried out once, whatever happens.

use super::*;

#[tokio::test]
async fn a_billing_dispute_turns_out_to_be_a_warranty_claim() {
    let world = World::new(Strategist::load(&folder()).unwrap(), larkfield(true));
    let mut running = world.begin(&dispute()).await;
    let events = running.advance(at(0), vec![]).await.unwrap();
    assert_eq!(
        names(&events),
        [
            "step_started find-charge",
            "step_done find-charge",
            "step_started open-dispute",
            "step_done open-dispute",
            "step_started find-device",
            "step_done find-device",
            "replanned warranty-claim",
            "taken_back open-dispute",
            "step_started open-claim",
            "step_done open-claim",
            "step_started send-bag",
            "step_done send-bag",
            "waiting await-device",
            "question payout",
        ]
    );
    let calls = world.backend.called();
    assert_eq!(
        calls.iter().filter(|tool| *tool == "get_device").count(),
        1,
        "known already"
    );

    let mut answer = Map::new();
    answer.insert("payout".into(), json!("as I paid"));
    let events = running
        .advance(at(1), vec![StrategyInput::Facts { facts: answer }])
        .await
        .unwrap();
    assert_eq!(names(&events), ["approval_needed refund"]);
    let StrategyEvent::ApprovalNeeded { arguments, .. } = &events[0] else {
        panic!()
    };
    assert_eq!(
        *arguments,
        json!({ "charge": "C7", "amount": 50, "to": "as I paid" })
    );

    // The process ends; another one goes on.
    let stream = running.stream().clone();
    let before = running.state().clone();
    drop(running);
    assert_eq!(
        world.runner.streams(&"larkfield".into()).await.unwrap(),
        std::slice::from_ref(&stream)
    );
    let mut running = world.runner.resume(stream).await.unwrap();
    assert_eq!(*running.state(), before, "the fold is the same");
    assert_eq!(
        names(&running.pending()),
        ["approval_needed refund", "waiting await-device"]
    );

    let events = running.advance(at(2), vec![yes("refund")]).await.unwrap();
    assert_eq!(
        names(&events),
        [
            "step_started refund",
            "step_done refund",
            "work_needed tell"
        ]
    );
    let StrategyEvent::StepDone {
        receipt: Some(receipt),
        ..
    } = &events[1]
    else {
        panic!()
    };
    assert_eq!(receipt.approvals[0].who, "sam");
    let other = StrategySignal {
        name: "device_arrived".into(),
        payload: json!({ "serial": "OTHER" }),
        id: None,
    };
    let ours = StrategySignal {
        payload: json!({ "serial": "HUB-1" }),
        ..other.clone()
    };
    let inputs = vec![done("tell", json!(null)), StrategyInput::Signal(other)];
    assert!(
        names(&running.advance(at(3), inputs).await.unwrap())
            .contains(&"step_done tell".to_owned())
    );
    let events = running
        .advance(at(9), vec![StrategyInput::Signal(ours)])
        .await
        .unwrap();
    assert_eq!(
        names(&events),
        ["step_done await-device"],
        "the charge is not refunded yet"
    );

    // Followed up until it is.
    assert_eq!(running.wakes_at(), Some(at(16)));
    assert!(running.advance(at(15), vec![]).await.unwrap().is_empty());
    let events = running.advance(at(16), vec![]).await.unwrap();
    assert_eq!(names(&events), ["followed_up"]);
    let events = running.advance(at(23), vec![]).await.unwrap();
    assert_eq!(names(&events), ["followed_up", "resolved"]);
    assert_eq!(running.wakes_at(), None);
    let calls = world.backend.called();
    assert_eq!(calls.iter().filter(|tool| *tool == "refund").count(), 1);
}

#[tokio::test]
async fn a_charge_that_is_right_is_explained_and_the_device_may_never_come_back() {
    let world = World::new(Strategist::load(&folder()).unwrap(), larkfield(false));
    let mut running = world.begin(&dispute()).await;
    let events = running.advance(at(0), vec![]).await.unwrap();
    assert_eq!(names(&events).last().unwrap(), "work_needed review");
    let events = running
        .advance(at(1), vec![done("review", json!({ "right": true }))])
        .await
        .unwrap();
    assert_eq!(names(&events), ["step_done review", "work_needed explain"]);
    let events = running
        .advance(at(1), vec![done("explain", json!("said"))])
        .await
        .unwrap();
    assert_eq!(names(&events), ["step_done explain", "resolved"]);
}

const TWO: &str = r#"
completion = "b_done is defined"
[[steps]]
id = "a"
label = "First"
owner = "tool"
tool = "a"
gives = "first"
undo = { tool = "undo_a", arguments = { id = "{{ result.id }}" } }
[[steps]]
id = "b"
label = "Second"
owner = "tool"
tool = "b"
arguments = { iban = "{{ iban }}" }
after = ["a"]
approvals = ["customer", "supervisor"]
retries = 1
gives = "b_done"
"#;

fn grant(by: Approver) -> StrategyInput {
    let grant = ApprovalGrant {
        by,
        who: "w".into(),
        at: at(0),
    };
    StrategyInput::Approved {
        step: "b".into(),
        grant,
    }
}

#[tokio::test]
async fn approvals_come_in_order_and_a_failure_for_good_takes_back_what_was_done() {
    let refused = || Err(ErrorKind::Refused);
    let backend = Backend::default().with("b", vec![refused(), refused()]);
    let situation = Situation::new("n").with_fact("iban", "DE1");
    let (world, mut running) = begin(TWO, situation, backend).await;
    let events = running.advance(at(0), vec![]).await.unwrap();
    let StrategyEvent::ApprovalNeeded { by, arguments, .. } = &events[2] else {
        panic!("{events:?}")
    };
    assert_eq!(
        (*by, &arguments["iban"]),
        (Approver::Customer, &json!("***"))
    );
    let events = running
        .advance(at(0), vec![grant(Approver::Supervisor)])
        .await
        .unwrap();
    assert_eq!(
        names(&events),
        ["approval_needed b"],
        "the supervisor is not the next"
    );
    let both = vec![grant(Approver::Customer), grant(Approver::Supervisor)];
    let events = running.advance(at(0), both).await.unwrap();
    assert_eq!(
        names(&events),
        ["approval_needed b", "step_started b", "step_failed b"]
    );
    let retry = running.wakes_at().unwrap();
    assert_eq!(retry, at(0) + SignedDuration::from_hours(1));
    let events = running.advance(retry, vec![]).await.unwrap();
    assert_eq!(
        names(&events),
        [
            "step_started b",
            "step_failed b",
            "taken_back a",
            "needs_person"
        ]
    );
    let StrategyEvent::NeedsPerson { why, briefing } = &events[3] else {
        panic!()
    };
    assert!(why.contains("Second") && why.contains("says no"), "{why}");
    assert_eq!(briefing.taken_back, ["First"]);
    assert_eq!(briefing.facts["iban"], "***");
    assert_eq!(world.backend.called(), ["a", "b", "b", "undo_a"]);
    assert_eq!(world.backend.calls.lock()[3].1, json!({ "id": "a-1" }));
}

#[tokio::test]
async fn nobody_says_yes_or_somebody_says_no() {
    let situation = || Situation::new("n").with_fact("iban", "DE1");
    let (_, mut running) = begin(TWO, situation(), Backend::default()).await;
    running.advance(at(0), vec![]).await.unwrap();
    // Too late: after two days nothing was approved.
    let events = running
        .advance(at(2), vec![grant(Approver::Customer)])
        .await
        .unwrap();
    assert_eq!(
        names(&events)[1..],
        ["step_failed b", "taken_back a", "needs_person"]
    );
    let (world, mut running) = begin(TWO, situation(), Backend::default()).await;
    running.advance(at(0), vec![]).await.unwrap();
    let no = StrategyInput::Declined {
        step: "b".into(),
        by: "Ada".into(),
        why: "too dear".into(),
    };
    let events = running.advance(at(1), vec![no]).await.unwrap();
    assert_eq!(
        names(&events),
        ["step_failed b", "taken_back a", "needs_person"]
    );
    assert!(!world.backend.called().contains(&"b".to_owned()));
}

#[tokio::test]
async fn a_yes_to_one_amount_is_none_to_another() {
    let (world, mut running) = begin(
        TWO,
        Situation::new("n").with_fact("iban", "DE1"),
        Backend::default(),
    )
    .await;
    running.advance(at(0), vec![]).await.unwrap();
    let changed = StrategyInput::Facts {
        facts: facts(json!({ "iban": "DE2" })),
    };
    let both = vec![
        grant(Approver::Customer),
        grant(Approver::Supervisor),
        changed,
    ];
    let events = running.advance(at(0), both).await.unwrap();
    assert_eq!(names(&events).last().unwrap(), "approval_needed b");
    assert_eq!(world.backend.called(), ["a"]);
}

#[tokio::test]
async fn a_write_whose_end_is_unknown_goes_to_a_person_and_is_not_done_again() {
    let backend = Backend::default().with("refund", vec![Err(ErrorKind::Timeout), Ok(json!(1))]);
    let (world, mut running) = begin(WRITE, Situation::new("n"), backend).await;
    let events = running.advance(at(0), vec![]).await.unwrap();
    assert_eq!(names(&events)[1..], ["step_failed refund", "needs_person"]);
    let mut running = world.runner.resume(running.stream().clone()).await.unwrap();
    assert!(running.advance(at(9), vec![]).await.unwrap().is_empty());
    assert_eq!(world.backend.called().len(), 1);
    // The person finds that nothing was done, and says so: that is another action.
    let back = StrategyInput::HandedBack {
        by: "sam".into(),
        done: BTreeMap::new(),
        again: vec!["refund".into()],
    };
    let events = running.advance(at(9), vec![back]).await.unwrap();
    assert_eq!(names(&events).last().unwrap(), "resolved");
    assert_eq!(world.backend.called().len(), 2);
}

#[tokio::test]
async fn a_call_that_was_cut_off_is_mended_by_the_ledger() {
    for (effect, ending) in [
        (ToolEffect::Write, "needs_person"),
        (ToolEffect::Idempotent, "resolved"),
    ] {
        let (world, mut running) = begin(WRITE, Situation::new("n"), Backend::default()).await;
        let spec = ToolSpec::new("refund", "Hangs").with_effect(effect);
        let hanging = FnTool::new(spec, |_: Map<String, Value>, _| async {
            std::future::pending::<()>().await;
            Ok(json!(1))
        });
        let tools = Tools::new([Arc::new(hanging) as Arc<dyn Tool>]);
        let strategist = Arc::new(Strategist::default());
        let ledger = ActionLedger::new(tools, world.store.clone());
        let hung = StrategyRunner::new(strategist.clone(), ledger, world.store.clone());
        let mut cut = hung.resume(running.stream().clone()).await.unwrap();
        let moment = std::time::Duration::from_millis(20);
        assert!(
            tokio::time::timeout(moment, cut.advance(at(0), vec![]))
                .await
                .is_err()
        );
        // Whoever held it before has missed something.
        assert_eq!(
            running.advance(at(0), vec![]).await.unwrap_err().kind(),
            ErrorKind::Conflict
        );
        let tools = Tools::new([world.backend.tool("refund", effect)]);
        let ledger = ActionLedger::new(tools, world.store.clone());
        let next = StrategyRunner::new(strategist, ledger, world.store.clone());
        let mut running = next.resume(running.stream().clone()).await.unwrap();
        let events = running.advance(at(0), vec![]).await.unwrap();
        assert_eq!(names(&events).last().unwrap(), ending);
        assert_eq!(
            world.backend.called().len(),
            usize::from(effect == ToolEffect::Idempotent)
        );
    }
}

#[tokio::test]
async fn two_processes_do_not_drive_the_same_strategy() {
    let (world, mut one) = begin(WRITE, Situation::new("n"), Backend::default()).await;
    let mut two = world.runner.resume(one.stream().clone()).await.unwrap();
    one.advance(at(0), vec![]).await.unwrap();
    let error = two.advance(at(0), vec![]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(world.backend.called().len(), 1);
}
