//! What the customer's words say by themselves, read by code: values, a yes, a need, a question, a goodbye.
//!
//! What is certain by its form is not left to a language model; what stays open is told, and the planner asks the model.

mod again;
mod answers;
mod assent;
mod consent;
mod cues;
mod days;
mod denial;
mod ground;
mod heard;
mod needs;
mod over;
mod values;

pub use consent::Choice;
pub(crate) use heard::heard;
pub(super) use needs::NO_NEEDS;
pub(super) use values::{identifier, last_identifier};

use std::ops::Range;
use std::sync::Arc;

use super::command::Command;
use super::playbook::{Playbook, Slot};
use super::state::DialogueState;
use crate::conversation::{Approver, Conversation, HandoffReason, Role};
use crate::embedding::Embedder;
use crate::error::Result;
use crate::understanding::intent::{IntentExample, IntentMatch, IntentRecognizer};
use heard::{answer, asked_before};
use values::Words;

/// A need so likely starts a procedure where none runs.
const NEED: f32 = 0.4;
/// Further needs of the same message must be so likely.
const FURTHER_NEED: f32 = 0.75;
/// A need so likely interrupts the procedure that runs.
const OTHER_NEED: f32 = 0.9;
/// What is answered in so many words is no new need.
const WORDS_OF_AN_ANSWER: usize = 6;

/// What was read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// What follows from it.
    pub commands: Vec<Command>,
    /// Whether nothing of it is left to the model.
    pub is_certain: bool,
    /// What follows where no article answers the question.
    pub otherwise: Vec<Command>,
    /// The need that the words are likeliest about, and how likely.
    pub need: Option<(String, f32)>,
}

impl Reading {
    fn certain(commands: Vec<Command>) -> Self {
        Self {
            commands,
            is_certain: true,
            ..Self::default()
        }
    }
}

/// What is said for politeness' sake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Courtesy {
    /// Thanks.
    Thanks,
    /// A greeting.
    Greeting,
}

/// Reads the customer's words.
#[derive(Clone, Debug)]
pub struct Reader {
    embedder: Arc<dyn Embedder>,
    playbooks: Arc<[Playbook]>,
    needs: Option<IntentRecognizer>,
}

/// What is read, and where the dialogue stands.
struct Turn<'a> {
    text: &'a str,
    words: Words<'a>,
    state: &'a DialogueState,
    asked: Option<&'a Slot>,
}

impl Reader {
    /// Learns what customers say who need each playbook, from its examples.
    ///
    /// # Errors
    /// As the embedder.
    pub async fn new(embedder: Arc<dyn Embedder>, playbooks: Arc<[Playbook]>) -> Result<Self> {
        let examples: Vec<IntentExample> = playbooks
            .iter()
            .flat_map(|playbook| {
                playbook
                    .examples
                    .iter()
                    .map(|text| IntentExample::new(text, &playbook.id))
            })
            .collect();
        let mut examples = examples;
        if !examples.is_empty() {
            let none = needs::NO_NEEDS.iter().take(needs::TAUGHT);
            examples.extend(none.map(|text| IntentExample::none_of_these(*text)));
        }
        let needs = match examples.is_empty() {
            true => None,
            false => Some(IntentRecognizer::fit(&examples, embedder.clone()).await?),
        };
        Ok(Self {
            embedder,
            playbooks,
            needs,
        })
    }

