//! The loop of a session: one task owns the conversation, one thing is written at a time.

mod accept;
mod again;
mod answers;
mod approvals;
mod books;
mod cards;
mod coaching;
mod crisis;
mod ending;
mod fast;
mod feelings;
mod handing_over;
mod listen;
mod outlook;
mod seen;
mod strategies;
pub(crate) mod turn;
mod work;

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize};

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tracing::{Instrument, Span};

pub(super) use self::cards::Form;
pub(super) use self::feelings::{KeptFeelings, satisfaction_of};
use self::work::Doing;
use super::Accepted;
use super::ears::Ears;
use super::event::{SessionEvent, SessionInput, Skill};
use super::hub::SessionView;
use super::outlet::{Meter, Outlet};
use super::persist::{Journal, Restored};
use super::shown::Shown;
use crate::assist::{CardDesk, ReplyContext};
use crate::assistant::{Assistant, Meanwhile, Opening, PersonNow, Response};
use crate::conversation::{
    Conversation, Handoff, NewUtterance, Participant, ParticipantId, Role, Suggestion, Summary,
    UtteranceId,
};
use crate::dialogue::{DialogueState, Effect};
use crate::error::{Error, Result};
use crate::llm::Structured;
use crate::speech::AudioFrame;

/// What reaches the loop.
#[derive(Debug)]
pub(super) enum Message {
    // Boxed: the queue's memory is there for every session, however quiet.
    Input(Box<SessionInput>),
    Submit(Box<Submitted>),
    Frame(Box<Frame>),
    Settle(oneshot::Sender<()>),
    Snapshot(oneshot::Sender<Conversation>),
    View(oneshot::Sender<Box<SessionView>>),
    Leave(Leave),
}

/// An input that somebody waits for to be stored.
#[derive(Debug)]
pub(super) struct Submitted {
    pub(super) id: uuid::Uuid,
    pub(super) input: SessionInput,
    pub(super) answer: oneshot::Sender<Result<Accepted>>,
    /// Dropped when the input is dealt with.
    pub(super) busy: Option<super::outlet::Held>,
    /// What of a trace it is part of.
    pub(super) span: Span,
}

/// Live audio, counted until it is heard.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) participant: ParticipantId,
    pub(super) frame: AudioFrame,
    pub(super) held: [super::outlet::Held; 2],
}

/// The session is to leave memory.
#[derive(Debug)]
pub(super) struct Leave {
    /// Even where something is being done.
    pub(super) at_once: bool,
    /// Whether it does.
    pub(super) answer: oneshot::Sender<bool>,
}

/// Something that takes a model some time to write.
#[allow(clippy::large_enum_variant, reason = "one at a time is alive")]
enum Work {
    Reply(ReplyContext),
    /// With how the customer is.
    Respond(PersonNow),
    /// What was decided already.
    Carry(Vec<Effect>),
    Note {
        is_final: bool,
    },
    Coach(Box<coaching::OpenQuestions>),
    Read,
}

/// What came of it.
#[allow(clippy::large_enum_variant, reason = "one at a time is alive")]
enum Done {
    Reply {
        written: Result<Option<Structured<Suggestion>>>,
        /// What is said where nothing fit was written.
        instead: Option<Suggestion>,
    },
    Respond(Result<Box<Response>>),
    Note {
        note: Result<Summary>,
        is_final: bool,
    },
    Coach {
        open: Box<coaching::OpenQuestions>,
        answers: Result<HashMap<String, f32>>,
    },
    Read,
}

type Running = Pin<Box<dyn Future<Output = Done> + Send>>;

/// Inputs taken one after the other before what was written meanwhile is delivered.
const INPUTS_IN_A_ROW: usize = 32;

