use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::embedding::HashingEmbedder;

fn flow() -> Flow {
    Flow::from_star_json(
        "garden_rent",
        r#"{
            "replies": {
                "hello": "Hello, how can I help?",
                "ask_name": "May I have your name, please?",
                "garden_ask_plot": "Which plot would you like?",
                "garden_offer": "Plot {plot_number:d} is free, shall I book it?",
                "garden_none": "I am sorry, that plot is not available.",
                "garden_booked": "It is booked.",
                "anything_else": "Is there anything else?",
                "goodbye_1": "Thank you and goodbye.",
                "available": "Available", "unavailable": "Unavailable", "yes": "Yes", "no": "No",
                "query_check": "Query Check", "query_book": "Query Book"
            },
            "graph": {
                "hello": "ask_name", "ask_name": "garden_ask_plot", "garden_ask_plot": "query_check",
                "available": "garden_offer", "unavailable": "garden_none",
                "yes": "query_book", "no": "garden_ask_plot",
                "query_book": "garden_booked", "garden_booked": "anything_else"
            }
        }"#,
    )
    .unwrap()
}

fn events() -> Vec<FlowEvent> {
    let action = |name: &str, text: &str| FlowEvent::Action {
        name: name.into(),
        text: text.into(),
    };
    let item = |message: &str| -> BTreeMap<String, Value> {
        BTreeMap::from([("Message".to_owned(), json!(message))])
    };
    let query = |kind: &str| {
        FlowEvent::Query(BTreeMap::from([
            ("RequestType".to_owned(), kind.to_owned()),
            ("PlotNumber".to_owned(), "7".to_owned()),
        ]))
    };
    vec![
        FlowEvent::Customer("Hi, I am Ann, I want to rent a plot".into()),
        action("garden_ask_plot", "Which plot would you like?"),
        FlowEvent::Customer("Number 7".into()),
        query("Check"),
        FlowEvent::Result(item("Available")),
        action("garden_offer", "Plot 7 is free, shall I book it?"),
        FlowEvent::Customer("yes please".into()),
        query("Book"),
        FlowEvent::Result(item("Booked.")),
    ]
}

#[test]
fn conditions_and_look_ups_are_told_from_replies() {
    let flow = flow();
    let actions: Vec<&str> = flow.actions().collect();
    assert_eq!(actions.len(), 10);
    assert!(actions.contains(&QUERY) && actions.contains(&CUSTOM));
    assert!(!actions.contains(&"available") && !actions.contains(&"query_book"));
    assert_eq!(
        (flow.graph.check(), flow.graph.book()),
        ("query_check", "query_book")
    );
    assert_eq!(flow.graph.next("query_check"), ["available", "unavailable"]);
    assert_eq!(flow.graph.next("garden_offer"), ["no", "yes"]);
    let to = |from: &str, to: &str| flow.graph.distance(from, flow.find(to).unwrap());
    assert_eq!(to("hello", "ask_name"), 1);
    assert_eq!(to("query_check", "garden_offer"), 1);
    assert_eq!(to("query_check", QUERY), 2);
    // Anything else, the plot, the look-up, the offer.
    assert_eq!(to("garden_booked", "garden_offer"), 4);
}

#[test]
fn the_graph_is_followed_as_the_dialogue_goes() {
    let flow = flow();
    let vectors = Vectors::default();
    let mut tracker = Tracker::new(&flow, &vectors);
    let expected: Vec<Vec<&str>> = events()
        .iter()
        .map(|event| {
            tracker.observe(event);
            let moment = tracker.moment();
            let pairs = moment.pairs.chunks_exact(PAIR);
            // The signs that the graph leads here once its conditions are weighed, or behind the customer's answer.
            let here = flow
                .actions()
                .zip(pairs)
                .filter(|(_, pair)| pair[36] + pair[2] > 0.0);
            here.map(|(name, _)| name).collect()
        })
        .collect();
    assert_eq!(expected[2], [QUERY]);
    assert_eq!(expected[4], ["garden_offer"]);
    assert_eq!(expected[6], [QUERY]);
    assert_eq!(expected[8], ["garden_booked"]);
}

#[tokio::test]
async fn the_head_inside_ranks_a_flow_that_it_never_saw() {
    let ranker = FlowRanker::new(Arc::new(HashingEmbedder::default())).unwrap();
    let (flow, events) = (flow(), events());
    let ranked = ranker.rank(&flow, &events[..5]).await.unwrap();
    assert_eq!(ranked[0].0, "garden_offer", "{ranked:?}");
    let ranked = ranker.rank(&flow, &events).await.unwrap();
    assert_eq!(ranked[0].0, "garden_booked", "{ranked:?}");
    let sum: f32 = ranked.iter().map(|(_, share)| share).sum();
    assert!((sum - 1.0).abs() < 1e-3);
}

#[tokio::test]
async fn odd_flows_and_dialogues_are_no_reason_to_panic() {
    assert!(Flow::from_star_json("x", "{}").is_err());
    assert!(Flow::from_star_json("x", r#"{"replies": {}, "graph": {}}"#).is_err());
    assert!(ActionHead::from_bytes(b"").is_err());
    assert!(ActionHead::from_bytes(b"{}\n12").is_err());
    let ranker = FlowRanker::new(Arc::new(HashingEmbedder::new(8))).unwrap();
    let loops =
        r#"{"replies": {"a": "{", "b": "ü}?"}, "graph": {"a": "b", "b": "a", "hello": "hello"}}"#;
    let flow = Flow::from_star_json("", loops).unwrap();
    let odd = [
        FlowEvent::Result(BTreeMap::from([
            ("Steps".to_owned(), json!(["é.", 1])),
            ("X".to_owned(), json!(null)),
        ])),
        FlowEvent::Customer(String::new()),
        FlowEvent::Said("ÄÖ".into()),
        FlowEvent::Action {
            name: "nowhere".into(),
            text: String::new(),
        },
        FlowEvent::Query(BTreeMap::new()),
        FlowEvent::Result(BTreeMap::new()),
    ];
    for end in 0..=odd.len() {
        let ranked = ranker.rank(&flow, &odd[..end]).await.unwrap();
        assert!(ranked.iter().all(|(_, share)| share.is_finite()));
    }
}
