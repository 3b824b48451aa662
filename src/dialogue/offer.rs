//! Offers after a need is resolved, as data: which one, when, in which words, and when not.

use std::collections::{BTreeSet, HashSet};
use std::path::Path;

use jiff::ToSpan;
use serde::{Deserialize, Serialize};

use super::facts::{check_expression, check_template};
use super::state::{DialogueState, Moment, facts};
use crate::conversation::{Channel, CustomerProfile};
use crate::error::{Error, ErrorKind, OrError, Result};

/// The profile attribute that says when an offer was declined begins like this; the offer's id follows.
const DECLINED: &str = "offer_declined.";

/// What may be offered, and when nothing is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfferPolicy {
    /// For so many days after a no an offer is not made again.
    #[serde(default = "three_months")]
    pub days: u32,
    /// Signs of feeling and effort, or `crisis`, after which nothing is offered in the same conversation.
    #[serde(default = "never_after")]
    pub not_after: Vec<String>,
    /// The offers; the first that fits is made.
    #[serde(default)]
    pub offers: Vec<Offer>,
}

/// Something that may be offered.
///
/// Conditions and words are those of a [`Playbook`](super::Playbook).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Offer {
    /// Machine name.
    pub id: String,
    /// What it is, as a next action of a human agent.
    pub what: String,
    /// When it fits; always where there is none.
    #[serde(default)]
    pub when: Option<String>,
    /// Why it fits, for the human agent.
    #[serde(default)]
    pub reason: String,
    /// How the virtual agent asks; a question.
    pub words: String,
    /// The playbook that begins after a yes.
    #[serde(default)]
    pub playbook: Option<String>,
    /// What is said after a yes where there is no playbook, and the host sees to it.
    #[serde(default)]
    pub done: String,
    /// The channels it is for; all where none is named.
    #[serde(default)]
    pub channels: Vec<Channel>,
    /// Relative cost to serve, 0 to 1.
    #[serde(default)]
    pub cost: f32,
}

/// In which conversation something may be offered.
#[derive(Clone, Copy, Debug)]
pub struct OfferMoment<'a> {
    /// Where the dialogue stands.
    pub state: &'a DialogueState,
    /// The signs of feeling and effort so far, by name.
    pub felt: &'a BTreeSet<String>,
    /// The medium.
    pub channel: Channel,
    /// What the host knows of the customer.
    pub profile: Option<&'a CustomerProfile>,
    /// Procedures, profile attributes and time.
    pub moment: Moment<'a>,
}

fn three_months() -> u32 {
    90
}

fn never_after() -> Vec<String> {
    ["rising_anger", "disappointment", "vulnerability", "crisis"]
        .map(str::to_owned)
        .into()
}

impl Default for OfferPolicy {
    fn default() -> Self {
        Self {
            days: three_months(),
            not_after: never_after(),
            offers: Vec::new(),
        }
    }
}

impl Offer {
    /// The profile attribute by which a host keeps that the customer declined it; its value is the date (ISO 8601).
    pub fn declined_attribute(&self) -> String {
        format!("{DECLINED}{}", self.id)
    }

    /// Since when the customer does not want it, as far as the profile knows: the attribute, or a line of the history that
    /// names it and a date.
    fn declined_on(&self, profile: &CustomerProfile) -> Option<jiff::civil::Date> {
        let date = |text: &str| -> Option<jiff::civil::Date> {
            text.get(..10).unwrap_or(text).parse().ok()
        };
        let kept = profile.attributes.get(&self.declined_attribute());
        let told = profile.history.iter().filter_map(|line| {
            let (_, on) = line.split_once(&format!("declined offer {} on ", self.id))?;
            date(on)
        });
        kept.and_then(|kept| date(kept))
            .into_iter()
            .chain(told)
            .max()
    }
}

impl OfferPolicy {
    /// The offers that fit now, best first: none before the need is resolved, after a sign that forbids it, or where one
    /// was made in this conversation.
    pub fn fitting(&self, at: &OfferMoment<'_>) -> Vec<&Offer> {
        if self.offers.is_empty() || !at.state.offers.is_empty() {
            return Vec::new();
        }
        if !at.state.is_resolved(at.moment.playbooks) {
            return Vec::new();
        }
        self.suitable(at)
    }

