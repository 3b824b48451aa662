use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use serde_json::{Map, Value, json};

use super::expression::{Truth, fill, holds};
use super::*;
use crate::conversation::{
    ApprovalGrant, Approver, CustomerProfile, Emotion, EmotionDistribution, EmotionState,
    UtteranceId,
};
use crate::dialogue::tool::{ActionLedger, FnTool, Tool, ToolEffect, ToolSpec, Tools};
use crate::error::{Error, ErrorKind};
use crate::store::{ConversationStore, MemoryStore, StreamKey};

mod adapting;
mod changing;
mod running;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("knowledge/strategies")
}

fn facts(value: Value) -> Facts {
    value.as_object().cloned().unwrap()
}

fn at(days: i64) -> Timestamp {
    let start: Timestamp = "2026-03-02T09:00:00Z".parse().unwrap();
    start + SignedDuration::from_hours(24 * days)
}

type Answer = std::result::Result<Value, ErrorKind>;

/// A backend: what each tool answers, and what was called.
#[derive(Clone, Default)]
struct Backend {
    answers: Arc<Mutex<BTreeMap<String, Vec<Answer>>>>,
    calls: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Backend {
    /// The answers of a tool, one a call; the last again and again.
    fn with(self, tool: &str, answers: Vec<Answer>) -> Self {
        self.answers.lock().insert(tool.to_owned(), answers);
        self
    }

    fn called(&self) -> Vec<String> {
        self.calls
            .lock()
            .iter()
            .map(|(tool, _)| tool.clone())
            .collect()
    }

    fn tool(&self, name: &str, effect: ToolEffect) -> Arc<dyn Tool> {
        let (backend, tool) = (self.clone(), name.to_owned());
        let spec = ToolSpec::new(name, "A tool")
            .with_effect(effect)
            .with_secret(["iban"]);
        Arc::new(FnTool::new(
            spec,
            move |arguments: Map<String, Value>, _| {
                backend
                    .calls
                    .lock()
                    .push((tool.clone(), Value::Object(arguments)));
                let mut answers = backend.answers.lock();
                let answer = match answers.get_mut(&tool) {
                    Some(several) if several.len() > 1 => several.remove(0),
                    Some(several) => several[0].clone(),
                    None => Ok(json!({ "id": format!("{tool}-1") })),
                };
                async move { answer.map_err(|kind| Error::new(kind, "the backend says no")) }
            },
        ))
    }

    fn tools(&self) -> Tools {
        let read = ["get_charge", "get_device"].map(|name| self.tool(name, ToolEffect::Read));
        let write = ["refund", "open_claim"].map(|name| self.tool(name, ToolEffect::Write));
        let again = [
            "open_dispute",
            "close_dispute",
            "cancel_claim",
            "send_returns_bag",
            "a",
            "b",
            "undo_a",
        ]
        .map(|name| self.tool(name, ToolEffect::Idempotent));
        Tools::new(read.into_iter().chain(write).chain(again))
    }
}

/// A backend in which the device is, or is not, under warranty.
fn larkfield(in_warranty: bool) -> Backend {
    let charge = |status: &str| {
        Ok(json!({ "id": "C7", "kind": "equipment", "amount": 50, "status": status }))
    };
    let device = json!({ "serial": "HUB-1", "in_warranty": in_warranty, "fault_reported": true, "returned": false });
    Backend::default()
        .with(
            "get_charge",
            vec![charge("open"), charge("open"), charge("refunded")],
        )
        .with("get_device", vec![Ok(device)])
}

fn profile() -> CustomerProfile {
    CustomerProfile {
        id: "u1".into(),
        display_name: Some("Ada".into()),
        attributes: [("account_number".to_owned(), "LF402117".to_owned())].into(),
        history: Vec::new(),
    }
}

fn dispute() -> Situation {
    Situation::new("billing-dispute").with_profile(profile())
}

struct World {
    runner: StrategyRunner,
    backend: Backend,
    store: Arc<dyn ConversationStore>,
}

impl World {
    fn new(strategist: Strategist, backend: Backend) -> Self {
        let store: Arc<dyn ConversationStore> = Arc::new(MemoryStore::default());
        let ledger = ActionLedger::new(backend.tools(), store.clone());
        let runner = StrategyRunner::new(Arc::new(strategist), ledger, store.clone());
        Self {
            runner,
            backend,
            store,
        }
    }

    async fn begin(&self, situation: &Situation) -> RunningStrategy {
        let strategist = Strategist::load(&folder()).unwrap();
        let plan = strategist.plan(situation, at(0)).unwrap();
        self.run(plan).await
    }

