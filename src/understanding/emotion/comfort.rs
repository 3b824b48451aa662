//! Who names another's feeling to comfort them does not feel it: "I understand how frustrating that must be".

use std::sync::LazyLock;

use regex::Regex;

use crate::conversation::{Emotion, EmotionDistribution, SentimentGroup};

/// How people who work for a company say that they see what the customer feels (English).
static COMFORT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let phrase = r"(?i)\b(?:understand|imagine|appreciate|sympathi[sz]e|hear|see) (?:how|that|why|your|you)\b|\bmust (?:be|have been|feel)\b|\b(?:sorry|apologi[sz]e|apologies)\b";
    Regex::new(phrase).ok()
});

/// What is left of the feeling in an agent's words where these comfort the customer: what is unpleasant in them becomes
/// [`Emotion::Caring`]. Other words stay as they are.
pub fn comforted(text: &str, felt: EmotionDistribution) -> EmotionDistribution {
    if !COMFORT.as_ref().is_some_and(|phrase| phrase.is_match(text)) {
        return felt;
    }
    let mut left = Vec::with_capacity(Emotion::COUNT);
    let mut caring = felt.get(Emotion::Caring);
    for (emotion, probability) in felt.ranked() {
        match (emotion, emotion.basic().group()) {
            (Emotion::Caring, _) => {}
            // An apology is one.
            (Emotion::Remorse, _) => left.push((emotion, probability)),
            (_, SentimentGroup::Negative) => caring = caring.max(probability),
            _ => left.push((emotion, probability)),
        }
    }
    left.push((Emotion::Caring, caring));
    EmotionDistribution::of(&left)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comfort_is_no_anger_and_anger_is() {
        let cross = EmotionDistribution::of(&[(Emotion::Annoyance, 0.7), (Emotion::Remorse, 0.2)]);
        let comfort = comforted("I understand how frustrating that must be.", cross);
        assert_eq!(comfort.strongest(), Emotion::Caring);
        assert_eq!(comfort.get(Emotion::Annoyance), 0.0);
        assert!((comfort.get(Emotion::Remorse) - 0.2).abs() < 1e-6);
        let anger = "Stop shouting at me, I have told you twice.";
        assert_eq!(comforted(anger, cross), cross);
    }
}