    /// Reads what the customer said since anybody else spoke.
    ///
    /// # Errors
    /// As the embedder.
    pub async fn read(
        &self,
        conversation: &Conversation,
        state: &DialogueState,
    ) -> Result<Reading> {
        let text = heard(conversation, state);
        if text.is_empty() {
            return Ok(Reading::default());
        }
        let running = state
            .playbook
            .as_deref()
            .and_then(|id| self.playbooks.iter().find(|p| p.id == id));
        let turn = Turn {
            text: &text,
            words: Words {
                text: &text,
                language: &conversation.language,
            },
            state,
            asked: running
                .zip(state.asked.as_deref())
                .and_then(|(playbook, name)| playbook.slot(name)),
        };
        let accepts = state.offered_person && assent::clear_answer(&text) == Some(true);
        if cues::wants_person(&text) || accepts {
            let reason = HandoffReason::CustomerAsked;
            return Ok(Reading::certain(vec![Command::HandOff { reason }]));
        }
        let needs = self.needs_in(&text).await?;
        if let Some(playbook) = running {
            let mut reading = self.within(&turn, playbook, &needs).await?;
            if reading.commands == [Command::StopPlaybook] && cues::only_asks(&text) {
                // What began the procedure was a question.
                reading.commands.extend(asked_before(conversation));
            }
            return Ok(reading);
        }
        let mut reading = self.outside(&turn, &needs);
        let likeliest = needs
            .iter()
            .max_by(|a, b| a.probability.total_cmp(&b.probability));
        reading.need = likeliest.map(|need| (need.intent.clone(), need.probability));
        let begins = |command: &Command| matches!(command, Command::StartPlaybook { .. });
        if cues::refers_back(&text) && !reading.commands.iter().any(begins) {
            if let Some(playbook) = self.mentioned(conversation, state).await? {
                let need = Some((playbook.clone(), needs::MENTIONED));
                let begun = vec![Command::StartPlaybook {
                    playbook,
                    later: false,
                }];
                return Ok(Reading {
                    need,
                    ..Reading::certain(begun)
                });
            }
            // All that was mentioned was seen to; no article knows what else they mean.
            let asks = matches!(&reading.commands[..], [Command::Answer { .. }]);
            if asks && !state.runs.is_empty() {
                return Ok(Reading::certain(vec![Command::Clarify]));
            }
        }
        if !reading.is_certain && !reading.commands.iter().any(begins) {
            let told = self.in_pieces(conversation, state).await?;
            reading = told.unwrap_or(reading);
        }
        Ok(reading)
    }

    /// No procedure runs: what does the customer need?
    fn outside(&self, turn: &Turn<'_>, needs: &[IntentMatch]) -> Reading {
        if let Some(playbook) = self.said_again(turn, needs) {
            return Reading::certain(vec![Command::TellAgain { playbook }]);
        }
        let text = turn.text;
        let question = cues::question(text);
        let likeliest = needs
            .iter()
            .map(|need| need.probability)
            .fold(0.0, f32::max);
        let joined = [" and ", " & ", " + "]
            .iter()
            .any(|sign| text.contains(sign));
        let several = cues::comes_on_top(text) || joined;
        let further = needs
            .iter()
            .filter(|need| {
                let own = text.get(need.span.clone()).unwrap_or_default();
                let says_what = own.split([',', ';']).any(cues::means_that);
                let is_further = need.probability >= FURTHER_NEED && !says_what;
                need.probability >= likeliest || several && is_further
            })
            .cloned();
        let wanted = self.wanted(&further.collect::<Vec<_>>(), NEED);
        let ends = cues::is_done(text)
            || assent::clear_answer(text) == Some(false) && !cues::tells_a_no(text)
            || cues::is_thanks(text);
        if wanted.is_empty() || text.split_whitespace().count() <= 4 && ends {
            if !turn.state.runs.is_empty() && ends && question.is_none()
                || cues::is_done(text) && question.is_none()
            {
                return Reading::certain(vec![Command::End]);
            }
            // "Okay." when there is nothing to be answered.
            let was_helped = !turn.state.runs.is_empty() || turn.state.about.is_some();
            if was_helped
                && assent::clear_answer(text) == Some(true)
                && text.split_whitespace().count() <= 3
            {
                // "Yes" to "anything else?", and "right, next".
                let lower = text.to_lowercase();
                let more = lower.trim_start().starts_with('y') || lower.contains("next");
                return Reading::certain(vec![if more { Command::Clarify } else { Command::End }]);
            }
            if cues::is_thanks(text) || cues::is_greeting(text) {
                return Reading::certain(vec![Command::SmallTalk]);
            }
            return match question {
                Some(question) if cues::asks_for_information(text) => {
                    Reading::certain(vec![answer(text, question)])
                }
                Some(question) => Reading {
                    commands: vec![answer(text, question)],
                    ..Reading::default()
                },
                None => Reading::default(),
            };
        }
        if let Some(playbook) = self.mentioned_again(turn, &wanted) {
            return Reading::certain(vec![Command::TellAgain { playbook }]);
        }
        let commands = needs::begun(&wanted, &turn.words, Some(turn.state));
        match question.filter(|_| cues::asks_for_information(text)) {
            // An article answers more quickly than a procedure, if there is one.
            Some(question) => Reading {
                otherwise: commands,
                ..Reading::certain(vec![answer(text, question)])
            },
            None => Reading::certain(commands),
        }
    }