    /// As [`fitting`](Self::fitting), where it is known otherwise that the need is resolved.
    pub(crate) fn suitable(&self, at: &OfferMoment<'_>) -> Vec<&Offer> {
        if self.not_after.iter().any(|sign| at.felt.contains(sign)) {
            return Vec::new();
        }
        let facts = facts(at.state, &at.moment);
        let fits = |offer: &&Offer| {
            let when = offer.when.as_ref().is_none_or(|when| facts.hold(when));
            let channel = offer.channels.is_empty() || offer.channels.contains(&at.channel);
            when && channel && !self.rests(offer, at)
        };
        self.offers.iter().filter(fits).collect()
    }

    /// The words of an offer; `None` where something in them is not known.
    pub fn words(&self, offer: &Offer, at: &OfferMoment<'_>) -> Option<String> {
        facts(at.state, &at.moment).render(&offer.words).ok()
    }

    /// Whether the customer declined it not long ago.
    fn rests(&self, offer: &Offer, at: &OfferMoment<'_>) -> bool {
        let declined = at.profile.and_then(|profile| offer.declined_on(profile));
        let Some(declined) = declined else {
            return false;
        };
        let today = at.moment.now.to_zoned(jiff::tz::TimeZone::UTC).date();
        let until = declined.checked_add(i64::from(self.days).days());
        until.is_ok_and(|until| today < until)
    }

    fn fault(&self) -> Option<String> {
        let mut ids = HashSet::new();
        for offer in &self.offers {
            let id = &offer.id;
            if !ids.insert(id) {
                return Some(format!("two offers are called {id:?}"));
            }
            if offer.words.trim().is_empty() || !offer.words.trim_end().ends_with('?') {
                return Some(format!("the words of offer {id:?} must ask something"));
            }
            if offer.playbook.is_none() && offer.done.trim().is_empty() {
                return Some(format!(
                    "offer {id:?} has neither a playbook nor words for after a yes (`done`)"
                ));
            }
            let expression = offer.when.as_deref().map(check_expression);
            if let Some(Err(why)) = expression {
                return Some(format!("offer {id:?}, when: {why}"));
            }
            if let Err(why) = check_template(&offer.words) {
                return Some(format!("offer {id:?}, words: {why}"));
            }
        }
        None
    }
}

