//! Hand-offs: offered, declined, out of time, taken, and given back.

use std::time::Duration;

use super::*;
use crate::conversation::{
    Handoff, HandoffAnswer, HandoffReturn, HandoffStatus, Participant, TriedOutcome,
};
use crate::dialogue::{FnTool, HandoffPolicy, Tool, ToolEffect, ToolSpec};

const BOOK: &str = r#"
id = "refund"
title = "Refund"
goal = "The money is back."
examples = ["I want my money back", "please refund the second charge"]
[[slots]]
name = "account"
description = "the account number"
pattern = '^LF\d{6}$'
ask = "May I have your account number, please?"
[[slots]]
name = "amount"
description = "how much"
kind = "money"
ask = "How much was charged too much?"
secret = true
[[steps]]
id = "ask-account"
label = "Ask for the account number"
kind = "ask"
say = "May I have your account number, please?"
collects = ["account"]
[[steps]]
id = "look"
label = "Look at the account"
kind = "tool"
tool = "look_up"
arguments = { account = "slots.account" }
after = ["ask-account"]
done = "Thank you, I have found your account."
[[steps]]
id = "ask-amount"
label = "Ask how much it is"
kind = "ask"
collects = ["amount"]
after = ["look"]
[[steps]]
id = "person"
label = "Pass it to a person"
kind = "handoff"
say = "A colleague has to look at that."
after = ["ask-amount"]
[[steps]]
id = "pay"
label = "Pay it back"
kind = "tool"
tool = "pay_back"
examples = ["I have paid the money back to you."]
after = ["person"]
done = "I have paid it back."
[[steps]]
id = "when"
label = "Tell when it comes"
kind = "inform"
say = "You will get it within five days."
after = ["pay"]
"#;

const POLICY: &str = r#"
tries = 2
at_most = 3
[[queues]]
name = "first"
seconds = 60
next = ["second"]
[[queues]]
name = "second"
seconds = 30
[[alternatives]]
id = "call_back"
ask = "Would you like us to call you back?"
done = "I have passed on that you would like a call back."
[words]
waiting = "I am still looking for a colleague."
next = "I am asking another colleague."
nobody = "I could not reach a colleague just now."
returned = "I am with you again."
again = "A colleague has looked at this already."
"#;

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Nothing {}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Account {
    account: String,
}

/// An assistant whose second tool fails, and with `pay` works.
async fn assistant_with(store: Arc<dyn ConversationStore>, pays: bool) -> Assistant {
    let spec = ToolSpec::new("look_up", "Looks").with_effect(ToolEffect::Read);
    let spec = spec.with_secret(["name"]);
    let look = FnTool::new(spec, |asked: Account, _| async move {
        Ok(serde_json::json!({ "account": asked.account, "name": "Ann" }))
    });
    let spec = ToolSpec::new("pay_back", "Pays").with_effect(ToolEffect::Idempotent);
    let pay = FnTool::new(spec, move |_: Nothing, _| async move {
        match pays {
            true => Ok(serde_json::json!({ "paid": true })),
            false => Err(Error::new(ErrorKind::Unavailable, "the bank is closed")),
        }
    });
    Assistant::builder()
        .store(store)
        .playbooks(vec![Playbook::from_toml(BOOK).unwrap()])
        .tools(vec![
            Arc::new(look) as Arc<dyn Tool>,
            Arc::new(pay) as Arc<dyn Tool>,
        ])
        .handoffs(toml::from_str::<HandoffPolicy>(POLICY).unwrap())
        .build()
        .await
        .unwrap()
}

async fn in_memory(pays: bool) -> Assistant {
    assistant_with(Arc::new(MemoryStore::default()), pays).await
}

fn chat() -> Conversation {
    let mut chat = Conversation::new("acme", Channel::Chat).with_id("c1");
    chat.join(Participant::new("bot", Role::AutomatedAgent));
    chat
}

/// A session and what it told.
struct Live {
    session: Session,
    events: SessionEvents,
    told: Vec<SessionEvent>,
}

impl Live {
    fn new(mut session: Session) -> Self {
        let events = session.events();
        Self {
            session,
            events,
            told: Vec::new(),
        }
    }

    async fn send(&mut self, input: SessionInput) {
        self.session.send(input).await.unwrap();
        self.settle().await;
    }

    async fn settle(&mut self) {
        self.session.settle().await.unwrap();
        use futures::FutureExt;
        while let Some(Some(event)) = self.events.next().now_or_never() {
            self.told.push(event);
        }
    }

    async fn say(&mut self, role: Role, text: &str) {
        self.send(say(role, text)).await;
    }

    async fn answer(&mut self, handoff: &str, by: &str, answer: HandoffAnswer) {
        self.send(SessionInput::HandoffAnswer {
            handoff: handoff.into(),
            by: by.into(),
            answer,
        })
        .await;
    }

