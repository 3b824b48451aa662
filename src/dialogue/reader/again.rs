//! What is said once more of something that was done already.

use super::cues::{self, Cue, finds, pattern};
use super::{NEED, Reader, Turn, assent};
use crate::dialogue::playbook::{Playbook, SlotKind};
use crate::dialogue::state::{DialogueState, Topic, key};
use crate::understanding::intent::IntentMatch;

/// Something of the same kind, but not the same.
static ANOTHER: Cue =
    Cue::new(|| pattern(r"\b(?:another|other|second|one more|too|instead|different|as well)\b"));
/// What may be meant for something new, or against what was done.
static OTHERWISE: Cue =
    Cue::new(|| pattern(r"\b(?:again|new|still|but|not|no longer|never)\b|n(?:'|’)t\b"));
/// Words by which people agree to what they were offered, beyond a yes.
static AGREES: Cue = Cue::new(|| {
    pattern(
        r"\b(?:i accept|i agree|i(?:(?:'|’)?ll| will) (?:take|have|keep|stay)|take (?:it|that|this|the offer)|i(?:(?:'|’)?m| am) staying|please (?:do|book|move|send|cancel|change|block|refund|order|remove|postpone) (?:it|that|so|them)|go ahead|do (?:it|that)|(?:that|it|which)(?:(?:'|’)?s| is| would be|(?:'|’)d be)? (?:works|suits|fine|perfect|good|great|okay|ok|lovely)|(?:would be|is) (?:perfect|fine|great|good|okay|ok|lovely))\b",
    )
});
/// Fewer words are a courtesy.
const FEWEST_WORDS: usize = 3;

impl Reader {
    /// The procedure, through by now, whose outcome the customer's words only come back to: they give a value that was
    /// given, agree to what was agreed, or ask for it once more.
    pub(super) fn said_again(&self, turn: &Turn<'_>, needs: &[IntentMatch]) -> Option<String> {
        let text = turn.text;
        let says_little = text.split_whitespace().count() < FEWEST_WORDS;
        let wants_more = finds(&ANOTHER, text)
            || cues::comes_on_top(text)
            || cues::corrects(text)
            || cues::question(text).is_some_and(cues::asks_for_information)
            || cues::is_thanks(text)
            || cues::is_done(text);
        let likely = needs.iter().filter(|need| need.probability >= NEED);
        let is_new = |need: &IntentMatch| !turn.state.runs.contains_key(&need.intent);
        if says_little || wants_more || likely.clone().any(is_new) {
            return None;
        }
        let all = self.playbooks.iter();
        let through = all.filter(|playbook| has_changed_something(playbook, turn.state));
        let agrees = assent::clear_answer(text) != Some(false) && finds(&AGREES, text);
        let is_last = |playbook: &Playbook| matches!(&turn.state.about, Some(Topic::Playbook { id }) if *id == playbook.id);
        let is_plain = !finds(&OTHERWISE, text);
        let mut again = through.filter(|playbook| {
            let is_wanted = likely.clone().any(|need| need.intent == playbook.id);
            match self.repeats(turn, playbook) {
                Some(same) => same || is_plain && (is_wanted || agrees && is_last(playbook)),
                None => false,
            }
        });
        again.next().map(|playbook| playbook.id.clone())
    }

    /// Whether the words hold a value that this procedure got; `None` where they hold another one.
    fn repeats(&self, turn: &Turn<'_>, playbook: &Playbook) -> Option<bool> {
        let mut same = false;
        // Who somebody is may be said at any time; a yes or no says nothing of which question it answers.
        let telling = playbook
            .slots
            .iter()
            .filter(|slot| !slot.secret && slot.pattern.is_none() && slot.kind != SlotKind::YesNo);
        for slot in telling {
            let Some(found) = turn.words.value(slot, true) else {
                continue;
            };
            if turn.state.slots.get(&slot.name) != Some(&found.value) {
                return None;
            }
            same = true;
        }
        Some(same)
    }
}

fn has_changed_something(playbook: &Playbook, state: &DialogueState) -> bool {
    let mut steps = playbook.steps.iter();
    steps.any(|step| state.fixed.contains(&key(&playbook.id, &step.id)))
}
