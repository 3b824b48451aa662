//! Whether a customer may be contacted: consent, quiet hours where they are, not too often, and never in a crisis.

use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};
use serde::{Deserialize, Serialize};

use crate::conversation::Channel;
use crate::error::{Error, ErrorKind, OrError, Result};

const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Longer than a week of quiet days cannot follow each other.
const MOST_TRIES: usize = 32;

/// When customers may be contacted, as data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OutboundPolicy {
    /// When nobody is contacted, by the customer's clock.
    pub quiet: QuietHours,
    /// Days on which nobody is contacted: `sunday`.
    pub quiet_days: Vec<String>,
    /// Contacts in any seven days at most.
    pub most_per_week: usize,
    /// IANA name of the time zone of customers of whom it is not known; without it they are not contacted.
    pub time_zone: Option<String>,
}

/// From one time of the day to another, over midnight where the second is the earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuietHours {
    /// From then on.
    pub from: Time,
    /// Until then.
    pub to: Time,
}

impl Default for OutboundPolicy {
    /// From eight in the evening to nine in the morning it is quiet, and on Sundays; two contacts a week.
    fn default() -> Self {
        Self {
            quiet: QuietHours {
                from: Time::constant(20, 0, 0, 0),
                to: Time::constant(9, 0, 0, 0),
            },
            quiet_days: vec!["sunday".into()],
            most_per_week: 2,
            time_zone: None,
        }
    }
}

/// A customer's yes to being contacted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Consent {
    /// On which channel.
    pub channel: Channel,
    /// What for: `service`, `marketing`.
    pub purpose: String,
    /// Until when, where it ends.
    #[serde(default)]
    pub until: Option<Timestamp>,
}

/// What the host knows about contacting a customer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Contactable {
    /// What they said yes to.
    pub consents: Vec<Consent>,
    /// IANA name of their time zone.
    pub time_zone: Option<String>,
    /// When they were contacted before, in any order.
    pub contacted: Vec<Timestamp>,
    /// Whether they are, or may be, in a crisis.
    pub in_crisis: bool,
}

/// Whether somebody may be contacted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutboundDecision {
    /// Now.
    Allowed,
    /// Then, if nothing changes.
    NotBefore(Timestamp),
    /// Not at all.
    No(OutboundRefusal),
}

/// Why somebody is not contacted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OutboundRefusal {
    /// They may be in a crisis.
    Crisis,
    /// This is nothing the organisation contacts customers about.
    NotMeant,
    /// They did not say yes to this channel and purpose.
    NoConsent,
    /// Nobody knows what time it is where they are.
    UnknownTimeZone,
    /// The policy leaves no time for it.
    Never,
}

impl OutboundPolicy {
    pub(super) fn check(&self) -> Result<()> {
        let wrong = |why: String| Err(Error::new(ErrorKind::Config, format!("outbound: {why}")));
        if let Some(day) = self.quiet_days.iter().find(|day| weekday(day).is_none()) {
            return wrong(format!("quiet_days: {day:?} is no day of the week"));
        }
        if let Some(name) = &self.time_zone {
            TimeZone::get(name).or_error(ErrorKind::Config, || {
                format!("outbound: time_zone: {name:?} is no IANA time zone")
            })?;
        }
        Ok(())
    }

    /// Whether a customer may be contacted on `channel` for `purpose`.
    pub fn decide(
        &self,
        customer: &Contactable,
        channel: Channel,
        purpose: &str,
        now: Timestamp,
    ) -> OutboundDecision {
        use OutboundDecision::{Allowed, No, NotBefore};
        if customer.in_crisis {
            return No(OutboundRefusal::Crisis);
        }
        let consents = |at: Timestamp| {
            let given = |consent: &Consent| {
                consent.channel == channel
                    && consent.purpose == purpose
                    && consent.until.is_none_or(|until| at < until)
            };
            customer.consents.iter().any(given)
        };
        if !consents(now) {
            return No(OutboundRefusal::NoConsent);
        }
        let name = customer.time_zone.as_ref().or(self.time_zone.as_ref());
        let Some(zone) = name.and_then(|name| TimeZone::get(name).ok()) else {
            return No(OutboundRefusal::UnknownTimeZone);
        };
        match self.earliest(customer, &zone, now) {
            Some(at) if at <= now => Allowed,
            Some(at) if consents(at) => NotBefore(at),
            Some(_) => No(OutboundRefusal::NoConsent),
            None => No(OutboundRefusal::Never),
        }
    }

    /// The first moment from `now` on that breaks no rule.
    fn earliest(
        &self,
        customer: &Contactable,
        zone: &TimeZone,
        now: Timestamp,
    ) -> Option<Timestamp> {
        if self.most_per_week == 0 {
            return None;
        }
        let mut at = now;
        for _ in 0..MOST_TRIES {
            let after_cap = self.after_cap(&customer.contacted, at);
            let next = self.after_quiet(after_cap.to_zoned(zone.clone()))?;
            if next == at {
                return Some(at);
            }
            at = next;
        }
        None
    }

    /// When there have been fewer than the most contacts in the week before.
    fn after_cap(&self, contacted: &[Timestamp], at: Timestamp) -> Timestamp {
        let in_week = |then: &&Timestamp| **then <= at && at.duration_since(**then) < WEEK;
        let mut recent: Vec<Timestamp> = contacted.iter().filter(in_week).copied().collect();
        recent.sort();
        // The oldest of those that fill the week has to leave it.
        let Some(first) = recent.len().checked_sub(self.most_per_week) else {
            return at;
        };
        let leaves = recent
            .get(first)
            .and_then(|oldest| oldest.checked_add(WEEK).ok());
        leaves.unwrap_or(at).max(at)
    }

    /// `at`, or the end of the quiet hours or the quiet day in which it lies.
    fn after_quiet(&self, at: Zoned) -> Option<Timestamp> {
        let day_off = self
            .quiet_days
            .iter()
            .filter_map(|day| weekday(day))
            .any(|day| day == at.weekday());
        if day_off {
            return Some(at.tomorrow().ok()?.start_of_day().ok()?.timestamp());
        }
        let (clock, QuietHours { from, to }) = (at.time(), self.quiet);
        let overnight = from > to;
        let quiet = match overnight {
            true => clock >= from || clock < to,
            false => clock >= from && clock < to,
        };
        if !quiet {
            return Some(at.timestamp());
        }
        let ends_tomorrow = overnight && clock >= from;
        let date = if ends_tomorrow {
            at.date().tomorrow().ok()?
        } else {
            at.date()
        };
        let end = date.to_datetime(to).to_zoned(at.time_zone().clone()).ok()?;
        // Where the clocks are put forward over the end, it is the first moment after.
        Some(end.timestamp().max(at.timestamp()))
    }
}

fn weekday(name: &str) -> Option<Weekday> {
    Some(match name.to_lowercase().as_str() {
        "monday" => Weekday::Monday,
        "tuesday" => Weekday::Tuesday,
        "wednesday" => Weekday::Wednesday,
        "thursday" => Weekday::Thursday,
        "friday" => Weekday::Friday,
        "saturday" => Weekday::Saturday,
        "sunday" => Weekday::Sunday,
        _ => return None,
    })
}