/// The loop's state.
pub(super) struct Runtime {
    assistant: Assistant,
    conversation: Conversation,
    events: Outlet,
    journal: Journal,
    state: DialogueState,
    summary: Option<Summary>,
    coaching: coaching::Desk,
    feelings: feelings::Feelings,
    ears: Ears,
    /// Why the last frame was refused.
    last_refusal: Option<String>,
    strategies: strategies::Alarm,
    /// Playbooks that this conversation goes on with as they were; hardly any has some.
    books: Option<Box<books::Books>>,
    /// What the virtual agent says first, where it opens the conversation.
    opening: Option<Opening>,
    /// The articles on the screen.
    cards: CardDesk,
    /// All that was shown, and what was made of it.
    shown: Shown,
    last_action: Option<String>,
    /// The suggestions that new words or a newer one take off the screen.
    open: cards::Open,
    clock: handing_over::Clock,
    /// There was a sign of a crisis: no next best action is shown any more.
    stop_selling: bool,
    running: Option<Running>,
    /// What runs, which decides whether new words of the customer overtake it.
    doing: Doing,
    /// What set it off.
    working_on: turn::Turn,
    /// The last words that called for something.
    turn: turn::Turn,
    voices: turn::Voices,
    /// When the words that are taken now ended, where they were spoken.
    spoken_until: Option<Instant>,
    /// What it says before it is done.
    aside: Option<mpsc::Receiver<Meanwhile>>,
    wanted: work::Wanted,
    settling: Vec<oneshot::Sender<()>>,
    /// Ids of the inputs that are in the store.
    seen: seen::Seen,
    /// The last briefing.
    handoff: Option<Handoff>,
    /// Its end is in the store, or asked for.
    ending: bool,
    ended: bool,
    meter: Meter,
    /// Set where something could not be stored.
    store_failed: Arc<AtomicBool>,
}

impl Runtime {
    pub(super) fn new(assistant: Assistant, conversation: Conversation, events: Outlet) -> Self {
        let mut runtime = Self::with(assistant, conversation, events, 0);
        runtime.journal.started(&runtime.conversation);
        runtime
    }

    /// A conversation that the virtual agent opens.
    pub(super) fn opened(
        assistant: Assistant,
        conversation: Conversation,
        opening: Opening,
        events: Outlet,
    ) -> Self {
        Self {
            opening: Some(opening),
            ..Self::new(assistant, conversation, events)
        }
    }

    pub(super) fn restored(assistant: Assistant, restored: Restored, events: Outlet) -> Self {
        let mut runtime = Self::with(assistant, restored.conversation, events, restored.version);
        runtime.state = restored.state;
        runtime.take_books(restored.books);
        runtime.summary = restored.summary;
        runtime.coaching.overrides = restored.checklist;
        runtime.handoff = restored.handoff;
        runtime.cards = restored.cards;
        runtime.shown = restored.shown;
        runtime.open.action = restored.open_action;
        runtime.stop_selling = restored.stop_selling;
        runtime.feelings = feelings::Feelings::of(&runtime.conversation, restored.feelings);
        runtime.coaching.take_up(restored.cues);
        runtime.last_action = restored.last_action;
        runtime.open.form = restored.form.as_ref().and_then(cards::Kept::of);
        runtime.seen.extend(restored.seen);
        runtime.ending = restored.ending && !restored.ended;
        runtime.ended = restored.ended;
        runtime
    }

    /// Counts what its transcript takes, and limits it.
    pub(super) fn metered(mut self, total: &Arc<AtomicUsize>, most: usize) -> Self {
        self.meter = Meter::new(total, most);
        self.weigh();
        self
    }

    fn with(
        assistant: Assistant,
        conversation: Conversation,
        events: Outlet,
        version: u64,
    ) -> Self {
        Self {
            journal: Journal::new(&assistant, &conversation, version),
            assistant,
            conversation,
            events,
            state: DialogueState::default(),
            summary: None,
            coaching: coaching::Desk::default(),
            feelings: feelings::Feelings::default(),
            ears: Ears::default(),
            last_refusal: None,
            strategies: strategies::Alarm::default(),
            books: None,
            opening: None,
            cards: CardDesk::default(),
            shown: Shown::default(),
            last_action: None,
            open: cards::Open::default(),
            clock: handing_over::Clock::default(),
            stop_selling: false,
            running: None,
            doing: Doing::Nothing,
            working_on: turn::Turn::default(),
            turn: turn::Turn::default(),
            voices: turn::Voices::default(),
            spoken_until: None,
            aside: None,
            wanted: work::Wanted::default(),
            settling: Vec::new(),
            seen: seen::Seen::default(),
            handoff: None,
            ending: false,
            ended: false,
            meter: Meter::default(),
            store_failed: Arc::default(),
        }
    }