    /// A procedure runs: is it an answer, something else, or both?
    async fn within(
        &self,
        turn: &Turn<'_>,
        playbook: &Playbook,
        needs: &[IntentMatch],
    ) -> Result<Reading> {
        let text = turn.text;
        let question = cues::question(text);
        let waits = turn
            .state
            .pending
            .as_ref()
            .filter(|pending| pending.by == Approver::Customer);
        let (mut commands, taken) = self.values(turn, playbook);
        let has_asked = turn.asked.is_some_and(|slot| sets(&commands, &slot.name));
        let others: Vec<&Playbook> = self
            .wanted(needs, OTHER_NEED)
            .into_iter()
            .filter(|p| p.id != playbook.id)
            // An answer may sound like another need ("I am moving in with my partner").
            .filter(|_| !has_asked || cues::comes_on_top(text))
            .collect();
        let restated = waits.map(|_| self.restated(turn, playbook));
        let mut restated = restated.unwrap_or_default();
        // "Don't bother, just cancel it" answers an offer, "I no longer want it" the question why.
        let answers = waits
            .is_some_and(|pending| assent::names_action(&pending.question, text).is_some())
            || !restated.corrections.is_empty()
            || turn.asked.is_some() && cues::tells_of_no_use(text);
        let gives_up = cues::never_mind(text) || cues::only_asks(text) && question.is_none();
        if gives_up && commands.is_empty() && !answers {
            return Ok(Reading::certain(vec![Command::StopPlaybook]));
        }
        // "One moment, I need to find it" is no value: the question waits.
        let asked_something = turn.asked.is_some() || waits.is_some();
        let says_else = answers || question.is_some() || !others.is_empty();
        if asked_something && commands.is_empty() && !says_else && cues::stalls(text) {
            return Ok(Reading::certain(vec![Command::Clarify]));
        }
        if let Some(pending) = waits {
            commands.append(&mut restated.corrections);
            let clear = assent::answer_to(&pending.question, text);
            // "Yes, cancel it" sounds like a need of its own.
            let is_short = text.split_whitespace().count() <= WORDS_OF_AN_ANSWER;
            if commands.is_empty() && (others.is_empty() || is_short && clear.is_some()) {
                let refuses = assent::begins_with_no(text).then_some(false);
                let repeats = restated.repeats && question.is_none() && !assent::is_hedged(text);
                let repeats = repeats.then_some(true);
                if let Some(yes) = clear.or(refuses).or(repeats) {
                    return Ok(Reading::certain(vec![Command::Confirm { yes }]));
                }
                // "Yes. When does it come?" is an answer and a question.
                if let Some(yes) = assent::explicit_answer(text) {
                    let asks = question.map(|question| answer(text, question));
                    let confirms = std::iter::once(Command::Confirm { yes });
                    return Ok(Reading::certain(confirms.chain(asks).collect()));
                }
            }
        }
        // "What is it?" after an offer: it is put once more.
        if waits.is_some() && commands.is_empty() && cues::asks_what(text) {
            return Ok(Reading::certain(vec![Command::Clarify]));
        }
        if commands.is_empty() && question.is_none() && cues::is_done(text) {
            return Ok(Reading::certain(vec![Command::End]));
        }
        // Whoever asks for the procedure that runs gets its next question.
        let is_own = needs.iter().any(|need| need.intent == playbook.id);
        let wants_it = question.is_some_and(cues::asks_for_help) && is_own;
        if wants_it && commands.is_empty() && others.is_empty() {
            return Ok(Reading::certain(vec![Command::Clarify]));
        }
        let alone = commands.is_empty() && others.is_empty();
        let informs = question.filter(|question| {
            cues::asks_for_information(text) || alone && !cues::asks_for_help(question)
        });
        if let Some(question) = informs {
            commands.push(answer(text, question));
            return Ok(Reading::certain(commands));
        }
        if !others.is_empty() {
            let later = cues::comes_on_top(text) || !commands.is_empty();
            commands.extend(others.iter().map(|p| Command::StartPlaybook {
                playbook: p.id.clone(),
                later,
            }));
            return Ok(Reading::certain(commands));
        }
        if let Some(question) = question {
            let asks_back = commands.is_empty();
            if asks_back {
                commands.push(answer(text, question));
            }
            return Ok(Reading {
                is_certain: !asks_back,
                commands,
                ..Reading::default()
            });
        }
        if let Some(slot) = turn.asked {
            commands.extend(self.meant(turn, playbook, slot, &taken).await?);
            let has = sets(&commands, &slot.name);
            let refuses = !has && assent::begins_with_no(text);
            return Ok(Reading {
                is_certain: has && !refuses,
                commands,
                ..Reading::default()
            });
        }
        if commands.is_empty() && cues::is_done(text) {
            return Ok(Reading::certain(vec![Command::End]));
        }
        Ok(Reading {
            is_certain: !commands.is_empty(),
            commands,
            ..Reading::default()
        })
    }

