//! What every `LanguageModel` promises.

// A suite is test code: a broken promise is told by a panic.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use futures::future::join_all;
use futures::{FutureExt, StreamExt};
use serde_json::{Value, json};

use crate::error::{Error, ErrorKind, Result};
use crate::llm::{
    Completion, Delta, Finish, LanguageModel, Output, Prefix, Prompt, Request, Tool, Usage,
};

/// Everything that is asked here is over by then, on a slow machine too.
const PATIENCE: Duration = Duration::from_secs(120);
/// Room for every form that is asked for.
const ROOM: usize = 64;
/// More than any window of a model that runs beside tests.
const ENORMOUS: usize = 200_000;

/// Checks everything [`LanguageModel`] promises, in a Tokio runtime that has the time driver.
///
/// It asks some thirty small questions with answers of at most 64 tokens and, at the end, one of
/// 200 000 words, for which a paid server with a large window may charge.
///
/// # Panics
/// With the promise that is broken.
pub async fn language_model(model: &dyn LanguageModel) {
    an_answer_ends_once_and_tells_what_it_cost(model).await;
    an_answer_has_words(model).await;
    the_limit_of_tokens_is_kept(model).await;
    json_follows_its_schema(model).await;
    a_choice_is_told_to_the_letter(model).await;
    text_matches_its_pattern_from_end_to_end(model).await;
    a_call_names_a_tool_and_fits_its_parameters(model).await;
    a_form_that_cannot_be_used_is_invalid_input(model).await;
    an_answer_that_is_dropped_leaves_the_model_usable(model).await;
    requests_at_the_same_time_all_end(model).await;
    choices_are_scored_as_probabilities_or_not_at_all(model).await;
    a_prompt_beyond_the_window_is_refused_and_harms_nobody(model).await;
}

fn prompt(task: &str) -> Prompt {
    let mut prefix = Prefix::new("You help the customers of an internet provider. Be brief.");
    prefix.push("[1] Customer: My router is broken, and I was charged twice.");
    prefix.push("[2] Agent: I am sorry to hear that.");
    prefix.ask(task)
}

fn request(task: &str) -> Request {
    Request::new(prompt(task)).with_max_tokens(ROOM)
}

async fn within<T>(what: &str, work: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, work).await {
        Ok(done) => done,
        Err(_) => panic!("{what} must come within {} s", PATIENCE.as_secs()),
    }
}

/// A whole answer, held to what is promised of every answer.
async fn ask(model: &dyn LanguageModel, request: Request) -> Result<Completion> {
    within("the end of an answer", read(model, request)).await
}

async fn read(model: &dyn LanguageModel, request: Request) -> Result<Completion> {
    let limit = request.max_tokens;
    let lines = request.prompt.prefix().lines().len();
    let mut stream = model.generate(request).await?;
    let mut text = String::new();
    let (finish, usage) = loop {
        match stream.next().await {
            Some(Ok(Delta::Text(piece))) => text.push_str(&piece),
            Some(Ok(Delta::Done { finish, usage })) => break (finish, usage),
            Some(Err(error)) => return Err(error),
            None => panic!("a stream that did not fail must end with `Done`, after {text:?} too"),
        }
    };
    if let Some(more) = stream.next().await {
        panic!("nothing may come after `Done`, but {more:?} did");
    }
    assert!(
        usage.completion_tokens <= limit,
        "an answer may not cost more than its limit of {limit} tokens: {usage:?}"
    );
    assert!(
        usage.reused_tokens <= usage.prompt_tokens,
        "reused tokens are tokens of the prompt: {usage:?}"
    );
    assert!(
        usage.dropped_lines <= lines,
        "only lines of the transcript, here {lines}, can be dropped: {usage:?}"
    );
    assert!(
        usage.prompt_tokens > 0 || usage == Usage::default(),
        "whoever tells a cost tells that of the prompt: {usage:?}"
    );
    Ok(Completion {
        text,
        finish,
        usage,
    })
}

fn told<T>(what: &str, answer: Result<T>) -> T {
    answer.unwrap_or_else(|error| panic!("{what} must succeed: {error}"))
}

