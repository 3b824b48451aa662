//! The local engine under load: many answers at once, many conversations in little memory, transcripts longer
//! than the window, many answers that must parse: 200, or as many
//! as `ATTENDANT_ANSWERS` says.
#![cfg(feature = "candle")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use attendant::llm::candle::{CandleModel, CandleOptions};
use attendant::llm::{
    Finish, LanguageModel, LanguageModelExt, Prefix, Priority, Prompt, Request, Tool,
};
use attendant::models::ModelRole;
use futures::StreamExt;
use futures::future::join_all;
use serde_json::{Value, json};

const SMALL: &str = "smollm2-135m-instruct";
const LARGE: &str = "qwen2.5-coder-1.5b-instruct";

async fn load(id: &str, options: CandleOptions) -> CandleModel {
    let files = crate::support::model(id, ModelRole::Llm);
    CandleModel::load(id, files.weights, options).await.unwrap()
}

fn call(lines: usize) -> Prefix {
    let mut prefix = Prefix::new("You help the agents of a telephone company.");
    for line in 1..=lines {
        prefix.push(format!(
            "[{line}] Customer: My router {line} has had no connection since {line} o'clock."
        ));
    }
    prefix
}

#[tokio::test]
async fn questions_asked_together_share_the_transcript_and_answer_as_if_asked_alone() {
    let questions = [
        "What is the capital of France? One word.",
        "What is the capital of Spain? One word.",
        "What colour is the sky? One word.",
        "How many days has a week? One word.",
    ];
    let ask = |prefix: &Prefix, task: &str| Request::new(prefix.ask(task)).with_max_tokens(8);
    let prefix = call(30);
    let together = load(LARGE, CandleOptions::default()).await;
    let answers = join_all(
        questions
            .iter()
            .map(|task| together.complete(ask(&prefix, task))),
    )
    .await;
    let answers: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
    // Whichever was first fed the transcript; the others took it over.
    let fresh = answers
        .iter()
        .filter(|a| a.usage.reused_tokens == 0)
        .count();
    assert_eq!(fresh, 1);
    let whole = answers[0].usage.prompt_tokens;
    assert_eq!(
        answers
            .iter()
            .filter(|a| a.usage.reused_tokens > whole * 8 / 10)
            .count(),
        3
    );
    drop(together);
    let alone = load(LARGE, CandleOptions::default().with_prompt_lookup(false)).await;
    for (task, answer) in questions.iter().zip(answers) {
        assert_eq!(
            alone.complete(ask(&prefix, task)).await.unwrap().text,
            answer.text,
            "{task}"
        );
    }
}

#[tokio::test]
async fn guesses_from_the_prompt_never_change_an_answer() {
    let task = "Repeat the first four lines of the conversation word by word.";
    let request = || Request::new(call(12).ask(task)).with_max_tokens(90);
    let mut texts = Vec::new();
    for guesses in [false, true] {
        let model = load(LARGE, CandleOptions::default().with_prompt_lookup(guesses)).await;
        let answer = model.complete(request()).await.unwrap();
        // Again, over what the first answer left behind.
        let again = model.complete(request()).await.unwrap();
        assert_eq!(answer.text, again.text);
        texts.push((answer.text, answer.finish, answer.usage.completion_tokens));
    }
    assert_eq!(texts[0], texts[1]);
}

#[tokio::test]
async fn a_transcript_longer_than_the_window_loses_its_oldest_lines_and_says_so() {
    let options = CandleOptions::default().with_context_tokens(1024);
    let model = load(SMALL, options).await;
    let mut prefix = call(100);
    let ask = |prefix: &Prefix| Request::new(prefix.ask("Which router?")).with_max_tokens(8);
    let first = model.complete(ask(&prefix)).await.unwrap().usage;
    assert!(
        first.dropped_lines > 0 && first.dropped_lines < 100,
        "{first:?}"
    );
    assert!(first.prompt_tokens + 8 <= 1024, "{first:?}");
    prefix.push("[101] Agent: I see. Please wait a moment.");
    let second = model.complete(ask(&prefix)).await.unwrap().usage;
    // The cut stays where it is, so what was fed is used again.
    assert_eq!(second.dropped_lines, first.dropped_lines);
    assert!(
        second.reused_tokens > second.prompt_tokens / 2,
        "{second:?}"
    );
    let whole = model.complete(ask(&call(5))).await.unwrap().usage;
    assert_eq!(whole.dropped_lines, 0);
}

