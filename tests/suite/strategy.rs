//! Strategies whose process is killed: nothing is done twice, and nothing that was acknowledged is lost.
//!
//! A child process (this binary again) drives strategies one after the other: a tool that may be repeated by its key, an
//! approval, a tool that may not be repeated, a wait. Each tool writes a line when it is really done. The parent kills the
//! child again and again, wherever it is, and looks at the end what was done. `ATTENDANT_KILL_ROUNDS` sets how often,
//! `ATTENDANT_KILL_SEED` when.
#![cfg(all(feature = "sqlite", unix))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use attendant::conversation::{ApprovalGrant, Approver, TenantId};
use attendant::dialogue::strategy::{
    RunningStrategy, Situation, StepStatus, Strategist, StrategyEnding, StrategyEvent,
    StrategyInput, StrategyPolicy, StrategyRunner, StrategyTemplate,
};
use attendant::dialogue::{ActionLedger, FnTool, Tool, ToolEffect, ToolSpec, Tools};
use attendant::store::{ConversationStore, SqliteStore, StreamKey};
use attendant::{ErrorKind, Result};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

const DIR: &str = "ATTENDANT_STRATEGY_DIR";
const COUNT: &str = "ATTENDANT_STRATEGY_COUNT";
/// Where the child stands still, until it is killed.
const POINT: &str = "ATTENDANT_STRATEGY_POINT";
const STRATEGIES: usize = 60;

const TEMPLATE: &str = r#"
id = "order"
title = "Order"
goal = "It is ordered, paid and told."
needs = ["order"]
completion = "told is defined"

[[steps]]
id = "reserve"
label = "Reserve"
owner = "tool"
tool = "reserve"
gives = "reserved"
undo = { tool = "release" }

[[steps]]
id = "pay"
label = "Pay"
owner = "tool"
tool = "pay"
after = ["reserve"]
approvals = ["customer", "human_agent"]
gives = "paid"

[[steps]]
id = "rest"
label = "Wait for the bank"
owner = "human"
wait = { time = "3 days" }
after = ["pay"]

[[steps]]
id = "tell"
label = "Tell"
owner = "tool"
tool = "tell"
after = ["rest"]
gives = "told"
"#;

fn roll(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn start() -> Timestamp {
    "2026-03-02T09:00:00Z".parse().unwrap()
}

fn log(dir: &Path) -> PathBuf {
    dir.join("done.log")
}

/// A backend that needs a moment before and after it does something. One that knows keys again does it once a key.
fn tool(dir: &Path, name: &'static str, effect: ToolEffect) -> Arc<dyn Tool> {
    let path = log(dir);
    let spec = ToolSpec::new(name, "Does it").with_effect(effect);
    Arc::new(FnTool::new(spec, move |_: Map<String, Value>, call| {
        let path = path.clone();
        async move {
            tokio::time::sleep(Duration::from_millis(2)).await;
            let line = format!("{} {name} {}", call.conversation, call.idempotency_key);
            let before = std::fs::read_to_string(&path).unwrap_or_default();
            let known = effect == ToolEffect::Idempotent && before.lines().any(|l| l == line);
            pause(&format!("before {name}"));
            if !known {
                let mut file = File::options()
                    .create(true)
                    .append(true)
                    .open(&path)
                    .unwrap();
                file.write_all(format!("{line}\n").as_bytes()).unwrap();
            }
            pause(&format!("after {name}"));
            tokio::time::sleep(Duration::from_millis(2)).await;
            Ok(json!({ "id": call.idempotency_key }))
        }
    }))
}

fn pause(point: &str) {
    if std::env::var(POINT).is_ok_and(|wanted| wanted == point) {
        println!("\nat {point}");
        std::thread::sleep(Duration::from_secs(60));
    }
}

async fn runner(dir: &Path) -> (StrategyRunner, Arc<Strategist>) {
    let store: Arc<dyn ConversationStore> =
        Arc::new(SqliteStore::open(dir.join("store.db")).await.unwrap());
    use ToolEffect::{Idempotent, Write};
    let tools = [
        ("reserve", Idempotent),
        ("release", Idempotent),
        ("pay", Write),
        ("tell", Idempotent),
    ];
    let tools = Tools::new(tools.map(|(name, effect)| tool(dir, name, effect)));
    let template = StrategyTemplate::from_toml(TEMPLATE).unwrap();
    let strategist = Strategist::new(vec![template], StrategyPolicy::default()).unwrap();
    let strategist = Arc::new(strategist);
    let ledger = ActionLedger::new(tools, store.clone());
    (
        StrategyRunner::new(strategist.clone(), ledger, store),
        strategist,
    )
}

fn conversation(number: usize) -> StreamKey {
    StreamKey {
        tenant: TenantId::from("acme"),
        conversation: format!("c{number}").into(),
    }
}

/// Where the strategy with this number is kept.
fn stream(number: usize) -> StreamKey {
    StreamKey {
        conversation: format!("~strategy/c{number}/p{number}").into(),
        ..conversation(number)
    }
}

async fn take_up(
    runner: &StrategyRunner,
    strategist: &Strategist,
    number: usize,
) -> Result<RunningStrategy> {
    match runner.resume(stream(number)).await {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let mut plan = strategist.plan(&Situation::new("order"), start())?;
            plan.id = format!("p{number}");
            runner.begin(conversation(number), plan, start()).await
        }
        other => other,
    }
}