async fn an_answer_ends_once_and_tells_what_it_cost(model: &dyn LanguageModel) {
    let asked = request("Say hello to the customer.").with_max_tokens(12);
    let answer = told("a plain question", ask(model, asked).await);
    let usage = &answer.usage;
    assert_eq!(usage.dropped_lines, 0, "two lines fit every window");
    // A server that does not tell what an answer cost tells nothing at all.
    if *usage != Usage::default() {
        let is_free = usage.completion_tokens == 0;
        assert_eq!(
            answer.text.is_empty(),
            is_free,
            "words cost tokens: {answer:?}"
        );
    }
}

async fn an_answer_has_words(model: &dyn LanguageModel) {
    // Not of free text: it may be that a model has nothing to say.
    let asked = request("Is the customer angry? Answer yes or no.").with_choice(["yes", "no"]);
    if let Ok(answer) = ask(model, asked).await {
        let said = answer.text.trim();
        assert!(!said.is_empty(), "whoever is to choose must say something");
    }
}

async fn the_limit_of_tokens_is_kept(model: &dyn LanguageModel) {
    let asked = request("Explain how a router works.").with_max_tokens(1);
    let answer = told("an answer of one token", ask(model, asked).await);
    assert!(
        answer.finish == Finish::Length || answer.text.chars().count() < 40,
        "an answer of one token is short or was cut: {answer:?}"
    );
    if model.capabilities().constrained {
        let asked = request("Which room?").with_json(room_schema());
        let answer = told("JSON", ask(model, asked.with_max_tokens(1)).await);
        assert_eq!(answer.finish, Finish::Length, "no JSON object is one token");
    }
}

/// Asks for a form. An answer that does not keep to it is the reader's to reject, unless the model
/// promises that there is none.
async fn keeps_to_form(
    model: &dyn LanguageModel,
    request: Request,
    fits: impl Fn(&str) -> bool + Send,
) {
    let form = request.output.clone();
    let constrained = model.capabilities().constrained;
    match ask(model, request).await {
        Ok(answer) if constrained => {
            let said = &answer.text;
            assert!(fits(said), "answers must follow {form:?}, not be {said:?}");
            assert_eq!(answer.finish, Finish::Stop, "{said:?} is whole: {form:?}");
        }
        Ok(_) => {}
        Err(error) if constrained => panic!("{form:?} must be answered: {error}"),
        Err(error) => assert_ne!(
            error.kind(),
            ErrorKind::Internal,
            "a form that a model does not know is no defect: {error}"
        ),
    }
}

fn room_schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "room": { "enum": ["kitchen", "hall"] },
            "broken": { "type": "boolean" },
            "lamps": { "type": "integer", "minimum": 0, "maximum": 9 },
        },
        "required": ["room", "broken", "lamps"],
        "additionalProperties": false,
    })
}

fn is_one_of(value: &Value, choices: &[&str]) -> bool {
    value.as_str().is_some_and(|value| choices.contains(&value))
}

fn has_only(value: &Value, keys: usize) -> bool {
    value.as_object().is_some_and(|object| object.len() == keys)
}

async fn json_follows_its_schema(model: &dyn LanguageModel) {
    let asked = request("Where is the router, and does it work?").with_json(room_schema());
    keeps_to_form(model, asked, |said| {
        serde_json::from_str::<Value>(said).is_ok_and(|answer| {
            has_only(&answer, 3)
                && is_one_of(&answer["room"], &["kitchen", "hall"])
                && answer["broken"].is_boolean()
                && answer["lamps"].as_u64().is_some_and(|lamps| lamps <= 9)
        })
    })
    .await;
}

async fn a_choice_is_told_to_the_letter(model: &dyn LanguageModel) {
    let lists: [&[&str]; 4] = [
        &["send an engineer", "send an invoice", "refund"],
        // One is the beginning of another.
        &["no", "no thanks"],
        // Nothing in a choice is a pattern or ends a string.
        &["a|b (c)* [d] \\ \"e\"", "{\"f\": 1}"],
        &["Ärger", "路由器", "👍"],
    ];
    for choices in lists {
        let asked = request("What is to be done?").with_choice(choices.iter().copied());
        keeps_to_form(model, asked, |said| choices.contains(&said)).await;
    }
}

async fn text_matches_its_pattern_from_end_to_end(model: &dyn LanguageModel) {
    for pattern in ["[0-9]{3}-[A-Z]{2}", "cat|dog", "(yes|no), (Ärger|fine)\\."] {
        let whole = regex::Regex::new(&format!("^(?:{pattern})$")).unwrap();
        let asked = request("What is the reference?").with_regex(pattern);
        keeps_to_form(model, asked, |said| whole.is_match(said)).await;
    }
}

