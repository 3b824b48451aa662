//! A reply the human agent may say: short, sourced, and gated before anybody sees it.

use std::sync::Arc;

use futures::StreamExt;
use serde::Serialize;
use serde_json::json;

use super::knowledge::FoundPassage;
use super::reply_context::ReplyContext;
use crate::conversation::{Citation, Conversation, Evidence, Role, Suggestion, SuggestionKind};
use crate::error::{Error, ErrorKind, Result};
use crate::guard::{reverses, ungrounded_numbers, unproven_claims};
use crate::knowledge::{Attribution, KnowledgeBase, judges, sentences, spoken};
use crate::llm::{Delta, LanguageModel, Prefix, Request, Structured};
use crate::prompt::{Prompts, Template};

/// Two short sentences.
const MAX_TOKENS: usize = 110;
/// Citations of one reply; more would not be read.
const MOST_CITATIONS: usize = 2;
/// From this confidence on an article's sentence may be a reply by itself.
const QUOTABLE: f32 = 0.6;
/// Confidence of a reply that stands on nothing but the conversation.
const WITHOUT_SOURCE: f32 = 0.5;

/// Writes replies.
#[derive(Clone, Debug)]
pub struct ReplyWriter {
    model: Arc<dyn LanguageModel>,
    prompts: Arc<Prompts>,
    knowledge: KnowledgeBase,
}

#[derive(Serialize)]
struct ReplyPrompt<'a> {
    facts: Vec<Fact<'a>>,
    asked: &'a str,
    next_step: Option<&'a str>,
    language: &'a str,
}

/// A sentence of an article as the prompt shows it: a reply needs no more, and every word of an article
/// costs the time of a word of the transcript.
#[derive(Serialize)]
struct Fact<'a> {
    title: &'a str,
    text: String,
}

impl Template for ReplyPrompt<'_> {
    const NAME: &'static str = "reply";
    const SOURCE: &'static str = include_str!("../../prompts/reply.jinja");
}

impl ReplyWriter {
    /// Writes with `model`, cites from `knowledge`.
    pub fn new(
        model: Arc<dyn LanguageModel>,
        prompts: Arc<Prompts>,
        knowledge: KnowledgeBase,
    ) -> Self {
        Self {
            model,
            prompts,
            knowledge,
        }
    }

    /// A reply to the customer's last words, or why there is none. `begun` is told its first sentence as soon as that is
    /// written and fit to be shown, as a suggestion with the id of the whole reply, which takes its place.
    ///
    /// A sentence is withheld when it claims something was done that no receipt proves, or has a
    /// number that neither the articles nor the conversation have, or denies what an article
    /// affirms. Where only the second one is, the first one is the reply. What a reply cites is found by
    /// comparing it with the facts it was written from: a small model's word for its sources is
    /// worth little.
    ///
    /// # Errors
    /// As the language model, the embedder and the prompt.
    pub async fn write(
        &self,
        conversation: &Conversation,
        prefix: &Prefix,
        context: &ReplyContext,
        begun: &mut (dyn FnMut(Suggestion) + Send),
    ) -> Result<Structured<Suggestion>> {
        let sources = Sources {
            conversation,
            prefix,
            context,
            facts: context
                .tellable()
                .flat_map(|p| p.found.facts.iter().cloned())
                .collect(),
        };
        let mut stream = self.model.generate(self.request(&sources)?).await?;
        let mut raw = String::new();
        let mut first: Option<(usize, Structured<Suggestion>)> = None;
        let mut is_done = false;
        while let Some(delta) = stream.next().await {
            match delta {
                Ok(Delta::Text(piece)) => raw.push_str(&piece),
                Ok(Delta::Done { .. }) => is_done = true,
                // What is shown already stands.
                Err(_) if matches!(first, Some((_, Structured::Valid(_)))) => break,
                Err(error) => return Err(error),
            }
            let said = so_far(&raw);
            let mut ends = sentence_ends(said.trim());
            let end = ends.next();
            // Nobody reads out more.
            if is_done || ends.next().is_some() {
                is_done = true;
                break;
            }
            if let (Some(end), None) = (end, &first) {
                let sentence = said.trim().get(..end).unwrap_or_default();
                let checked = self.checked(sentence, &sources).await?;
                if let Structured::Valid(suggestion) = &checked {
                    begun(suggestion.clone());
                }
                first = Some((end, checked));
            }
        }
        let said = so_far(&raw);
        let text = two_sentences(whole_sentences(said.trim()));
        match first {
            Some((end, checked)) if end == text.len() => Ok(checked),
            Some((_, Structured::Valid(first))) if !is_done => Ok(Structured::Valid(first)),
            Some((_, Structured::Valid(first))) => Ok(Structured::Valid(
                match self.checked(text, &sources).await? {
                    Structured::Valid(whole) => Suggestion {
                        id: first.id,
                        ..whole
                    },
                    Structured::Rejected { reason, .. } => {
                        tracing::debug!(reason, "the second sentence of a reply was left out");
                        first
                    }
                },
            )),
            _ if !is_done => Err(Error::new(
                ErrorKind::Unavailable,
                format!(
                    "{} stopped in the middle of a reply; ask again",
                    self.model.id()
                ),
            )),
            _ if text.is_empty() => Ok(Structured::Rejected {
                raw,
                reason: "there was nothing to say".into(),
            }),
            _ => self.checked(text, &sources).await,
        }
    }

