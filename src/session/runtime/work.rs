//! What takes a model some time to write: started, overtaken, delivered.

use std::future::Future;

use futures::FutureExt;
use tokio::sync::mpsc;
use tracing::Instrument;

use super::super::event::{OfferOutcome, SessionEvent, SessionInput, Skill};
use super::{Done, PersonNow, Runtime, Work};
use crate::assist::quoted_reply;
use crate::assistant::{Aside, Meanwhile, Response};
use crate::conversation::{Citation, Role, UtteranceId};
use crate::error::{Error, ErrorKind, Result};
use crate::knowledge::sentences;
use crate::llm::Structured;
use crate::summary::SummaryOptions;

/// The kind of work that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doing {
    Nothing,
    /// Worthless as soon as the customer says more.
    Reply,
    /// Decides things; it is finished and then followed by the next.
    Respond,
    /// Can be written again later.
    Note,
    /// Short, and asked of words that do not come again.
    Coach,
    /// The model reads what was said before it is asked anything.
    Read,
}

/// What is to be worked on, the most urgent first.
#[derive(Default)]
pub(super) struct Wanted {
    pub(super) reply: Option<Work>,
    /// A note, and whether it is the last one.
    pub(super) note: Option<bool>,
    /// Something was said that the model has not read.
    pub(super) read: bool,
    /// The first of the customer's words that the virtual agent has not acted on,
    unread: Option<UtteranceId>,
    /// and the last ones that it acts on now.
    reads_to: Option<UtteranceId>,
}

impl Wanted {
    /// The virtual agent is to answer the customer's words.
    pub(super) fn respond(&mut self, to: UtteranceId) {
        self.reply = Some(Work::Respond(PersonNow::default()));
        self.unread.get_or_insert(to);
    }

    /// The customer's words were dealt with otherwise.
    pub(super) fn was_answered(&mut self) {
        self.unread = None;
    }
}

impl Runtime {
    /// New words of the customer make a reply to the old ones worthless, and come before a note.
    pub(super) fn overtake(&mut self) {
        self.wanted.reply = None;
        match self.doing {
            Doing::Reply => (self.running, self.aside) = (None, None),
            Doing::Note => {
                self.running = None;
                self.wanted.note = Some(false);
            }
            Doing::Respond | Doing::Coach | Doing::Read | Doing::Nothing => return,
        }
        self.doing = Doing::Nothing;
    }

    pub(super) fn start_next(&mut self) {
        let waits = self.wanted.reply.is_some()
            || self.wanted.note.is_some()
            || self.coaching.open.is_some();
        if self.doing == Doing::Read && waits {
            // A local model keeps what it has read so far, and whatever is asked now begins with it.
            self.idle();
            self.wanted.read = true;
        }
        if self.running.is_some() {
            return;
        }
        let work = if let Some(work) = self.wanted.reply.take() {
            match work {
                Work::Respond(_) => Work::Respond(self.feelings.person()),
                other => other,
            }
        } else if let Some(open) = self.coaching.open.take() {
            Work::Coach(Box::new(open))
        } else if let Some(is_final) = self.wanted.note.take() {
            Work::Note { is_final }
        } else if std::mem::take(&mut self.wanted.read) {
            Work::Read
        } else {
            return;
        };
        self.doing = match work {
            Work::Reply(_) => Doing::Reply,
            Work::Respond(_) | Work::Carry(_) => Doing::Respond,
            Work::Note { .. } => Doing::Note,
            Work::Coach(_) => Doing::Coach,
            Work::Read => Doing::Read,
        };
        if matches!(work, Work::Respond(_)) {
            let last = self.conversation.transcript.last_of(Role::EndUser);
            self.wanted.reads_to = last.map(|said| said.id);
        }
        let (aside, said) = Aside::new();
        self.aside = Some(said);
        self.working_on = self.turn.clone();
        let span = self.working_on.work(self.doing);
        self.running = Some(self.work(work, aside).instrument(span).boxed());
    }

    /// Nothing runs any more, and what it had to tell before comes too late.
    pub(super) fn idle(&mut self) {
        (self.running, self.aside) = (None, None);
        let turn = std::mem::take(&mut self.working_on);
        turn.worked(std::mem::replace(&mut self.doing, Doing::Nothing));
    }

