//! From records to a report.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::contacts::first_contact_resolved;
use super::measures::{GroupBy, Measures, Seen, by_group, share};
use super::record::ConversationRecord;
use super::report::InsightReport;
use super::topics::{Irritant, Topic, clusters};
use super::voices::Voices;
use super::words::{
    COMPLAINT_EXAMPLES, Lexicon, NEUTRAL_EXAMPLES, complains, without_placeholders,
};
use crate::conversation::{ConversationId, Role, UtteranceId};
use crate::embedding::{Embedder, TextKind, similarity};
use crate::error::{Error, ErrorKind, Result};
use crate::guard::Redactor;
use crate::understanding::quality::ExperienceTracker;

/// Openings about the same are on average at least so much alike (cosine), and complaints.
const SAME_TOPIC: f32 = 0.35;
const SAME_IRRITANT: f32 = 0.4;
/// A sentence this much like an example complains, if it is clearly less like what does not.
const COMPLAINS: f32 = 0.55;
const MARGIN: f32 = 0.05;
/// Shorter sentences name nothing.
const LEAST_WORDS: usize = 4;
/// Texts handed to the embedder at once.
const BATCH: usize = 256;

/// What a report is to hold.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct InsightOptions {
    /// How figures are grouped, beside those of all conversations.
    pub by: Option<GroupBy>,
    /// The time zone of days, weeks and months.
    pub time_zone: jiff::tz::TimeZone,
    /// Fewer conversations are no topic and no irritant.
    pub least: usize,
}

impl Default for InsightOptions {
    fn default() -> Self {
        Self {
            by: None,
            time_zone: jiff::tz::TimeZone::UTC,
            least: 2,
        }
    }
}

impl InsightOptions {
    /// Groups figures.
    #[must_use]
    pub fn by(mut self, by: impl Into<Option<GroupBy>>) -> Self {
        self.by = by.into();
        self
    }
}

/// Makes reports.
#[derive(Clone, Debug)]
pub struct Analyst {
    embedder: Arc<dyn Embedder>,
}

/// A sentence of a customer that complains, redacted.
struct Complaint {
    record: usize,
    utterance: UtteranceId,
    text: String,
    vector: Vec<f32>,
}

impl Analyst {
    /// Topics and irritants are as good as the embedder. With one that knows no meaning they are groups of shared words.
    pub fn new(embedder: Arc<dyn Embedder>) -> Self {
        Self { embedder }
    }

    /// What the records tell.
    ///
    /// # Errors
    /// [`ErrorKind::InsufficientContent`] without records; else as the embedder.
    pub async fn report(
        &self,
        records: &[ConversationRecord],
        options: &InsightOptions,
    ) -> Result<InsightReport> {
        if records.is_empty() {
            return Err(Error::new(
                ErrorKind::InsufficientContent,
                "there are no conversations to report on",
            ));
        }
        let (openings, topics) = self.topics(records, options.least).await?;
        let mut topic_of = vec![None; records.len()];
        for (topic, members) in topics.iter().enumerate() {
            for slot in members.iter().filter_map(|&at| openings.owners.get(at)) {
                if let Some(slot) = topic_of.get_mut(*slot) {
                    *slot = Some(topic);
                }
            }
        }
        let resolved = first_contact_resolved(records, &topic_of);
        let complaints = self.complaints(records).await?;
        let mut complains = vec![false; records.len()];
        for complaint in &complaints {
            if let Some(slot) = complains.get_mut(complaint.record) {
                *slot = true;
            }
        }
        let seen: Vec<Seen<'_>> = records
            .iter()
            .zip(resolved.iter().zip(&complains))
            .map(|(record, (resolved, complains))| Seen {
                record,
                resolved: *resolved,
                complains: *complains,
                satisfaction: record.satisfaction.or_else(|| predicted(record)),
            })
            .collect();
        let lexicon = Lexicon::new(&openings.texts);
        let mut voices = vec![Voices::of(None, &seen)];
        let mut told = Vec::new();
        for members in &topics {
            let owners = members.iter().filter_map(|&at| openings.owners.get(at));
            let of: Vec<Seen<'_>> = owners.filter_map(|&at| seen.get(at).copied()).collect();
            let topic = topic(
                lexicon.name(members),
                members,
                &openings.texts,
                &of,
                seen.len(),
            );
            voices.push(Voices::of(Some(topic.name.clone()), &of));
            told.push(topic);
        }
        let groups = options.by.map(|by| by_group(&seen, by, &options.time_zone));
        Ok(InsightReport {
            by: options.by,
            total: Measures::of(&seen),
            groups: groups.unwrap_or_default(),
            topics: told,
            irritants: irritants(records, &complaints, options.least),
            voices,
        })
    }