    fn request(&self, sources: &Sources<'_>) -> Result<Request> {
        let conversation = sources.conversation;
        let task = self.prompts.render(&ReplyPrompt {
            facts: sources
                .facts
                .iter()
                .map(|fact| Fact {
                    title: &fact.title,
                    text: spoken(fact),
                })
                .collect(),
            // Said again, since a small model answers what stands last.
            asked: conversation
                .transcript
                .last_of(Role::EndUser)
                .map_or("", |said| said.text.as_str()),
            next_step: sources.context.next_step.as_deref(),
            language: &conversation.language,
        })?;
        let schema = json!({
            "type": "object",
            "properties": { "reply": { "type": "string", "minLength": 1, "maxLength": 240 } },
            "required": ["reply"],
            "additionalProperties": false
        });
        Ok(Request::new(sources.prefix.ask(task))
            .with_json(schema)
            .with_max_tokens(MAX_TOKENS))
    }

    /// The text as a suggestion with what proves it, or why it must not be shown.
    async fn checked(&self, text: &str, sources: &Sources<'_>) -> Result<Structured<Suggestion>> {
        let Sources {
            conversation,
            prefix,
            context,
            facts,
        } = sources;
        let text = text.to_owned();
        if let Some(reason) = objection(&text, conversation, prefix, context) {
            return Ok(Structured::Rejected { raw: text, reason });
        }
        let proof = self.knowledge.attribute(&text, facts).await?;
        if let Some(turned) = turned_round(&proof) {
            let quote = spoken(&turned.citation);
            let reason = format!("it turns round what the article says: {quote:?}");
            return Ok(Structured::Rejected { raw: text, reason });
        }
        // Whoever checks an amount or a term wants to see where it stands, so that comes first.
        let unproven = ungrounded_numbers(&text, []).len();
        let proves =
            |fact: &Citation| ungrounded_numbers(&text, [spoken(fact).as_str()]).len() < unproven;
        let (mut citations, alike): (Vec<Citation>, Vec<Citation>) =
            proof.into_iter().map(|p| p.citation).partition(proves);
        if citations.is_empty() {
            citations.extend(facts.iter().find(|fact| proves(fact)).cloned());
        }
        citations.extend(alike);
        citations.truncate(MOST_CITATIONS);
        let cited = |p: &&FoundPassage| p.found.facts.iter().any(|f| citations.contains(f));
        let confidence = context
            .tellable()
            .filter(cited)
            .map(|p| p.found.confidence)
            .fold(WITHOUT_SOURCE, f32::max);
        let last = conversation.transcript.utterances().last();
        let mut evidence: Vec<Evidence> = last
            .map(|u| Evidence::Utterance(u.id))
            .into_iter()
            .collect();
        for citation in &citations {
            let passage = Evidence::Passage(citation.passage.clone());
            if !evidence.contains(&passage) {
                evidence.push(passage);
            }
        }
        Ok(Structured::Valid(Suggestion::new(
            SuggestionKind::Reply { text, citations },
            confidence,
            evidence,
        )))
    }
}

