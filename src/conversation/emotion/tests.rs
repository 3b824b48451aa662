use super::*;

#[test]
fn names_and_order_agree() {
    for (index, emotion) in Emotion::ALL.into_iter().enumerate() {
        assert_eq!(emotion as usize, index);
        assert_eq!(Emotion::from_name(emotion.as_str()), Some(emotion));
        assert_eq!(serde_json::to_value(emotion).unwrap(), emotion.as_str());
        assert!((-1.0..=1.0).contains(&emotion.valence()));
        assert!((0.0..=1.0).contains(&emotion.arousal()));
        let sign = match emotion.basic().group() {
            SentimentGroup::Positive => emotion.valence() > 0.0,
            SentimentGroup::Negative => emotion.valence() < 0.0,
            SentimentGroup::Neutral => emotion.valence() == 0.0,
            SentimentGroup::Ambiguous => emotion.valence().abs() < 0.3,
        };
        assert!(sign, "{emotion:?}");
    }
    assert_eq!(Emotion::from_name("boredom"), None);
}

#[test]
fn a_distribution_takes_any_numbers_and_goes_through_json() {
    let odd = EmotionDistribution::new([f32::NAN; Emotion::COUNT]);
    assert_eq!((odd.valence(), odd.arousal()), (0.0, 0.0));
    let mixed = EmotionDistribution::of(&[(Emotion::Anger, 0.75), (Emotion::Neutral, 0.25)]);
    assert_eq!(mixed.strongest(), Emotion::Anger);
    assert!((mixed.valence() + 0.75).abs() < 1e-6);
    let json = serde_json::to_string(&mixed).unwrap();
    assert_eq!(json, r#"{"anger":0.75,"neutral":0.25}"#);
    assert_eq!(
        serde_json::from_str::<EmotionDistribution>(&json).unwrap(),
        mixed
    );
    let half = mixed.towards(&EmotionDistribution::neutral(), 0.5);
    assert!((half.get(Emotion::Anger) - 0.375).abs() < 1e-6);
}
