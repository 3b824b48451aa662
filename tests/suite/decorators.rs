//! The decorators of the language-model port: each keeps the port's contract, and they work when they
//! are put around each other. Time is paused where it matters, so that nothing waits for real.
#![cfg(feature = "test-util")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use attendant::llm::{
    Capabilities, Delta, Fallback, Finish, LanguageModel, LanguageModelExt, Limit, Meter, Output,
    Prompt, Request, Retry, RetryPolicy, ScriptedModel, Usage,
};
use attendant::testing::language_model;
use attendant::{Error, ErrorKind, Result};
use futures::StreamExt;
use futures::future::join_all;
use futures::stream::BoxStream;
use tokio::time::Instant;

const WORDS: [&str; 2] = ["Your refund ", "is on its way."];
const SECOND: Duration = Duration::from_secs(1);

/// How a request fails.
#[derive(Debug)]
enum Failure {
    AtOnce(Error),
    FirstPiece(Error),
    Midway(Error),
    /// The stream stops without an error.
    JustStops,
}

/// A model that fails in these ways, one a request, and then answers; each answer takes a second.
#[derive(Debug, Default)]
struct Flaky {
    failures: Mutex<VecDeque<Failure>>,
    asked: AtomicUsize,
    running: AtomicUsize,
    most_at_once: AtomicUsize,
}

impl Flaky {
    fn new(failures: impl IntoIterator<Item = Failure>) -> Arc<Self> {
        Arc::new(Self {
            failures: Mutex::new(failures.into_iter().collect()),
            ..Self::default()
        })
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl LanguageModel for Flaky {
    fn id(&self) -> &str {
        "flaky"
    }

    async fn generate(&self, _: Request) -> Result<BoxStream<'static, Result<Delta>>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let failure = self.failures.lock().unwrap().pop_front();
        let words = WORDS.map(|word| Ok(Delta::Text(word.into())));
        let [begin, end] = words;
        let items = match failure {
            Some(Failure::AtOnce(error)) => return Err(error),
            Some(Failure::FirstPiece(error)) => vec![Err(error)],
            Some(Failure::Midway(error)) => vec![begin, Err(error)],
            Some(Failure::JustStops) => vec![begin],
            None => {
                let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
                self.most_at_once.fetch_max(running, Ordering::SeqCst);
                tokio::time::sleep(SECOND).await;
                self.running.fetch_sub(1, Ordering::SeqCst);
                let usage = Usage {
                    prompt_tokens: 10,
                    reused_tokens: 4,
                    completion_tokens: 6,
                    dropped_lines: 1,
                };
                let finish = Finish::Stop;
                vec![begin, end, Ok(Delta::Done { finish, usage })]
            }
        };
        Ok(futures::stream::iter(items).boxed())
    }
}

/// The silent model with every capability: it finds words for the suite's patterns and scores a choice
/// by its length.
#[derive(Debug)]
struct Able(ScriptedModel);

impl Able {
    fn new() -> Self {
        Self(ScriptedModel::from_fn(|request| {
            let Output::Regex(pattern) = &request.output else {
                return Err(Error::new(ErrorKind::Internal, "only patterns come here"));
            };
            let whole = regex::Regex::new(&format!("^(?:{pattern})$")).unwrap();
            let known = ["482-KX", "dog", "no, Ärger."];
            let word = known.into_iter().find(|word| whole.is_match(word));
            Ok(word.expect("the suite asks for another pattern").into())
        }))
    }
}

#[async_trait]
impl LanguageModel for Able {
    fn id(&self) -> &str {
        "able"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
            .with_constrained(true)
            .with_scoring(true)
            .with_prefix_cache(true)
    }

    async fn generate(&self, request: Request) -> Result<BoxStream<'static, Result<Delta>>> {
        match request.output {
            Output::Regex(_) => self.0.generate(request).await,
            // JSON without blanks is one word to it, so it can only be whole or be cut to nothing.
            Output::Json(_) if request.max_tokens == 1 => {
                let cut = request.with_max_tokens(0);
                ScriptedModel::silent().generate(cut).await
            }
            _ => ScriptedModel::silent().generate(request).await,
        }
    }

