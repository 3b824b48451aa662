//! A resolution strategy: a billing dispute that turns out to be a warranty claim, over days, with a restart between.
//!
//! `cargo run --example strategy` (no models)

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use attendant::conversation::{ApprovalGrant, CustomerProfile, TenantId};
use attendant::dialogue::strategy::{
    Situation, Strategist, StrategyEvent, StrategyInput, StrategyRunner, StrategySignal,
};
use attendant::dialogue::{ActionLedger, FnTool, Tool, ToolEffect, ToolSpec, Tools};
use attendant::store::{ConversationStore, MemoryStore, StreamKey};
use attendant::{Error, ErrorKind, Result};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

/// A backend action. One that looks something up answers otherwise once the money is refunded.
fn tool(name: &'static str, effect: ToolEffect, answer: Value) -> Arc<dyn Tool> {
    static REFUNDED: AtomicBool = AtomicBool::new(false);
    let spec = ToolSpec::new(name, "An action of the billing system").with_effect(effect);
    let act = move |arguments: Map<String, Value>, _| {
        show(&format!("    {name} {}", Value::Object(arguments)));
        let mut answer = answer.clone();
        if name == "get_charge" && REFUNDED.load(SeqCst) {
            answer["status"] = json!("refunded");
        }
        REFUNDED.fetch_or(name == "refund", SeqCst);
        async move { Ok(answer) }
    };
    Arc::new(FnTool::new(spec, act))
}

fn tools() -> Tools {
    use ToolEffect::{Idempotent, Read, Write};
    let charge = json!({ "id": "C7", "kind": "equipment", "amount": 50, "status": "open" });
    let device =
        json!({ "serial": "H1", "in_warranty": true, "fault_reported": true, "returned": false });
    Tools::new([
        tool("get_charge", Read, charge),
        tool("get_device", Read, device),
        tool("open_dispute", Idempotent, json!({ "id": "D1" })),
        tool("close_dispute", Idempotent, json!({})),
        tool("open_claim", Write, json!({ "id": "W1" })),
        tool("send_returns_bag", Idempotent, json!({ "tracking": "LB1" })),
        tool("refund", Write, json!({ "reference": "RF1" })),
    ])
}

/// What the host does about an event: here everybody says yes and does their work at once.
fn answer(event: &StrategyEvent, now: Timestamp) -> Option<StrategyInput> {
    match event {
        StrategyEvent::Question { fact, .. } => {
            let facts = Map::from_iter([(fact.clone(), json!("bank account"))]);
            Some(StrategyInput::Facts { facts })
        }
        StrategyEvent::ApprovalNeeded { step, by, .. } => {
            let (step, by, who, at) = (step.clone(), *by, "sam".to_owned(), now);
            let grant = ApprovalGrant { by, who, at };
            Some(StrategyInput::Approved { step, grant })
        }
        StrategyEvent::WorkNeeded { step, .. } => Some(StrategyInput::Done {
            step: step.clone(),
            result: Value::Null,
        }),
        StrategyEvent::Waiting {
            signal: Some(name), ..
        } => {
            let signal = StrategySignal::new(name, json!({ "serial": "H1" }));
            Some(StrategyInput::Signal(signal))
        }
        _ => None,
    }
}

#[allow(clippy::print_stdout)] // A program of its own may print.
fn show(line: &str) {
    println!("{line}");
}

#[tokio::main]
async fn main() -> Result<()> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/knowledge/strategies");
    let strategist = Arc::new(Strategist::load(folder.as_ref())?);
    let store: Arc<dyn ConversationStore> = Arc::new(MemoryStore::default());
    let ledger = ActionLedger::new(tools(), store.clone());
    let runner = StrategyRunner::new(strategist.clone(), ledger, store);

    // The second contact about the same charge, so somebody stays responsible.
    let profile = CustomerProfile {
        attributes: [("account_number".to_owned(), "LF402117".to_owned())].into(),
        ..CustomerProfile::default()
    };
    let mut situation = Situation::new("billing-dispute").with_profile(profile);
    situation.earlier_contacts = 2;
    let mut now = Timestamp::now();
    let plan = strategist.plan(&situation, now)?;
    show(&format!("{}\n{:?}", plan.template.goal, plan.adaptations));

    let conversation = StreamKey {
        tenant: TenantId::from("larkfield"),
        conversation: "call-1".into(),
    };
    let begun = runner.begin(conversation, plan, now).await?;
    let mut inputs = Vec::new();
    for day in 0..30 {
        // Every day another process takes it up.
        let mut running = runner.resume(begun.stream().clone()).await?;
        for event in running.advance(now, std::mem::take(&mut inputs)).await? {
            show(&format!("day {day}: {}", json!(event)));
            if let StrategyEvent::Resolved { .. } = event {
                return Ok(());
            }
            inputs.extend(answer(&event, now));
        }
        now += SignedDuration::from_hours(24);
    }
    Err(Error::new(ErrorKind::Internal, "not resolved in 30 days"))
}