async fn a_call_names_a_tool_and_fits_its_parameters(model: &dyn LanguageModel) {
    let tool = |name: &str, key: &str, values: &[&str]| Tool {
        name: name.into(),
        description: format!("Does {name} for the customer."),
        parameters: json!({
            "type": "object",
            "properties": { key: { "enum": values } },
            "required": [key],
            "additionalProperties": false,
        }),
    };
    let days = ["monday", "friday"];
    let accounts = ["bank", "voucher"];
    let tools = vec![
        tool("send_engineer", "day", &days),
        tool("pay-back2", "to", &accounts),
    ];
    let asked = request("Pay the customer back.").with_tools(tools);
    keeps_to_form(model, asked, |said| {
        serde_json::from_str::<Value>(said).is_ok_and(|call| {
            let arguments = &call["arguments"];
            let fits = match call["name"].as_str() {
                Some("send_engineer") => is_one_of(&arguments["day"], &days),
                Some("pay-back2") => is_one_of(&arguments["to"], &accounts),
                _ => false,
            };
            fits && has_only(&call, 2) && has_only(arguments, 1)
        })
    })
    .await;
}

async fn is_invalid_input(model: &dyn LanguageModel, output: Output) {
    let mut asked = request("What is to be done?");
    asked.output = output.clone();
    match ask(model, asked).await {
        Ok(answer) => panic!("{output:?} cannot be used, but {answer:?} was answered"),
        Err(error) => assert_eq!(
            error.kind(),
            ErrorKind::InvalidInput,
            "{output:?} is the caller's mistake: {error}"
        ),
    }
}

async fn a_form_that_cannot_be_used_is_invalid_input(model: &dyn LanguageModel) {
    is_invalid_input(model, Output::Choice(Vec::new())).await;
    is_invalid_input(model, Output::Tool(Vec::new())).await;
    if model.capabilities().constrained {
        is_invalid_input(model, Output::Choice(vec!["yes".into(), String::new()])).await;
        is_invalid_input(model, Output::Json(json!({ "type": 5 }))).await;
        is_invalid_input(model, Output::Regex("(".into())).await;
    }
}

async fn an_answer_that_is_dropped_leaves_the_model_usable(model: &dyn LanguageModel) {
    let long = || request("Tell the customer how the internet came about.");
    drop(model.generate(long()).now_or_never());
    for pieces in 0..2 {
        let stream = within("the start of an answer", model.generate(long())).await;
        let mut stream = told("a plain question", stream);
        for _ in 0..pieces {
            let piece = within("a piece of an answer", stream.next()).await;
            told("an answer", piece.expect("a stream is never empty"));
        }
    }
    let asked = request("Say hello to the customer.").with_max_tokens(4);
    told("a question after dropped ones", ask(model, asked).await);
}

async fn requests_at_the_same_time_all_end(model: &dyn LanguageModel) {
    let tasks = ["What is broken?", "Who is sorry?"];
    let answers = tasks.map(|task| ask(model, request(task).with_max_tokens(8)));
    for answer in join_all(answers).await {
        told("one of two questions at the same time", answer);
    }
}

async fn scores(model: &dyn LanguageModel, choices: &[&str]) -> Result<Vec<f32>> {
    let choices = choices.iter().copied().map(String::from).collect();
    let asked = prompt("What is the conversation about?");
    within("the scores", model.score(asked, choices)).await
}

async fn choices_are_scored_as_probabilities_or_not_at_all(model: &dyn LanguageModel) {
    let choices = ["the weather", "a broken router", "billing"];
    let scored = scores(model, &choices).await;
    if !model.capabilities().scoring {
        let error = scored.expect_err("what is not among the capabilities must not work");
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        return;
    }
    let scored = told("scoring", scored);
    assert_eq!(scored.len(), choices.len(), "every choice has a score");
    assert!(
        scored.iter().all(|score| (0.0..=1.001).contains(score)),
        "scores are probabilities: {scored:?}"
    );
    assert_sums_to_one(&scored);

    let [first, second, third] = choices;
    let mut reversed = told("scoring", scores(model, &[third, second, first]).await);
    reversed.reverse();
    for (score, again) in scored.iter().zip(&reversed) {
        assert!(
            (score - again).abs() < 0.02,
            "scores stand in the order of the choices: {scored:?}, turned round {reversed:?}"
        );
    }
    assert_sums_to_one(&told("scoring", scores(model, &[first]).await));

    let unusable: [&[&str]; 2] = [&[], &[first, ""]];
    for unusable in unusable {
        let error: Error = scores(model, unusable)
            .await
            .expect_err("there is nothing to score");
        assert_eq!(
            error.kind(),
            ErrorKind::InvalidInput,
            "{unusable:?} is the caller's mistake: {error}"
        );
    }
}

