//! Answers to what was asked: one value or several, in other words, or said again.

use std::ops::Range;

use super::{Reader, Turn, assent, set};
use crate::dialogue::command::Command;
use crate::dialogue::playbook::{Playbook, Slot, SlotKind, Step, StepKind};
use crate::embedding::{TextKind, similarity};
use crate::error::Result;

/// Likeness from which an answer means a value whose words it does not say.
const MEANT: f32 = 0.45;
/// By so much it must be more like that value than like the next.
const MARGIN: f32 = 0.08;
/// More words than this are a story, no value.
const LONGEST_ANSWER: usize = 25;

/// What was said of the values that a yes was asked for.
#[derive(Default)]
pub(super) struct Restated {
    /// One of them, as it is known.
    pub(super) repeats: bool,
    /// Others.
    pub(super) corrections: Vec<Command>,
}

impl Reader {
    /// What is said again, or otherwise, of the values that a yes was asked for.
    pub(super) fn restated(&self, turn: &Turn<'_>, playbook: &Playbook) -> Restated {
        let mut restated = Restated::default();
        let step = turn.state.pending.as_ref().and_then(|pending| {
            let (_, step) = pending.source.split_once('/')?;
            playbook.step(step)
        });
        let Some(step) = step else {
            return restated;
        };
        for slot in playbook
            .slots
            .iter()
            .filter(|slot| step.requires.contains(&slot.name))
        {
            let Some(found) = turn.words.value(slot, true) else {
                continue;
            };
            // A yes or no says nothing of another one.
            if slot.kind == SlotKind::YesNo {
                continue;
            }
            if turn.state.slots.get(&slot.name) != Some(&found.value)
                && !turn.words.states(slot, &found)
            {
                continue;
            }
            // Whose account it is may be said at any time, which is no yes to what is asked.
            let identifies = slot.pattern.is_some() || slot.secret;
            match turn.state.slots.get(&slot.name) {
                Some(known) if *known == found.value => restated.repeats |= !identifies,
                _ => restated.corrections.push(set(slot, found.value)),
            }
        }
        restated
    }

    /// The slots that the last question was about: the one asked for, and those that the same step asks for.
    pub(super) fn asked_together<'a>(
        &self,
        turn: &Turn<'a>,
        playbook: &'a Playbook,
    ) -> Vec<&'a str> {
        let Some(asked) = turn.asked else {
            return Vec::new();
        };
        // Whoever is asked for the first thing a question needs gives the rest along with it.
        let is_about = |step: &&Step| {
            let asks = step.kind == StepKind::Ask;
            step.collects.contains(&asked.name) || asks && step.requires.contains(&asked.name)
        };
        let step = playbook.steps.iter().find(is_about);
        let others = step
            .into_iter()
            .flat_map(|step| &step.collects)
            .map(String::as_str);
        let mut names: Vec<&str> = vec![&asked.name];
        names.extend(
            others.filter(|name| *name != asked.name && !turn.state.slots.contains_key(*name)),
        );
        names
    }

    /// An answer in words: the value it means, or the words themselves.
    pub(super) async fn meant(
        &self,
        turn: &Turn<'_>,
        playbook: &Playbook,
        asked: &Slot,
        taken: &[Range<usize>],
    ) -> Result<Vec<Command>> {
        let names = self.asked_together(turn, playbook);
        let mut commands = Vec::new();
        for name in names {
            let Some(slot) = playbook
                .slot(name)
                .filter(|slot| turn.words.value(slot, true).is_none())
            else {
                continue;
            };
            if !slot.values.is_empty() {
                let value = self.nearest(turn.text, slot).await?;
                commands.extend(value.map(|value| set(slot, value)));
            } else if slot.kind == SlotKind::Text && slot.pattern.is_none() {
                let short = turn.text.split_whitespace().count() <= LONGEST_ANSWER;
                let refused = assent::begins_with_no(turn.text)
                    && slot.name == asked.name
                    && taken.is_empty();
                let words = turn.words.left_over(taken).filter(|_| short && !refused);
                // Beside another value a lone word is a remnant of the sentence.
                let is_ours = slot.name == asked.name;
                let together = playbook.steps.iter().any(|step| {
                    step.collects.contains(&slot.name) && step.collects.contains(&asked.name)
                });
                let words = words.filter(|words| match (is_ours, together) {
                    (true, _) if taken.is_empty() => true,
                    // Beside another value a lone word is a remnant of the sentence.
                    (true, _) => words.split_whitespace().count() > 1,
                    (false, true) if !taken.is_empty() => words.split_whitespace().count() > 1,
                    // What was not asked for yet must look like more than small words, around a value or without one
                    // ("I'd rather not say").
                    (false, _) => words.chars().any(|c| c.is_ascii_digit()),
                });
                commands.extend(words.map(|words| set(slot, words)));
            }
        }
        Ok(commands)
    }

    /// The allowed value that an answer is most like, if it is clearly one.
    async fn nearest(&self, text: &str, slot: &Slot) -> Result<Option<String>> {
        let mut ways: Vec<String> = Vec::new();
        let mut of: Vec<&String> = Vec::new();
        for value in &slot.values {
            let own = value.replace('_', " ");
            for way in
                std::iter::once(own).chain(slot.synonyms.get(value).into_iter().flatten().cloned())
            {
                ways.push(way);
                of.push(value);
            }
        }
        let vectors = self.embedder.embed(&ways, TextKind::Query).await?;
        let said = self
            .embedder
            .embed(&[text.to_owned()], TextKind::Query)
            .await?;
        let Some(said) = said.first() else {
            return Ok(None);
        };
        let score = |value: &String| {
            let own = of.iter().zip(&vectors).filter(|(one, _)| **one == value);
            own.map(|(_, vector)| similarity(said, vector))
                .fold(0.0, f32::max)
        };
        let mut scored: Vec<(&String, f32)> = slot
            .values
            .iter()
            .map(|value| (value, score(value)))
            .collect();
        scored.sort_by(|a, b| b.1.total_cmp(&a.1));
        Ok(match &scored[..] {
            [(value, best), rest @ ..]
                if *best >= MEANT && rest.first().is_none_or(|(_, next)| best - next >= MARGIN) =>
            {
                Some((*value).clone())
            }
            _ => None,
        })
    }
}
