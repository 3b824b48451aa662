//! `eval summary`: are notes like those that people write, and does the conversation support them?

use std::path::Path;
use std::sync::LazyLock;
use std::time::Instant;

use regex::Regex;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::lines::read_lines;
use super::retrieval::{Progress, percentile};
use crate::assistant::Assistant;
use crate::conversation::{
    Channel, Conversation, Role, SectionKind, Summary, SummarySection, Withheld,
};
use crate::error::Result;
use crate::llm::{LanguageModelExt, Request};
use crate::summary::SummaryOptions;

mod planted;
mod rouge;

use rouge::Rouge;

/// What the plain reference asks for.
const ONE_SHOT: &str =
    "Task: summarise this conversation between a customer and an agent in two sentences.";
const ONE_SHOT_TOKENS: usize = 100;

/// The figures, a flat object in JSON. ROUGE is F1, a mean over conversations and their references.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SummaryScore {
    /// `summary`.
    pub name: String,
    /// Conversations.
    pub n: usize,
    /// Seconds of wall time.
    pub seconds: f64,
    /// Words shared with the references.
    pub rouge1: f64,
    /// Pairs of words shared with them.
    pub rouge2: f64,
    /// Words in the same order.
    #[serde(rename = "rougeL")]
    pub rouge_l: f64,
    /// The same of the first customer turn in a fixed sentence.
    #[serde(rename = "template_rougeL")]
    pub template_rouge_l: f64,
    /// The same of one fixed prompt to the same model.
    #[serde(rename = "oneshot_rougeL")]
    pub oneshot_rouge_l: f64,
    /// Statements: those of the notes, and those that were withheld with nothing in their place.
    pub statements: usize,
    /// Statements that were withheld with nothing in their place, since the check did not find support for them.
    pub withheld: usize,
    /// Statements that are quotations, in place of one that was withheld.
    pub quoted: usize,
    /// The share of the statements that the check finds supported.
    pub supported: f64,
    /// The same of what the model said in its own words, with all that was withheld counted as not supported.
    pub own_words_supported: f64,
    /// False statements that were planted: what was said of another conversation, another number, an invented action.
    pub planted: usize,
    /// The share of them that the check finds.
    pub planted_caught: f64,
    /// 95th percentile of the time of a note, milliseconds.
    pub dialog_p95_ms: f64,
}

#[derive(Deserialize)]
struct Row {
    turns: Vec<Value>,
    summaries: Vec<String>,
}

/// Options of [`run`].
#[derive(Clone, Copy, Default)]
#[non_exhaustive]
pub struct SummaryEvalOptions<'a> {
    /// Conversations at most.
    pub limit: Option<usize>,
    /// Called with every note, its references and what the check said of its statements and of planted ones.
    pub each: Option<&'a (dyn Fn(&str) + Send + Sync)>,
}

/// Writes a note about each conversation of `data` (gzipped JSON lines of `{turns, summaries}`; turns are `{role, text}`
/// or strings) and compares it with the references. Nothing of the references is read before the note is written.
///
/// # Errors
/// [`ErrorKind::InvalidInput`](crate::ErrorKind) for a file in another format; else as the assistant.
pub async fn run(
    data: &Path,
    assistant: &Assistant,
    options: &SummaryEvalOptions<'_>,
    progress: Option<&Progress<'_>>,
) -> Result<SummaryScore> {
    let rows: Vec<Row> = read_lines(data)?;
    let total = options.limit.unwrap_or(rows.len()).min(rows.len());
    let started = Instant::now();
    let mut tally = Tally::default();
    let mut foreign: Vec<String> = Vec::new();
    for (number, row) in rows.iter().take(total).enumerate() {
        let conversation = conversation(&row.turns);
        let began = Instant::now();
        let note = assistant
            .summarize(&conversation, SummaryOptions::default())
            .await?;
        tally.times.push(began.elapsed().as_secs_f64() * 1000.0);
        let text = note.brief();
        tally.ours.add(Rouge::mean(&text, &row.summaries));
        let one_shot = one_shot(assistant, &conversation).await?;
        tally.one_shot.add(Rouge::mean(&one_shot, &row.summaries));
        let template = template(&conversation);
        tally.template.add(Rouge::mean(&template, &row.summaries));
        if let Some(tell) = options.each {
            tell(&format!(
                "note: {text}\none shot: {one_shot}\nreferences: {}",
                row.summaries.join("\n    ")
            ));
        }
        tally
            .check(assistant, &conversation, &note, &foreign, options)
            .await?;
        foreign = statements(&note)
            .map(|section| section.text.clone())
            .collect();
        if let Some(progress) = progress {
            progress("summaries", number + 1, total);
        }
    }
    Ok(tally.score(started.elapsed().as_secs_f64()))
}

/// Sums of ROUGE.
#[derive(Default)]
struct Sum {
    total: Rouge,
    n: usize,
}

impl Sum {
    fn add(&mut self, score: Rouge) {
        self.total.one += score.one;
        self.total.two += score.two;
        self.total.longest += score.longest;
        self.n += 1;
    }

    fn mean(&self, of: fn(&Rouge) -> f64) -> f64 {
        of(&self.total) / self.n.max(1) as f64
    }
}

#[derive(Default)]
struct Tally {
    times: Vec<f64>,
    ours: Sum,
    template: Sum,
    one_shot: Sum,
    statements: usize,
    supported: usize,
    withheld: usize,
    quoted: usize,
    planted: usize,
    caught: usize,
}