    /// On the heap, and what it waits for too: a task is as large as its largest moment, and thousands of them wait.
    pub(super) async fn run(mut self: Box<Self>, mut inputs: mpsc::Receiver<Message>) {
        self.renew_books().await;
        Box::pin(self.begin_running()).await;
        Box::pin(self.coach_start()).await;
        if self.ending {
            // It was asked for, and the process ended first.
            return Box::pin(self.finish(&mut inputs)).await;
        }
        Box::pin(self.go_on()).await;
        let mut in_a_row = 0;
        loop {
            // Inputs come first, since new words make a reply to the old ones worthless; but not for ever.
            if in_a_row >= INPUTS_IN_A_ROW {
                in_a_row = 0;
                if let Some(done) = self.ready() {
                    Box::pin(self.deliver(done)).await;
                }
            }
            self.renew_books().await;
            self.start_next();
            if self.running.is_none() {
                // Whoever waits may have gone; that is theirs to decide.
                self.settling.drain(..).for_each(|waiting| {
                    let _ = waiting.send(());
                });
            }
            let due = self.due();
            let done = async {
                match &mut self.running {
                    Some(running) => running.await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                message = inputs.recv() => {
                    in_a_row += 1;
                    match message {
                    Some(Message::Input(input)) if matches!(*input, SessionInput::End) => {
                        return Box::pin(self.finish(&mut inputs)).await;
                    }
                    Some(Message::Input(input)) => Box::pin(self.take(*input)).await,
                    Some(Message::Submit(submitted)) => {
                        let span = submitted.span.clone();
                        Box::pin(self.accept(*submitted).instrument(span)).await;
                        if self.ending {
                            return Box::pin(self.finish(&mut inputs)).await;
                        }
                    }
                    Some(Message::Frame(piece)) => {
                        let Frame { participant, frame, held } = *piece;
                        Box::pin(self.push(participant, frame)).await;
                        Box::pin(self.save()).await;
                        drop(held);
                    }
                    Some(Message::View(answer)) => drop(answer.send(Box::new(self.view()))),
                    Some(Message::Leave(leave)) => {
                        if Box::pin(self.may_leave(leave)).await {
                            break;
                        }
                    }
                    Some(Message::Settle(waiting)) => self.settling.push(waiting),
                    Some(Message::Snapshot(answer)) => drop(answer.send(self.conversation.clone())),
                    None => break,
                    }
                }
                () = due => Box::pin(self.time_out()).await,
                () = self.strategies.due() => Box::pin(self.strategies_due()).await,
                heard = self.ears.next() => {
                    Box::pin(self.listen(heard)).await;
                    Box::pin(self.save()).await;
                }
                told = work::meanwhile(&mut self.aside) => Box::pin(self.tell_meanwhile(told)).await,
                done = done => {
                    in_a_row = 0;
                    self.idle();
                    Box::pin(self.deliver(done)).await;
                }
            }
        }
        // Nobody feeds it any more; what was said is still kept.
        for heard in Box::pin(self.ears.finish()).await {
            Box::pin(self.listen(heard)).await;
        }
        self.leave_desk();
        Box::pin(self.save()).await;
    }

    /// Stores its beginning, and learns what was learned before.
    async fn begin_running(&mut self) {
        self.save().await;
        if let Err(error) = self.assistant.recall(&self.conversation.tenant).await {
            let error = Error::context(error, "what was learned before cannot be read");
            self.emit(SessionEvent::failed(Skill::Store, &error)).await;
        }
        let tenant = &self.conversation.tenant;
        if let Err(error) = self.assistant.inner.learner.recall(tenant).await {
            self.emit(SessionEvent::failed(Skill::Store, &error)).await;
        }
    }

    /// Takes an input that nobody waits for.
    async fn take(&mut self, input: SessionInput) {
        self.prepare(&input).await;
        match self.stage(input) {
            Ok(staged) => {
                // Kept before anybody is told.
                self.save().await;
                self.weigh();
                self.carry_out(staged).await;
            }
            Err(refusal) => {
                self.emit(SessionEvent::failed(refusal.skill, &refusal.error))
                    .await;
            }
        }
        self.save().await;
    }

    /// Takes an input that does not stand in the store as it came. Where this fails it can be taken again.
    async fn take_other(&mut self, input: SessionInput) -> Result<()> {
        match input {
            SessionInput::Audio { tracks, start_ms } => self.transcribe(tracks, start_ms).await,
            SessionInput::Frame { participant, frame } => self.push(participant, frame).await,
            SessionInput::Strategy { strategy, input } => {
                self.tell_strategy(&strategy, vec![input]).await?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Takes final words; whoever is not known yet joins.
    async fn hear_from(&mut self, utterance: NewUtterance) {
        Box::pin(self.take(SessionInput::Utterance(utterance))).await;
    }

    fn join(&mut self, participant: Participant) {
        self.journal.joined(&participant);
        self.conversation.join(participant);
    }

    /// Final words that are kept: tells them, and sets off what they call for.
    async fn heard(&mut self, id: UtteranceId) {
        let Some(said) = self.conversation.transcript.get(id).cloned() else {
            return;
        };
        let role = said.role;
        // Whoever only shows that they listen asks for nothing.
        let calls_for_something = role != Role::AutomatedAgent && !said.back_channel;
        let text = said.text.clone();
        self.coaching.hear(&said);
        let ended = self.spoken_until.take().unwrap_or_else(Instant::now);
        let span = match role {
            // Part of the turn that it answers.
            Role::AutomatedAgent => self.turn.span.clone(),
            _ => {
                self.turn = turn::Turn::begin(id.0, role, self.conversation.channel, ended);
                self.turn.span.clone()
            }
        };
        self.emit(SessionEvent::UtteranceFinal(said)).await;
        self.turn.reached("transcript");
        Box::pin(
            self.follow_up(id, role, &text, calls_for_something)
                .instrument(span),
        )
        .await;
    }

    /// What final words call for.
    async fn follow_up(
        &mut self,
        id: UtteranceId,
        role: Role,
        text: &str,
        calls_for_something: bool,
    ) {
        let virtual_agent = self.has_virtual_agent();
        // Danger comes before everything else.
        let may_be_customer = matches!(role, Role::EndUser | Role::Unknown);
        let is_dealt_with = may_be_customer && self.crisis(id, text, virtual_agent).await;
        self.wanted.read = self.assistant.reads_ahead();
        if calls_for_something && !is_dealt_with {
            self.react(id, role, virtual_agent).await;
            Box::pin(self.follow(role)).await;
            Box::pin(self.fill_in()).await;
        }
        self.feel(id).await;
    }

    /// Whether a virtual agent answers the customer.
    fn has_virtual_agent(&self) -> bool {
        let mut participants = self.conversation.participants.iter();
        participants.any(|p| p.role == Role::AutomatedAgent) && self.state.handed_off.is_none()
    }

    async fn save(&mut self) {
        if let Err(error) = self.flush().await {
            let error = Error::context(
                error,
                "the conversation could not be stored and waits for the next attempt",
            );
            self.emit(SessionEvent::failed(Skill::Store, &error)).await;
        }
    }

    /// Borrows nothing, since what runs beside the loop cannot be shared between threads.
    fn emit(&self, event: SessionEvent) -> impl Future<Output = ()> + Send + use<> {
        let events = self.events.clone();
        async move {
            // A host that dropped its stream wants no events; the session goes on and is stored.
            let _ = events.send(event).await;
        }
    }
}