    async fn score(&self, _: Prompt, choices: Vec<String>) -> Result<Vec<f32>> {
        if choices.is_empty() || choices.iter().any(String::is_empty) {
            return Err(Error::new(ErrorKind::InvalidInput, "nothing to score"));
        }
        let all: usize = choices.iter().map(String::len).sum();
        let share = |choice: &String| choice.len() as f32 / all as f32;
        Ok(choices.iter().map(share).collect())
    }
}

fn error(kind: ErrorKind) -> Error {
    Error::new(kind, "it did not work")
}

fn request() -> Request {
    Request::new(Prompt::new("You help.", "Where is my money?"))
}

/// Waits of exactly what was asked for, and otherwise none.
fn eager() -> RetryPolicy {
    RetryPolicy::default()
        .with_attempts(3)
        .with_first_wait(Duration::ZERO)
}

/// Waits long enough to get in, however unlucky: waits are drawn between nothing and their bound.
fn patient() -> RetryPolicy {
    RetryPolicy::default()
        .with_attempts(100)
        .with_first_wait(SECOND)
        .with_longest_wait(4 * SECOND)
        .with_total_time(600 * SECOND)
}

fn wrapped(inner: &Arc<dyn LanguageModel>) -> Vec<Box<dyn LanguageModel>> {
    let silent: Arc<dyn LanguageModel> = Arc::new(ScriptedModel::silent());
    let broken = Flaky::new((0..1000).map(|_| Failure::AtOnce(error(ErrorKind::Unavailable))));
    let limited = Limit::new(inner.clone(), 1).with_waiting(1);
    vec![
        Box::new(Retry::new(inner.clone(), eager())),
        Box::new(limited.clone()),
        Box::new(Fallback::new(inner.clone(), silent)),
        Box::new(Fallback::new(broken, inner.clone())),
        Box::new(Fallback::new(inner.clone(), inner.clone())),
        Box::new(Meter::new(inner.clone())),
        Box::new(Meter::new(Arc::new(Retry::new(Arc::new(limited), eager())))),
    ]
}

#[tokio::test]
async fn every_decorator_keeps_the_contract_of_the_port() {
    language_model(&Able::new()).await;
    let models: [Arc<dyn LanguageModel>; 2] =
        [Arc::new(ScriptedModel::silent()), Arc::new(Able::new())];
    for inner in &models {
        for model in wrapped(inner) {
            language_model(&*model).await;
        }
    }
}

#[tokio::test]
async fn decorators_tell_the_name_and_the_capabilities_of_what_they_are_around() {
    let able: Arc<dyn LanguageModel> = Arc::new(Able::new());
    let all = able.capabilities();
    let around: [Box<dyn LanguageModel>; 4] = [
        Box::new(Retry::new(able.clone(), eager())),
        Box::new(Limit::new(able.clone(), 1)),
        Box::new(Meter::new(able.clone())),
        Box::new(Fallback::new(able.clone(), able.clone())),
    ];
    for model in around {
        assert_eq!((model.id(), model.capabilities()), ("able", all));
    }
    let silent: Arc<dyn LanguageModel> = Arc::new(ScriptedModel::silent());
    let none = silent.capabilities();
    let mixed = Fallback::new(able.clone(), silent.clone());
    assert_eq!((mixed.id(), mixed.capabilities()), ("able", none));
    let mixed = Fallback::new(silent, able);
    assert_eq!((mixed.id(), mixed.capabilities()), ("scripted", none));
}

#[tokio::test(start_paused = true)]
async fn a_retry_waits_as_long_as_it_was_told_to() {
    let told = error(ErrorKind::Overloaded).with_retry_after(3 * SECOND);
    let inner = Flaky::new([Failure::AtOnce(told)]);
    let start = Instant::now();
    let answer = Retry::new(inner.clone(), eager()).complete(request()).await;
    assert_eq!(answer.unwrap().text, WORDS.concat());
    assert_eq!(inner.asked(), 2);
    // Three for the wait, one for the answer; timers are a millisecond coarse.
    let spent = start.elapsed();
    assert!(spent >= 4 * SECOND, "{spent:?}");
    assert!(spent < 5 * SECOND, "{spent:?}");
}

