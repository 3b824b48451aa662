use serde_json::json;

use super::*;
use crate::conversation::{ConversationId, TenantId};
use crate::eval::tasks::paths;

fn database() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/customers/database.toml");
    toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn backend(faults: &[(&str, &[Fault])]) -> Backend {
    let faults = faults
        .iter()
        .map(|(tool, faults)| ((*tool).to_owned(), faults.to_vec()));
    Backend::new(database(), faults.collect())
}

async fn call(backend: &Backend, tool: &str, arguments: Value) -> Result<Value> {
    with_key(backend, tool, arguments, "k").await
}

async fn with_key(backend: &Backend, tool: &str, arguments: Value, key: &str) -> Result<Value> {
    let call = ToolCall {
        idempotency_key: key.into(),
        tenant: TenantId::from("larkfield"),
        conversation: ConversationId::from("c1"),
        arguments,
        dry_run: false,
    };
    let tools = backend.tools();
    let tool = tools.iter().find(|t| t.spec().name == tool).unwrap();
    tool.call(&call).await
}

fn kind(answer: Result<Value>) -> ErrorKind {
    answer.unwrap_err().kind()
}

#[tokio::test]
async fn tools_have_names_schemas_and_change_only_what_they_say() {
    let backend = backend(&[]);
    let tools = backend.tools();
    let names: std::collections::BTreeSet<_> =
        tools.iter().map(|t| t.spec().name.clone()).collect();
    assert_eq!(names.len(), tools.len());
    for tool in &tools {
        assert!(
            tool.spec().parameters.pointer("/properties").is_some(),
            "{tool:?}"
        );
    }
    // What only reads leaves the document as it was.
    let before = backend.database();
    for tool in tools.iter().filter(|t| t.spec().effect == ToolEffect::Read) {
        let arguments = json!({ "account_number": "LF402117", "postcode": "BA1 5NW", "tariff": "Fibre 900", "offer": "price", "date_of_birth": "1984-03-12", "address": "BS4 2QT" });
        let _ = call(&backend, &tool.spec().name, arguments).await;
    }
    assert_eq!(
        paths::changed(&before, &backend.database()),
        Vec::<String>::new()
    );
}

#[tokio::test]
async fn an_identity_needs_two_right_answers_and_locks_after_three_wrong_ones() {
    let backend = backend(&[]);
    let ask = |birth: &str, address: &str| json!({ "account_number": "l f 402117", "date_of_birth": birth, "address": address });
    let right = call(
        &backend,
        "verify_identity",
        ask("12th of March 84", "14 elm road"),
    )
    .await
    .unwrap();
    assert_eq!(right, json!({ "verified": true, "name": "Anna Meier" }));
    assert_eq!(
        kind(call(&backend, "verify_identity", ask("12 March 1984", "")).await),
        ErrorKind::InvalidInput
    );
    for left in [2, 1, 0] {
        let wrong = call(
            &backend,
            "verify_identity",
            ask("13 March 1984", "14 Elm Road"),
        )
        .await
        .unwrap();
        assert_eq!(wrong, json!({ "verified": false, "attempts_left": left }));
    }
    assert_eq!(
        kind(
            call(
                &backend,
                "verify_identity",
                ask("12 March 1984", "14 Elm Road")
            )
            .await
        ),
        ErrorKind::Refused
    );
    let unknown = json!({ "account_number": "LF999999", "date_of_birth": "1 May 1990", "address": "1 A Road" });
    assert_eq!(
        call(&backend, "verify_identity", unknown).await.unwrap()["verified"],
        false
    );
    let widow = json!({ "account_number": "LF771903", "date_of_birth": "17/2/1948", "address": "CF10 4DY" });
    assert_eq!(
        call(&backend, "verify_identity", widow).await.unwrap()["name"],
        "Margaret Hughes"
    );
}

