//! First-contact resolution: does the same customer come back about the same thing?

use std::collections::HashMap;

use super::record::ConversationRecord;

/// Whoever comes back about the same topic within this time was not helped.
pub(super) const WINDOW_S: i64 = 7 * 24 * 3600;

/// Tenant, customer, and what it is about.
type Contact<'a> = (&'a str, &'a str, String);

/// For each record: whether a first contact solved it. `None` for contacts that are no first ones, of unknown customers,
/// times or topics, and for those so close to the end of the data that the customer may still come back.
///
/// `topics` holds the topic of each record. The contact reason comes before it, where one was recorded.
pub(super) fn first_contact_resolved(
    records: &[ConversationRecord],
    topics: &[Option<usize>],
) -> Vec<Option<bool>> {
    let mut contacts: HashMap<Contact<'_>, Vec<(i64, usize)>> = HashMap::new();
    for (at, (record, topic)) in records.iter().zip(topics).enumerate() {
        let about = match (&record.contact_reason, topic) {
            (Some(reason), _) => format!("reason {reason}"),
            (None, Some(topic)) => format!("topic {topic}"),
            _ => continue,
        };
        if let (Some(customer), Some(start)) = (&record.customer, record.started_at) {
            let tenant = record.conversation.tenant.as_str();
            let key = (tenant, customer.as_str(), about);
            contacts
                .entry(key)
                .or_default()
                .push((start.as_second(), at));
        }
    }
    let started = records.iter().filter_map(|r| r.started_at);
    let end = started.map(jiff::Timestamp::as_second).max().unwrap_or(0);
    let mut resolved = vec![None; records.len()];
    for mut series in contacts.into_values() {
        series.sort_unstable();
        for (place, (start, at)) in series.iter().enumerate() {
            let before = place.checked_sub(1).and_then(|p| series.get(p));
            if before.is_some_and(|(other, _)| start - other <= WINDOW_S) {
                continue;
            }
            let came_back = series
                .get(place + 1)
                .is_some_and(|(next, _)| next - start <= WINDOW_S);
            let outcome = match (came_back, end - start >= WINDOW_S) {
                (true, _) => Some(false),
                (false, true) => Some(true),
                (false, false) => None,
            };
            if let Some(slot) = resolved.get_mut(*at) {
                *slot = outcome;
            }
        }
    }
    resolved
}
