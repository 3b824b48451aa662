//! The plan fits the person.

use super::*;

fn plan(situation: &Situation) -> ResolutionStrategy {
    Strategist::load(&folder())
        .unwrap()
        .plan(situation, at(0))
        .unwrap()
}

fn angry() -> Situation {
    let felt = EmotionDistribution::of(&[(Emotion::Anger, 0.8)]);
    Situation {
        emotion: Some(EmotionState::new(UtteranceId(1), felt)),
        ..dispute()
    }
}

#[test]
fn nobody_in_particular_gets_the_template() {
    let plan = plan(&dispute());
    assert!(plan.adaptations.is_empty());
    assert_eq!(plan.most_questions, None);
    assert!(plan.step("check-in").is_none());
    assert_eq!(plan.template.version, 1);
    assert_eq!(plan.facts["customer"]["account_number"], "LF402117");
}

#[test]
fn who_is_angry_or_called_before_has_somebody_who_stays_responsible() {
    let again = Situation {
        earlier_contacts: 2,
        ..dispute()
    };
    for situation in [angry(), again] {
        let plan = plan(&situation);
        assert_eq!(plan.step("check-in").unwrap().owner, StepOwner::Human);
        assert_eq!(plan.most_questions, Some(1));
        assert!(
            plan.adaptations[0].contains("angry"),
            "{:?}",
            plan.adaptations
        );
    }
}

#[test]
fn for_the_vulnerable_a_person_looks_at_what_changes_something() {
    let situation = Situation {
        vulnerable: true,
        ..dispute()
    };
    let plan = plan(&situation);
    assert_eq!(
        plan.step("open-dispute").unwrap().approvals,
        [Approver::HumanAgent]
    );
    assert_eq!(
        plan.step("refund").unwrap().approvals,
        [Approver::HumanAgent],
        "once"
    );
    assert!(plan.step("find-charge").unwrap().approvals.is_empty());
}

#[test]
fn the_entry_condition_chooses() {
    let text = std::fs::read_to_string(folder().join("warranty-claim.toml")).unwrap();
    let general = StrategyTemplate::from_toml(&text).unwrap();
    let mut special = general.clone();
    special.id = "warranty-business".into();
    special.when = Some("customer.business == 'yes'".into());
    let strategist = Strategist::new(vec![general, special], StrategyPolicy::default()).unwrap();
    let mut situation = Situation::new("warranty-claim").with_profile(profile());
    let chosen = |situation: &Situation| strategist.plan(situation, at(0)).unwrap().template.id;
    assert_eq!(chosen(&situation), "warranty-claim");
    let mut business = profile();
    business.attributes.insert("business".into(), "yes".into());
    situation.profile = Some(business);
    assert_eq!(chosen(&situation), "warranty-business");
}

#[test]
fn a_policy_with_a_mistake_names_it() {
    let text = "[[adaptations]]\nid = \"x\"\nwhen = \"person.anger >\"\nwhy = \"\"\n";
    let told = StrategyPolicy::from_toml(text).unwrap_err().to_string();
    assert!(told.contains("line 3") && told.contains("when"), "{told}");
}

#[tokio::test]
async fn a_question_too_many_goes_to_a_person() {
    let mut situation = angry();
    situation.facts.insert(
        "device".into(),
        json!({ "in_warranty": true, "fault_reported": true, "serial": "H", "returned": true }),
    );
    let world = World::new(Strategist::load(&folder()).unwrap(), larkfield(true));
    let mut plan = plan(&situation);
    plan.most_questions = Some(0);
    let mut running = world.run(plan).await;
    let events = running.advance(at(0), vec![]).await.unwrap();
    let asked = events.iter().find_map(|event| match event {
        StrategyEvent::Question { of, .. } => Some(*of),
        _ => None,
    });
    // The plan for the warranty claim is adapted anew: its one question may be asked.
    assert_eq!(asked, Some(StepOwner::Customer));
    assert!(names(&events).contains(&"work_needed check-in".to_owned()));
}
