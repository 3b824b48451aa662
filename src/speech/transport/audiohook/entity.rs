//! What a server tells Genesys in `event` messages
//! (<https://developer.genesys.cloud/devapps/audiohook/protocol-reference>, event entities).

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::super::Track;
use super::wire::{channel, duration};

/// One thing to tell Genesys.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum EventEntity {
    /// What was said.
    Transcript(TranscriptEntity),
    /// What the human agent is shown (`agentassist`).
    AgentAssist {
        /// Identifies this set of suggestions.
        id: Uuid,
        /// Utterances that they rest on.
        utterances: Vec<TranscriptEntity>,
        /// Questions with their answers.
        faqs: Vec<Faq>,
        /// Articles of the knowledge base.
        articles: Vec<Article>,
    },
    /// The customer speaks: what the virtual agent was saying is cut short.
    BargeIn,
    /// A turn of the virtual agent.
    BotTurn(BotTurn),
}

/// What was said, final or not. A later entity with the same `id` replaces an earlier one.
#[derive(Clone, Debug, PartialEq)]
pub struct TranscriptEntity {
    /// Identifies the utterance.
    pub id: Uuid,
    /// Who spoke.
    pub track: Track,
    /// The text will not change any more.
    pub is_final: bool,
    /// The text.
    pub text: String,
    /// Between 0 and 1.
    pub confidence: f32,
    /// BCP 47 tag.
    pub language: Option<String>,
    /// Begin and end, in milliseconds of the stream.
    pub span_ms: Option<(u64, u64)>,
    /// The words with their times; may be empty.
    pub tokens: Vec<TranscriptToken>,
}

/// A word of a transcript.
#[derive(Clone, Debug, PartialEq)]
pub struct TranscriptToken {
    /// The word.
    pub text: String,
    /// Between 0 and 1.
    pub confidence: f32,
    /// Begin and end, in milliseconds of the stream.
    pub span_ms: (u64, u64),
}

/// A question with its answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Faq {
    /// Identifies the suggestion.
    pub id: Uuid,
    /// Between 0 and 1.
    pub confidence: f32,
    /// Plain text.
    pub question: String,
    /// Text in a small subset of HTML.
    pub answer: String,
}

/// An article of the knowledge base.
#[derive(Clone, Debug, PartialEq)]
pub struct Article {
    /// Identifies the suggestion.
    pub id: Uuid,
    /// Between 0 and 1.
    pub confidence: f32,
    /// Plain text.
    pub title: String,
    /// The passages that matter.
    pub excerpts: Vec<String>,
    /// Where the whole of it is.
    pub uri: String,
}

/// What the virtual agent made of what the customer said.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum BotTurn {
    /// Nothing was said.
    NoInput,
    /// It was not understood.
    NoMatch,
    /// It was understood.
    Match {
        /// What is answered.
        text: String,
        /// Between 0 and 1.
        confidence: f32,
    },
}

impl EventEntity {
    pub(super) fn to_json(&self) -> Value {
        match self {
            Self::Transcript(transcript) => {
                json!({ "type": "transcript", "data": transcript.to_json() })
            }
            Self::AgentAssist {
                id,
                utterances,
                faqs,
                articles,
            } => {
                let mut data = Map::new();
                data.insert("id".to_owned(), id.to_string().into());
                let utterances: Vec<Value> = utterances
                    .iter()
                    .map(TranscriptEntity::to_utterance)
                    .collect();
                if !utterances.is_empty() {
                    data.insert("utterances".to_owned(), utterances.into());
                }
                let faqs = faqs.iter().map(Faq::to_json);
                let suggestions: Vec<Value> =
                    faqs.chain(articles.iter().map(Article::to_json)).collect();
                if !suggestions.is_empty() {
                    data.insert("suggestions".to_owned(), suggestions.into());
                }
                json!({ "type": "agentassist", "data": data })
            }
            Self::BargeIn => json!({ "type": "barge_in", "data": {} }),
            Self::BotTurn(turn) => {
                let data = match turn {
                    BotTurn::NoInput => json!({ "disposition": "no_input" }),
                    BotTurn::NoMatch => json!({ "disposition": "no_match" }),
                    BotTurn::Match { text, confidence } => json!({
                        "disposition": "match",
                        "text": text,
                        "confidence": probability(*confidence),
                    }),
                };
                json!({ "type": "bot_turn_response", "data": data })
            }
        }
    }
}

impl TranscriptEntity {
    /// A final text.
    pub fn new(id: Uuid, track: Track, text: impl Into<String>, confidence: f32) -> Self {
        Self {
            id,
            track,
            is_final: true,
            text: text.into(),
            confidence,
            language: None,
            span_ms: None,
            tokens: Vec::new(),
        }
    }

    fn to_json(&self) -> Value {
        let mut interpretation = json!({ "type": "display", "transcript": self.text });
        if !self.tokens.is_empty() {
            let tokens: Vec<Value> = self.tokens.iter().map(TranscriptToken::to_json).collect();
            set(&mut interpretation, "tokens", tokens);
        }
        let mut alternative = json!({
            "confidence": probability(self.confidence),
            "interpretations": [interpretation],
        });
        if let Some(language) = &self.language {
            set(&mut alternative, "languages", vec![language.clone()]);
        }
        let mut data = json!({
            "id": self.id.to_string(),
            "channel": channel(self.track),
            "isFinal": self.is_final,
            "alternatives": [alternative],
        });
        if let Some((start, end)) = self.span_ms {
            set(&mut data, "offset", duration(start));
            set(&mut data, "duration", duration(end.saturating_sub(start)));
        }
        data
    }

    /// The flatter form that `agentassist` has for the same.
    fn to_utterance(&self) -> Value {
        let (start, end) = self.span_ms.unwrap_or_default();
        json!({
            "id": self.id.to_string(),
            "position": duration(start),
            "duration": duration(end.saturating_sub(start)),
            "text": self.text,
            "language": self.language.as_deref().unwrap_or("und"),
            "confidence": probability(self.confidence),
            "channel": channel(self.track),
            "isFinal": self.is_final,
        })
    }
}

impl TranscriptToken {
    fn to_json(&self) -> Value {
        let (start, end) = self.span_ms;
        json!({
            "type": "word",
            "value": self.text,
            "confidence": probability(self.confidence),
            "offset": duration(start),
            "duration": duration(end.saturating_sub(start)),
        })
    }
}

impl Faq {
    fn to_json(&self) -> Value {
        json!({
            "type": "faq",
            "id": self.id.to_string(),
            "confidence": probability(self.confidence),
            "question": self.question,
            "answer": self.answer,
        })
    }
}

impl Article {
    fn to_json(&self) -> Value {
        json!({
            "type": "article",
            "id": self.id.to_string(),
            "confidence": probability(self.confidence),
            "title": self.title,
            "excerpts": self.excerpts,
            "documentUri": self.uri,
        })
    }
}

fn set(object: &mut Value, name: &str, value: impl Into<Value>) {
    if let Some(object) = object.as_object_mut() {
        object.insert(name.to_owned(), value.into());
    }
}

/// With four places: a float's own digits would say more than it knows. What is no number is 0.
fn probability(confidence: f32) -> f64 {
    let tenths = (f64::from(confidence) * 10_000.0).round() as i64;
    tenths.clamp(0, 10_000) as f64 / 10_000.0
}