    /// Lets time pass.
    async fn wait(&mut self, seconds: u64) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        self.settle().await;
    }

    /// What the virtual agent said since the last look, and how the hand-off went.
    fn take(&mut self) -> Vec<String> {
        let told = std::mem::take(&mut self.told).into_iter();
        told.filter_map(|event| match event {
            SessionEvent::Reply { text, .. } => Some(text),
            SessionEvent::HandoffChanged { handoff, status } => Some(match status {
                HandoffStatus::Offered { queue, .. } => format!("[{handoff} to {queue}]"),
                HandoffStatus::Accepted { by } => format!("[{by} leads]"),
                HandoffStatus::Declined { by, reason } => format!("[{by} declined: {reason}]"),
                HandoffStatus::TimedOut { queue } => format!("[{queue} silent]"),
                HandoffStatus::GivenUp { .. } => "[given up]".into(),
                HandoffStatus::Alternative { id } => format!("[{id}]"),
                HandoffStatus::Returned { by, .. } => format!("[back from {by}]"),
            }),
            SessionEvent::Failed { message, .. } => Some(format!("[failed: {message}]")),
            _ => None,
        })
        .collect()
    }

    fn briefing(&self) -> &Handoff {
        let mut told = self.told.iter().rev();
        told.find_map(|event| match event {
            SessionEvent::Handoff(handoff) => Some(handoff),
            _ => None,
        })
        .unwrap()
    }

    /// Up to where a person is called.
    async fn hand_over(&mut self) {
        self.say(Role::EndUser, "I want my money back").await;
        self.say(Role::EndUser, "LF402117").await;
        self.say(Role::EndUser, "£20").await;
    }
}

const CALLED: [&str; 3] = [
    "A colleague has to look at that.",
    "I am connecting you with a colleague now. They can see our conversation, so you do not need to repeat anything.",
    "[handoff-1.1 to first]",
];

#[tokio::test]
async fn the_briefing_tells_everything_but_secrets() {
    let mut live = Live::new(in_memory(true).await.session(chat()));
    live.hand_over().await;
    let briefing = live.briefing();
    assert_eq!(
        (
            briefing.id.as_str(),
            briefing.queue.as_str(),
            briefing.attempt
        ),
        ("handoff-1.1", "first", 1)
    );
    assert_eq!(
        briefing.slots.keys().collect::<Vec<_>>(),
        ["account"],
        "the amount is secret"
    );
    assert_eq!(briefing.receipts.len(), 1);
    assert_eq!(briefing.receipts[0].result["name"], "***");
    assert!(
        briefing
            .steps
            .iter()
            .all(|step| step.outcome == TriedOutcome::Done)
    );
    assert_eq!(briefing.next_steps, ["Pay it back", "Tell when it comes"]);
    assert_eq!(
        (briefing.language.as_str(), briefing.channel),
        ("en", Some(Channel::Chat))
    );
    assert!(briefing.waiting_since.is_some());
    let said = live.take();
    assert_eq!(said[said.len() - 3..], CALLED, "{said:?}");
}

#[tokio::test(start_paused = true)]
async fn nobody_takes_it_and_the_customer_is_told_and_offered_something_else() {
    let mut live = Live::new(in_memory(true).await.session(chat()));
    live.hand_over().await;
    live.take();
    live.say(Role::EndUser, "Are you still there?").await;
    live.say(Role::EndUser, "Hello?").await;
    assert_eq!(
        live.take(),
        ["I am still looking for a colleague."],
        "said once"
    );
    live.wait(61).await;
    assert_eq!(
        live.take(),
        [
            "[first silent]",
            "I am asking another colleague.",
            "[handoff-1.2 to second]"
        ]
    );
    let decline = || HandoffAnswer::Decline {
        reason: "in a call".into(),
    };
    live.answer("handoff-1.1", "ann", decline()).await;
    let late = live.take();
    assert!(
        late.len() == 1 && late[0].contains("handoff-1.1 waits for no answer"),
        "{late:?}"
    );
    live.answer("handoff-1.2", "bob", decline()).await;
    assert_eq!(
        live.take(),
        [
            "[bob declined: in a call]",
            "[given up]",
            "I could not reach a colleague just now.",
            "Would you like us to call you back?"
        ]
    );
    live.say(Role::EndUser, "Yes please").await;
    let said = live.take();
    assert_eq!(
        said,
        [
            "[call_back]",
            "I have passed on that you would like a call back."
        ]
    );
    live.wait(10_000).await;
    assert!(live.take().is_empty(), "nothing is offered any more");
}

