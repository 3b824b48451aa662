//! Figures of groups of conversations.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::record::ConversationRecord;

/// How conversations are grouped. There is no grouping by person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GroupBy {
    /// By queue.
    Queue,
    /// By product.
    Product,
    /// By day.
    Day,
    /// By ISO week.
    Week,
    /// By month.
    Month,
}

/// Figures of one group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct GroupMeasures {
    /// Name of the queue or product; `2026-11-25`, `2026-W48` or `2026-11`; `unknown` where nothing was recorded.
    pub group: String,
    /// Its figures.
    #[serde(flatten)]
    pub measures: Measures,
}

/// Figures of several conversations. A figure is `None` where none of them could tell.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[non_exhaustive]
pub struct Measures {
    /// How many there are.
    pub conversations: usize,
    /// Share of first contacts after which the customer did not come back about the same thing within 7 days, 0 to 1.
    pub first_contact_resolution: Option<f32>,
    /// First contacts of which that is known.
    pub first_contacts: usize,
    /// Share of what the virtual agent took that needed no person, 0 to 1.
    pub containment: Option<f32>,
    /// Conversations that the virtual agent took.
    pub virtual_conversations: usize,
    /// Share with a complaint, 0 to 1.
    pub complaining: Option<f32>,
    /// Mean predicted satisfaction, 1 to 5: as recorded, else by what was said.
    pub satisfaction: Option<f32>,
    /// Mean pulse answer, 1 to 5.
    pub pulse: Option<f32>,
    /// Pulse answers.
    pub pulse_answers: usize,
    /// Mean milliseconds a conversation took. Never without at least one of resolution, satisfaction and pulse: short is
    /// not good.
    pub mean_handle_ms: Option<u64>,
}

/// A record with what was found out about it.
#[derive(Clone, Copy)]
pub(super) struct Seen<'a> {
    pub(super) record: &'a ConversationRecord,
    pub(super) resolved: Option<bool>,
    pub(super) complains: bool,
    /// Predicted, 1 to 5.
    pub(super) satisfaction: Option<f32>,
}

impl Measures {
    pub(super) fn of(seen: &[Seen<'_>]) -> Self {
        let resolved: Vec<bool> = seen.iter().filter_map(|s| s.resolved).collect();
        let contained: Vec<bool> = seen.iter().filter_map(|s| s.record.contained()).collect();
        let complains: Vec<bool> = seen.iter().map(|s| s.complains).collect();
        let satisfaction: Vec<f32> = seen.iter().filter_map(|s| s.satisfaction).collect();
        let pulse: Vec<f32> = seen
            .iter()
            .flat_map(|s| s.record.pulse.iter().map(|p| f32::from(p.score)))
            .collect();
        let handle: Vec<u64> = seen.iter().filter_map(|s| s.record.handle_ms()).collect();
        let mut measures = Self {
            conversations: seen.len(),
            first_contact_resolution: share(&resolved),
            first_contacts: resolved.len(),
            containment: share(&contained),
            virtual_conversations: contained.len(),
            complaining: share(&complains),
            satisfaction: mean(&satisfaction),
            pulse: mean(&pulse),
            pulse_answers: pulse.len(),
            mean_handle_ms: None,
        };
        if measures.is_quality_known() && !handle.is_empty() {
            // In 128 bits, since a file may hold any number.
            let sum: u128 = handle.iter().map(|&ms| u128::from(ms)).sum();
            measures.mean_handle_ms = u64::try_from(sum / handle.len() as u128).ok();
        }
        measures
    }

    fn is_quality_known(&self) -> bool {
        self.first_contact_resolution.is_some()
            || self.satisfaction.is_some()
            || self.pulse.is_some()
    }
}

/// Figures of each group, by name; periods are those of the time zone.
pub(super) fn by_group(
    seen: &[Seen<'_>],
    by: GroupBy,
    zone: &jiff::tz::TimeZone,
) -> Vec<GroupMeasures> {
    let mut groups: BTreeMap<String, Vec<Seen<'_>>> = BTreeMap::new();
    for one in seen {
        let name = name(one.record, by, zone);
        let name = name.unwrap_or_else(|| "unknown".into());
        groups.entry(name).or_default().push(*one);
    }
    let figures = groups.into_iter().map(|(group, seen)| GroupMeasures {
        group,
        measures: Measures::of(&seen),
    });
    figures.collect()
}

fn name(record: &ConversationRecord, by: GroupBy, zone: &jiff::tz::TimeZone) -> Option<String> {
    let day = || Some(record.started_at?.to_zoned(zone.clone()).date());
    match by {
        GroupBy::Queue => record.queue.clone(),
        GroupBy::Product => record.product.clone(),
        GroupBy::Day => Some(day()?.to_string()),
        GroupBy::Week => {
            let week = day()?.iso_week_date();
            Some(format!("{}-W{:02}", week.year(), week.week()))
        }
        GroupBy::Month => {
            let day = day()?;
            Some(format!("{}-{:02}", day.year(), day.month()))
        }
    }
}

pub(super) fn share(of: &[bool]) -> Option<f32> {
    let yes = of.iter().filter(|&&yes| yes).count();
    (!of.is_empty()).then(|| yes as f32 / of.len() as f32)
}

pub(super) fn mean(of: &[f32]) -> Option<f32> {
    (!of.is_empty()).then(|| of.iter().sum::<f32>() / of.len() as f32)
}
