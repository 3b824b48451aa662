//! A conversation as a file: the serialised [`Conversation`], or the short form people write.

use serde::Deserialize;

use super::{Channel, Conversation, NewUtterance, Participant, Role};
use crate::error::{ErrorKind, OrError, Result};

/// The short form: who said what, in order.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Short {
    id: Option<String>,
    #[serde(default = "default_tenant")]
    tenant: String,
    channel: Option<Channel>,
    language: Option<String>,
    turns: Vec<ShortTurn>,
    /// Which coaching rules should fire: for replays, no part of the conversation.
    #[serde(default, rename = "coaching")]
    _coaching: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ShortTurn {
    role: Role,
    text: String,
    #[serde(default)]
    start_ms: u64,
    #[serde(default)]
    end_ms: u64,
}

fn default_tenant() -> String {
    "default".into()
}

impl Conversation {
    /// Reads a conversation from JSON: what `serde` writes of it, or
    /// `{"tenant": …, "channel": …, "language": …, "turns": [{"role", "text", "start_ms", "end_ms"}]}`.
    /// A key `coaching` with the ids of the rules that should fire is let pass; replays read it.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] with line and key of the mistake.
    pub fn from_json(text: &str) -> Result<Self> {
        // Editors of some systems begin a file with a mark of its encoding.
        let text = text.trim_start_matches('\u{feff}');
        let is_full = serde_json::from_str::<serde_json::Value>(text)
            .is_ok_and(|v| v.get("transcript").is_some());
        let unreadable = || r#"this is no conversation in JSON; the short form is {"turns": [{"role": "end_user", "text": "..."}]}"#;
        if is_full {
            return serde_json::from_str(text).or_error(ErrorKind::InvalidInput, unreadable);
        }
        let short: Short =
            serde_json::from_str(text).or_error(ErrorKind::InvalidInput, unreadable)?;
        let mut conversation = Self::new(short.tenant, short.channel.unwrap_or(Channel::Chat));
        if let Some(id) = short.id.filter(|id| !id.trim().is_empty()) {
            conversation.id = id.into();
        }
        if let Some(language) = short.language {
            conversation.language = language;
        }
        for turn in short.turns {
            let who = match conversation
                .participants
                .iter()
                .find(|p| p.role == turn.role)
            {
                Some(known) => known.id.clone(),
                None => conversation.join(Participant::new(turn.role.as_str(), turn.role)),
            };
            conversation
                .append(NewUtterance::new(who, turn.text).with_span(turn.start_ms, turn.end_ms));
        }
        Ok(conversation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read_and_a_mistake_is_named() {
        let short = r#"{"tenant":"acme","turns":[{"role":"end_user","text":"Hi","start_ms":5,"end_ms":9}]}"#;
        let read = Conversation::from_json(short).unwrap();
        assert_eq!(read.transcript.utterances()[0].end_ms, 9);
        let full = serde_json::to_string(&read).unwrap();
        assert_eq!(Conversation::from_json(&full).unwrap(), read);
        let error =
            Conversation::from_json(r#"{"turns":[{"role":"king","text":""}]}"#).unwrap_err();
        assert!(error.to_string().contains("king"), "{error}");
        assert_eq!(
            Conversation::from_json("").unwrap_err().kind(),
            ErrorKind::InvalidInput
        );
    }
}