#[tokio::test(start_paused = true)]
async fn an_offer_outlives_the_process() {
    let store: Arc<dyn ConversationStore> = Arc::new(MemoryStore::default());
    let mut live = Live::new(assistant_with(store.clone(), true).await.session(chat()));
    live.hand_over().await;
    drop(live);
    let second = assistant_with(store, true).await;
    let mut live = Live::new(second.resume("acme", "c1").await.unwrap());
    live.wait(61).await;
    assert_eq!(live.briefing().attempt, 2);
    assert_eq!(
        live.briefing().slots["account"],
        "LF402117",
        "with the briefing"
    );
    assert_eq!(
        live.take(),
        [
            "[first silent]",
            "I am asking another colleague.",
            "[handoff-1.2 to second]"
        ]
    );
    live.answer("handoff-1.2", "bob", HandoffAnswer::Accept)
        .await;
    live.answer("handoff-1.2", "ann", HandoffAnswer::Accept)
        .await;
    let taken = live.take();
    assert_eq!(taken[0], "[bob leads]");
    assert!(taken[1].contains("bob already"), "{taken:?}");
    live.wait(1_000).await;
    assert!(live.take().is_empty(), "whoever leads is not out of time");
}

#[tokio::test]
async fn what_a_person_learned_and_did_is_not_asked_or_done_again() {
    let mut live = Live::new(in_memory(true).await.session(chat()));
    live.say(Role::EndUser, "I want my money back").await;
    live.say(Role::EndUser, "I want to speak to a person").await;
    live.take();
    // No answer to the offer: whoever speaks leads.
    live.say(
        Role::HumanAgent,
        "Hi, I am Bob. May I have your account number, please?",
    )
    .await;
    assert_eq!(live.take(), ["[human_agent leads]"]);
    live.say(Role::EndUser, "It is LF402117.").await;
    live.say(
        Role::HumanAgent,
        "Thank you. I have paid the money back to you.",
    )
    .await;
    let by = "human_agent";
    let back = HandoffAnswer::Return(HandoffReturn::default());
    live.answer("handoff-1.1", "somebody", back.clone()).await;
    assert!(
        live.take()[0].contains("leads the conversation"),
        "only who leads gives it back"
    );
    live.answer("handoff-1.1", by, back).await;
    assert_eq!(
        live.take(),
        [
            "[back from human_agent]",
            "I am with you again.",
            "You will get it within five days.",
            "Is there anything else I can help you with?"
        ],
        "neither the account nor the payment again"
    );
}

#[tokio::test]
async fn a_need_that_came_back_does_not_go_round_in_circles() {
    let mut live = Live::new(in_memory(false).await.session(chat()));
    live.hand_over().await;
    live.answer("handoff-1.1", "bob", HandoffAnswer::Accept)
        .await;
    live.take();
    let back = || HandoffAnswer::Return(HandoffReturn::default());
    // The tool fails after the first return: a person for another reason.
    live.answer("handoff-1.1", "bob", back()).await;
    let told = live.take();
    assert!(
        told.contains(&"[handoff-2.1 to first]".to_owned()),
        "{told:?}"
    );
    live.answer("handoff-2.1", "bob", HandoffAnswer::Accept)
        .await;
    live.take();
    // It fails again, and nothing is new.
    live.answer("handoff-2.1", "bob", back()).await;
    let told = live.take();
    assert!(
        told.contains(&"A colleague has looked at this already.".to_owned()),
        "{told:?}"
    );
    assert!(
        !told.iter().any(|told| told.starts_with("[handoff-3")),
        "{told:?}"
    );
    assert_eq!(told.last().unwrap(), "Would you like us to call you back?");
}

#[tokio::test]
async fn the_host_tells_steps_and_values_and_what_is_resolved() {
    let mut live = Live::new(in_memory(true).await.session(chat()));
    live.say(Role::EndUser, "I want my money back").await;
    live.say(Role::EndUser, "I want to speak to a person").await;
    live.answer("handoff-1.1", "bob", HandoffAnswer::Accept)
        .await;
    let steps = vec!["refund/pay".to_owned(), "refund/dance".to_owned()];
    live.send(SessionInput::StepsDone { steps }).await;
    let rejected = live.told.iter().filter(
        |e| matches!(e, SessionEvent::Rejected { proposal, .. } if proposal == "refund/dance"),
    );
    assert_eq!(rejected.count(), 1);
    live.take();
    let back = HandoffReturn {
        note: "Paid by hand.".into(),
        slots: [("account".to_owned(), "LF402117".to_owned())].into(),
        resolved: true,
        ..HandoffReturn::default()
    };
    live.answer("handoff-1.1", "bob", HandoffAnswer::Return(back))
        .await;
    assert_eq!(
        live.take(),
        [
            "[back from bob]",
            "I am with you again.",
            "Is there anything else I can help you with?"
        ]
    );
}
