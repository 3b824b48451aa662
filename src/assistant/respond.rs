//! One turn of the virtual agent: code reads what is certain, the model proposes the rest, code disposes.

use super::carry::{PersonNow, Response};
use super::opinion::Opinion;
use super::weigh::SURELY_READ;
use super::{Aside, Assistant};
use crate::conversation::{Conversation, Role};
use crate::dialogue::{Command, DialogueState, Moment, Rejection, apply};
use crate::error::Result;

/// Fewer words than this say too little to look anything up.
pub(super) const WORDS_TO_LOOK_UP: usize = 4;

impl Assistant {
    /// Answers the customer's last words.
    pub(crate) async fn respond(
        &self,
        conversation: &Conversation,
        mut state: DialogueState,
        person: &PersonNow,
        aside: &mut Aside,
    ) -> Result<Response> {
        let kept = state.pinned.clone();
        // Whoever writes again needs something again.
        state.ended = false;
        let offered_person = std::mem::take(&mut state.offered_person);
        let said = conversation.transcript.last_of(Role::EndUser);
        let read_with = DialogueState {
            offered_person,
            ..state.clone()
        };
        self.feel(&mut state, &person.signs);
        let profile = conversation.profile.clone().unwrap_or_default().attributes;
        let moment = Moment {
            playbooks: &self.inner.playbooks,
            profile: &profile,
            now: jiff::Timestamp::now(),
            utterance: said.map(|said| said.id),
        };
        let foreseen = state.foreseen.take();
        let answered = match &foreseen {
            Some(need) => Some(
                self.answered_foreseen(conversation, &state, need, &moment)
                    .await?,
            ),
            None => None,
        };
        let mut was_right = answered.as_ref().and_then(|answered| answered.right);
        let Understood {
            mut commands,
            otherwise,
            mut rejections,
            mut doubted,
            is_sure,
            made_up_yes,
            between,
            is_weighed,
        } = match answered.and_then(|answered| answered.commands) {
            Some(commands) => Understood {
                commands,
                is_sure: true,
                ..Understood::default()
            },
            None => self.understand(conversation, &read_with).await?,
        };
        let half_yes = self.only_clear_yes(conversation, &state, &mut commands) || made_up_yes;
        if let Some(need) = &foreseen {
            let started = commands.iter().find_map(|command| match command {
                Command::StartPlaybook { playbook, .. } => Some(playbook),
                _ => None,
            });
            was_right = was_right.or(started.map(|started| *started == need.playbook));
            // Not told yet: the first thing they do say still counts.
            if was_right.is_none() {
                state.foreseen.clone_from(&foreseen);
            }
        }
        let at_once = |commands: &[Command]| match is_sure {
            true => None,
            false => self.would_act_at_once(&state, commands, &moment),
        };
        // Where it was asked about before, saying it again is sure enough.
        let may_be_asked = |need: &String| self.may_ask_whether(need, &state).is_some();
        if let Some(need) = at_once(&commands).filter(may_be_asked) {
            rejections.push(Rejection {
                proposal: format!("{commands:?}"),
                reason: "it would change something at once, and is not surely meant".to_owned(),
            });
            commands = vec![Command::Clarify];
            doubted = Some(need);
        }
        let otherwise = match at_once(&otherwise).filter(may_be_asked) {
            Some(need) => {
                doubted = doubted.or(Some(need));
                Vec::new()
            }
            None => otherwise,
        };
        let is_unclear = commands == [Command::Clarify];
        let before = state.clone();
        if let Some((first, second)) = between.filter(|_| !state.clarified) {
            state.choices = vec![first, second];
        }
        let (state, effects, refused) = apply(state, &commands, &moment);
        rejections.extend(refused);
        let mut response = self
            .carry(conversation, state, effects, person, &kept, aside)
            .await?;
        if !response.state.clarified {
            response.state.choices.clear();
        }
        // Where they are asked which of two things they mean, that is not decided for them.
        let asks_which = !response.state.choices.is_empty();
        let is_open = response.found_nothing && otherwise.is_empty() && !asks_which;
        let otherwise = match is_open && !is_weighed {
            true => self.likely_need(conversation, &before).await?,
            false => otherwise,
        };
        let otherwise = match self.would_act_at_once(&before, &otherwise, &moment) {
            Some(need) if !is_sure && self.may_ask_whether(&need, &before).is_some() => {
                doubted = Some(need);
                Vec::new()
            }
            _ => otherwise,
        };
        if response.found_nothing && !otherwise.is_empty() {
            let (state, effects, refused) = apply(before, &otherwise, &moment);
            rejections.extend(refused);
            response = self
                .carry(conversation, state, effects, person, &kept, aside)
                .await?;
        }
        if (response.found_nothing || is_unclear)
            && otherwise.is_empty()
            && let Some(need) = doubted
        {
            self.ask_whether(&need, &mut response);
        }
        if half_yes {
            self.ask_plainly(&mut response);
        }
        response.foreseen = foreseen
            .zip(was_right)
            .map(|(need, right)| (need.rule, right));
        response.rejections.splice(0..0, rejections);
        let is_over = response.state.handed_off.is_some() || response.state.ended;
        if !is_over
            && let Some(words) = self
                .inner
                .empathy
                .acknowledge(&person.signs, &mut response.state.acknowledged)
        {
            response.say_first(words);
        }
        if response.spoken.is_empty() {
            response.say(&self.inner.phrases.clarify);
        }
        Ok(response)
    }

