//! The JSON of AudioHook.

use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::super::{
    Encoding, LONGEST_GAP_MS, SAMPLES_PER_MS, Started, Track, TransportEvent, WIRE_RATE, shorten,
};

/// What every message of the client has.
#[derive(Debug, Deserialize)]
pub(super) struct ClientMessage {
    pub(super) version: String,
    pub(super) id: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) seq: u64,
    pub(super) serverseq: u64,
    pub(super) position: String,
    #[serde(default)]
    pub(super) parameters: Value,
}

impl ClientMessage {
    /// A parameter that is a text.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.parameters.get(name)?.as_str()
    }

    /// An `error` message.
    pub(super) fn failure(&self) -> TransportEvent {
        let code = self.parameters.get("code").and_then(Value::as_u64);
        TransportEvent::Failed {
            code: code.unwrap_or(500),
            message: shorten(self.text("message").unwrap_or_default()),
            retry_after_ms: self
                .text("retryAfter")
                .and_then(samples)
                .map(|samples| samples / SAMPLES_PER_MS),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OpenParameters {
    organization_id: String,
    conversation_id: String,
    #[serde(default)]
    participant: Participant,
    pub(super) media: Vec<Value>,
    #[serde(default)]
    language: Option<String>,
    #[serde(default)]
    pub(super) supported_languages: bool,
    #[serde(default)]
    custom_config: Option<Map<String, Value>>,
    #[serde(default)]
    input_variables: Option<Map<String, Value>>,
}

#[derive(Debug, Default, Deserialize)]
struct Participant {
    #[serde(default)]
    ani: Option<String>,
    #[serde(default)]
    dnis: Option<String>,
}

impl OpenParameters {
    pub(super) fn started(self, session: &str, media: Option<&Media>) -> Started {
        let mut parameters = self.custom_config.unwrap_or_default();
        parameters.extend(self.input_variables.unwrap_or_default());
        Started {
            stream: session.to_owned(),
            is_probe: Uuid::parse_str(&self.conversation_id).is_ok_and(|id| id.is_nil()),
            call: Some(self.conversation_id),
            account: Some(self.organization_id),
            caller: self.participant.ani.filter(|number| !number.is_empty()),
            callee: self.participant.dnis.filter(|number| !number.is_empty()),
            tracks: media.map_or_else(Vec::new, |media| media.tracks.clone()),
            encoding: media.map(|media| media.encoding),
            language: self.language,
            parameters,
        }
    }
}

/// The audio that was agreed on.
#[derive(Debug)]
pub(super) struct Media {
    pub(super) encoding: Encoding,
    /// One or two, in the order in which their samples alternate.
    pub(super) tracks: Vec<Track>,
}

#[derive(Deserialize)]
struct Offer {
    #[serde(rename = "type")]
    kind: String,
    format: String,
    channels: Vec<String>,
    rate: u32,
}

impl Media {
    /// The best of what a client offers: both voices before one, the customer's before the other, and
    /// mu-law before twice the bytes for the same telephone audio. What is not understood is passed
    /// over.
    pub(super) fn choose(offers: &[Value], big_endian: bool) -> Option<Self> {
        offers
            .iter()
            .filter_map(|offer| Self::read(offer, big_endian))
            .min_by_key(|media| {
                let alone = media.tracks.len() == 1;
                let without_customer = !media.tracks.contains(&Track::External);
                (alone, without_customer, media.encoding != Encoding::MuLaw)
            })
    }

    fn read(offer: &Value, big_endian: bool) -> Option<Self> {
        let offer = Offer::deserialize(offer).ok()?;
        let encoding = match offer.format.as_str() {
            "PCMU" => Encoding::MuLaw,
            "L16" if big_endian => Encoding::Linear16BigEndian,
            "L16" => Encoding::Linear16,
            _ => return None,
        };
        let tracks: Vec<Track> = offer
            .channels
            .iter()
            .map(|channel| match channel.as_str() {
                "external" => Some(Track::External),
                "internal" => Some(Track::Internal),
                _ => None,
            })
            .collect::<Option<_>>()?;
        let once = match tracks.as_slice() {
            [_] => true,
            [first, second] => first != second,
            _ => false,
        };
        (once && offer.kind == "audio" && offer.rate == WIRE_RATE)
            .then_some(Self { encoding, tracks })
    }

    pub(super) fn to_json(&self) -> Value {
        let channels: Vec<&str> = self.tracks.iter().copied().map(channel).collect();
        json!({
            "type": "audio",
            "format": if self.encoding == Encoding::MuLaw { "PCMU" } else { "L16" },
            "channels": channels,
            "rate": WIRE_RATE,
        })
    }
}

pub(super) fn channel(track: Track) -> &'static str {
    match track {
        Track::External => "external",
        Track::Internal => "internal",
    }
}

/// An ISO 8601 duration in samples. `None` for what is none, is negative, or is longer than a hundred
/// days.
pub(super) fn samples(duration: &str) -> Option<u64> {
    // Without this, jiff would also take "2 hours ago".
    let time = duration.strip_prefix("PT").map(|_| duration)?;
    let time: SignedDuration = time.parse().ok()?;
    let nanoseconds = u64::try_from(time.as_nanos()).ok()?;
    let samples = nanoseconds.saturating_add(62_500) / 125_000;
    (samples <= 100 * LONGEST_GAP_MS * SAMPLES_PER_MS).then_some(samples)
}

/// Milliseconds as an ISO 8601 duration in seconds, the only form Genesys knows.
pub(super) fn duration(ms: u64) -> String {
    format!("PT{}.{:03}S", ms / 1000, ms % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_written() {
        for (text, expected) in [
            ("PT0S", Some(0)),
            ("PT1.5S", Some(12_000)),
            ("PT0.000125S", Some(1)),
            ("PT1H2M3.25S", Some(29_786_000)),
            ("PT12.340S", Some(98_720)),
            ("PT-1S", None),
            ("-PT1S", None),
            ("1 hour", None),
            ("PT", None),
            ("PT1e9S", None),
            ("PT99999999999999999999S", None),
            ("PT999999999S", None),
            ("P1D", None),
            ("", None),
        ] {
            assert_eq!(samples(text), expected, "{text}");
        }
        assert_eq!(duration(12_034), "PT12.034S");
        assert_eq!(samples(&duration(12_034)), Some(96_272));
        assert!(samples(&duration(u64::MAX)).is_none());
    }

    #[test]
    fn the_best_offer_is_chosen_and_what_is_unknown_is_passed_over() {
        let offer = |format: &str, channels: &[&str], rate: u32| json!({ "type": "audio", "format": format, "channels": channels, "rate": rate });
        let external = offer("PCMU", &["external"], 8000);
        let internal = offer("PCMU", &["internal"], 8000);
        let both = offer("PCMU", &["external", "internal"], 8000);
        let linear = offer("L16", &["internal", "external"], 8000);
        let strange = [
            offer("PCMU", &["external", "external"], 8000),
            offer("PCMU", &["external", "internal"], 16_000),
            offer("opus", &["external"], 8000),
            offer("PCMU", &[], 8000),
            offer("PCMU", &["left"], 8000),
            json!({"type": "video", "format": "PCMU", "channels": ["external"], "rate": 8000}),
            json!("audio"),
        ];
        assert!(Media::choose(&strange, false).is_none());
        let chosen = |offers: &[&Value]| {
            let mut all = strange.to_vec();
            all.extend(offers.iter().copied().cloned());
            Media::choose(&all, false).unwrap().to_json()
        };
        assert_eq!(chosen(&[&internal, &external, &linear, &both]), both);
        assert_eq!(chosen(&[&internal, &external, &linear]), linear);
        assert_eq!(chosen(&[&internal, &external]), external);
        assert_eq!(chosen(&[&internal]), internal);
        let media = Media::choose(&[linear], true).unwrap();
        assert_eq!(media.encoding, Encoding::Linear16BigEndian);
        assert_eq!(media.tracks, [Track::Internal, Track::External]);
    }
}