    /// What came of the work, where it happens to be done.
    pub(super) fn ready(&mut self) -> Option<Done> {
        let done = self.running.as_mut()?.now_or_never()?;
        self.idle();
        Some(done)
    }

    /// Starts some work on the conversation as it stands. What it says before it is done goes to `aside`.
    pub(super) fn work(
        &self,
        work: Work,
        mut aside: Aside,
    ) -> impl Future<Output = Done> + Send + use<> {
        let assistant = self.assistant.clone();
        let conversation = self.conversation.clone();
        let mut state = self.state.clone();
        if matches!(work, Work::Respond(_)) {
            state.unread = self.wanted.unread;
        }
        let previous = self.summary.clone();
        let felt = self.feelings.felt();
        async move {
            match work {
                Work::Reply(context) => {
                    let mut begun = |first| aside.tell(Meanwhile::Begun(first));
                    let written = assistant.reply(&conversation, &context, &mut begun).await;
                    Done::Reply {
                        written,
                        instead: quoted_reply(&context),
                    }
                }
                Work::Respond(person) => Done::Respond(
                    assistant
                        .respond(&conversation, state, &person, &mut aside)
                        .await
                        .map(Box::new),
                ),
                Work::Carry(effects) => {
                    // The state was stored before, with the texts it follows.
                    let kept = state.pinned.clone();
                    let carried = assistant
                        .carry(&conversation, state, effects, &felt, &kept, &mut aside)
                        .await;
                    Done::Respond(carried.map(Box::new))
                }
                Work::Coach(open) => Done::Coach {
                    answers: assistant
                        .coaching_answers(&open.conversation, &open.questions)
                        .await,
                    open,
                },
                Work::Read => {
                    assistant.read_ahead(&conversation).await;
                    Done::Read
                }
                Work::Note { is_final } => {
                    let options = match is_final {
                        true => SummaryOptions::default().with_previous(previous),
                        false => SummaryOptions::interim(previous),
                    };
                    Done::Note {
                        note: assistant.summarize(&conversation, options).await,
                        is_final,
                    }
                }
            }
        }
    }

    /// The virtual agent has acted on the customer's words up to where it began; what they said meanwhile it has not.
    fn has_read(&mut self) {
        let Some(to) = self.wanted.reads_to.take() else {
            return;
        };
        let said = self.conversation.transcript.utterances().iter();
        let mut later = said.filter(|said| said.id > to);
        let next = later.find(|said| said.role == Role::EndUser && !said.back_channel);
        self.wanted.unread = next.map(|said| said.id);
    }

    pub(super) async fn deliver(&mut self, done: Done) {
        if matches!(done, Done::Respond(_)) {
            self.has_read();
        }
        match done {
            Done::Reply { written, instead } => {
                let shown = match written {
                    Ok(Some(Structured::Valid(reply))) => Some(reply),
                    Ok(Some(Structured::Rejected { raw, reason })) => {
                        self.emit(SessionEvent::Rejected {
                            skill: Skill::Reply,
                            proposal: raw,
                            reason,
                        })
                        .await;
                        instead
                    }
                    Ok(None) => None,
                    Err(error) => {
                        self.emit(SessionEvent::failed(Skill::Reply, &error)).await;
                        instead
                    }
                };
                if let Some(reply) = shown {
                    self.show_reply(reply).await;
                }
            }
            done @ Done::Coach { .. } => self.coach_answered(done).await,
            Done::Read => return,
            Done::Respond(Ok(response)) => self.act(*response).await,
            Done::Respond(Err(error)) => {
                // The customer is not left without an answer because a model failed.
                self.emit(SessionEvent::failed(Skill::VirtualAgent, &error))
                    .await;
                let text = self.assistant.inner.phrases.unknown.clone();
                self.speak(text, Vec::new()).await;
            }
            Done::Note {
                note: Ok(note),
                is_final,
            } => {
                let wrap_up = note.wrap_up.clone();
                self.journal.summary(&note);
                self.summary = Some(note.clone());
                self.emit(SessionEvent::Summary(note)).await;
                if let Some(wrap_up) = wrap_up.filter(|_| is_final) {
                    self.emit(SessionEvent::WrapUp {
                        code: wrap_up.code.id,
                        label: wrap_up.code.label,
                        confidence: wrap_up.confidence,
                        alternatives: wrap_up.alternatives,
                        evidence: wrap_up.evidence,
                    })
                    .await;
                }
            }
            Done::Note {
                note: Err(error),
                is_final,
            } => {
                // In the middle of a conversation there may simply be too little yet.
                if is_final || error.kind() != ErrorKind::InsufficientContent {
                    self.emit(SessionEvent::failed(Skill::Summary, &error))
                        .await;
                }
            }
        }
        self.save().await;
    }