#[tokio::test]
async fn a_duplicate_is_refunded_once() {
    let backend = backend(&[]);
    let listed = call(
        &backend,
        "list_payments",
        json!({ "account_number": "LF402117" }),
    )
    .await
    .unwrap();
    assert_eq!(
        (&listed["duplicate_found"], &listed["duplicate_id"]),
        (&json!(true), &json!("P2"))
    );
    let refund =
        |account: &str, amount: Value| json!({ "account_number": account, "amount": amount });
    assert_eq!(
        kind(call(&backend, "refund_payment", refund("LF402117", json!(500))).await),
        ErrorKind::Refused
    );
    let done = call(&backend, "refund_payment", refund("LF402117", json!("£42")))
        .await
        .unwrap();
    assert_eq!(done["amount"], 42.6);
    for (account, amount) in [
        ("LF402117", 42.6),
        ("LF550238", 27.35),
        ("LF190653", 11.85),
        ("LF827340", 231.45),
    ] {
        let refused = call(&backend, "refund_payment", refund(account, json!(amount))).await;
        assert_eq!(kind(refused), ErrorKind::Refused, "{account}");
    }
    assert_eq!(
        paths::changed(&database(), &backend.database()),
        ["accounts.LF402117.payments.P2.status"]
    );
    assert_eq!(
        kind(
            call(
                &backend,
                "add_credit",
                json!({ "account_number": "LF402117", "amount": 500 })
            )
            .await
        ),
        ErrorKind::Refused
    );
}

#[tokio::test]
async fn contracts_follow_the_published_rules() {
    let backend = backend(&[]);
    let of = |account: &str| json!({ "account_number": account });
    let contract = call(&backend, "get_contract", of("LF318846"))
        .await
        .unwrap();
    assert_eq!(
        (&contract["months_left"], &contract["exit_fee"]),
        (&json!(4), &json!(56.0))
    );
    assert_eq!(
        call(&backend, "get_contract", of("LF608275"))
            .await
            .unwrap()["exit_fee"],
        0.0
    );
    let cancelled = call(&backend, "cancel_contract", of("LF318846"))
        .await
        .unwrap();
    assert_eq!(cancelled["end_date"], "2026-12-25");
    // The same action asked again gets the same answer, another one is refused.
    assert_eq!(
        call(&backend, "cancel_contract", of("LF318846"))
            .await
            .unwrap(),
        cancelled
    );
    assert_eq!(
        kind(with_key(&backend, "cancel_contract", of("LF318846"), "other").await),
        ErrorKind::Refused
    );
    let offer = |account: &str| json!({ "account_number": account, "offer": "price" });
    assert_eq!(
        with_key(&backend, "apply_retention_offer", offer("LF608275"), "o1")
            .await
            .unwrap()["offer"],
        "SAVE8"
    );
    assert_eq!(
        kind(with_key(&backend, "apply_retention_offer", offer("LF608275"), "o2").await),
        ErrorKind::Refused
    );
    let tariff =
        |account: &str, tariff: &str| json!({ "account_number": account, "tariff": tariff });
    let up = with_key(
        &backend,
        "change_tariff",
        tariff("LF598213", "the 300 one"),
        "t1",
    )
    .await
    .unwrap();
    assert_eq!(
        (&up["monthly_price"], &up["fee"], &up["new_term_months"]),
        (&json!(33.0), &json!(0.0), &json!(18))
    );
    let down = with_key(
        &backend,
        "change_tariff",
        tariff("LF684917", "Fibre 300"),
        "t2",
    )
    .await
    .unwrap();
    assert_eq!(
        (&down["upgrade"], &down["fee"]),
        (&json!(false), &json!(15.0))
    );
    let to = |postcode: &str, date: &str| json!({ "account_number": "LF372849", "postcode": postcode, "moving_date": date });
    assert_eq!(
        kind(call(&backend, "start_move", to("ld38ne", "12 December")).await),
        ErrorKind::Refused
    );
    assert_eq!(
        kind(call(&backend, "start_move", to("TR18 4HB", "12 December")).await),
        ErrorKind::Refused
    );
    let moved = call(
        &backend,
        "start_move",
        to("ba1 5nw", "the 12th of December"),
    )
    .await
    .unwrap();
    assert_eq!(
        (&moved["moving_date"], &moved["short_notice"]),
        (&json!("2026-12-12"), &json!(false))
    );
}