    /// What the customer's words call for: what code reads for certain, else what the model proposes and the words bear
    /// out.
    async fn understand(
        &self,
        conversation: &Conversation,
        state: &DialogueState,
    ) -> Result<Understood> {
        let mut reading = self.inner.reader.read(conversation, state).await?;
        let opinion = self.opinion(conversation, state, &reading).await?;
        match &opinion {
            Some(opinion) => self.put_right(conversation, opinion, &mut reading),
            None => self.weigh(conversation, state, &mut reading).await?,
        }
        if reading.is_certain {
            let surely = |(_, probability): &(String, f32)| *probability >= SURELY_READ;
            return Ok(Understood {
                is_sure: state.playbook.is_some() || reading.need.as_ref().is_none_or(surely),
                commands: reading.commands,
                otherwise: reading.otherwise,
                ..Understood::default()
            });
        }
        let said = conversation
            .transcript
            .last_of(Role::EndUser)
            .map_or("", |said| said.text.as_str());
        let mut commands = reading.commands;
        let mut rejections = Vec::new();
        let mut doubted = None;
        let mut made_up_yes = false;
        let between = match opinion.clone() {
            Some(Opinion::Between(first, second)) => Some((first, second)),
            _ => None,
        };
        if self.inner.writes {
            let prefix = self.prefix(conversation)?;
            let plan = self.inner.planner.plan(&prefix, state).await?;
            rejections.extend(plan.rejections);
            let (kept, refused) = self
                .inner
                .reader
                .grounded(plan.commands, conversation, state);
            let (kept, no_yes) = self.without_made_up_yes(conversation, state, kept);
            made_up_yes = no_yes;
            rejections.extend(refused.into_iter().map(|(command, reason)| Rejection {
                proposal:
                    serde_json::to_string(&command).unwrap_or_else(|_| format!("{command:?}")),
                reason: reason.to_owned(),
            }));
            let heard = reading.need.as_ref().map(|(need, _)| need.as_str());
            let likely = self.likely(conversation, heard).await?;
            let (kept, unlikely): (Vec<_>, Vec<_>) =
                kept.into_iter().partition(|command| match command {
                    Command::StartPlaybook { playbook, .. } => match &opinion {
                        Some(Opinion::Meant(need)) => need == playbook,
                        Some(_) => false,
                        None => likely.begun.contains(playbook),
                    },
                    _ => true,
                });
            doubted = unlikely.iter().find_map(|command| match command {
                Command::StartPlaybook { playbook, .. } => Some(playbook.clone()),
                _ => None,
            });
            doubted = doubted.filter(|need| likely.asked_about.contains(need));
            if opinion == Some(Opinion::Unlike) {
                doubted = None;
            }
            rejections.extend(unlikely.into_iter().map(|command| Rejection {
                proposal: format!("{command:?}"),
                reason: "the customer's words are not like those of that need".to_owned(),
            }));
            if kept
                .iter()
                .any(|command| matches!(command, Command::StartPlaybook { .. }))
            {
                // A question that asks for a procedure is answered by it.
                commands.retain(|command| !matches!(command, Command::Answer { .. }));
            }
            for proposed in kept {
                let is_known = commands.iter().any(|known| same_subject(known, &proposed));
                if !is_known {
                    commands.push(proposed);
                }
            }
        }
        // What tells of something is neither chat nor unclear where it is like what a procedure is for, and what asks for
        // something to be done is no question.
        let asks = self.inner.reader.asks(said);
        let does_nothing = commands.iter().all(|command| match command {
            Command::SmallTalk | Command::Clarify => true,
            Command::Answer { .. } => !asks,
            _ => false,
        });
        let mut otherwise = reading.otherwise;
        if does_nothing
            && state.playbook.is_none()
            && self.inner.reader.courtesy(conversation).is_none()
        {
            let need = match &opinion {
                Some(Opinion::Meant(need)) => self.begun(conversation, need),
                Some(_) => Vec::new(),
                None => self.likely_need(conversation, state).await?,
            };
            let is_question = opinion.is_some() && self.inner.reader.asks_for_information(said);
            if !need.is_empty() && is_question {
                // An article answers more quickly than a procedure, if there is one.
                commands.clear();
                otherwise = need;
            } else if !need.is_empty() {
                commands = need;
            } else if doubted.is_some() || between.is_some() {
                // Looked up first; then it is asked whether that is meant.
                commands.clear();
            }
        }
        if let Some(Opinion::Meant(need)) = &opinion
            && otherwise.is_empty()
            && matches!(&commands[..], [Command::Answer { .. }])
        {
            // An article answers more quickly than a procedure, if there is one.
            otherwise = self.begun(conversation, need);
        }
        if commands.is_empty() {
            // No article answers what asks nothing: it is asked at once what is meant.
            let may_be_meant = |need: &String| self.may_ask_whether(need, state).is_some();
            let tells_of_a_need = !asks && doubted.as_ref().is_some_and(may_be_meant);
            let tells_of_a_need = tells_of_a_need || !asks && between.is_some();
            commands.push(
                match state.playbook.is_none()
                    && !tells_of_a_need
                    && (asks || self.inner.reader.wants_to_know(said))
                    && said.split_whitespace().count() >= WORDS_TO_LOOK_UP
                {
                    true => Command::Answer {
                        question: said.to_owned(),
                    },
                    false => Command::Clarify,
                },
            );
        }
        Ok(Understood {
            commands,
            otherwise,
            rejections,
            doubted,
            is_sure: state.playbook.is_some(),
            made_up_yes,
            between,
            is_weighed: opinion.is_some(),
        })
    }
}

/// What the customer's words call for.
#[derive(Default)]
struct Understood {
    commands: Vec<Command>,
    /// Where no article answers.
    otherwise: Vec<Command>,
    rejections: Vec<Rejection>,
    /// The need that the model heard and the words do not bear out.
    doubted: Option<String>,
    /// Whether it is beyond doubt which procedure is meant.
    is_sure: bool,
    /// Whether only the model heard a yes to something that changes anything.
    made_up_yes: bool,
    /// The two needs that are about as likely.
    between: Option<(String, String)>,
    /// Whether it was weighed already which need is meant.
    is_weighed: bool,
}

/// Whether two commands are about the same thing, so that what code read comes before what the model proposed.
fn same_subject(known: &Command, proposed: &Command) -> bool {
    match (known, proposed) {
        (Command::SetSlot { name: a, .. }, Command::SetSlot { name: b, .. }) => a == b,
        (a, b) => std::mem::discriminant(a) == std::mem::discriminant(b),
    }
}
