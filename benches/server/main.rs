//! How many live conversations one machine serves: `make bench-server`.
//!
//! Conversations of one turn in ten seconds each, customers and agents by turns, over the session hub with everything
//! on the fast path (the embedder, knowledge and rules of the repository, the emotion model, SQLite on disk); what is
//! written comes from a script. A turn is measured from its submission until all that the fast path has to tell of it
//! was told, storing included. Searched is the largest number of conversations at which the 95th percentile stays below
//! 300 ms; one that is refused counts as too late. Ends with one flat JSON object on standard output.
//!
//! `ATTENDANT_BENCH_SESSIONS=500` measures this one number, `ATTENDANT_BENCH_SECONDS` says for how long (20).
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr
)]

mod sentences;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use attendant::assistant::local::LocalModels;
use attendant::conversation::{Channel, Conversation, Role};
use attendant::llm::{Output, Request, ScriptedModel};
use attendant::models::Cache;
use attendant::session::{HubOptions, SessionHub, SessionInput};
use attendant::store::{SqliteStore, StreamKey};
use attendant::{Assistant, Content};
use serde_json::json;
use tokio::time::Instant;

use sentences::Dice;

/// Of one conversation.
const TURN_EVERY: Duration = Duration::from_secs(10);
const MOST_MS: f64 = 300.0;
/// Conversations that are begun to weigh one.
const WEIGHED: usize = 1000;
const STEPS: [usize; 9] = [50, 100, 200, 300, 400, 500, 600, 800, 1000];

/// What one number of conversations came to.
struct Step {
    sessions: usize,
    /// In milliseconds, sorted; infinite for those that were refused.
    times: Vec<f64>,
    cpu_ms: f64,
    bytes: f64,
}

impl Step {
    fn percentile(&self, part: f64) -> f64 {
        let at = (self.times.len() as f64 * part).ceil() as usize;
        self.times
            .get(at.saturating_sub(1))
            .copied()
            .unwrap_or(f64::INFINITY)
    }

    fn is_good(&self) -> bool {
        self.percentile(0.95) <= MOST_MS
    }
}

