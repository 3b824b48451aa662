//! What Genesys is told of a conversation.

use std::collections::HashMap;

use uuid::Uuid;

use super::line::Line;
use crate::conversation::{
    Evidence, ParticipantId, Suggestion, SuggestionKind, Utterance, UtteranceId,
};
use crate::knowledge::spoken;
use crate::session::SessionEvent;
use crate::speech::transport::{
    Article, EventEntity, Faq, Track, TranscriptEntity, TranscriptToken,
};

/// What suggestions rest on is looked up among so many of the last utterances.
const REMEMBERED: usize = 64;
/// How sure interim words are; nothing tells.
const INTERIM: f32 = 0.5;

/// Makes event entities of what happens in a conversation.
#[derive(Debug)]
pub(super) struct Teller {
    interim: bool,
    /// Utterances that are being spoken, by who speaks and when they began.
    begun: HashMap<ParticipantId, Vec<(u64, Uuid)>>,
    counted: u64,
    /// The last utterances that were told.
    told: Vec<(UtteranceId, TranscriptEntity)>,
    /// What the customer said last.
    question: String,
}

impl Teller {
    /// `interim`: whether words are told while they are spoken.
    pub(super) fn new(interim: bool) -> Self {
        Self {
            interim,
            begun: HashMap::new(),
            counted: 0,
            told: Vec::new(),
            question: String::new(),
        }
    }

    /// What of an event is for the platform.
    pub(super) fn entities(&mut self, line: &Line, event: &SessionEvent) -> Vec<EventEntity> {
        match event {
            SessionEvent::UtteranceInterim {
                participant,
                start_ms,
                stable,
                tentative,
            } if self.interim => {
                let Some(track) = line.track(participant) else {
                    return Vec::new();
                };
                let id = self.begin(line, participant, *start_ms);
                let text = [stable.trim(), tentative.trim()].join(" ");
                let mut entity = TranscriptEntity::new(id, track, text.trim(), INTERIM);
                entity.is_final = false;
                vec![EventEntity::Transcript(entity)]
            }
            SessionEvent::NoSpeech {
                participant,
                start_ms,
                end_ms,
            } => {
                // Words that were told and turned out to be none are taken back.
                let Some(id) = self.end(participant, *end_ms) else {
                    return Vec::new();
                };
                let Some(track) = line.track(participant) else {
                    return Vec::new();
                };
                let mut entity = TranscriptEntity::new(id, track, "", 0.0);
                entity.span_ms = Some((line.stream_ms(*start_ms), line.stream_ms(*end_ms)));
                vec![EventEntity::Transcript(entity)]
            }
            SessionEvent::UtteranceFinal(said) => {
                let Some(track) = line.track(&said.participant) else {
                    return Vec::new();
                };
                vec![EventEntity::Transcript(self.said(line, track, said))]
            }
            SessionEvent::Suggestion(suggestion) => {
                self.suggested(line, suggestion).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }

    /// The identifier of what a participant began to say.
    fn begin(&mut self, line: &Line, participant: &ParticipantId, start_ms: u64) -> Uuid {
        let begun = self.begun.entry(participant.clone()).or_default();
        if let Some((_, id)) = begun.iter().find(|(start, _)| *start == start_ms) {
            return *id;
        }
        self.counted += 1;
        let id = line.id_of(&format!("spoken {participant} {start_ms} {}", self.counted));
        begun.push((start_ms, id));
        id
    }

    /// The identifier of what a participant has finished to say, where interim words of it were told.
    fn end(&mut self, participant: &ParticipantId, end_ms: u64) -> Option<Uuid> {
        let begun = self.begun.get_mut(participant)?;
        let at = begun.iter().rposition(|(start, _)| *start <= end_ms)?;
        let (_, id) = begun.drain(..=at).next_back()?;
        Some(id)
    }

    fn said(&mut self, line: &Line, track: Track, said: &Utterance) -> TranscriptEntity {
        let id = self
            .end(&said.participant, said.end_ms)
            .unwrap_or_else(|| line.id_of(&format!("utterance {}", said.id)));
        let confidence = said.confidence.unwrap_or(1.0);
        let mut entity = TranscriptEntity::new(id, track, &said.text, confidence);
        entity.language.clone_from(&said.language);
        let span = |start, end| (line.stream_ms(start), line.stream_ms(end));
        entity.span_ms = Some(span(said.start_ms, said.end_ms));
        entity.tokens = said
            .words
            .iter()
            .map(|word| TranscriptToken {
                text: word.text.clone(),
                confidence: word.confidence,
                span_ms: span(word.start_ms, word.end_ms),
            })
            .collect();
        if self.told.len() >= REMEMBERED {
            self.told.remove(0);
        }
        let mut remembered = entity.clone();
        remembered.tokens.clear();
        self.told.push((said.id, remembered));
        if track == Track::External && !said.back_channel {
            self.question.clone_from(&said.text);
        }
        entity
    }

    /// Articles and written replies; Genesys has no place for what else is suggested.
    fn suggested(&self, line: &Line, suggestion: &Suggestion) -> Option<EventEntity> {
        let id = line.id_of(&format!("suggestion {}", suggestion.id));
        // An identifier that is a UUID is told as it is, so that feedback can name it.
        let own = Uuid::parse_str(&suggestion.id).unwrap_or(id);
        let (mut faqs, mut articles) = (Vec::new(), Vec::new());
        match &suggestion.kind {
            SuggestionKind::Article { title, citation } => articles.push(Article {
                id: own,
                confidence: suggestion.confidence,
                title: title.clone(),
                excerpts: vec![spoken(citation)],
                uri: format!("urn:attendant:article:{}", citation.article),
            }),
            SuggestionKind::Reply { text, .. } => faqs.push(Faq {
                id: own,
                confidence: suggestion.confidence,
                question: self.question.clone(),
                answer: escape(text),
            }),
            _ => return None,
        }
        let rests_on = |id: &UtteranceId| {
            let mut told = self.told.iter();
            told.find(|(told, _)| told == id)
                .map(|(_, entity)| entity.clone())
        };
        let utterances = suggestion
            .evidence
            .iter()
            .filter_map(|evidence| match evidence {
                Evidence::Utterance(id) => rests_on(id),
                _ => None,
            });
        Some(EventEntity::AgentAssist {
            id,
            utterances: utterances.collect(),
            faqs,
            articles,
        })
    }
}

/// An answer is a small subset of HTML.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
