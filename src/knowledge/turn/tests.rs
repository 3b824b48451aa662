use std::sync::Arc;

use super::*;
use crate::conversation::{Channel, Conversation, Role};
use crate::embedding::HashingEmbedder;
use crate::knowledge::{Audience, KnowledgeArticle, MemoryVectorStore, VectorStore};

fn snippet(name: &str, number: usize, question: &str, answer: &str) -> KnowledgeArticle {
    let body = format!("## {question}\n\n{answer}");
    KnowledgeArticle::new(format!("{name}-{number}"), name, "acme", body)
}

fn articles() -> Vec<KnowledgeArticle> {
    let mut articles = Vec::new();
    for (name, wifi) in [
        ("ACORN GUEST HOUSE", "Wifi is free."),
        ("Cityroomz", "There is no wifi."),
        ("The Lensfield Hotel", "Wifi costs five pounds."),
    ] {
        articles.push(snippet(name, 0, "Is there wifi in the rooms?", wifi));
        articles.push(snippet(name, 1, "May I bring my dog?", "Dogs are welcome."));
        articles.push(snippet(
            name,
            2,
            "When is breakfast served?",
            "From seven to ten.",
        ));
    }
    articles
}

async fn base() -> KnowledgeBase {
    let base = KnowledgeBase::new(
        Arc::new(HashingEmbedder::default()),
        Arc::new(MemoryVectorStore::new()),
    );
    base.ingest(articles(), None).await.unwrap();
    base
}

fn scope() -> Scope {
    Scope::new("acme", Audience::Customer)
}

fn said(turns: &[(Role, &str)]) -> RecentTurns {
    let mut recent = RecentTurns::new();
    for (role, text) in turns {
        recent.say(*role, *text);
    }
    recent
}

const CUSTOMER: Role = Role::EndUser;
const AGENT: Role = Role::HumanAgent;

async fn first(base: &KnowledgeBase, turns: &RecentTurns) -> String {
    let found = base.for_turn(turns, &scope(), 3).await.unwrap();
    assert!((0.0..=1.0).contains(&found.need), "{found:?}");
    let sure = found.matches.iter().map(|found| found.confidence);
    assert!(sure.clone().all(|sure| (0.0..=1.0).contains(&sure)));
    assert!(sure.collect::<Vec<_>>().is_sorted_by(|a, b| a >= b));
    found.matches[0].hit.passage.article.to_string()
}

#[tokio::test]
async fn the_subject_may_have_been_named_by_the_other_side_turns_ago() {
    let base = base().await;
    let mut turns = said(&[
        (CUSTOMER, "i need a room"),
        (AGENT, "The Lensfield Hotel has one for you"),
        (CUSTOMER, "is there wifi in the rooms"),
    ]);
    assert_eq!(first(&base, &turns).await, "The Lensfield Hotel-0");
    turns.say(AGENT, "Yes, for five pounds.");
    turns.say(CUSTOMER, "and may i bring my dog");
    assert_eq!(first(&base, &turns).await, "The Lensfield Hotel-1");
    turns.say(AGENT, "Yes.");
    turns.say(
        CUSTOMER,
        "when is breakfast served at the acorn guest house",
    );
    assert_eq!(first(&base, &turns).await, "ACORN GUEST HOUSE-2");
    let found = base.for_turn(&turns, &scope(), 3).await.unwrap();
    assert_eq!(found.subjects[0].name, "ACORN GUEST HOUSE");
    assert!(
        found.query.starts_with("ACORN GUEST HOUSE "),
        "{}",
        found.query
    );
}

#[tokio::test]
async fn names_may_be_misheard_and_any_hypothesis_may_be_right() {
    let base = base().await;
    let turns = said(&[
        (AGENT, "i found citty rooms"),
        (CUSTOMER, "is there wifi in the rooms"),
    ]);
    assert_eq!(first(&base, &turns).await, "Cityroomz-0");
    let mut turns = RecentTurns::new();
    let heard = [
        "may i bring my dog to a con",
        "may i bring my dog to the acorn guest house",
    ];
    turns.say_any(CUSTOMER, heard.map(str::to_owned));
    assert_eq!(first(&base, &turns).await, "ACORN GUEST HOUSE-1");
}