    async fn run(&self, plan: ResolutionStrategy) -> RunningStrategy {
        let conversation = StreamKey {
            tenant: "larkfield".into(),
            conversation: "c1".into(),
        };
        self.runner.begin(conversation, plan, at(0)).await.unwrap()
    }
}

fn template(text: &str) -> StrategyTemplate {
    let head = "id = \"x\"\ntitle = \"X\"\ngoal = \"g\"\nneeds = [\"n\"]\n";
    StrategyTemplate::from_toml(&format!("{head}{text}")).unwrap()
}

async fn begin(text: &str, situation: Situation, backend: Backend) -> (World, RunningStrategy) {
    let strategist = Strategist::new(vec![template(text)], StrategyPolicy::default()).unwrap();
    let plan = strategist.plan(&situation, at(0)).unwrap();
    let world = World::new(strategist, backend);
    let running = world.run(plan).await;
    (world, running)
}

const WRITE: &str = r#"
completion = "refund is defined"
[[steps]]
id = "refund"
label = "Refund"
owner = "tool"
tool = "refund"
gives = "refund"
"#;

fn yes(step: &str) -> StrategyInput {
    let grant = ApprovalGrant {
        by: Approver::HumanAgent,
        who: "sam".into(),
        at: at(0),
    };
    StrategyInput::Approved {
        step: step.into(),
        grant,
    }
}

fn done(step: &str, result: Value) -> StrategyInput {
    StrategyInput::Done {
        step: step.into(),
        result,
    }
}

fn names(events: &[StrategyEvent]) -> Vec<String> {
    let name = |event: &StrategyEvent| {
        let json = serde_json::to_value(event).unwrap();
        let part = |key: &str| json[key].as_str().map(str::to_owned);
        let what = part("step")
            .or_else(|| part("fact"))
            .or_else(|| part("need"));
        [part("event"), what]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(" ")
    };
    events.iter().map(name).collect()
}

#[test]
fn what_is_not_known_is_neither_true_nor_false() {
    let facts = facts(json!({ "a": { "n": 3, "ok": false }, "none": null }));
    let judge = |text: &str| holds(Some(text), &facts);
    assert_eq!(judge("a.n > 2 and not a.ok"), Truth::Yes);
    assert_eq!(judge("(a.n > 5 or a.ok)"), Truth::No);
    assert_eq!(judge("a.ok and b.x > 3"), Truth::No, "one side decides");
    assert_eq!(judge("b.x > 3 or a.n == 3"), Truth::Yes);
    assert_eq!(judge("b.x > 3"), Truth::Unknown(["b.x".to_owned()].into()));
    assert_eq!(judge("not b"), Truth::Unknown(["b".to_owned()].into()));
    assert_eq!(judge("b is defined"), Truth::No);
    assert_eq!(
        judge("none == 'x or y' or 'a and b' == 'a and b'"),
        Truth::Yes
    );
    assert_eq!(judge("(a.ok) or (a.n == 3)"), Truth::Yes);
    assert_eq!(holds(None, &facts), Truth::Yes);
    let filled = fill(
        &json!({ "n": "{{ a.n }}", "t": "no {{ a.n }}.", "l": ["{{ a.ok }}"] }),
        &facts,
    );
    assert_eq!(
        filled.unwrap(),
        json!({ "n": 3, "t": "no 3.", "l": [false] })
    );
    assert_eq!(
        fill(&json!("{{ a.n }} {{ c.d }}"), &facts).unwrap_err(),
        ["c.d".to_owned()].into()
    );
}

#[test]
fn mistakes_are_told_with_line_and_key() {
    let good = "id = \"x\"\ntitle = \"X\"\ngoal = \"g\"\nneeds = [\"n\"]\ncompletion = \"true\"\n\n\
                [[steps]]\nid = \"one\"\nlabel = \"One\"\nowner = \"tool\"\ntool = \"a\"\n\n\
                [[steps]]\nid = \"two\"\nlabel = \"Two\"\nowner = \"human\"\nwithin = \"2 days\"\nafter = [\"one\"]\n";
    assert_eq!(
        StrategyTemplate::from_toml(good).unwrap().steps[1].within,
        Some(SignedDuration::from_hours(48))
    );
    for (from, to, line, key) in [
        (
            "completion = \"true\"",
            "completion = \"a ==\"",
            "line 5",
            "completion",
        ),
        ("tool = \"a\"\n", "", "line 8", "steps.one.tool"),
        ("within = \"2 days\"\n", "", "line 14", "steps.two.within"),
        (
            "after = [\"one\"]",
            "after = [\"three\"]",
            "line 18",
            "steps.two.after",
        ),
        (
            "tool = \"a\"\n",
            "tool = \"a\"\nafter = [\"two\"]\n",
            "line 12",
            "steps.one.after",
        ),
        (
            "tool = \"a\"\n",
            "tool = \"a\"\nwhen = \"(\"\n",
            "line 12",
            "steps.one.when",
        ),
        ("id = \"two\"", "id = \"one\"", "line 14", "steps.one.id"),
    ] {
        let told = StrategyTemplate::from_toml(&good.replace(from, to)).unwrap_err();
        assert_eq!(told.kind(), ErrorKind::Config);
        let told = told.to_string();
        assert!(told.contains(line) && told.contains(key), "{to:?}: {told}");
    }
    let told = StrategyTemplate::from_toml(&good.replace("2 days", "two days"))
        .unwrap_err()
        .to_string();
    assert!(
        told.contains("line 17") && told.contains("two days"),
        "{told}"
    );
    let told = StrategyTemplate::from_toml(&good.replace("goal", "gaol"))
        .unwrap_err()
        .to_string();
    assert!(told.contains("line 3") && told.contains("gaol"), "{told}");
}

#[test]
fn the_bundled_strategies_are_read_in_order() {
    let strategist = Strategist::load(&folder()).unwrap();
    let ids: Vec<&str> = strategist
        .templates()
        .iter()
        .map(|t| t.id.as_str())
        .collect();
    assert_eq!(ids, ["billing-dispute", "warranty-claim"]);
    let error = Strategist::default().plan(&dispute(), at(0)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let alone = strategist.templates()[..1].to_vec();
    let error = Strategist::new(alone, StrategyPolicy::default()).unwrap_err();
    assert!(error.to_string().contains("warranty-claim"), "{error}");
}