#[tokio::test]
async fn conversations_stay_within_their_memory_and_the_oldest_go_first() {
    let one = load(SMALL, CandleOptions::default()).await;
    let ask = |n: usize| {
        let mut prefix = Prefix::new(format!("You help customer number {n}."));
        prefix.push("[1] Customer: The light of my router is red. ".repeat(20));
        Request::new(prefix.ask("What is red?")).with_max_tokens(8)
    };
    one.complete(ask(0)).await.unwrap();
    let each = one.memory().cache_bytes;
    assert!(each > 0);
    let budget = each * 7 / 2;
    let model = load(SMALL, CandleOptions::default().with_cache_bytes(budget)).await;
    for n in 0..6 {
        model.complete(ask(n)).await.unwrap();
        assert!(model.memory().cache_bytes <= budget, "{:?}", model.memory());
    }
    let reused = |n| {
        let model = model.clone();
        async move { model.complete(ask(n)).await.unwrap().usage.reused_tokens }
    };
    assert!(reused(5).await > 100);
    assert!(reused(0).await < 20);
    // More than the budget for one request: it is answered all the same, and given back after.
    let tiny = load(SMALL, CandleOptions::default().with_cache_bytes(1)).await;
    let answers = join_all((0..3).map(|n| tiny.complete(ask(n)))).await;
    assert!(answers.into_iter().all(|answer| answer.is_ok()));
}

#[tokio::test]
async fn answers_that_nobody_waits_for_make_room_for_others() {
    let model = load(SMALL, CandleOptions::default().with_max_batch(1)).await;
    let long = || Request::new(Prompt::new("s", "Tell a very long story.")).with_max_tokens(3000);
    let mut first = model.generate(long()).await.unwrap();
    first.next().await.unwrap().unwrap();
    let behind = model
        .generate(long().with_priority(Priority::Background))
        .await
        .unwrap();
    let question = Request::new(Prompt::new("s", "Say yes.")).with_max_tokens(4);
    let urgent = model
        .generate(question.with_priority(Priority::Live))
        .await
        .unwrap();
    drop(first);
    // It overtakes the one that came before it, which is not begun.
    let urgent: Vec<_> = urgent.collect().await;
    assert!(urgent.iter().all(Result::is_ok));
    drop(behind);
    let answer = model
        .complete(Request::new(Prompt::new("s", "t")).with_max_tokens(4))
        .await;
    assert!(answer.is_ok());
}

#[cfg(feature = "test-util")]
#[tokio::test]
async fn the_engine_keeps_the_contract_of_the_port() {
    let model = load(SMALL, CandleOptions::default()).await;
    attendant::testing::language_model(&model).await;
}

#[tokio::test]
async fn tools_whose_parameters_have_definitions_can_be_called() {
    #[derive(serde::Deserialize, schemars::JsonSchema)]
    #[allow(dead_code)]
    struct Refund {
        reason: Reason,
        pounds: u8,
    }
    #[derive(serde::Deserialize, schemars::JsonSchema)]
    #[allow(dead_code)]
    enum Reason {
        ChargedTwice,
        NotDelivered,
    }
    let model = load(SMALL, CandleOptions::default()).await;
    let tools = vec![
        Tool {
            name: "refund".into(),
            description: "pays money back".into(),
            parameters: Value::from(schemars::schema_for!(Refund)),
        },
        Tool {
            name: "restart".into(),
            description: "restarts the router".into(),
            parameters: json!({ "type": "object", "properties": {}, "additionalProperties": false }),
        },
    ];
    for seed in 0..10 {
        let request = Request::new(Prompt::new(
            "You help.",
            "I was charged twice. Call a tool.",
        ))
        .with_tools(tools.clone())
        .with_temperature(1.0)
        .with_seed(seed);
        let answer = model.complete(request).await.unwrap();
        let call: Value = serde_json::from_str(&answer.text).expect(&answer.text);
        match call["name"].as_str() {
            Some("refund") => drop(Refund::deserialize(&call["arguments"]).unwrap()),
            Some("restart") => assert_eq!(call["arguments"], json!({})),
            other => panic!("{other:?} is no tool"),
        }
    }
    use serde::Deserialize;
}