/// What a reply is written from and held against.
struct Sources<'a> {
    conversation: &'a Conversation,
    prefix: &'a Prefix,
    context: &'a ReplyContext,
    facts: Vec<Citation>,
}

/// What an answer that is still being written says so far.
fn so_far(raw: &str) -> String {
    let value = raw.split_once(r#""reply""#).map(|(_, rest)| rest);
    let value = value.and_then(|rest| rest.trim_start().strip_prefix(':'));
    let Some(value) = value.and_then(|rest| rest.trim_start().strip_prefix('"')) else {
        return String::new();
    };
    let mut end = value.len();
    let mut escaped = false;
    for (at, c) in value.char_indices() {
        match c {
            '"' if !escaped => {
                end = at;
                break;
            }
            _ => escaped = c == '\\' && !escaped,
        }
    }
    // An escape of which a part is still to come is left away.
    let mut said = value.get(..end).unwrap_or_default();
    loop {
        match serde_json::from_str(&format!("\"{said}\"")) {
            Ok(text) => return text,
            Err(_) => match said.rfind('\\') {
                Some(at) => said = said.get(..at).unwrap_or_default(),
                None => return String::new(),
            },
        }
    }
}

/// The first sentence that says the opposite of all that stands behind it.
pub(crate) fn turned_round(proof: &[Attribution]) -> Option<&Attribution> {
    proof.iter().find(|said| {
        let of_sentence = proof.iter().filter(|p| p.sentence == said.sentence);
        let sources: Vec<String> = of_sentence.flat_map(|p| judges(&p.citation)).collect();
        let sources: Vec<&str> = sources.iter().map(String::as_str).collect();
        reverses(&said.sentence, &sources)
    })
}

/// The article's own words as a reply, where the article is likely right: what is said when nothing
/// better could be written.
pub(crate) fn quoted_reply(context: &ReplyContext) -> Option<Suggestion> {
    let best = context.tellable().next()?;
    if best.found.confidence < QUOTABLE {
        return None;
    }
    let citation = best.found.citation.clone();
    let passage = Evidence::Passage(citation.passage.clone());
    let kind = SuggestionKind::Reply {
        text: spoken(&citation),
        citations: vec![citation],
    };
    let evidence = vec![best.asked.clone(), passage];
    Some(Suggestion::new(kind, best.found.confidence, evidence))
}

/// Where sentences end that another one follows.
fn sentence_ends(text: &str) -> impl Iterator<Item = usize> {
    let mut ends: Vec<usize> = sentences(text).into_iter().map(|s| s.end).collect();
    ends.pop();
    ends.into_iter()
}

/// The first two sentences: nobody reads out more.
fn two_sentences(text: &str) -> &str {
    let end = sentence_ends(text).nth(1);
    end.and_then(|end| text.get(..end)).unwrap_or(text)
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
    let facts = context.tellable().flat_map(|p| &p.found.facts);
    let articles: Vec<String> = facts.map(spoken).collect();
    let articles = articles.iter().map(String::as_str);
    let titles = context
        .tellable()
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
    use crate::conversation::Channel;
    use crate::embedding::HashingEmbedder;
    use crate::knowledge::MemoryVectorStore;
    use crate::llm::ScriptedModel;

    async fn write(answer: &str) -> Structured<Suggestion> {
        told(answer).await.0
    }

    /// What became of the answer, and what was shown before it was whole.
    async fn told(answer: &str) -> (Structured<Suggestion>, Vec<Suggestion>) {
        let knowledge = KnowledgeBase::new(
            Arc::new(HashingEmbedder::default()),
            Arc::new(MemoryVectorStore::default()),
        );
        let model = Arc::new(ScriptedModel::new([answer]));
        let writer = ReplyWriter::new(model, Arc::default(), knowledge);
        let mut call = Conversation::new("acme", Channel::Chat);
        call.say(Role::EndUser, "I paid $20 twice!");
        let mut begun = Vec::new();
        let mut begin = |first| begun.push(first);
        let written = writer
            .write(
                &call,
                &Prefix::new("s"),
                &ReplyContext::default(),
                &mut begin,
            )
            .await
            .unwrap();
        (written, begun)
    }

    fn text(suggestion: &Suggestion) -> &str {
        match &suggestion.kind {
            SuggestionKind::Reply { text, .. } => text,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_reply_is_cut_after_its_second_sentence() {
        assert_eq!(
            two_sentences("Yes. It is 4.50 a day! More."),
            "Yes. It is 4.50 a day!"
        );
        let abbreviated = "Between 8 a.m. and 1 p.m., e.g. on Monday. Is that right? More.";
        assert_eq!(
            two_sentences(abbreviated),
            "Between 8 a.m. and 1 p.m., e.g. on Monday. Is that right?"
        );
        for whole in ["", "Yes.", "One. Two.", "no stop"] {
            assert_eq!(two_sentences(whole), whole);
        }
    }

    #[tokio::test]
    async fn a_reply_without_proof_is_withheld_and_says_why() {
        let reason = |answer: Structured<Suggestion>| match answer {
            Structured::Rejected { reason, .. } => reason,
            Structured::Valid(reply) => panic!("shown: {reply:?}"),
        };
        let claimed = write(r#"{"reply":"I have refunded it."}"#).await;
        assert!(reason(claimed).contains("without a receipt"));
        let invented = write(r#"{"reply":"You get the $20 back within 3 days."}"#).await;
        assert!(reason(invented).contains("numbers 3"));
        let honest = write(r#"{"reply":"I am sorry about the $20. Let me look."}"#).await;
        assert!(matches!(honest, Structured::Valid(_)), "{honest:?}");
    }

    #[tokio::test]
    async fn the_first_sentence_is_told_before_the_second_one_and_stands_where_that_one_does_not() {
        let (whole, begun) = told(r#"{"reply":"I see \"$20\" twice. Let me look."}"#).await;
        let Structured::Valid(whole) = whole else {
            panic!("{whole:?}")
        };
        assert_eq!(text(&begun[0]), r#"I see "$20" twice."#);
        assert_eq!(text(&whole), r#"I see "$20" twice. Let me look."#);
        assert_eq!((begun.len(), &begun[0].id), (1, &whole.id));
        // Nothing proves the three days.
        let (first, begun) = told(r#"{"reply":"I see the $20. It takes 3 days."}"#).await;
        assert_eq!(first, Structured::Valid(begun[0].clone()));
        assert_eq!(text(&begun[0]), "I see the $20.");
        // What must not be said is not said for a moment either.
        let (none, begun) = told(r#"{"reply":"I have refunded it. Anything else?"}"#).await;
        assert!(matches!(none, Structured::Rejected { .. }) && begun.is_empty());
        let (_, begun) = told(r#"{"reply":"One sentence is told once."}"#).await;
        assert!(begun.is_empty());
    }

    #[test]
    fn what_is_written_so_far_is_read_up_to_the_last_whole_letter() {
        for (raw, said) in [
            ("", ""),
            (r#"{"reply"#, ""),
            (r#"{"reply": "It is"#, "It is"),
            (r#"{"reply":"Say \"yes\" now"#, r#"Say "yes" now"#),
            (r#"{"reply":"5 \"#, "5 "),
            (r#"{"reply":"5 \u20a"#, "5 "),
            (r#"{"reply":"5 \u20ac"}"#, "5 €"),
            (r#"{"reply":"a\\"}"#, r"a\"),
        ] {
            assert_eq!(so_far(raw), said, "{raw}");
        }
    }
}