/// Drives one strategy to its end, and says what is acknowledged.
async fn drive(running: &mut RunningStrategy, number: usize) -> Result<()> {
    let mut now = start();
    let mut inputs = Vec::new();
    loop {
        let yes: Vec<String> = inputs
            .iter()
            .filter_map(|input| match input {
                StrategyInput::Approved { grant, .. } => Some(format!("{:?}", grant.by)),
                _ => None,
            })
            .collect();
        running.advance(now, std::mem::take(&mut inputs)).await?;
        for by in yes {
            println!("\napproved {number} {by}");
            pause(&format!("approved {by}"));
        }
        if let Some(ending) = &running.state().ending {
            println!(
                "\nended {number} {}",
                serde_json::to_string(ending).unwrap()
            );
            return Ok(());
        }
        for event in running.pending() {
            if let StrategyEvent::ApprovalNeeded { step, by, .. } = event {
                let grant = ApprovalGrant {
                    by,
                    who: format!("w{number}"),
                    at: now,
                };
                inputs.push(StrategyInput::Approved { step, grant });
            }
        }
        if inputs.is_empty() {
            pause("waiting");
            now = running.wakes_at().expect("it waits for something");
        }
    }
}

/// The child; does nothing where no folder is named.
#[tokio::test]
#[ignore = "run by the other test as a process of its own"]
async fn child() {
    let Some(dir) = std::env::var_os(DIR) else {
        return;
    };
    let (runner, strategist) = runner(Path::new(&dir)).await;
    println!("\nopened");
    let count: usize = std::env::var(COUNT).unwrap().parse().unwrap();
    for number in 0..count {
        let mut running = take_up(&runner, &strategist, number).await.unwrap();
        if running.state().ending.is_none() {
            drive(&mut running, number).await.unwrap();
        }
    }
    println!("\nall");
}

fn spawn(dir: &Path, count: usize, point: &str) -> (Child, Receiver<String>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "strategy::child", "--ignored", "--nocapture"])
        .env(DIR, dir)
        .env(COUNT, count.to_string())
        .env(POINT, point)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (tell, told) = channel();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    std::thread::spawn(move || {
        lines
            .map_while(std::result::Result::ok)
            .for_each(|line| drop(tell.send(line)))
    });
    (child, told)
}

/// What the child said was done.
#[derive(Default)]
struct Acknowledged {
    approved: BTreeSet<(usize, String)>,
    ended: BTreeMap<usize, StrategyEnding>,
    all: bool,
}

impl Acknowledged {
    fn note(&mut self, line: &str) {
        let words: Vec<&str> = line.splitn(3, ' ').collect();
        match words[..] {
            ["approved", number, by] => {
                self.approved
                    .insert((number.parse().unwrap(), by.to_owned()));
            }
            ["ended", number, ending] => {
                let ending = serde_json::from_str(ending).unwrap();
                let before = self.ended.insert(number.parse().unwrap(), ending);
                assert_eq!(before, None, "it ended twice");
            }
            ["all"] => self.all = true,
            _ => {}
        }
    }
}