#[tokio::test(start_paused = true)]
async fn a_retry_that_would_have_to_wait_too_long_gives_up_at_once() {
    let told = error(ErrorKind::Overloaded).with_retry_after(60 * SECOND);
    let inner = Flaky::new([Failure::AtOnce(told)]);
    let start = Instant::now();
    let retry = Retry::new(inner.clone(), eager());
    let given_up = retry.complete(request()).await.unwrap_err();
    assert_eq!(given_up.retry_after(), Some(60 * SECOND));
    assert_eq!(inner.asked(), 1);
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn attempts_end_with_the_total_time() {
    let failures = (0..100).map(|_| {
        let told = error(ErrorKind::Unavailable).with_retry_after(4 * SECOND);
        Failure::AtOnce(told)
    });
    let inner = Flaky::new(failures);
    let policy = eager().with_attempts(100).with_total_time(10 * SECOND);
    let retry = Retry::new(inner.clone(), policy);
    retry.complete(request()).await.unwrap_err();
    assert_eq!(inner.asked(), 3, "at 0, 4 and 8 seconds");
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_fails_before_its_first_piece_is_started_again() {
    let inner = Flaky::new([Failure::FirstPiece(error(ErrorKind::Timeout))]);
    let retry = Retry::new(inner.clone(), eager());
    assert_eq!(
        retry.complete(request()).await.unwrap().text,
        WORDS.concat()
    );
    assert_eq!(inner.asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn words_that_went_out_are_never_said_twice() {
    let midway = || Failure::Midway(error(ErrorKind::Unavailable));
    let inner = Flaky::new([midway(), midway(), midway()]);
    let second = Arc::new(ScriptedModel::silent());
    let both = Fallback::new(inner.clone(), second).with_cool_down(Duration::ZERO);
    let retry = Retry::new(Arc::new(both), eager());
    for asked in 1..=3 {
        let items: Vec<_> = retry.generate(request()).await.unwrap().collect().await;
        assert_eq!(items.len(), 2, "{items:?}");
        assert_eq!(*items[0].as_ref().unwrap(), Delta::Text(WORDS[0].into()));
        let kind = items[1].as_ref().unwrap_err().kind();
        assert_eq!(kind, ErrorKind::Unavailable);
        assert_eq!(inner.asked(), asked);
    }
}

#[tokio::test(start_paused = true)]
async fn a_model_that_broke_off_an_answer_rests_and_is_then_asked_again() {
    let inner = Flaky::new([Failure::Midway(error(ErrorKind::Unavailable))]);
    let second = Arc::new(ScriptedModel::from_fn(|_| Ok("Instead.".into())));
    let model = Fallback::new(inner.clone(), second).with_cool_down(10 * SECOND);
    model.complete(request()).await.unwrap_err();
    for _ in 0..3 {
        let answer = model.complete(request()).await.unwrap();
        assert_eq!(answer.text, "Instead.");
        tokio::time::advance(3 * SECOND).await;
    }
    assert_eq!(inner.asked(), 1);
    tokio::time::advance(SECOND).await;
    // One tries the first model, which takes a second; the other is not kept waiting for it.
    let (tries, stays) = futures::join!(model.complete(request()), model.complete(request()));
    assert_eq!(tries.unwrap().text, WORDS.concat());
    assert_eq!(stays.unwrap().text, "Instead.");
    let answer = model.complete(request()).await.unwrap();
    assert_eq!(answer.text, WORDS.concat());
    assert_eq!(inner.asked(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_limit_gives_its_turn_back_however_an_answer_ends() {
    let failures = [
        Failure::AtOnce(error(ErrorKind::Refused)),
        Failure::FirstPiece(error(ErrorKind::Refused)),
        Failure::Midway(error(ErrorKind::Refused)),
        Failure::JustStops,
    ];
    let model = Limit::new(Flaky::new(failures), 1);
    for _ in 0..4 {
        if let Ok(mut stream) = model.generate(request()).await {
            while let Some(Ok(_)) = stream.next().await {}
            // The stream is still there, the turn is not.
            let next = model.score(Prompt::new("s", "t"), vec!["a".into()]).await;
            assert_eq!(next.unwrap_err().kind(), ErrorKind::Unsupported);
        }
    }
    let unread = model.generate(request()).await.unwrap();
    let busy = model.complete(request()).await.unwrap_err();
    assert_eq!(busy.kind(), ErrorKind::Overloaded);
    drop(unread);
    model.complete(request()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_meter_sees_callers_outside_a_retry_and_attempts_inside_it() {
    let inner = Flaky::new([
        Failure::AtOnce(error(ErrorKind::Unavailable)),
        Failure::FirstPiece(error(ErrorKind::Unavailable)),
    ]);
    let inside = Meter::new(inner);
    let outside = Meter::new(Arc::new(Retry::new(Arc::new(inside.clone()), eager())));
    outside.complete(request()).await.unwrap();
    let (callers, attempts) = (outside.totals(), inside.totals());
    assert_eq!((callers.requests, callers.failures), (1, 0));
    assert_eq!((attempts.requests, attempts.failures), (3, 2));
    for totals in [callers, attempts] {
        assert_eq!(totals.cancelled, 0);
        assert_eq!(totals.prompt_tokens, 10);
        assert_eq!(totals.reused_tokens, 4);
        assert_eq!(totals.completion_tokens, 6);
        assert_eq!(totals.dropped_lines, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_meter_counts_answers_that_break_off_as_failures_and_those_left_as_cancelled() {
    let inner = Flaky::new([
        Failure::Midway(error(ErrorKind::Unavailable)),
        Failure::JustStops,
    ]);
    let meter = Meter::new(inner);
    for failures in 1..=2 {
        meter.complete(request()).await.unwrap_err();
        assert_eq!(meter.totals().failures, failures);
    }
    // Left while the model thinks: before there is a stream at all.
    let left = tokio::time::timeout(SECOND / 2, meter.generate(request())).await;
    assert!(left.is_err());
    let totals = meter.totals();
    assert_eq!((totals.requests, totals.cancelled), (3, 1));
    assert_eq!(totals.completion_tokens, 0);
}

#[tokio::test(start_paused = true)]
async fn a_crowd_is_answered_by_the_whole_stack_and_no_more_than_allowed_at_once() {
    let first = Flaky::new([Failure::AtOnce(error(ErrorKind::Unavailable))]);
    let second = Flaky::new([]);
    let both = Fallback::new(first.clone(), second.clone()).with_cool_down(2 * SECOND);
    let limit = Limit::new(Arc::new(both), 2).with_waiting(1);
    let meter = Meter::new(Arc::new(limit));
    let stack = Retry::new(Arc::new(meter.clone()), patient());
    let answers = join_all((0..8).map(|_| stack.complete(request()))).await;
    for answer in answers {
        assert_eq!(answer.unwrap().text, WORDS.concat());
    }
    for model in [&first, &second] {
        assert!(model.most_at_once.load(Ordering::SeqCst) <= 2);
        assert!(model.asked() > 1, "both take part: {model:?}");
        assert!(model.asked() > 1, "both take part: {model:?}");
    }
    let totals = meter.totals();
    assert!(totals.failures >= 5, "five found no place: {totals:?}");
    assert_eq!(totals.requests - totals.failures, 8);
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_leaves_stops_the_retries() {
    let failures = (0..100).map(|_| {
        let told = error(ErrorKind::Unavailable).with_retry_after(SECOND);
        Failure::AtOnce(told)
    });
    let inner = Flaky::new(failures);
    let retry = Retry::new(inner.clone(), patient());
    let left = tokio::time::timeout(SECOND / 2, retry.complete(request())).await;
    assert!(left.is_err());
    tokio::time::advance(60 * SECOND).await;
    assert_eq!(inner.asked(), 1);
}
