//! The sample call, played into the hub as if somebody were on the line: the desk to be tried without a telephone.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use uuid::Uuid;

use crate::conversation::{Channel, Conversation, CustomerProfile, JourneyEvent, NewUtterance};
use crate::error::{Error, Result};
use crate::server::auth::{Caller, Permission};
use crate::server::extract::Body;
use crate::server::problem::Problem;
use crate::server::state::ServerState;
use crate::session::SessionInput;
use crate::store::StreamKey;

/// What is said, with its times.
const TRANSCRIPT: &str = include_str!("../../../examples/sample-call/transcript.json");

/// Sample calls that are played at the same time at most; it is for trying, not for load.
static PLAYING: Semaphore = Semaphore::const_new(16);
/// An input that cannot be taken now is tried again so often.
const TRIES: u32 = 6;
const SLOWEST: f64 = 0.1;
const FASTEST: f64 = 1000.0;
const DAY: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);

/// How the sample call is played.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::server) struct PlaySample {
    /// How many times as fast as people talk; 1 where it is left out.
    #[serde(default)]
    #[schemars(range(min = 0.1, max = 1000.0))]
    speed: Option<f64>,
}

/// A sample call that has begun.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::server) struct SampleBegun {
    /// The conversation.
    id: String,
}

/// `POST /v1/desktop/sample`
pub(super) async fn play(
    State(state): State<ServerState>,
    caller: Caller,
    Body(wanted): Body<PlaySample>,
) -> Result<(StatusCode, Json<SampleBegun>), Problem> {
    caller.require(Permission::Write)?;
    let speed = wanted.speed.unwrap_or(1.0);
    if !(SLOWEST..=FASTEST).contains(&speed) {
        return Err(Problem::invalid(format!(
            "speed must be from {SLOWEST} to {FASTEST}"
        )));
    }
    let permit = PLAYING.try_acquire().map_err(|_| {
        Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "overloaded",
            "many sample calls are played at the moment; wait for one of them to end",
        )
        .with_retry_after(10)
    })?;
    let script = Conversation::from_json(TRANSCRIPT)?;
    let conversation = beginning(&script, &caller, jiff::Timestamp::now());
    let key = caller.conversation(conversation.id.clone());
    let id = conversation.id.to_string();
    state.hub.open(conversation).await?;
    tokio::spawn(async move {
        let _permit = permit;
        let stopping = state.stopping.clone();
        tokio::select! {
            // A call that was cut off by the server's end stays as it is.
            () = stopping.cancelled() => {}
            ended = talk(&state, &key, &script, speed) => {
                if let Err(error) = ended {
                    tracing::warn!(%error, conversation = %key.conversation, "the sample call was cut short");
                }
            }
        }
    });
    Ok((StatusCode::CREATED, Json(SampleBegun { id })))
}

/// The conversation before the first word. Customer and history are invented, as the call is.
fn beginning(script: &Conversation, caller: &Caller, now: jiff::Timestamp) -> Conversation {
    let mut conversation = Conversation::new(caller.tenant.clone(), Channel::Voice)
        .with_language(script.language.clone())
        .with_profile(CustomerProfile {
            id: "sample-customer".into(),
            display_name: Some("Alex Morgan (sample)".into()),
            attributes: [("tariff", "Fibre 500"), ("customer_since", "2019")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            history: vec![
                "Asked how to move to another flat; solved in one chat.".into(),
                "Broadband was down for two hours; was credited £4.".into(),
            ],
        });
    for participant in &script.participants {
        conversation.join(participant.clone());
    }
    let ago = |days: i32| now - DAY * days;
    conversation.journey = vec![
        JourneyEvent::new(
            "outage",
            "Broadband outage in the street, two hours",
            ago(40),
        ),
        JourneyEvent::new("invoice", "Bill of £42.00", ago(26)),
        JourneyEvent::new("payment", "Payment of £42.00", ago(26)),
        JourneyEvent::new("payment", "Payment of £42.00", ago(26)),
    ];
    conversation
}

/// Says every utterance when it would have ended, then ends the conversation.
async fn talk(
    state: &ServerState,
    key: &StreamKey,
    script: &Conversation,
    speed: f64,
) -> Result<()> {
    let begun = Instant::now();
    // Ids of their own that stay the same when one is tried again.
    let base = Uuid::now_v7();
    let inputs = script.transcript.utterances().iter().map(|said| {
        let new = NewUtterance::new(said.participant.clone(), said.text.clone())
            .with_span(said.start_ms, said.end_ms);
        (said.end_ms, SessionInput::Utterance(new))
    });
    let last = script
        .transcript
        .utterances()
        .last()
        .map_or(0, |u| u.end_ms);
    for (number, (at_ms, input)) in inputs.chain([(last, SessionInput::End)]).enumerate() {
        let at = Duration::from_millis(at_ms).div_f64(speed);
        tokio::time::sleep_until(begun + at).await;
        let id = Uuid::new_v5(&base, number.to_string().as_bytes());
        submit(state, key, id, input).await?;
    }
    Ok(())
}

async fn submit(state: &ServerState, key: &StreamKey, id: Uuid, input: SessionInput) -> Result<()> {
    let mut wait = Duration::from_millis(250);
    let mut tries = 1;
    loop {
        let error: Error = match state.hub.submit(key, id, input.clone()).await {
            Ok(_) => return Ok(()),
            Err(error) => error,
        };
        if !error.is_transient() || tries == TRIES {
            return Err(error);
        }
        tries += 1;
        tokio::time::sleep(wait).await;
        wait *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::Role;

    #[test]
    fn the_script_is_a_call_of_two_people_in_the_order_of_time() {
        let script = Conversation::from_json(TRANSCRIPT).unwrap();
        let said = script.transcript.utterances();
        assert!(said.len() > 10);
        assert!(said.windows(2).all(|two| two[0].end_ms < two[1].end_ms));
        assert!(said.iter().all(|one| one.start_ms < one.end_ms));
        let roles: Vec<Role> = script.participants.iter().map(|p| p.role).collect();
        assert_eq!(roles, [Role::HumanAgent, Role::EndUser]);
        let caller = Caller {
            tenant: "acme".into(),
            subject: "key:test".into(),
            scopes: Permission::all(),
        };
        let now = jiff::Timestamp::now();
        let begun = beginning(&script, &caller, now);
        assert_eq!(begun.tenant.as_str(), "acme");
        assert!(begun.transcript.is_empty());
        assert_ne!(begun.id, beginning(&script, &caller, now).id);
        assert!(begun.journey.windows(2).all(|two| two[0].at <= two[1].at));
    }
}
