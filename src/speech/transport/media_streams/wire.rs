//! The JSON of Media Streams, in the spellings of several platforms.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};

use super::super::fault::Fault;
use super::super::{Encoding, Frame, Track, TransportEvent, WIRE_RATE, shorten};

/// Writes padding, and reads audio from those who leave it out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A stream's identifier, and how the platform spells its name.
#[derive(Clone, Debug)]
pub(super) struct Stream {
    pub(super) id: String,
    name: &'static str,
}

impl Default for Stream {
    fn default() -> Self {
        Self {
            id: String::new(),
            name: "streamSid",
        }
    }
}

impl Stream {
    /// A message to the platform.
    pub(super) fn frame(&self, event: &str, body: Option<Value>) -> Frame {
        let mut message = Map::new();
        message.insert("event".to_owned(), event.into());
        message.insert(self.name.to_owned(), self.id.clone().into());
        if let Some(body) = body {
            message.insert(event.to_owned(), body);
        }
        Frame::Text(Value::from(message).to_string())
    }

    pub(super) fn media(&self, bytes: &[u8]) -> Frame {
        self.frame("media", Some(json!({ "payload": BASE64.encode(bytes) })))
    }

    pub(super) fn mark(&self, name: &str) -> Frame {
        self.frame("mark", Some(json!({ "name": name })))
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Message {
    pub(super) event: String,
    #[serde(default, alias = "sequence_number", rename = "sequenceNumber")]
    #[serde(deserialize_with = "number")]
    pub(super) sequence: Option<u64>,
    #[serde(default, rename = "streamSid")]
    stream_sid: Option<String>,
    #[serde(default, rename = "stream_sid")]
    stream_sid_snake: Option<String>,
    #[serde(default)]
    stream_id: Option<String>,
    #[serde(default)]
    pub(super) version: Option<String>,
    #[serde(default)]
    pub(super) start: Option<Start>,
    #[serde(default)]
    pub(super) media: Option<Media>,
    #[serde(default)]
    pub(super) dtmf: Option<Dtmf>,
    #[serde(default)]
    pub(super) mark: Option<Mark>,
    #[serde(default, alias = "error")]
    payload: Value,
}

impl Message {
    pub(super) fn stream(&self) -> Option<Stream> {
        [
            ("streamSid", &self.stream_sid),
            ("stream_sid", &self.stream_sid_snake),
            ("stream_id", &self.stream_id),
        ]
        .into_iter()
        .find_map(|(name, id)| {
            let id = id.clone()?;
            Some(Stream { id, name })
        })
    }

    /// Telnyx's `error` message.
    pub(super) fn failure(&self) -> TransportEvent {
        let field = |name: &str| self.payload.get(name);
        let text = field("detail").or(field("title")).or(field("message"));
        TransportEvent::Failed {
            code: field("code").and_then(integer).unwrap_or(500),
            message: shorten(text.and_then(Value::as_str).unwrap_or_default()),
            retry_after_ms: None,
        }
    }
}

/// What stands in `start`. By hand, since platforms may send one thing under two names.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct Start(Map<String, Value>);

impl Start {
    fn get<'a>(map: &'a Map<String, Value>, names: &[&str]) -> Option<&'a Value> {
        names.iter().find_map(|name| map.get(*name))
    }

    pub(super) fn text(&self, names: &[&str]) -> Option<String> {
        Some(Self::get(&self.0, names)?.as_str()?.to_owned())
    }

    pub(super) fn parameters(&self) -> Map<String, Value> {
        let parameters = Self::get(&self.0, &["customParameters", "custom_parameters"]);
        parameters
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default()
    }

    /// Mu-law where the platform says nothing, as Twilio has nothing else.
    pub(super) fn encoding(&self) -> Result<Encoding, Fault> {
        let Some(format) = Self::get(&self.0, &["mediaFormat", "media_format"]) else {
            return Ok(Encoding::MuLaw);
        };
        let format = format.as_object().ok_or(Fault::Format)?;
        let number = |names: &[&str], usual: u32| match Self::get(format, names) {
            Some(value) => integer(value).ok_or(Fault::Format),
            None => Ok(u64::from(usual)),
        };
        let rate = number(&["sampleRate", "sample_rate"], WIRE_RATE)?;
        if rate != u64::from(WIRE_RATE) || number(&["channels"], 1)? != 1 {
            return Err(Fault::Format);
        }
        let encoding = format.get("encoding").and_then(Value::as_str);
        match encoding.unwrap_or_default().to_ascii_lowercase().as_str() {
            "audio/x-mulaw" | "audio/mulaw" | "mulaw" | "ulaw" | "pcmu" => Ok(Encoding::MuLaw),
            "audio/x-alaw" | "audio/alaw" | "alaw" | "pcma" => Ok(Encoding::ALaw),
            _ => Err(Fault::Format),
        }
    }

    /// The caller's where nothing is said.
    pub(super) fn tracks(&self) -> Vec<Track> {
        let names = self.0.get("tracks").and_then(Value::as_array);
        let has = |wanted| {
            let mut names = names.into_iter().flatten().filter_map(Value::as_str);
            names.any(|name| track(name) == Some(wanted))
        };
        match (has(Track::External), has(Track::Internal)) {
            (true, true) => vec![Track::External, Track::Internal],
            (false, true) => vec![Track::Internal],
            (_, false) => vec![Track::External],
        }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Media {
    #[serde(default)]
    track: Option<String>,
    #[serde(default, deserialize_with = "number")]
    pub(super) chunk: Option<u64>,
    #[serde(default, deserialize_with = "number")]
    pub(super) timestamp: Option<u64>,
    payload: String,
}

impl Media {
    pub(super) fn track(&self) -> Track {
        // Only the caller is heard where nothing is said.
        self.track
            .as_deref()
            .and_then(track)
            .unwrap_or(Track::External)
    }

    pub(super) fn bytes(&self) -> Result<Vec<u8>, Fault> {
        BASE64.decode(&self.payload).map_err(|_| Fault::NotBase64)
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Dtmf {
    #[serde(default)]
    track: Option<String>,
    #[serde(default)]
    pub(super) digit: String,
}

impl Dtmf {
    pub(super) fn track(&self) -> Option<Track> {
        self.track.as_deref().and_then(track)
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Mark {
    pub(super) name: String,
}

fn track(name: &str) -> Option<Track> {
    match name {
        "inbound" | "inbound_track" => Some(Track::External),
        "outbound" | "outbound_track" => Some(Track::Internal),
        _ => None,
    }
}

/// A number, or a text that is one. Anything else is as if nothing were said.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    Ok(integer(&Value::deserialize(deserializer)?))
}

fn integer(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}