/// Objects in objects, lists, numbers, choices, what may be missing; nothing that could go on for ever.
fn schemas() -> [Value; 5] {
    [
        json!({ "type": "object", "additionalProperties": false, "required": ["product", "urgent", "words"],
            "properties": { "product": { "enum": ["router", "phone \"X\"", "contract\n"] },
                "urgent": { "type": "boolean" },
                "words": { "type": "array", "maxItems": 3, "items": { "type": "string", "maxLength": 8 } } } }),
        json!({ "type": "object", "additionalProperties": false, "required": ["caller", "amount"],
            "properties": { "caller": { "type": "object", "additionalProperties": false, "required": ["name"],
                    "properties": { "name": { "type": "string", "maxLength": 12 },
                        "age": { "type": "integer", "minimum": 0, "maximum": 130 } } },
                "amount": { "type": "number", "minimum": 0, "maximum": 1000, "multipleOf": 0.25 } } }),
        json!({ "type": "array", "minItems": 1, "maxItems": 4,
            "items": { "anyOf": [{ "type": "null" }, { "type": "boolean" }, { "const": "later" }] } }),
        json!({ "type": "object", "additionalProperties": false, "required": ["date", "note"],
            "properties": { "date": { "type": "string", "pattern": "^20[0-9]{2}-(0[1-9]|1[0-2])$" },
                "note": { "type": ["string", "null"], "maxLength": 16 } } }),
        json!({ "$ref": "#/$defs/step", "$defs": { "step": { "type": "object", "additionalProperties": false,
            "required": ["do"], "properties": { "do": { "enum": ["ask", "say", "end"] },
                "score": { "type": "integer", "minimum": -5, "maximum": 5 } } } } }),
    ]
}

/// How many answers are made; a thousand take minutes.
fn count() -> u64 {
    let given = std::env::var("ATTENDANT_ANSWERS").ok();
    given.map_or(200, |count| count.parse().unwrap())
}

#[tokio::test]
async fn answers_of_the_smallest_model_at_temperature_one_all_parse() {
    let model = load(SMALL, CandleOptions::default()).await;
    let schemas = schemas();
    let checks: Vec<fn(&Value) -> bool> = vec![
        |v| v["urgent"].is_boolean() && v["words"].as_array().is_some_and(|w| w.len() <= 3),
        |v| v["caller"]["name"].is_string() && v["amount"].is_number(),
        |v| {
            v.as_array()
                .is_some_and(|list| (1..=4).contains(&list.len()))
        },
        |v| v["date"].as_str().is_some_and(|d| d.len() == 7) && v.get("note").is_some(),
        |v| ["ask", "say", "end"].contains(&v["do"].as_str().unwrap_or_default()),
    ];
    let batches = count() / 8;
    let mut different = std::collections::HashSet::new();
    for batch in 0..batches {
        let answers = (0..8).map(|place| {
            let number = batch * 8 + place;
            let schema = number as usize % schemas.len();
            let request = Request::new(Prompt::new("You file tickets.", "Answer with JSON."))
                .with_json(schemas[schema].clone())
                .with_temperature(1.0)
                .with_seed(number)
                .with_max_tokens(256);
            let model = &model;
            async move { (number, schema, model.complete(request).await.unwrap()) }
        });
        for (number, schema, answer) in join_all(answers).await {
            assert_eq!(answer.finish, Finish::Stop, "{number}: {}", answer.text);
            let value: Value = match serde_json::from_str(&answer.text) {
                Ok(value) => value,
                Err(why) => panic!("{number}: {why}: {}", answer.text),
            };
            assert!(checks[schema](&value), "{number}: {value}");
            different.insert(answer.text);
        }
    }
    // Not the same answer again and again.
    assert!(
        different.len() as u64 > batches * 8 / 5,
        "only {} different answers",
        different.len()
    );
}