fn assert_sums_to_one(scores: &[f32]) {
    let sum: f32 = scores.iter().sum();
    assert!((sum - 1.0).abs() < 1e-3, "{scores:?} must sum to 1");
}

async fn a_prompt_beyond_the_window_is_refused_and_harms_nobody(model: &dyn LanguageModel) {
    let words = "word ".repeat(ENORMOUS);
    let asked = Request::new(Prompt::new("You help.", words)).with_max_tokens(1);
    if let Err(error) = ask(model, asked).await {
        let kind = error.kind();
        let is_expected = matches!(kind, ErrorKind::TooLong | ErrorKind::InvalidInput);
        assert!(
            is_expected,
            "a prompt that is too long is {kind:?}: {error}"
        );
    }
    let asked = request("Say hello to the customer.").with_max_tokens(4);
    told("a question after a huge one", ask(model, asked).await);
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use futures::stream::BoxStream;

    use super::*;
    use crate::llm::{Capabilities, ScriptedModel};

    /// Says the same whatever it is asked, after something was done to its answer.
    #[derive(Debug)]
    struct Bent {
        constrained: bool,
        bend: fn(&mut Vec<Result<Delta>>),
    }

    impl Bent {
        fn by(bend: fn(&mut Vec<Result<Delta>>)) -> Self {
            Self {
                constrained: false,
                bend,
            }
        }
    }

    #[async_trait]
    impl LanguageModel for Bent {
        fn id(&self) -> &str {
            "bent"
        }

        fn capabilities(&self) -> Capabilities {
            Capabilities::default().with_constrained(self.constrained)
        }

        async fn generate(&self, request: Request) -> Result<BoxStream<'static, Result<Delta>>> {
            let straight = ScriptedModel::new(["It is on its way."]);
            let mut items: Vec<_> = straight.generate(request).await?.collect().await;
            (self.bend)(&mut items);
            Ok(futures::stream::iter(items).boxed())
        }
    }

    fn done(usage: Usage) -> Result<Delta> {
        let finish = Finish::Stop;
        Ok(Delta::Done { finish, usage })
    }

    #[tokio::test]
    async fn a_model_that_keeps_its_promises_passes() {
        language_model(&Bent::by(|_| {})).await;
    }

    #[tokio::test]
    #[should_panic(expected = "must end with `Done`")]
    async fn a_stream_that_just_stops_is_found() {
        language_model(&Bent::by(|items| drop(items.pop()))).await;
    }

    #[tokio::test]
    #[should_panic(expected = "nothing may come after `Done`")]
    async fn a_second_end_is_found() {
        language_model(&Bent::by(|items| items.push(done(Usage::default())))).await;
    }

    #[tokio::test]
    #[should_panic(expected = "more than its limit")]
    async fn an_answer_that_costs_too_much_is_found() {
        let dear = |items: &mut Vec<Result<Delta>>| {
            items.pop();
            items.push(done(Usage {
                prompt_tokens: 9,
                completion_tokens: ROOM + 1,
                ..Usage::default()
            }));
        };
        language_model(&Bent::by(dear)).await;
    }

    #[tokio::test]
    #[should_panic(expected = "must say something")]
    async fn an_answer_without_words_is_found() {
        let mute = |items: &mut Vec<Result<Delta>>| {
            items.clear();
            items.push(done(Usage::default()));
        };
        language_model(&Bent::by(mute)).await;
    }

    #[tokio::test]
    #[should_panic(expected = "answers must follow")]
    async fn a_form_that_was_promised_and_not_kept_is_found() {
        let mut model = Bent::by(|_| {});
        model.constrained = true;
        language_model(&model).await;
    }
}
