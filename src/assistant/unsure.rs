//! What the virtual agent does where it is not sure: it names what may be meant, and takes no half yes for one.

use super::Assistant;
use super::carry::Response;
use super::respond::WORDS_TO_LOOK_UP;
use crate::conversation::number_words::Tongue;
use crate::conversation::{Approver, Conversation, Role};
use crate::dialogue::{Command, DialogueState, StepKind, ToolEffect};
use crate::embedding::{TextKind, similarity};
use crate::error::Result;

/// Less alike than this, naming a need would only puzzle.
const LEAST_ALIKE: f32 = 0.05;
/// Of a question the first of two needs must be so likely: many are about nothing that a procedure is for.
const ALIKE_THOUGH_ASKED: f32 = 0.2;
/// What was said before comes back to what is said now from this likeness on.
const SAID_BEFORE: f32 = 0.45;

impl Assistant {
    /// No article tells. A question is not known; a statement may be about one of the two needs it is most like, which is
    /// asked once.
    pub(super) async fn at_a_loss(
        &self,
        conversation: &Conversation,
        said: &str,
        response: &mut Response,
    ) -> Result<()> {
        response.found_nothing = true;
        if let Some(told) = self.told_before(conversation, said, response).await? {
            response.add(told, Vec::new(), true);
            return Ok(());
        }
        if self.ask_which(conversation, said, response).await? {
            return Ok(());
        }
        let state = &mut response.state;
        // In the middle of a procedure a yes may be meant for its own question.
        let is_free = state.playbook.is_none();
        state.offered_person = is_free;
        let phrases = &self.inner.phrases;
        response.say(match is_free {
            true => &phrases.unknown,
            false => &phrases.not_known,
        });
        Ok(())
    }

    /// Asks once which of two needs a statement is about; whether it did.
    pub(super) async fn ask_which(
        &self,
        conversation: &Conversation,
        said: &str,
        response: &mut Response,
    ) -> Result<bool> {
        let state = &mut response.state;
        let reader = &self.inner.reader;
        if reader.asks_for_information(said) || state.playbook.is_some() || state.clarified {
            return Ok(false);
        }
        let least = match reader.asks(said) {
            true => ALIKE_THOUGH_ASKED,
            false => LEAST_ALIKE,
        };
        // What was found to lie between two needs is asked about these.
        let between = std::mem::take(&mut state.choices).into_iter();
        let mut needs: Vec<(String, String)> = between
            .map(|need| (need.clone(), self.about(&need)))
            .collect();
        if needs.len() != 2 {
            needs = self.two_needs(conversation, said, state, least).await?;
        }
        let [(first, about_first), (second, about_second)] = &needs[..] else {
            return Ok(false);
        };
        state.clarified = true;
        state.choices = vec![first.clone(), second.clone()];
        let which = &self.inner.phrases.which;
        let words = which
            .replace("{first}", about_first)
            .replace("{second}", about_second);
        response.say(&words);
        Ok(true)
    }

    /// Asks what they mean: which of two needs, where they said enough to be like any, else in general.
    pub(super) async fn ask_what(
        &self,
        conversation: &Conversation,
        response: &mut Response,
    ) -> Result<()> {
        let said = conversation.transcript.last_of(Role::EndUser);
        let said = said.map_or("", |said| said.text.as_str());
        let enough = said.split_whitespace().count() >= WORDS_TO_LOOK_UP;
        if !(enough && self.ask_which(conversation, said, response).await?) {
            response.say(&self.inner.phrases.clarify);
        }
        Ok(())
    }

    /// Asks whether the model heard right, in place of saying that it is not known.
    pub(super) fn ask_whether(&self, need: &str, response: &mut Response) {
        let Some(about) = self.may_ask_whether(need, &response.state) else {
            return;
        };
        let state = &mut response.state;
        state.clarified = true;
        state.offered_person = false;
        state.choices = vec![need.to_owned()];
        let phrases = &self.inner.phrases;
        let words = phrases.whether.replace("{need}", about);
        response
            .spoken
            .retain(|said| said.text != phrases.unknown && said.text != phrases.clarify);
        response.say(&words);
    }

    /// What a need is called to the customer.
    pub(crate) fn about(&self, need: &str) -> String {
        let book = self.inner.playbooks.iter().find(|p| p.id == need);
        let about = book.and_then(|book| book.about.clone());
        about.unwrap_or_else(|| need.to_owned())
    }

    /// What a need is called to the customer, where they may be asked whether they mean it.
    pub(super) fn may_ask_whether(&self, need: &str, state: &DialogueState) -> Option<&str> {
        let book = self.inner.playbooks.iter().find(|p| p.id == need)?;
        let asked = state.clarified || !state.choices.is_empty() || state.playbook.is_some();
        let is_over = asked || state.runs.contains_key(need);
        book.about.as_deref().filter(|_| !is_over)
    }

