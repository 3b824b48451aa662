use std::collections::BTreeMap;

use super::*;
use crate::llm::{Output, Request, ScriptedModel};

fn customers(expect: &str) -> Customers {
    let customer = Customer::from_toml(&format!(
        r#"
id = "greets"
about = "Says hello and asks for a person."
says = [{{ text = ["Hello there", "Good morning", "Hi"] }}, {{ text = ["I want a person, please."] }}]
{expect}
"#
    ));
    Customers {
        customers: vec![customer.unwrap()],
        database: serde_json::json!({ "today": "2026-11-25", "accounts": {} }),
    }
}

/// Hands over when a person is asked for, else talks.
fn model() -> ScriptedModel {
    ScriptedModel::from_fn(|request: &Request| {
        let Output::Json(schema) = &request.output else {
            return Ok("Hello, how can I help?".into());
        };
        let lines = request.prompt.prefix().lines();
        let asks = lines.iter().any(|line| line.contains("person"));
        Ok(match schema.pointer("/properties/commands").is_some() {
            true if asks => {
                r#"{"commands":[{"command":"hand_off","reason":"customer_asked"}]}"#.into()
            }
            true => r#"{"commands":[{"command":"small_talk"}]}"#.into(),
            false => "{}".into(),
        })
    })
}

async fn score(customers: &Customers, trials: usize) -> (TaskScore, Vec<TaskProgress>) {
    let mut options = TaskOptions::new("larkfield");
    options.trials = trials;
    let make = |tools| {
        let builder = Assistant::builder()
            .language_model(Arc::new(model()))
            .tools(tools);
        builder.build().boxed()
    };
    let mut told = Vec::new();
    let score = run(customers, &options, &make, |task| told.push(task.clone()))
        .await
        .unwrap();
    (score, told)
}

#[tokio::test]
async fn a_customer_talks_to_the_agent_until_a_person_takes_over() {
    let (score, told) = score(&customers("[expect]\nhandoff = \"customer_asked\""), 3).await;
    assert_eq!(
        (score.n, score.trials, score.pass_1, score.pass_k),
        (1, 3, 1.0, 1.0),
        "{told:#?}"
    );
    assert_eq!(
        (
            score.handoffs_needed,
            score.handoffs_made,
            score.handoffs_unneeded
        ),
        (3, 3, 0)
    );
    assert_eq!((score.false_claims, score.policy_breaches), (0, 0));
    let openings: BTreeMap<String, ()> = told
        .iter()
        .filter_map(|task| match task.dialogue.moments.first() {
            Some(Moment::Customer(text)) => Some((text.clone(), ())),
            _ => None,
        })
        .collect();
    assert_eq!(openings.len(), 3);
    let transcript = told[0].transcript();
    assert!(transcript.contains("Agent     "), "{transcript}");
    assert!(
        transcript.contains("[hand-off] CustomerAsked"),
        "{transcript}"
    );
}

#[tokio::test]
async fn a_hand_off_that_was_not_needed_is_no_pass() {
    let (score, told) = score(&customers(""), 1).await;
    assert_eq!(
        (score.pass_1, score.pass_k, score.database_right),
        (0.0, 0.0, 1.0)
    );
    assert_eq!((score.handoffs_needed, score.handoffs_unneeded), (0, 1));
    assert!(told[0].verdict.reasons().contains("hand-off"), "{told:?}");
}

#[tokio::test]
async fn nothing_to_run_is_an_error() {
    let mut options = TaskOptions::new("larkfield");
    options.only = Some("nobody".into());
    let make = |tools| Assistant::builder().tools(tools).build().boxed();
    let none = run(&customers(""), &options, &make, |_| ()).await;
    assert_eq!(none.unwrap_err().kind(), ErrorKind::InvalidInput);
}
