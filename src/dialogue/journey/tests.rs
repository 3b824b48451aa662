use std::path::PathBuf;

use super::*;
use crate::conversation::Channel;
use crate::dialogue::load_playbooks;
use crate::dialogue::strategy::load_strategies;

fn knowledge() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("knowledge")
}

fn bundled() -> NeedPredictor {
    NeedPredictor::load(&knowledge().join("journey.toml")).unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn outage() -> JourneyEvent {
    JourneyEvent::new(
        "outage_started",
        "No broadband in Elm Road",
        at("2026-03-02T08:00:00Z"),
    )
    .with_attribute("area", "Elm Road")
}

#[test]
fn every_rule_foresees_a_need_that_something_resolves() {
    let playbooks = load_playbooks(&knowledge().join("playbooks")).unwrap();
    let strategies = load_strategies(&knowledge().join("strategies")).unwrap();
    for rule in bundled().rules() {
        let known = playbooks.iter().any(|p| p.id == rule.playbook)
            || strategies.iter().any(|s| s.needs.contains(&rule.playbook));
        assert!(known, "{}: {}", rule.id, rule.playbook);
    }
}

#[test]
fn an_event_raises_a_need_until_it_is_settled_or_long_ago() {
    let predictor = bundled();
    let now = at("2026-03-02T10:00:00Z");
    let needs = predictor.predict(&[outage()], now);
    assert_eq!(needs.len(), 1);
    assert_eq!(
        (needs[0].playbook.as_str(), needs[0].outbound),
        ("outage-report", true)
    );
    assert_eq!(
        needs[0].question,
        "Are you contacting us about the outage in Elm Road?"
    );
    assert_eq!(needs[0].evidence, [outage()]);
    let ended = |area: &str| {
        JourneyEvent::new("outage_ended", "It is back", at("2026-03-02T09:00:00Z"))
            .with_attribute("area", area)
    };
    assert!(
        predictor
            .predict(&[outage(), ended("Elm Road")], now)
            .is_empty()
    );
    assert_eq!(
        predictor.predict(&[outage(), ended("Oak Lane")], now).len(),
        1
    );
    assert!(
        predictor
            .predict(&[outage()], at("2026-03-05T10:00:00Z"))
            .is_empty()
    );
    assert!(
        predictor
            .predict(&[outage()], at("2026-03-02T07:00:00Z"))
            .is_empty(),
        "not yet"
    );
    let nameless = JourneyEvent::new("outage_started", "No broadband", outage().at);
    let needs = predictor.predict(&[nameless], now);
    assert_eq!(
        needs[0].question,
        "Are you contacting us about this: No broadband"
    );
}

#[test]
fn the_likeliest_comes_first_and_counts_move_confidence() {
    let mut predictor = bundled();
    let now = at("2026-03-02T10:00:00Z");
    let page = JourneyEvent::new("cancellation_page_visited", "Looked at the page", now);
    let events = [page, outage()];
    let order = |predictor: &NeedPredictor| -> Vec<String> {
        predictor
            .predict(&events, now)
            .into_iter()
            .map(|need| need.rule)
            .collect()
    };
    assert_eq!(order(&predictor), ["outage", "cancellation-page"]);
    for _ in 0..40 {
        predictor.record("cancellation-page", true);
        predictor.record("outage", false);
    }
    assert_eq!(order(&predictor), ["cancellation-page", "outage"]);
    let confidence = predictor.predict(&events, now)[0].confidence;
    assert!((confidence - 43.0 / 50.0).abs() < 1e-6, "{confidence}");
    let again = bundled().with_outcomes(predictor.outcomes().clone());
    assert_eq!(again, predictor);
}

#[test]
fn mistakes_are_told() {
    let rule = "[[rules]]\nid = \"x\"\nplaybook = \"p\"\nevents = [\"e\"]\nwithin = \"1 day\"\nconfidence = 0.5\nquestion = \"?\"\n";
    assert!(NeedPredictor::from_toml(rule).is_ok());
    for (from, to, told) in [
        ("0.5", "1.5", "confidence"),
        ("[\"e\"]", "[]", "events"),
        ("1 day", "one day", "line 5"),
        ("\"?\"", "\"{{ a + }}\"", "question"),
        ("playbook", "playbok", "playbok"),
    ] {
        let error = NeedPredictor::from_toml(&rule.replace(from, to)).unwrap_err();
        assert!(error.to_string().contains(told), "{error}");
    }
    let error = NeedPredictor::from_toml("[outbound]\ntime_zone = \"Mars/Base\"").unwrap_err();
    assert!(error.to_string().contains("Mars/Base"), "{error}");
    let error = NeedPredictor::from_toml("[outbound]\nquiet_days = [\"funday\"]").unwrap_err();
    assert!(error.to_string().contains("funday"), "{error}");
}

fn customer() -> Contactable {
    Contactable {
        consents: vec![Consent {
            channel: Channel::Messaging,
            purpose: "service".into(),
            until: Some(at("2026-12-01T00:00:00Z")),
        }],
        time_zone: Some("America/New_York".into()),
        ..Contactable::default()
    }
}

fn decide(customer: &Contactable, now: &str) -> OutboundDecision {
    bundled()
        .outbound
        .decide(customer, Channel::Messaging, "service", at(now))
}

#[test]
fn nobody_is_contacted_without_consent_or_in_a_crisis() {
    use OutboundDecision::{Allowed, No};
    let noon = "2026-03-03T17:00:00Z";
    assert_eq!(decide(&customer(), noon), Allowed);
    let policy = bundled().outbound;
    let voice = policy.decide(&customer(), Channel::Voice, "service", at(noon));
    assert_eq!(voice, No(OutboundRefusal::NoConsent));
    let sales = policy.decide(&customer(), Channel::Messaging, "marketing", at(noon));
    assert_eq!(sales, No(OutboundRefusal::NoConsent));
    assert_eq!(
        decide(&customer(), "2026-12-02T17:00:00Z"),
        No(OutboundRefusal::NoConsent)
    );
    let crisis = Contactable {
        in_crisis: true,
        ..customer()
    };
    assert_eq!(decide(&crisis, noon), No(OutboundRefusal::Crisis));
    let nowhere = Contactable {
        time_zone: Some("Mars/Base".into()),
        ..customer()
    };
    assert_eq!(decide(&nowhere, noon), No(OutboundRefusal::UnknownTimeZone));
}

#[test]
fn quiet_hours_are_those_of_the_customer_and_follow_the_clocks() {
    use OutboundDecision::{Allowed, NotBefore};
    // Ten in the morning in London is five in New York.
    assert_eq!(
        decide(&customer(), "2026-03-03T10:00:00Z"),
        NotBefore(at("2026-03-03T14:00:00Z"))
    );
    // Saturday evening; Sunday is quiet, and its night has an hour less.
    assert_eq!(
        decide(&customer(), "2026-03-08T02:00:00Z"),
        NotBefore(at("2026-03-09T13:00:00Z"))
    );
    let unknown = Contactable {
        time_zone: None,
        ..customer()
    };
    assert_eq!(
        decide(&unknown, "2026-03-03T10:00:00Z"),
        Allowed,
        "the policy's own zone"
    );
}

#[test]
fn nobody_is_contacted_more_often_than_the_policy_says() {
    use OutboundDecision::{Allowed, NotBefore};
    let contacted = vec![at("2026-03-04T15:00:00Z"), at("2026-03-02T15:00:00Z")];
    let often = Contactable {
        contacted,
        ..customer()
    };
    // The first of the two leaves the week on Monday.
    assert_eq!(
        decide(&often, "2026-03-05T15:00:00Z"),
        NotBefore(at("2026-03-09T15:00:00Z"))
    );
    assert_eq!(decide(&often, "2026-03-09T15:00:00Z"), Allowed);
    let mut policy = bundled().outbound;
    policy.most_per_week = 0;
    let never = policy.decide(
        &customer(),
        Channel::Messaging,
        "service",
        at("2026-03-03T17:00:00Z"),
    );
    assert_eq!(never, OutboundDecision::No(OutboundRefusal::Never));
}
