//! A reply the human agent may say: short, sourced, and gated before anybody sees it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::knowledge::FoundPassage;
use crate::conversation::{ActionReceipt, Conversation, Evidence, Suggestion, SuggestionKind};
use crate::error::Result;
use crate::guard::{ungrounded_numbers, unproven_claims};
use crate::llm::{LanguageModel, LanguageModelExt, Prefix, Structured};
use crate::prompt::{Prompts, Template};

/// Two short sentences and the numbers of their sources.
const MAX_TOKENS: usize = 130;
/// Confidence of a reply that stands on nothing but the conversation.
const WITHOUT_SOURCE: f32 = 0.5;

/// What a reply may be made of.
#[derive(Clone, Debug, Default)]
pub struct ReplyContext {
    /// Articles for the customer's last words.
    pub passages: Vec<FoundPassage>,
    /// What the procedure says next, in plain words.
    pub next_step: Option<String>,
    /// What was really done.
    pub receipts: Vec<ActionReceipt>,
}

/// Writes replies.
#[derive(Clone, Debug)]
pub struct ReplyWriter {
    model: Arc<dyn LanguageModel>,
    prompts: Arc<Prompts>,
}

#[derive(Serialize)]
struct ReplyPrompt<'a> {
    passages: Vec<Source<'a>>,
    next_step: Option<&'a str>,
    language: &'a str,
}

/// A passage as a prompt shows it.
#[derive(Serialize)]
struct Source<'a> {
    title: &'a str,
    text: &'a str,
}

impl Template for ReplyPrompt<'_> {
    const NAME: &'static str = "reply";
    const SOURCE: &'static str = include_str!("../../prompts/reply.jinja");
}

#[derive(Deserialize)]
struct Answer {
    reply: String,
    #[serde(default)]
    sources: Vec<usize>,
}

impl ReplyWriter {
    /// Writes with `model`.
    pub fn new(model: Arc<dyn LanguageModel>, prompts: Arc<Prompts>) -> Self {
        Self { model, prompts }
    }

    /// A reply to the customer's last words, or why there is none.
    ///
    /// A reply is withheld when it claims something was done that no receipt proves, or has a
    /// number that neither the articles nor the conversation have.
    ///
    /// # Errors
    /// As the language model and the prompt.
    pub async fn write(
        &self,
        conversation: &Conversation,
        prefix: &Prefix,
        context: &ReplyContext,
    ) -> Result<Structured<Suggestion>> {
        let passages = context.passages.iter().map(|p| &p.found.hit.passage);
        let task = self.prompts.render(&ReplyPrompt {
            passages: passages
                .map(|p| Source {
                    title: &p.title,
                    text: &p.text,
                })
                .collect(),
            next_step: context.next_step.as_deref(),
            language: &conversation.language,
        })?;
        let schema = json!({
            "type": "object",
            "properties": {
                "reply": { "type": "string", "minLength": 1, "maxLength": 320 },
                "sources": {
                    "type": "array", "maxItems": context.passages.len(),
                    "items": { "type": "integer", "minimum": 1, "maximum": context.passages.len().max(1) }
                }
            },
            "required": ["reply", "sources"],
            "additionalProperties": false
        });
        let answer = match self
            .model
            .complete_json::<Answer>(prefix.ask(task), schema, MAX_TOKENS)
            .await?
        {
            Structured::Valid(answer) => answer,
            Structured::Rejected { raw, reason } => {
                return Ok(Structured::Rejected { raw, reason });
            }
        };
        let text = whole_sentences(answer.reply.trim()).to_owned();
        if text.is_empty() {
            return Ok(Structured::Rejected {
                raw: text,
                reason: "there was nothing to say".into(),
            });
        }
        if let Some(reason) = objection(&text, conversation, prefix, context) {
            return Ok(Structured::Rejected { raw: text, reason });
        }
        let mut used: Vec<&FoundPassage> = answer
            .sources
            .iter()
            .filter_map(|n| context.passages.get(n.checked_sub(1)?))
            .collect();
        let mut seen = std::collections::HashSet::new();
        used.retain(|p| seen.insert(&p.found.hit.passage.id));
        let confidence = used
            .iter()
            .map(|p| p.found.confidence)
            .fold(WITHOUT_SOURCE, f32::max);
        let mut evidence: Vec<Evidence> = conversation
            .transcript
            .utterances()
            .last()
            .map(|u| Evidence::Utterance(u.id))
            .into_iter()
            .collect();
        evidence.extend(
            used.iter()
                .map(|p| Evidence::Passage(p.found.hit.passage.id.clone())),
        );
        let citations = used.iter().map(|p| p.found.citation.clone()).collect();
        Ok(Structured::Valid(Suggestion::new(
            SuggestionKind::Reply { text, citations },
            confidence,
            evidence,
        )))
    }
}

/// Without the last sentence where the limit cut it.
fn whole_sentences(text: &str) -> &str {
    if text.ends_with(['.', '!', '?', '"', ')']) {
        return text;
    }
    text.rfind(['.', '!', '?'])
        .and_then(|end| text.get(..=end))
        .unwrap_or(text)
}

/// Why a reply must not be shown.
fn objection(
    text: &str,
    conversation: &Conversation,
    prefix: &Prefix,
    context: &ReplyContext,
) -> Option<String> {
    if let Some(claim) = unproven_claims(text, &context.receipts).first() {
        return Some(format!("it claims {:?} without a receipt", claim.text));
    }
    let said = conversation
        .transcript
        .utterances()
        .iter()
        .map(|u| u.text.as_str());
    let articles = context
        .passages
        .iter()
        .map(|p| p.found.hit.passage.text.as_str());
    let titles = context
        .passages
        .iter()
        .map(|p| p.found.hit.passage.title.as_str());
    let step = context.next_step.as_deref();
    let known = said
        .chain(articles)
        .chain(titles)
        .chain(step)
        .chain([prefix.system()]);
    let loose = ungrounded_numbers(text, known);
    (!loose.is_empty()).then(|| format!("nothing proves the numbers {}", loose.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::{Channel, Role};
    use crate::llm::ScriptedModel;

    async fn write(answer: &str) -> Structured<Suggestion> {
        let writer = ReplyWriter::new(Arc::new(ScriptedModel::new([answer])), Arc::default());
        let mut call = Conversation::new("acme", Channel::Chat);
        call.say(Role::EndUser, "I paid $20 twice!");
        writer
            .write(&call, &Prefix::new("s"), &ReplyContext::default())
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn a_reply_without_proof_is_withheld_and_says_why() {
        let reason = |answer: Structured<Suggestion>| match answer {
            Structured::Rejected { reason, .. } => reason,
            Structured::Valid(reply) => panic!("shown: {reply:?}"),
        };
        let claimed = write(r#"{"reply":"I have refunded it.","sources":[]}"#).await;
        assert!(reason(claimed).contains("without a receipt"));
        let invented =
            write(r#"{"reply":"You get the $20 back within 3 days.","sources":[]}"#).await;
        assert!(reason(invented).contains("numbers 3"));
        let honest =
            write(r#"{"reply":"I am sorry about the $20. Let me look.","sources":[7]}"#).await;
        assert!(matches!(honest, Structured::Valid(_)), "{honest:?}");
    }
}