#[tokio::test]
async fn nothing_is_done_twice_when_the_process_is_killed() {
    let number =
        |name: &str, default: u64| std::env::var(name).map_or(default, |n| n.parse().unwrap());
    let rounds = number("ATTENDANT_KILL_ROUNDS", 30);
    let seed = number("ATTENDANT_KILL_SEED", u64::from(std::process::id()));
    eprintln!("ATTENDANT_KILL_SEED={seed}");
    let dir = tempfile::tempdir().unwrap();
    let mut known = Acknowledged::default();
    let mut kills = 0;
    for round in 0.. {
        let (mut child, told) = spawn(dir.path(), STRATEGIES, "");
        let opened = told.iter().find(|line| line == "opened");
        assert!(opened.is_some(), "the child did not start");
        if round < rounds {
            std::thread::sleep(Duration::from_micros(roll(seed + round) % 120_000));
            child.kill().unwrap();
        }
        let status = child.wait().unwrap();
        told.iter().for_each(|line| known.note(&line));
        kills += u64::from(!status.success());
        if known.all {
            break;
        }
        assert!(round < rounds, "the child failed by itself");
    }
    let (resolved, person) = check(dir.path(), STRATEGIES, &known).await;
    eprintln!(
        "{kills} kills, {resolved} resolved, {person} with a person, {} acknowledged",
        known.ended.len()
    );
    assert!(kills > 0 && resolved > 0);
}

/// The same at every point that matters, in one strategy each.
#[tokio::test]
async fn a_kill_in_a_tool_an_approval_and_a_wait_is_survived() {
    for (point, with_person) in [
        ("before reserve", false),
        ("after reserve", false),
        ("approved Customer", false),
        ("approved HumanAgent", false),
        ("before pay", true),
        ("after pay", true),
        ("waiting", false),
        ("before tell", false),
        ("after tell", false),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let mut known = Acknowledged::default();
        let (mut child, told) = spawn(dir.path(), 1, point);
        let there = format!("at {point}");
        loop {
            let line = told.recv_timeout(Duration::from_secs(50)).unwrap();
            known.note(&line);
            if line == there {
                break;
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let (mut child, told) = spawn(dir.path(), 1, "");
        assert!(child.wait().unwrap().success(), "{point}");
        told.iter().for_each(|line| known.note(&line));
        let (_, person) = check(dir.path(), 1, &known).await;
        assert_eq!(person == 1, with_person, "{point}");
    }
}

/// How many were resolved, and how many went to a person.
async fn check(dir: &Path, count: usize, known: &Acknowledged) -> (u32, u32) {
    let mut done: BTreeMap<(String, String), usize> = BTreeMap::new();
    for line in std::fs::read_to_string(log(dir))
        .unwrap_or_default()
        .lines()
    {
        let (conversation, rest) = line.split_once(' ').unwrap();
        let tool = rest.split_once(' ').unwrap().0;
        *done
            .entry((conversation.to_owned(), tool.to_owned()))
            .or_default() += 1;
    }
    assert!(
        done.values().all(|times| *times == 1),
        "something was done twice: {done:?}"
    );
    let (runner, _) = runner(dir).await;
    let (mut resolved, mut person) = (0, 0);
    for number in 0..count {
        let running = runner.resume(stream(number)).await.unwrap();
        let state = running.state();
        let did = |tool: &str| done.contains_key(&(format!("c{number}"), tool.to_owned()));
        match state.ending.as_ref().expect("it has ended") {
            StrategyEnding::Resolved => {
                assert!(
                    did("reserve") && did("pay") && did("tell"),
                    "strategy {number}"
                );
                resolved += 1;
            }
            StrategyEnding::NeedsPerson { why } => {
                assert_eq!(state.status("pay"), StepStatus::Unknown, "{why}");
                assert!(!did("tell") && !did("release"), "strategy {number}");
                person += 1;
            }
            other => panic!("{other:?}"),
        }
        for by in [Approver::Customer, Approver::HumanAgent] {
            if known.approved.contains(&(number, format!("{by:?}"))) {
                let given = &state.steps["pay"].approvals;
                assert!(
                    given.iter().any(|grant| grant.by == by),
                    "a yes was lost: {number}"
                );
            }
        }
        if let Some(told) = known.ended.get(&number) {
            assert_eq!(state.ending.as_ref(), Some(told), "another end");
        }
    }
    (resolved, person)
}