#[tokio::test]
async fn what_was_said_by_the_agent_after_the_question_is_left_out() {
    let base = base().await;
    let mut conversation = Conversation::new("acme", Channel::Chat);
    conversation.say(CUSTOMER, "may i bring my dog to the acorn guest house");
    conversation.say(
        AGENT,
        "Let me look. The Lensfield Hotel would be an alternative.",
    );
    assert_eq!(
        first(&base, &RecentTurns::of(&conversation)).await,
        "ACORN GUEST HOUSE-1"
    );
}

#[tokio::test]
async fn nothing_outside_the_scope_is_told() {
    let base = base().await;
    let mut secret = articles();
    let mut hidden = snippet(
        "Blue Heron Palace",
        0,
        "Is there wifi in the rooms?",
        "Yes.",
    );
    hidden.audience = Audience::Agent;
    let mut other = snippet("Red Heron Palace", 0, "Is there wifi in the rooms?", "Yes.");
    other.tenant = "rival".into();
    secret.extend([hidden, other]);
    base.ingest(secret, None).await.unwrap();
    let turns = said(&[(
        CUSTOMER,
        "is there wifi at the blue heron palace or the red heron palace",
    )]);
    for (audience, seen) in [(Audience::Customer, false), (Audience::Agent, true)] {
        let scope = Scope::new("acme", audience);
        let found = base.for_turn(&turns, &scope, 50).await.unwrap();
        let text = format!("{found:?}");
        assert_eq!(text.contains("Blue Heron"), seen, "{text}");
        assert!(!text.contains("Red Heron"), "{text}");
        let query = base
            .for_turn(&turns, &Scope::new("nobody", audience), 5)
            .await
            .unwrap();
        assert!(query.matches.is_empty() && query.subjects.is_empty());
    }
}

#[tokio::test]
async fn new_articles_are_seen_and_removed_ones_are_not() {
    let base = base().await;
    let turns = said(&[(CUSTOMER, "may i bring my dog to cityroomz")]);
    assert_eq!(first(&base, &turns).await, "Cityroomz-1");
    let mut fewer = articles();
    fewer.retain(|article| article.id.as_str() != "Cityroomz-1");
    base.ingest(fewer, None).await.unwrap();
    let found = base.for_turn(&turns, &scope(), 50).await.unwrap();
    assert!(
        found
            .matches
            .iter()
            .all(|m| m.hit.passage.article.as_str() != "Cityroomz-1")
    );
    base.clear(&"acme".into()).await.unwrap();
    assert!(
        base.for_turn(&turns, &scope(), 5)
            .await
            .unwrap()
            .matches
            .is_empty()
    );
}

#[tokio::test]
async fn bad_input_is_no_panic() {
    let base = base().await;
    let long = "acorn ".repeat(2_000);
    for text in [
        "",
        "   ",
        "?!",
        "\u{0}\u{1F600}",
        "ǅ ß ﬁ",
        "的的的",
        long.as_str(),
        "0 1 2 3 & '",
    ] {
        let turns = said(&[(CUSTOMER, text)]);
        base.for_turn(&turns, &scope(), 5).await.unwrap();
        base.for_turn(&turns, &scope(), 0).await.unwrap();
    }
    let silent = base
        .for_turn(&said(&[(AGENT, "Hello?")]), &scope(), 5)
        .await
        .unwrap();
    assert!(!silent.needs_knowledge() && silent.matches.is_empty());
}

#[derive(Debug)]
struct Closed;

#[async_trait::async_trait]
impl VectorStore for Closed {
    async fn upsert(&self, _: Vec<crate::knowledge::IndexedPassage>) -> Result<()> {
        Ok(())
    }
    async fn remove(
        &self,
        _: &crate::conversation::TenantId,
        _: &[crate::conversation::PassageId],
    ) -> Result<()> {
        Ok(())
    }
    async fn list(
        &self,
        _: &crate::conversation::TenantId,
    ) -> Result<Vec<(crate::conversation::PassageId, String)>> {
        Ok(Vec::new())
    }
    async fn search(&self, _: crate::knowledge::VectorQuery) -> Result<Vec<Hit>> {
        Ok(Vec::new())
    }
}

#[tokio::test]
async fn a_store_that_hands_nothing_out_says_so() {
    let base = KnowledgeBase::new(Arc::new(HashingEmbedder::default()), Arc::new(Closed));
    let turns = said(&[(CUSTOMER, "is there wifi")]);
    let error = base.for_turn(&turns, &scope(), 5).await.unwrap_err();
    assert_eq!(error.kind(), crate::ErrorKind::Unsupported);
}
