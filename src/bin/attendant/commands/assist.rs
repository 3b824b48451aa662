//! Replays a call through a session.

use std::time::{Duration, Instant};

use attendant::conversation::{
    Channel, Conversation, NewUtterance, Participant, Role, SuggestionKind,
};
use attendant::session::{SessionEvent, SessionInput};
use attendant::{Error, ErrorKind, Result};
use futures::StreamExt;
use serde::Serialize;

use super::file::{hear, is_transcript, read_transcript, spoken};
use crate::args::AssistArgs;
use crate::screen::Screen;
use crate::setup::ready;

/// An event as `--json` prints it.
#[derive(Serialize)]
struct Timed<'a> {
    at_ms: u64,
    #[serde(flatten)]
    event: &'a SessionEvent,
}

pub(crate) async fn run(args: AssistArgs, screen: &Screen) -> Result<()> {
    let from_transcript = is_transcript(&args.file);
    let ready = ready(&args.setup, args.store.as_deref(), !from_transcript, screen).await?;
    let start = Instant::now();
    let mut conversation = Conversation::new(ready.tenant.clone(), Channel::Voice);
    let (script, length_ms) = if from_transcript {
        let read = read_transcript(&args.file, &ready.tenant)?;
        let script = script_of(&read);
        let length = script
            .iter()
            .map(|(_, u)| u.end_ms)
            .max()
            .unwrap_or_default();
        conversation = Conversation {
            transcript: Default::default(),
            participants: Vec::new(),
            ..read
        };
        (script, length)
    } else {
        let (segments, length) = hear(
            &args.file,
            ready.assistant.speech()?.as_ref(),
            Some("en"),
            ready.assistant.vocabulary(),
            screen,
        )
        .await?;
        (spoken(segments), length)
    };
    if script.iter().all(|(_, said)| said.text.trim().is_empty()) {
        return Err(Error::new(
            ErrorKind::InsufficientContent,
            format!("nobody says anything in {}", args.file.display()),
        ));
    }
    let mut session = ready.assistant.session(conversation);
    let events = session.events();
    let feeding = async move {
        let began = Instant::now();
        let mut joined: Vec<Participant> = Vec::new();
        for (participant, utterance) in script {
            let known = joined.iter().any(|p| p.id == participant.id);
            if !known {
                joined.push(participant.clone());
                session.send(SessionInput::Join(participant)).await?;
            }
            if args.realtime {
                let due = Duration::from_millis(utterance.end_ms).saturating_sub(began.elapsed());
                tokio::time::sleep(due).await;
            }
            session.send(SessionInput::Utterance(utterance)).await?;
            if !args.realtime {
                session.settle().await?;
            }
        }
        if args.realtime {
            session.settle().await?;
        }
        session.send(SessionInput::End).await
    };
    let mut delays = Delays::default();
    let showing = async {
        let mut events = std::pin::pin!(events);
        while let Some(event) = events.next().await {
            delays.take(&event, Instant::now());
            if args.json {
                let at_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
                screen.json(&Timed {
                    at_ms,
                    event: &event,
                })?;
            } else {
                screen.event(&event)?;
            }
        }
        Ok(())
    };
    futures::future::try_join(showing, feeding).await?;
    let wall = start.elapsed().as_secs_f64();
    let length = length_ms as f64 / 1000.0;
    screen.note(&format!(
        "{length:.1} s of call in {wall:.1} s: {:.2} times real time",
        length / wall
    ));
    for line in delays.lines() {
        screen.note(&line);
    }
    Ok(())
}

/// How long after an utterance the first card of the fast path was there, the first sentence of a reply, and the whole
/// reply.
#[derive(Default)]
struct Delays {
    said: Option<Instant>,
    first: Vec<Duration>,
    sentences: Vec<Duration>,
    replies: Vec<Duration>,
    is_first: bool,
    /// The reply whose first sentence is there.
    begun: Option<String>,
}

impl Delays {
    fn take(&mut self, event: &SessionEvent, now: Instant) {
        match (event, self.said) {
            (SessionEvent::UtteranceFinal(_), _) => (self.said, self.is_first) = (Some(now), true),
            (SessionEvent::ReplyBegun(card), Some(said)) => {
                self.begun = Some(card.id.clone());
                self.sentences.push(now - said);
            }
            (SessionEvent::Suggestion(card) | SessionEvent::Coaching(card), Some(said)) => {
                if matches!(card.kind, SuggestionKind::Reply { .. }) {
                    // One that is a single sentence comes as a whole.
                    if self.begun.take().is_none_or(|begun| begun != card.id) {
                        self.sentences.push(now - said);
                    }
                    self.replies.push(now - said);
                } else if std::mem::take(&mut self.is_first) {
                    self.first.push(now - said);
                }
            }
            _ => {}
        }
    }

    fn lines(self) -> impl Iterator<Item = String> {
        let lists = [
            ("first card", self.first),
            ("first sentence of a reply", self.sentences),
            ("reply", self.replies),
        ];
        lists.into_iter().filter_map(|(what, mut list)| {
            list.sort();
            let at = |share: f64| {
                let place = (share * list.len() as f64).ceil() as usize;
                list.get(place.saturating_sub(1)).map(Duration::as_millis)
            };
            let (half, most) = (at(0.5)?, at(0.95)?);
            let n = list.len();
            Some(format!(
                "{what} after an utterance: median {half} ms, 95 of 100 within {most} ms ({n})"
            ))
        })
    }
}

/// A finished conversation as what is fed to a session.
fn script_of(conversation: &Conversation) -> Vec<(Participant, NewUtterance)> {
    let said = conversation.transcript.utterances().iter();
    said.map(|u| {
        let known = conversation
            .participants
            .iter()
            .find(|p| p.id == u.participant)
            .cloned();
        let mut participant =
            known.unwrap_or_else(|| Participant::new(u.participant.clone(), u.role));
        if participant.role == Role::AutomatedAgent {
            // Its words are replayed, not asked for again.
            participant.role = Role::HumanAgent;
        }
        let utterance = NewUtterance::new(u.participant.clone(), u.text.clone())
            .with_span(u.start_ms, u.end_ms);
        (participant, utterance)
    })
    .collect()
}