#[tokio::test]
async fn debts_visits_sims_and_returns_follow_the_published_rules() {
    let backend = backend(&[]);
    let plan =
        |account: &str, count: Value| json!({ "account_number": account, "instalments": count });
    assert_eq!(
        kind(call(&backend, "set_payment_plan", plan("LF710366", json!(8))).await),
        ErrorKind::Refused
    );
    assert_eq!(
        call(&backend, "set_payment_plan", plan("LF710366", json!("six")))
            .await
            .unwrap()["each"],
        30.0
    );
    assert_eq!(
        kind(
            with_key(
                &backend,
                "set_payment_plan",
                plan("LF843105", json!(2)),
                "p2"
            )
            .await
        ),
        ErrorKind::Refused
    );
    let later = json!({ "account_number": "LF843105", "days": "10 days" });
    assert_eq!(
        call(&backend, "move_due_date", later).await.unwrap()["due"],
        "2026-12-10"
    );
    assert_eq!(
        call(
            &backend,
            "remove_late_fee",
            json!({ "account_number": "LF451128" })
        )
        .await
        .unwrap()["amount"],
        7.5
    );
    assert_eq!(
        kind(
            with_key(
                &backend,
                "remove_late_fee",
                json!({ "account_number": "LF562290" }),
                "f2"
            )
            .await
        ),
        ErrorKind::Refused
    );
    let visit =
        |account: &str, window: &str| json!({ "account_number": account, "window": window });
    assert_eq!(
        call(
            &backend,
            "book_engineer",
            visit("LF483370", "In the afternoon")
        )
        .await
        .unwrap()["date"],
        "2026-11-27"
    );
    assert_eq!(
        kind(
            with_key(
                &backend,
                "book_engineer",
                visit("LF402117", "morning"),
                "b2"
            )
            .await
        ),
        ErrorKind::Refused
    );
    let change = json!({ "account_number": "LF259604", "date": "Monday", "window": "afternoon" });
    assert_eq!(
        call(&backend, "change_appointment", change).await.unwrap()["date"],
        "2026-11-30"
    );
    let order =
        |code: Value| json!({ "account_number": "LF146690", "kind": "an eSIM", "code": code });
    assert_eq!(
        kind(call(&backend, "order_sim", order(json!(null))).await),
        ErrorKind::Refused
    );
    assert_eq!(
        kind(call(&backend, "order_sim", order(json!("111111"))).await),
        ErrorKind::Refused
    );
    assert_eq!(
        call(
            &backend,
            "order_sim",
            order(json!("four eight two nine one three"))
        )
        .await
        .unwrap()["price"],
        0
    );
    let charge = |account: &str, number: Value| json!({ "account_number": account, "tracking_number": number });
    assert_eq!(
        kind(
            call(
                &backend,
                "refund_charge",
                charge("LF716039", json!("RB000000000"))
            )
            .await
        ),
        ErrorKind::Refused
    );
    assert_eq!(
        call(
            &backend,
            "refund_charge",
            charge("LF865521", json!("rb 123 456 785"))
        )
        .await
        .unwrap()["amount"],
        50
    );
    assert_eq!(
        call(
            &backend,
            "check_service_status",
            json!({ "account_number": "LF629054" })
        )
        .await
        .unwrap()["credit_so_far"],
        12
    );
}

#[tokio::test]
async fn faults_come_call_by_call_and_everything_is_logged() {
    let faults = [Fault::Unavailable, Fault::Lost, Fault::Ok];
    let backend = backend(&[
        ("add_credit", &faults),
        ("run_line_test", &[Fault::Error, Fault::Again]),
    ]);
    let credit = json!({ "account_number": "LF402117", "amount": 5, "reason": "sorry" });
    assert_eq!(
        kind(call(&backend, "add_credit", credit.clone()).await),
        ErrorKind::Unavailable
    );
    assert_eq!(
        kind(call(&backend, "add_credit", credit.clone()).await),
        ErrorKind::Timeout
    );
    call(&backend, "add_credit", credit).await.unwrap();
    for _ in 0..3 {
        let test = call(
            &backend,
            "run_line_test",
            json!({ "account_number": "LF402117" }),
        )
        .await;
        assert_eq!(kind(test), ErrorKind::Malformed);
    }
    // The lost one was done too.
    let credits = paths::get(&backend.database(), "accounts.LF402117.credits")
        .cloned()
        .unwrap();
    assert_eq!(credits.as_object().unwrap().len(), 2);
    let calls = backend.calls(0);
    assert_eq!(calls.len(), 6);
    assert!(matches!(calls[0].outcome, Outcome::Failed(_)) && calls[1].outcome == Outcome::Lost);
    assert!(calls[2].is_proven_write() && !calls[1].is_proven_write());
    assert_eq!(calls[2].account.as_deref(), Some("LF402117"));
}