    async fn act(&mut self, response: Response) {
        let offered = response.state.offer.clone();
        let offered = offered.filter(|offer| self.state.offer.as_ref() != Some(offer));
        self.state = response.state;
        self.state.unread = None;
        self.journal.state(&self.state);
        for rejection in response.rejections {
            let (proposal, reason) = (rejection.proposal, rejection.reason);
            self.emit(SessionEvent::Rejected {
                skill: Skill::VirtualAgent,
                proposal,
                reason,
            })
            .await;
        }
        for receipt in response.receipts {
            self.emit(SessionEvent::Action(receipt)).await;
        }
        for spoken in response.spoken {
            self.speak(spoken.text, spoken.citations).await;
        }
        for driven in response.strategies {
            self.strategy_driven(driven).await;
        }
        for request in response.requests {
            self.emit(SessionEvent::ApprovalRequested {
                source: request.source,
                by: request.by,
                question: request.question,
            })
            .await;
        }
        if let Some((rule, right)) = response.foreseen {
            self.need_told(&rule, right).await;
        }
        if let Some(offer) = offered {
            self.tell_offer(&offer, OfferOutcome::Made).await;
        }
        if let Some(handoff) = response.handoff {
            self.hand_over(handoff).await;
        }
    }

    /// The virtual agent's words are part of the transcript like anybody's.
    pub(super) async fn speak(&mut self, text: String, citations: Vec<Citation>) {
        self.utter(text, citations, false).await;
    }

    /// Words that bridge a wait were said, so the transcript has them too.
    pub(super) async fn tell_meanwhile(&mut self, told: Meanwhile) {
        match told {
            Meanwhile::Filler(words) => self.utter(words, Vec::new(), true).await,
            Meanwhile::Begun(first) => self.reply_begun(first).await,
        }
    }

    async fn utter(&mut self, text: String, citations: Vec<Citation>, filler: bool) {
        let mut sentence_ends: Vec<usize> = sentences(&text).iter().map(|s| s.end).collect();
        // Whatever stands behind the last full stop is spoken too.
        match sentence_ends.last_mut() {
            Some(last) => *last = text.len(),
            None => sentence_ends.push(text.len()),
        }
        self.emit(SessionEvent::Reply {
            utterance: self.conversation.transcript.next_id(),
            text: text.clone(),
            sentence_ends,
            citations,
            filler,
        })
        .await;
        Box::pin(self.take(SessionInput::Say {
            role: Role::AutomatedAgent,
            text,
        }))
        .await;
    }

    /// The customer cut the virtual agent short: what is left of its words, where something was cut off.
    pub(super) fn interrupt(
        &mut self,
        utterance: UtteranceId,
        spoken: usize,
    ) -> Result<Option<String>> {
        let said = self.conversation.transcript.get(utterance);
        if said.is_none_or(|said| said.role != Role::AutomatedAgent) {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!(
                    "utterance {utterance} is none of the virtual agent's; give the one told with its reply"
                ),
            ));
        }
        let left = self.conversation.interrupt(utterance, spoken);
        let left = left.map(|said| said.text.clone());
        if left.is_some() {
            self.journal.interrupted(utterance, spoken);
        }
        Ok(left)
    }
}

/// What the work that runs tells before it is done; nothing, where none runs.
pub(super) async fn meanwhile(aside: &mut Option<mpsc::Receiver<Meanwhile>>) -> Meanwhile {
    if let Some(told) = aside
        && let Some(told) = told.recv().await
    {
        return told;
    }
    // A queue takes memory, and most conversations wait most of the time.
    *aside = None;
    std::future::pending().await
}