#[tokio::main]
async fn main() {
    let started = Instant::now();
    let folder = tempfile::tempdir().unwrap();
    let assistant = assistant(folder.path()).await;
    let seconds: u64 = number("ATTENDANT_BENCH_SECONDS").unwrap_or(20);

    // Everything that is loaded or filled once is there before anything is weighed.
    run(&assistant, 20, 5).await;
    let idle_bytes = weigh(&assistant).await;
    eprintln!("{:>8.1} KiB a conversation that waits", idle_bytes / 1024.0);

    let mut best: Option<Step> = None;
    let mut too_many = None;
    let only = number("ATTENDANT_BENCH_SESSIONS").map(|n| vec![n as usize]);
    for sessions in only.clone().unwrap_or_else(|| STEPS.to_vec()) {
        let step = measure(&assistant, sessions, seconds).await;
        if step.is_good() || only.is_some() {
            best = Some(step);
        } else {
            too_many = Some(sessions);
            break;
        }
    }
    // Half way between what was good and what was not, twice.
    for _ in 0..2 {
        let (Some(good), Some(bad)) = (best.as_ref().map(|step| step.sessions), too_many) else {
            break;
        };
        if bad - good < 20 {
            break;
        }
        let step = measure(&assistant, good.midpoint(bad), seconds).await;
        match step.is_good() {
            true => best = Some(step),
            false => too_many = Some(step.sessions),
        }
    }
    let Some(best) = best else {
        eprintln!("not even {} conversations are served in time", STEPS[0]);
        std::process::exit(1);
    };
    let round = |value: f64| (value * 10.0).round() / 10.0;
    println!(
        "{}",
        json!({
            "name": "bench-server",
            "sessions": best.sessions,
            "p50_ms": round(best.percentile(0.5)),
            "p95_ms": round(best.percentile(0.95)),
            "cpu_ms_a_turn": round(best.cpu_ms),
            "idle_bytes": idle_bytes.round(),
            "active_bytes": best.bytes.round(),
            "seconds": round(started.elapsed().as_secs_f64()),
        })
    );
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

async fn measure(assistant: &Assistant, sessions: usize, seconds: u64) -> Step {
    let step = run(assistant, sessions, seconds).await;
    eprintln!(
        "{sessions:>5} conversations: p50 {:.0} ms, p95 {:.0} ms, {:.1} ms of CPU a turn, {:.1} KiB each",
        step.percentile(0.5),
        step.percentile(0.95),
        step.cpu_ms,
        step.bytes / 1024.0
    );
    step
}

async fn assistant(folder: &Path) -> Assistant {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let content = Content::load(&root.join("knowledge"), &"larkfield".into()).unwrap();
    let models = LocalModels::default().choose(Some("none"), Some("none"), None);
    let store = SqliteStore::open(folder.join("conversations.db"))
        .await
        .unwrap();
    let assistant = Assistant::builder()
        .organisation("Larkfield")
        .content(&content)
        .local(&Cache::from_env().unwrap(), &models)
        .await
        .unwrap()
        .language_model(Arc::new(script()))
        .store(Arc::new(store))
        .build()
        .await
        .unwrap();
    let articles = content.articles.articles;
    let report = assistant.knowledge().ingest(articles, None).await.unwrap();
    eprintln!("{} articles indexed", report.articles);
    assistant
}

/// Writes something that fits at once.
fn script() -> ScriptedModel {
    ScriptedModel::from_fn(|request: &Request| {
        let Output::Json(schema) = &request.output else {
            return Ok("The second charge is paid back.".into());
        };
        let has = |key: &str| schema.pointer(&format!("/properties/{key}")).is_some();
        Ok(match () {
            () if has("reply") => r#"{"reply":"You get it back soon."}"#.into(),
            () if has("situation") => {
                r#"{"situation":"The customer has a question.","action":"","resolution":"","satisfaction":""}"#.into()
            }
            () => "{}".into(),
        })
    })
}

fn key(id: &str) -> StreamKey {
    StreamKey {
        tenant: "larkfield".into(),
        conversation: id.into(),
    }
}

async fn open(hub: &SessionHub) -> StreamKey {
    let conversation = Conversation::new("larkfield", Channel::Voice);
    let key = key(conversation.id.as_str());
    hub.open(conversation).await.unwrap();
    key
}

/// Bytes of memory that a conversation takes which was begun, had a turn of each side, and waits.
async fn weigh(assistant: &Assistant) -> f64 {
    let hub = SessionHub::new(assistant.clone(), HubOptions::default());
    let mut dice = Dice::new(7);
    let mut before = 0;
    // The first ones fill what all of them share: buffers, caches, what the allocator holds ready.
    for n in 0..WEIGHED + WEIGHED / 2 {
        if n == WEIGHED / 2 {
            before = resident();
        }
        let key = open(&hub).await;
        for (role, customer) in [(Role::HumanAgent, false), (Role::EndUser, true)] {
            let text = dice.sentence(customer);
            let said = SessionInput::Say { role, text };
            hub.submit(&key, uuid::Uuid::now_v7(), said).await.unwrap();
        }
        hub.settle(&key).await.unwrap();
    }
    // Whoever was quiet for a moment has only its last events left.
    tokio::time::sleep(Duration::from_secs(25)).await;
    let bytes = resident().saturating_sub(before) as f64 / WEIGHED as f64;
    hub.shut_down().await;
    bytes
}

/// Keeps `sessions` conversations going.
async fn run(assistant: &Assistant, sessions: usize, seconds: u64) -> Step {
    let before = resident();
    let hub = SessionHub::new(assistant.clone(), HubOptions::default());
    let cpu = cpu_ms();
    let start = Instant::now() + Duration::from_millis(200);
    let end = start + Duration::from_secs(seconds);
    let mut speaking = Vec::new();
    for n in 0..sessions {
        let hub = hub.clone();
        // Evenly spread, and each a little off its time.
        let first = start + TURN_EVERY.mul_f64(n as f64 / sessions as f64);
        speaking.push(tokio::spawn(async move {
            let mut dice = Dice::new(n as u64 + 1);
            let mut times = Vec::new();
            let mut next = first;
            tokio::time::sleep_until(next).await;
            let key = open(&hub).await;
            let mut customer = n % 2 == 0;
            while next < end {
                tokio::time::sleep_until(next).await;
                times.push(turn(&hub, &key, &mut dice, customer).await);
                customer = !customer;
                let jitter = dice.below(1000) as f64 / 1000.0 - 0.5;
                next += TURN_EVERY.mul_f64(1.0 + 0.2 * jitter);
            }
            times
        }));
    }
    let mut times = Vec::new();
    for speaking in speaking {
        times.extend(speaking.await.unwrap());
    }
    let turns = times.len();
    let cpu_ms = (cpu_ms() - cpu) / turns as f64;
    let bytes = resident().saturating_sub(before) as f64 / sessions as f64;
    hub.shut_down().await;
    times.sort_by(f64::total_cmp);
    Step {
        sessions,
        times,
        cpu_ms,
        bytes,
    }
}

/// Milliseconds until all was told that the fast path has to tell.
async fn turn(hub: &SessionHub, key: &StreamKey, dice: &mut Dice, customer: bool) -> f64 {
    let role = match customer {
        true => Role::EndUser,
        false => Role::HumanAgent,
    };
    let text = dice.sentence(customer);
    let began = Instant::now();
    let said = SessionInput::Say { role, text };
    if hub.submit(key, uuid::Uuid::now_v7(), said).await.is_err() {
        return f64::INFINITY;
    }
    // Asked behind the turn, so it is answered when the turn is dealt with.
    hub.view(key).await.unwrap();
    began.elapsed().as_secs_f64() * 1000.0
}

/// Bytes of memory this process has.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = status.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

/// Milliseconds of CPU this process has used.
fn cpu_ms() -> f64 {
    let status = std::fs::read_to_string("/proc/self/stat").unwrap();
    let after_name = status.rsplit(')').next().unwrap();
    let mut fields = after_name.split_whitespace().skip(11);
    let mut ticks = || fields.next().unwrap().parse::<f64>().unwrap();
    (ticks() + ticks()) * 10.0
}
