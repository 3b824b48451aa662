use super::*;
use crate::store::MemoryStore;

fn tenant() -> TenantId {
    "acme".into()
}

fn learner(store: &Arc<MemoryStore>) -> ActionLearner {
    ActionLearner::new(store.clone(), LearningOptions::default())
}

fn action(name: &str, score: f32) -> NextBestAction {
    NextBestAction {
        action: name.into(),
        label: name.into(),
        score,
        cost: 0.1,
        reason: "prior".into(),
        preconditions: Vec::new(),
        evidence: Vec::new(),
    }
}

fn resolved(yes: bool) -> Outcome {
    Outcome {
        resolved: Some(yes),
        ..Outcome::default()
    }
}

fn first(actions: &[NextBestAction]) -> &str {
    &actions[0].action
}

fn roll(state: &mut u64) -> f32 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 40) as f32 / (1_u64 << 24) as f32
}

/// How likely an action resolves: which of them is best depends on whether the customer was here before.
fn truth(action: &str, again: bool) -> f32 {
    match (action, again) {
        ("self-service", false) => 0.8,
        ("self-service", true) => 0.2,
        ("engineer", false) => 0.5,
        ("engineer", true) => 0.8,
        _ => 0.4,
    }
}

#[tokio::test]
async fn it_learns_and_its_regret_stays_below_that_of_the_prior_order() {
    // The prior order is the same for everybody, and wrong for half of them.
    let prior = || {
        vec![
            action("self-service", 0.6),
            action("engineer", 0.55),
            action("article", 0.5),
        ]
    };
    for seed in 1..=20_u64 {
        let learner = learner(&Arc::new(MemoryStore::default()));
        learner.recall(&tenant()).await.unwrap();
        let mut state = seed;
        let (mut of_prior, mut of_learner, mut late_prior, mut late) = (0.0, 0.0, 0.0, 0.0);
        for round in 0..400 {
            let again = roll(&mut state) < 0.5;
            let context = [if again { 1.0 } else { 0.0 }, roll(&mut state)];
            let chosen = learner.rerank(&tenant(), &context, prior());
            let chosen = first(&chosen);
            let best = if again {
                truth("engineer", true)
            } else {
                truth("self-service", false)
            };
            let regret = best - truth(chosen, again);
            let prior_regret = best - truth("self-service", again);
            of_learner += regret;
            of_prior += prior_regret;
            if round >= 300 {
                late += regret;
                late_prior += prior_regret;
            }
            let outcome = resolved(roll(&mut state) < truth(chosen, again));
            learner
                .record(&tenant(), chosen, &context, outcome)
                .await
                .unwrap();
        }
        println!(
            "seed {seed}: regret {of_learner:.1} of {of_prior:.1}, last 100 {late:.1} of {late_prior:.1}"
        );
        assert!(
            of_learner < 0.5 * of_prior,
            "seed {seed}: {of_learner} of {of_prior}"
        );
        assert!(
            late < 0.2 * late_prior,
            "seed {seed}: {late} of {late_prior}"
        );
    }
}

#[tokio::test]
async fn a_score_is_moved_within_its_bounds_and_the_reason_says_so() {
    let learner = learner(&Arc::new(MemoryStore::default()));
    for _ in 0..200 {
        learner
            .record(&tenant(), "good", &[], resolved(true))
            .await
            .unwrap();
        learner
            .record(&tenant(), "bad", &[], resolved(false))
            .await
            .unwrap();
    }
    let ranked = learner.rerank(
        &tenant(),
        &[],
        vec![action("bad", 0.9), action("good", 0.5)],
    );
    assert_eq!(first(&ranked), "bad", "too far apart to be overruled");
    let near = |a: f32, b: f32| (a - b).abs() < 1e-5;
    assert!(
        (0.75..0.76).contains(&ranked[0].score) && near(ranked[1].score, 0.65),
        "{ranked:?}"
    );
    assert!(
        ranked[1]
            .reason
            .contains("better than usual (+0.15, 200 outcomes)"),
        "{}",
        ranked[1].reason
    );
    let ranked = learner.rerank(
        &tenant(),
        &[],
        vec![action("bad", 0.7), action("good", 0.5)],
    );
    assert_eq!(first(&ranked), "good");
}

#[tokio::test]
async fn what_may_not_be_done_is_not_explored() {
    let learner = learner(&Arc::new(MemoryStore::default()));
    learner.recall(&tenant()).await.unwrap();
    let mut blocked = action("blocked", 0.5);
    blocked.preconditions.push("identity is verified".into());
    let ranked = learner.rerank(&tenant(), &[], vec![blocked.clone(), action("new", 0.48)]);
    assert_eq!(first(&ranked), "new", "only this one is worth a try");
    assert_eq!(ranked[1].score, 0.5);
    for _ in 0..50 {
        learner
            .record(&tenant(), "blocked", &[], resolved(true))
            .await
            .unwrap();
    }
    let ranked = learner.rerank(&tenant(), &[], vec![blocked]);
    assert_eq!(ranked[0].score, 0.5);
}

#[tokio::test]
async fn what_was_learned_is_kept_shared_exported_and_forgotten() {
    let store = Arc::new(MemoryStore::default());
    let (one, two) = (learner(&store), learner(&store));
    for n in 0..10 {
        let learner = if n % 2 == 0 { &one } else { &two };
        learner
            .record(&tenant(), "a", &[0.5, f32::NAN], resolved(n % 3 == 0))
            .await
            .unwrap();
    }
    one.recall(&tenant()).await.unwrap();
    two.recall(&tenant()).await.unwrap();
    assert_eq!(one.export(&tenant()), two.export(&tenant()));
    let third = learner(&store);
    let before = vec![action("b", 0.2), action("a", 0.1)];
    assert_eq!(
        third.rerank(&tenant(), &[], before.clone()),
        before,
        "not recalled"
    );
    third.recall(&tenant()).await.unwrap();
    let exported = third.export(&tenant());
    assert_eq!(exported, one.export(&tenant()));
    assert_eq!(exported["learned"]["actions"]["a"]["outcomes"], 10);
    let other = TenantId::from("other");
    third.recall(&other).await.unwrap();
    assert_eq!(
        third.export(&other)["learned"]["outcomes"],
        0,
        "nothing crosses tenants"
    );
    third.reset(&tenant()).await.unwrap();
    one.recall(&tenant()).await.unwrap();
    assert_eq!(one.export(&tenant())["learned"]["outcomes"], 0);
}

#[test]
fn a_reward_is_made_of_what_is_known() {
    let weights = OutcomeWeights::default();
    assert_eq!(Outcome::default().reward(&weights), None);
    assert_eq!(resolved(true).reward(&weights), Some(1.0));
    let satisfied = |satisfaction| Outcome {
        satisfaction: Some(satisfaction),
        ..Outcome::default()
    };
    assert_eq!(satisfied(3.0).reward(&weights), Some(0.5));
    assert_eq!(satisfied(f32::NAN).reward(&weights), None);
    let mixed = Outcome {
        accepted: Some(true),
        resolved: Some(false),
        satisfaction: Some(9.0),
        repeat_contact: Some(true),
    };
    assert!((mixed.reward(&weights).unwrap() - 0.35).abs() < 1e-6);
}