    /// What a procedure told in this conversation that these words come back to: who asks for what was done already
    /// hears that it was.
    async fn told_before(
        &self,
        conversation: &Conversation,
        said: &str,
        response: &Response,
    ) -> Result<Option<String>> {
        let is_new = response.state.runs.is_empty() || self.inner.reader.asks(said);
        if is_new || !self.inner.has_meaning {
            return Ok(None);
        }
        let ours = conversation.transcript.utterances().iter();
        let told = ours.filter(|u| u.role == Role::AutomatedAgent && !u.text.ends_with('?'));
        let phrases = &self.inner.phrases;
        let ready = [
            &phrases.unknown,
            &phrases.not_known,
            &phrases.goodbye,
            &phrases.welcome,
        ];
        let told: Vec<String> = told
            .map(|u| u.text.clone())
            .filter(|text| !ready.contains(&text))
            .collect();
        let texts: Vec<String> = std::iter::once(said.to_owned()).chain(told).collect();
        let vectors = self.inner.embedder.embed(&texts, TextKind::Query).await?;
        let Some((asked, others)) = vectors.split_first() else {
            return Ok(None);
        };
        let alike = others.iter().map(|other| similarity(asked, other));
        let best = alike.zip(texts.iter().skip(1));
        let best = best.max_by(|(a, _), (b, _)| a.total_cmp(b));
        Ok(best
            .filter(|(alike, _)| *alike >= SAID_BEFORE)
            .map(|(_, text)| text.clone()))
    }

    /// The two procedures that these words are most like and that were not gone through, with the words for them.
    async fn two_needs(
        &self,
        conversation: &Conversation,
        said: &str,
        state: &DialogueState,
        least: f32,
    ) -> Result<Vec<(String, String)>> {
        // Only these words: what was said before was about something else.
        let mut alone = Conversation::new(conversation.tenant.clone(), conversation.channel);
        alone.language.clone_from(&conversation.language);
        alone.say(Role::EndUser, said);
        let matches = self.inner.ranker.matches(&alone).await?;
        if matches.first().is_none_or(|first| first.confidence < least) {
            return Ok(Vec::new());
        }
        let named = matches
            .into_iter()
            .filter(|found| {
                found.confidence >= LEAST_ALIKE
                    && !state.runs.contains_key(&found.playbook)
                    && self.inner.reader.begins(&found.playbook)
            })
            .filter_map(|found| {
                let playbook = self
                    .inner
                    .playbooks
                    .iter()
                    .find(|p| p.id == found.playbook)?;
                Some((found.playbook, playbook.about.clone()?))
            });
        Ok(named.take(2).collect())
    }

    /// Takes a yes out of the commands that is none: who only shows that they heard has not agreed to something that
    /// changes money or a contract. Whether there was one.
    pub(super) fn only_clear_yes(
        &self,
        conversation: &Conversation,
        state: &DialogueState,
        commands: &mut Vec<Command>,
    ) -> bool {
        let said = conversation.transcript.last_of(Role::EndUser);
        let heard = said.is_some_and(|said| self.inner.reader.only_acknowledges(&said.text));
        if !heard || !self.waits_for_a_clear_yes(state) {
            return false;
        }
        let before = commands.len();
        commands.retain(|command| !matches!(command, Command::Confirm { yes: true }));
        commands.len() < before
    }

    /// Takes out a yes that only the model heard, where something is changed by it: code reads a yes in English, and what it
    /// cannot read as one is asked about plainly. Whether there was one.
    pub(super) fn without_made_up_yes(
        &self,
        conversation: &Conversation,
        state: &DialogueState,
        mut commands: Vec<Command>,
    ) -> (Vec<Command>, bool) {
        let is_english = Tongue::of_tag(&conversation.language) == Some(Tongue::English);
        if !is_english || !self.waits_for_a_clear_yes(state) {
            return (commands, false);
        }
        let before = commands.len();
        commands.retain(|command| !matches!(command, Command::Confirm { yes: true }));
        let made_up = commands.len() < before;
        (commands, made_up)
    }

    /// Asks again for a yes or no, in fewer words than before.
    pub(super) fn ask_plainly(&self, response: &mut Response) {
        let Some(question) = response.state.pending.as_ref().map(|p| p.question.clone()) else {
            return;
        };
        if response.state.handed_off.is_some() {
            return;
        }
        response
            .spoken
            .retain(|said| !said.text.ends_with(&question));
        response.say(&self.inner.phrases.yes_or_no);
        response.reject("a yes", "the customer has not said yes in so many words");
    }

    /// Whether the customer's yes is waited for, and something is changed by it.
    fn waits_for_a_clear_yes(&self, state: &DialogueState) -> bool {
        let pending = state.pending.as_ref();
        let Some(pending) = pending.filter(|pending| pending.by == Approver::Customer) else {
            return false;
        };
        let Some((id, asked)) = pending.source.split_once('/') else {
            return false;
        };
        let Some(playbook) = self.inner.playbooks.iter().find(|p| p.id == id) else {
            return false;
        };
        let answer = format!("answers.{}", asked.replace('-', "_"));
        let hangs_on = |when: &String| {
            let mut named = when.match_indices(&answer);
            named.any(|(at, _)| {
                let rest = when.get(at + answer.len()..).unwrap_or_default();
                !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_')
            })
        };
        playbook.steps.iter().any(|step| {
            let follows = step.id == asked || step.when.as_ref().is_some_and(hangs_on);
            // What a tool does that nobody knows may be a change.
            let tool = self.inner.actions.tools().get(&step.tool);
            let changes = tool.is_none_or(|tool| tool.spec().effect != ToolEffect::Read);
            matches!(step.kind, StepKind::Tool | StepKind::Resolve) && follows && changes
        })
    }
}