    /// The customers' openings, and which of them are about the same.
    async fn topics(
        &self,
        records: &[ConversationRecord],
        least: usize,
    ) -> Result<(Openings, Vec<Vec<usize>>)> {
        let mut openings = Openings::default();
        for (at, record) in records.iter().enumerate() {
            if let Some(text) = record.opening() {
                openings.owners.push(at);
                openings.texts.push(Redactor::default().redact(&text));
            }
        }
        let vectors = self.embed(&openings.texts).await?;
        let mut topics = clusters(&vectors, SAME_TOPIC);
        topics.retain(|members| members.len() >= least.max(1));
        Ok((openings, topics))
    }

    async fn complaints(&self, records: &[ConversationRecord]) -> Result<Vec<Complaint>> {
        let mut said = Vec::new();
        for (record, stored) in records.iter().enumerate() {
            let mut redactor = Redactor::default();
            for utterance in stored.conversation.transcript.utterances() {
                // The redactor knows an answer by its question.
                let text = redactor.redact(&utterance.text);
                if utterance.role == Role::EndUser && !utterance.back_channel {
                    let parts = text.split_inclusive(['.', '!', '?', '\n']).map(str::trim);
                    let parts = parts.filter(|s| s.split_whitespace().count() >= LEAST_WORDS);
                    said.extend(parts.map(|s| (record, utterance.id, s.to_owned())));
                }
            }
        }
        let texts: Vec<String> = said.iter().map(|(_, _, text)| text.clone()).collect();
        let vectors = self.embed(&texts).await?;
        let owned = |texts: &[&str]| -> Vec<String> { texts.iter().map(|&t| t.into()).collect() };
        let like = self.embed(&owned(COMPLAINT_EXAMPLES)).await?;
        let unlike = self.embed(&owned(NEUTRAL_EXAMPLES)).await?;
        let found = said
            .into_iter()
            .zip(vectors)
            .filter(|((_, _, text), vector)| {
                let near = closest(vector, &like);
                complains(text) || (near >= COMPLAINS && near > closest(vector, &unlike) + MARGIN)
            });
        let found = found.map(|((record, utterance, text), vector)| Complaint {
            record,
            utterance,
            text,
            vector,
        });
        Ok(found.collect())
    }

    async fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>> {
        let mut vectors = Vec::with_capacity(texts.len());
        for batch in texts.chunks(BATCH) {
            // That a mail address was said does not make two texts alike.
            let batch: Vec<String> = batch.iter().map(|t| without_placeholders(t)).collect();
            vectors.extend(self.embedder.embed(&batch, TextKind::Query).await?);
        }
        Ok(vectors)
    }
}

/// How satisfied the customer was by what was said; `None` where nothing tells.
fn predicted(record: &ConversationRecord) -> Option<f32> {
    let score = ExperienceTracker::review(&record.conversation);
    (!score.reasons.is_empty()).then_some(score.satisfaction)
}

#[derive(Default)]
struct Openings {
    /// Whose opening each text is.
    owners: Vec<usize>,
    texts: Vec<String>,
}

fn topic(name: String, members: &[usize], texts: &[String], of: &[Seen<'_>], all: usize) -> Topic {
    let complains: Vec<bool> = of.iter().map(|s| s.complains).collect();
    let resolved: Vec<bool> = of.iter().filter_map(|s| s.resolved).collect();
    let example = members.first().and_then(|&at| texts.get(at));
    Topic {
        name,
        conversations: of.len(),
        share: of.len() as f32 / all.max(1) as f32,
        complaining: share(&complains).unwrap_or(0.0),
        first_contact_resolution: share(&resolved),
        example: example.cloned().unwrap_or_default(),
        members: of
            .iter()
            .map(|s| s.record.conversation.id.clone())
            .collect(),
    }
}

fn irritants(
    records: &[ConversationRecord],
    complaints: &[Complaint],
    least: usize,
) -> Vec<Irritant> {
    let texts: Vec<String> = complaints.iter().map(|c| c.text.clone()).collect();
    let vectors: Vec<Vec<f32>> = complaints.iter().map(|c| c.vector.clone()).collect();
    let lexicon = Lexicon::new(&texts);
    let mut irritants = Vec::new();
    for members in clusters(&vectors, SAME_IRRITANT) {
        // Somebody who says it three times is one conversation.
        let mut where_said: BTreeMap<usize, (ConversationId, UtteranceId)> = BTreeMap::new();
        for complaint in members.iter().filter_map(|&at| complaints.get(at)) {
            if let Some(record) = records.get(complaint.record) {
                let place = (record.conversation.id.clone(), complaint.utterance);
                where_said.entry(complaint.record).or_insert(place);
            }
        }
        if where_said.len() < least.max(1) {
            continue;
        }
        let example = members.first().and_then(|&at| texts.get(at));
        irritants.push(Irritant {
            name: lexicon.name(&members),
            conversations: where_said.len(),
            example: example.cloned().unwrap_or_default(),
            evidence: where_said.into_values().collect(),
        });
    }
    irritants.sort_by_key(|irritant| std::cmp::Reverse(irritant.conversations));
    irritants
}

fn closest(vector: &[f32], others: &[Vec<f32>]) -> f32 {
    let likenesses = others.iter().map(|other| similarity(vector, other));
    likenesses.fold(0.0, f32::max)
}