impl Tally {
    /// Checks the statements of a note, and false ones.
    async fn check(
        &mut self,
        assistant: &Assistant,
        conversation: &Conversation,
        note: &Summary,
        foreign: &[String],
        options: &SummaryEvalOptions<'_>,
    ) -> Result<()> {
        for section in statements(note) {
            let support = assistant.supports(conversation, &section.text).await?;
            self.statements += 1;
            self.supported += usize::from(support.is_supported());
            let rejected = note
                .withheld
                .iter()
                .any(|withheld| stands_for(section, withheld));
            self.quoted += usize::from(rejected);
            if let Some(tell) = options.each {
                tell(&format!("true  {support} {}", section.text));
            }
        }
        for withheld in &note.withheld {
            if let Some(tell) = options.each {
                tell(&format!("withheld ({}) {}", withheld.reason, withheld.text));
            }
        }
        for statement in planted::plant(conversation, note, foreign, self.times.len()) {
            let support = assistant.supports(conversation, &statement).await?;
            self.planted += 1;
            self.caught += usize::from(!support.is_supported());
            if let Some(tell) = options.each {
                tell(&format!("FALSE {support} {statement}"));
            }
        }
        self.withheld += note.withheld.len();
        Ok(())
    }

    fn score(mut self, seconds: f64) -> SummaryScore {
        let share = |part: usize, of: usize| part as f64 / of.max(1) as f64;
        let silent = self.withheld - self.quoted;
        let own_words = self.supported.saturating_sub(self.quoted);
        SummaryScore {
            name: "summary".into(),
            n: self.ours.n,
            seconds,
            rouge1: self.ours.mean(|r| r.one),
            rouge2: self.ours.mean(|r| r.two),
            rouge_l: self.ours.mean(|r| r.longest),
            template_rouge_l: self.template.mean(|r| r.longest),
            oneshot_rouge_l: self.one_shot.mean(|r| r.longest),
            statements: self.statements + silent,
            withheld: silent,
            quoted: self.quoted,
            supported: share(self.supported, self.statements + silent),
            own_words_supported: share(own_words, self.statements + silent),
            planted: self.planted,
            planted_caught: share(self.caught, self.planted),
            dialog_p95_ms: percentile(&mut self.times, 0.95),
        }
    }
}

/// The sentences of a note that the model wrote.
fn statements(note: &Summary) -> impl Iterator<Item = &SummarySection> {
    note.sections
        .iter()
        .filter(|section| section.kind != SectionKind::Entities)
}

/// Whether a section is there in place of one that was withheld.
fn stands_for(section: &SummarySection, withheld: &Withheld) -> bool {
    section.kind == withheld.kind && section.name == withheld.name
}

/// The same model, asked once and plainly.
async fn one_shot(assistant: &Assistant, conversation: &Conversation) -> Result<String> {
    let prompt = assistant.prefix(conversation)?.ask(ONE_SHOT);
    let request = Request::new(prompt).with_max_tokens(ONE_SHOT_TOKENS);
    Ok(assistant.inner.model.complete(request).await?.text)
}

/// The first words of the customer in a fixed sentence.
fn template(conversation: &Conversation) -> String {
    let said = conversation.transcript.turns().into_iter();
    let first = said
        .filter(|turn| turn.role == Role::EndUser)
        .map(|turn| turn.text())
        .next();
    format!("The customer says that {}", first.unwrap_or_default())
}

/// A conversation from rows of `{role, text}` or `Customer: text`; where no role is given, the two take turns. What
/// the channel adds (names of accounts, links, signatures) is no part of what was said.
fn conversation(turns: &[Value]) -> Conversation {
    let mut conversation = Conversation::new("eval", Channel::Messaging);
    for (number, turn) in turns.iter().enumerate() {
        let field = |name: &str| turn.get(name).and_then(Value::as_str).unwrap_or_default();
        let line = turn.as_str().unwrap_or_default();
        let (role, text) = match line.split_once(": ") {
            Some((role, text)) if role.len() <= 12 => (role, text),
            _ if !line.is_empty() => ("", line),
            _ => (field("role"), field("text")),
        };
        let role = match role.to_lowercase().as_str() {
            "customer" | "user" | "client" => Role::EndUser,
            "agent" | "system" | "support" => Role::HumanAgent,
            _ if number % 2 == 0 => Role::EndUser,
            _ => Role::HumanAgent,
        };
        let text = spoken(text);
        if !text.is_empty() {
            conversation.say(role, text);
        }
    }
    conversation
}

fn spoken(text: &str) -> String {
    static ADDED: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"https?://\S+|^(?:@\S+\s+)+|\s*[\^*~]\s?\p{L}{1,12}\s*$|\s\(?\d/\d\)?(?:\s|$)|&gt;&gt;").ok()
    });
    let text = match ADDED.as_ref() {
        Some(added) => added.replace_all(text, " ").into_owned(),
        None => text.to_owned(),
    };
    let text = text
        .replace("&amp;", "&")
        .replace("&gt;", ">")
        .replace("&lt;", "<");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_come_in_several_forms_and_what_the_channel_added_goes() {
        let rows: Value = serde_json::json!([
            {"role": "Customer", "text": "@Shop my order &amp; refund? https://t.example/a"},
            {"role": "Agent", "text": "@12 Please wait. 1/2 ^Jo"},
            "Customer: thanks",
            "you are welcome"
        ]);
        let made = conversation(rows.as_array().unwrap());
        let said: Vec<(Role, &str)> = made
            .transcript
            .utterances()
            .iter()
            .map(|u| (u.role, u.text.as_str()))
            .collect();
        assert_eq!(
            said,
            [
                (Role::EndUser, "my order & refund?"),
                (Role::HumanAgent, "Please wait."),
                (Role::EndUser, "thanks"),
                (Role::HumanAgent, "you are welcome"),
            ]
        );
        assert_eq!(template(&made), "The customer says that my order & refund?");
    }
}