    /// The values of the running procedure that are certain by their form, and where they stand.
    fn values(&self, turn: &Turn<'_>, playbook: &Playbook) -> (Vec<Command>, Vec<Range<usize>>) {
        let mut commands = Vec::new();
        let mut taken: Vec<Range<usize>> = Vec::new();
        let asked = self.asked_together(turn, playbook);
        // What was asked for has the first claim on a value that fits several.
        let (first, rest): (Vec<&Slot>, Vec<&Slot>) = playbook
            .slots
            .iter()
            .partition(|slot| asked.contains(&slot.name.as_str()));
        for slot in first.into_iter().chain(rest) {
            let was_asked = asked.contains(&slot.name.as_str());
            let known = turn.state.slots.contains_key(&slot.name);
            // "It has to be the tenth, not the ninth" puts right what was given before, though something else is asked.
            let puts_right = known && slot.is_plain() && cues::corrects(turn.text);
            let Some(found) = turn.words.value(slot, was_asked || puts_right) else {
                continue;
            };
            if puts_right && !was_asked && !turn.words.states(slot, &found) {
                continue;
            }
            let overlaps = |span: &Range<usize>| {
                taken
                    .iter()
                    .any(|other| span.start < other.end && other.start < span.end)
            };
            if found.span.as_ref().is_some_and(overlaps) {
                continue;
            }
            taken.extend(found.span);
            // A word that also means a value does not change what is known, unless something is put right.
            if known && !was_asked && !slot.values.is_empty() && !cues::corrects(turn.text) {
                continue;
            }
            if turn.state.slots.get(&slot.name) != Some(&found.value) || was_asked {
                commands.push(set(slot, found.value));
            }
        }
        (commands, taken)
    }

    /// The procedures that are needed, at least so likely, in the order they were spoken of.
    fn wanted(&self, needs: &[IntentMatch], at_least: f32) -> Vec<&Playbook> {
        let mut likely: Vec<&IntentMatch> = needs
            .iter()
            .filter(|need| need.probability >= at_least)
            .collect();
        likely.sort_by_key(|need| need.span.start);
        let mut wanted: Vec<&Playbook> = Vec::new();
        for need in likely {
            let playbook = self.playbooks.iter().find(|p| p.id == need.intent);
            wanted.extend(playbook.filter(|p| wanted.iter().all(|known| known.id != p.id)));
        }
        wanted
    }

    /// Whether it can begin this procedure.
    pub fn begins(&self, playbook: &str) -> bool {
        self.playbooks.iter().any(|known| known.id == playbook)
    }

    /// Whether the customer's last words are a mere courtesy.
    pub fn courtesy(&self, conversation: &Conversation) -> Option<Courtesy> {
        let said = &conversation.transcript.last_of(Role::EndUser)?.text;
        if cues::is_thanks(said) {
            return Some(Courtesy::Thanks);
        }
        cues::is_greeting(said).then_some(Courtesy::Greeting)
    }
}

fn sets(commands: &[Command], slot: &str) -> bool {
    let is_set =
        |command: &Command| matches!(command, Command::SetSlot { name, .. } if name == slot);
    commands.iter().any(is_set)
}

fn set(slot: &Slot, value: String) -> Command {
    Command::SetSlot {
        name: slot.name.clone(),
        value,
    }
}

#[cfg(test)]
mod tests;