/// Reads offers from a TOML file.
///
/// # Errors
/// [`ErrorKind::NotFound`] without such a file; [`ErrorKind::Config`] with line and key of a mistake, or naming the offer
/// whose condition or words are none.
pub fn load_offer_policy(path: &Path) -> Result<OfferPolicy> {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .or_error(ErrorKind::NotFound, || format!("cannot read {shown}"))?;
    let policy: OfferPolicy =
        toml::from_str(&text).or_error(ErrorKind::Config, || format!("{shown} holds no offers"))?;
    match policy.fault() {
        Some(fault) => Err(Error::new(ErrorKind::Config, format!("{shown}: {fault}"))),
        None => Ok(policy),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::dialogue::command::Command;
    use crate::dialogue::playbook::Playbook;
    use crate::dialogue::state::apply;

    const OFFERS: &str = r#"
        days = 30
        [[offers]]
        id = "fibre"
        what = "Offer fibre"
        when = "profile.access == 'copper'"
        words = "Would you like fibre, {{ profile.name }}?"
        done = "I have passed that on."
        channels = ["chat"]
    "#;

    fn book() -> Vec<Playbook> {
        let text = r#"
            id = "bill"
            title = "Bill"
            goal = "Known."
            examples = ["my bill"]
            [[steps]]
            id = "tell"
            label = "Tell"
            kind = "inform"
            say = "It is £20."
        "#;
        vec![Playbook::from_toml(text).unwrap()]
    }

    fn profile() -> CustomerProfile {
        let attributes = [("access", "copper"), ("name", "Ann")];
        CustomerProfile {
            attributes: attributes.map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
            ..CustomerProfile::default()
        }
    }

    fn found(
        change: impl FnOnce(&mut DialogueState, &mut CustomerProfile),
        channel: Channel,
    ) -> Vec<String> {
        let (books, mut profile) = (book(), profile());
        let now: jiff::Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        let attributes = BTreeMap::new();
        let moment = Moment {
            playbooks: &books,
            profile: &attributes,
            now,
            utterance: None,
        };
        let start = Command::StartPlaybook {
            playbook: "bill".into(),
            later: false,
        };
        let (mut state, _, _) = apply(DialogueState::default(), &[start], &moment);
        change(&mut state, &mut profile);
        let policy: OfferPolicy = toml::from_str(OFFERS).unwrap();
        let at = OfferMoment {
            state: &state,
            felt: &state.felt,
            channel,
            profile: Some(&profile),
            moment: Moment {
                profile: &profile.attributes,
                ..moment
            },
        };
        let found = policy.fitting(&at).into_iter();
        found.filter_map(|offer| policy.words(offer, &at)).collect()
    }

    #[test]
    fn an_offer_is_made_only_after_the_need_is_resolved_and_once() {
        assert_eq!(
            found(|_, _| (), Channel::Chat),
            ["Would you like fibre, Ann?"]
        );
        assert!(
            found(|_, _| (), Channel::Voice).is_empty(),
            "not on this channel"
        );
        let open = |state: &mut DialogueState, _: &mut _| state.waiting.push("bill".into());
        assert!(found(open, Channel::Chat).is_empty(), "something is open");
        let failed = |state: &mut DialogueState, _: &mut _| {
            state.dropped.insert("bill/tell".into());
        };
        assert!(found(failed, Channel::Chat).is_empty());
        let nothing = |state: &mut DialogueState, _: &mut _| *state = DialogueState::default();
        assert!(
            found(nothing, Channel::Chat).is_empty(),
            "there was no need"
        );
        let made = |state: &mut DialogueState, _: &mut _| {
            state.offers.insert("other".into());
        };
        assert!(
            found(made, Channel::Chat).is_empty(),
            "one in a conversation"
        );
    }

    #[test]
    fn nothing_is_offered_after_anger_or_danger_or_a_no_not_long_ago() {
        for sign in ["rising_anger", "crisis", "vulnerability"] {
            let felt = |state: &mut DialogueState, _: &mut _| {
                state.felt.insert(sign.into());
            };
            assert!(found(felt, Channel::Chat).is_empty(), "{sign}");
        }
        let declined = |on: &str| {
            let on = on.to_owned();
            found(
                move |_, profile| {
                    profile.attributes.insert("offer_declined.fibre".into(), on);
                },
                Channel::Chat,
            )
        };
        assert!(declined("2026-02-20").is_empty());
        assert_eq!(declined("2026-01-01").len(), 1, "long ago");
        let told = |_: &mut DialogueState, profile: &mut CustomerProfile| {
            profile
                .history
                .push("chat, declined offer fibre on 2026-02-25.".into());
        };
        assert!(found(told, Channel::Chat).is_empty());
        let elsewhere = |_: &mut DialogueState, profile: &mut CustomerProfile| {
            profile.attributes.insert("access".into(), "fibre".into());
        };
        assert!(
            found(elsewhere, Channel::Chat).is_empty(),
            "it does not fit"
        );
        let unknown = |_: &mut DialogueState, profile: &mut CustomerProfile| {
            profile.attributes.remove("name");
        };
        assert!(
            found(unknown, Channel::Chat).is_empty(),
            "no gap in a sentence"
        );
    }

    #[test]
    fn mistakes_in_offers_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("offers.toml");
        let refused = |from: &str, to: &str| {
            std::fs::write(&path, OFFERS.replace(from, to)).unwrap();
            load_offer_policy(&path).unwrap_err().to_string()
        };
        assert!(refused("== 'copper'", "==").contains("fibre"));
        assert!(refused("}}?", "?").contains("words"));
        assert!(refused("}}?", "}}.").contains("must ask"));
        assert!(refused("done = \"I have passed that on.\"", "").contains("after a yes"));
        assert!(refused("what =", "wat =").contains("wat"));
    }
}
