//! What is said once more of something that was done already.

use super::cues::{self, Cue, finds, pattern};
use super::{NEED, Reader, Turn, assent};
use crate::dialogue::playbook::{Playbook, SlotKind};
use crate::dialogue::state::{DialogueState, Topic, key};
use crate::understanding::intent::IntentMatch;

/// What may be meant for something new, or against what was done.
static OTHERWISE: Cue = Cue::new(|| {
    pattern(
        r"\b(?:another|other|second|one more|too|instead|different|as well|again|new|still|but|not|no longer|never|after all|cancel\w*|stop|undo|(?:need|want|like|have|love|trying|try) to)\b|n(?:'|’)t\b",
    )
});
/// Words by which people agree to what they were offered, beyond a yes.
static AGREES: Cue = Cue::new(|| {
    pattern(
        r"\b(?:i accept|i agree|i(?:(?:'|’)?ll| will) (?:take|have|keep|stay)|take (?:it|that|this|the offer)|i(?:(?:'|’)?m| am) staying|please (?:do|book|move|send|order|postpone) (?:it|that|so|them)|do (?:it|that)|(?:that|it|which)(?:(?:'|’)?s| is| would be|(?:'|’)d be)? (?:works|suits|fine|perfect|good|great|okay|ok|lovely)|(?:would be|is) (?:perfect|fine|great|good|okay|ok|lovely))\b",
    )
});
/// Whether something was done.
static STATUS: Cue = Cue::new(|| {
    pattern(
        r"\b(?:is|are|has|have|was|were|did|(?:'|’)s)\b.*\b(?:done|gone through|sorted|changed|booked|cancelled|canceled|on (?:its|the) way|refunded|ordered|sent|confirmed|removed|blocked|processed|dealt with|taken care of|all set)\b",
    )
});
/// What is to be done once more, or undone, though it was mentioned before.
static AFRESH: Cue = Cue::new(|| {
    pattern(
        r"\b(?:another|second|one more|once more|again|too|instead|different|as well|still|but|not|never|cancel\w*|undo|stop)\b|n(?:'|’)t\b",
    )
});
/// A question that wants nothing but a yes.
static TAG: Cue = Cue::new(|| {
    pattern(
        r"(?:\b(?:yes|yeah|right|correct|ok|okay|no|is it|is that right)|n(?:'|’)t (?:it|they|you|that|i|we))\W*$",
    )
});
/// Fewer words without a value are a courtesy,
const FEWEST_WORDS: usize = 3;
/// and more are a story, in which a word that also means a value may stand for anything.
const MOST_WORDS: usize = 8;

impl Reader {
    /// The procedure, through by now, whose outcome the customer's words only come back to: they give a value that was
    /// given, or agree to what was agreed. Only the last one is looked at.
    pub(super) fn said_again(&self, turn: &Turn<'_>, needs: &[IntentMatch]) -> Option<String> {
        let text = turn.text;
        let words = text.split_whitespace().count();
        let wants_more = finds(&OTHERWISE, text)
            || cues::comes_on_top(text)
            || cues::corrects(text)
            || cues::question(text).is_some_and(cues::asks_for_information)
            || cues::is_thanks(text)
            || cues::is_done(text)
            || assent::clear_answer(text) == Some(false);
        if cues::question(text).is_some_and(|question| finds(&STATUS, question)) {
            return self.asked_for_outcome(turn, needs);
        }
        let Some(Topic::Playbook { id }) = &turn.state.about else {
            return None;
        };
        let is_new = |need: &IntentMatch| need.probability >= NEED && need.intent != *id;
        if wants_more || needs.iter().any(is_new) {
            return None;
        }
        let mut all = self.playbooks.iter();
        let last = all.find(|playbook| playbook.id == *id)?;
        if !has_changed_something(last, turn.state) {
            return None;
        }
        let repeats = repeats(turn, last)?;
        let agrees = words >= FEWEST_WORDS && finds(&AGREES, text);
        let comes_back = repeats && words <= MOST_WORDS || agrees;
        comes_back.then(|| id.clone())
    }
}

impl Reader {
    /// The procedure, through by now, that "the move I mentioned" and "it is three payments now, yes?" mean: it is the only one
    /// wanted, with no other values.
    pub(super) fn mentioned_again(&self, turn: &Turn<'_>, wanted: &[&Playbook]) -> Option<String> {
        let [playbook] = wanted else {
            return None;
        };
        let is_afresh = finds(&AFRESH, turn.text) || cues::comes_on_top(turn.text);
        if is_afresh || !has_changed_something(playbook, turn.state) {
            return None;
        }
        let says_again = repeats(turn, playbook)?;
        let asks_whether = cues::question(turn.text).is_some_and(|question| finds(&TAG, question));
        (cues::refers_back(turn.text) || says_again && asks_whether).then(|| playbook.id.clone())
    }

    /// The procedure that a question about an outcome is about ("Is the new plan done as well?"): the need that was heard,
    /// where it was seen to, else the last one.
    fn asked_for_outcome(&self, turn: &Turn<'_>, needs: &[IntentMatch]) -> Option<String> {
        let heard = needs
            .iter()
            .filter(|need| need.probability >= NEED)
            .max_by(|a, b| a.probability.total_cmp(&b.probability));
        let id = match (heard, &turn.state.about) {
            (Some(need), _) => &need.intent,
            (None, Some(Topic::Playbook { id })) => id,
            _ => return None,
        };
        let playbook = self.playbooks.iter().find(|playbook| playbook.id == *id)?;
        has_changed_something(playbook, turn.state).then(|| id.clone())
    }
}

/// Whether the words hold a value that this procedure got; `None` where they hold another one.
fn repeats(turn: &Turn<'_>, playbook: &Playbook) -> Option<bool> {
    let mut same = false;
    // Who somebody is may be said at any time; a yes or no says nothing of which question it answers.
    let telling = playbook
        .slots
        .iter()
        .filter(|slot| !slot.secret && slot.pattern.is_none() && slot.kind != SlotKind::YesNo);
    for slot in telling {
        // What was never asked for cannot be given again.
        let Some(known) = turn.state.slots.get(&slot.name) else {
            continue;
        };
        match turn.words.value(slot, true) {
            Some(found) if found.value == *known => same = true,
            Some(_) => return None,
            None => {}
        }
    }
    Some(same)
}

fn has_changed_something(playbook: &Playbook, state: &DialogueState) -> bool {
    let mut steps = playbook.steps.iter();
    steps.any(|step| state.fixed.contains(&key(&playbook.id, &step.id)))
}
