//! What the numbers, names and addresses in an utterance are, beside its words.

use serde::{Deserialize, Serialize};

/// What an [`Annotation`] stands for.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AnnotationKind {
    /// A count or a measure: plain digits with a decimal point, `1200` or `3.5`.
    Number,
    /// An account, order or other number that is no quantity: upper case without blanks, hyphens as
    /// written, `LF-902-412`.
    Identifier,
    /// A sum of money: the ISO 4217 code, a blank, the sum with its minor unit, `GBP 42.00`.
    Amount,
    /// A date, ISO 8601: `1980-03-03`, `--11-03` without its year, `1980-03` without its day, `1980`
    /// alone, `---03` for a day of an unnamed month.
    Date,
    /// A time of day, `HH:MM`. Of a time on the twelve-hour clock whose half of the day was not said,
    /// the hours as they were said.
    Time,
    /// A length of time, ISO 8601: `P2W`, `PT1.5H`. Working days count as days.
    Duration,
    /// A percentage: `12.5%`.
    Percentage,
    /// A postcode: upper case, the British and the Canadian with their blank, `SW1A 2AA`.
    Postcode,
    /// An e-mail address, lower case.
    Email,
    /// A telephone number: digits, a plus before them where one was said.
    Phone,
    /// A name that was spelled out, in title case: `Smith`, `O'Brien`.
    SpelledName,
}

/// The written form of something that was said, as an agent would key it in.
///
/// The words stay as they were recognised: an annotation stands beside them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Annotation {
    /// What it is.
    pub kind: AnnotationKind,
    /// The canonical value; each [`AnnotationKind`] tells its form.
    pub value: String,
    /// First byte in the utterance's text.
    pub start: usize,
    /// The byte after the last one.
    pub end: usize,
    /// Between 0 and 1: how sure the reading is. Of rules, not measured.
    pub confidence: f32,
}

impl Annotation {
    /// The words it was read from; nothing where the text is another one.
    pub fn words<'a>(&self, text: &'a str) -> &'a str {
        text.get(self.start..self.end).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_through_json_and_points_at_its_words() {
        let text = "It was forty two pounds.";
        let amount = Annotation {
            kind: AnnotationKind::Amount,
            value: "GBP 42.00".into(),
            start: 7,
            end: 23,
            confidence: 0.5,
        };
        assert_eq!(amount.words(text), "forty two pounds");
        assert_eq!(amount.words("é"), "");
        let json = serde_json::to_value(&amount).unwrap();
        assert_eq!(json["kind"], "amount");
        assert_eq!(serde_json::from_value::<Annotation>(json).unwrap(), amount);
        let name = serde_json::to_value(AnnotationKind::SpelledName).unwrap();
        assert_eq!(name, "spelled_name");
    }
}
