//! Which text of a playbook a conversation follows, and that text while the conversation goes on with it.
//!
//! Files change while conversations go on. Whoever was asked "Shall I cancel it?" said yes to those words and to that
//! step, so the text that was there at the beginning is kept in the conversation's own stream, once a text.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::Playbook;
use crate::error::{ErrorKind, OrError, Result};
use crate::store::Record;

/// Kind of the record that holds a text.
pub(crate) const TEXT: &str = "playbook";
/// Kind of the record that says which text a playbook began with, in a turn whose state is not stored yet.
pub(crate) const BEGAN: &str = "playbook_began";
/// Digests are names in this space.
const TEXTS: Uuid = Uuid::from_u128(0x2b0f_5d1c_91a4_4c37_8a55_7f3e_0c6d_94b1);

/// The text of a playbook that a conversation follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Pin {
    /// Its version, for people.
    pub version: u32,
    /// Digest of its content, which is what decides: authors forget to count.
    pub digest: String,
}

impl Pin {
    /// The pin of a text.
    pub fn of(playbook: &Playbook) -> Self {
        // Fields come in the order of their declaration, and maps are sorted. A playbook always serialises.
        let text = serde_json::to_vec(playbook).unwrap_or_default();
        Self {
            version: playbook.version,
            digest: Uuid::new_v5(&TEXTS, &text).to_string(),
        }
    }

    /// Id of the record that holds the text: the store keeps it once, whoever writes it.
    pub(crate) fn record_id(&self) -> Uuid {
        record_id(&self.digest)
    }
}

/// Id of the record that holds the text of this digest.
pub(crate) fn record_id(digest: &str) -> Uuid {
    Uuid::new_v5(&TEXTS, digest.as_bytes())
}

/// A text in a stream. It is read as whatever it is, since a later version of this library may not know all of it.
#[derive(Serialize, Deserialize)]
pub(crate) struct Text<P = Value> {
    pub(crate) digest: String,
    pub(crate) playbook: P,
}

/// Which text a playbook began with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Began {
    pub(crate) playbook: String,
    pub(crate) pin: Pin,
    /// Which of its runs that was.
    pub(crate) run: u32,
}

/// The record of a text.
///
/// # Errors
/// [`ErrorKind::Internal`] if it cannot be serialised.
pub(crate) fn text_record(playbook: &Playbook, pin: &Pin) -> Result<Record> {
    let text = Text {
        digest: pin.digest.clone(),
        playbook,
    };
    let mut record = record(TEXT, &text)?;
    record.id = pin.record_id();
    Ok(record)
}

/// The record of a beginning; the same beginning is one record.
///
/// # Errors
/// [`ErrorKind::Internal`] if it cannot be serialised.
pub(crate) fn began_record(began: &Began) -> Result<Record> {
    let name = format!("{}#{} {}", began.playbook, began.run, began.pin.digest);
    let mut record = record(BEGAN, began)?;
    record.id = Uuid::new_v5(&TEXTS, name.as_bytes());
    Ok(record)
}

fn record(kind: &str, payload: &impl Serialize) -> Result<Record> {
    let payload = serde_json::to_value(payload).or_error(
        ErrorKind::Internal,
        || "the text of a playbook cannot be serialised",
    )?;
    Ok(Record::new(kind, payload))
}

/// A playbook that a conversation goes on with and that is another one in the files by now, or none at all.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Old {
    pub(crate) id: String,
    pub(crate) pin: Pin,
    /// Its text; `None` where nobody can read it any more.
    pub(crate) playbook: Option<Arc<Playbook>>,
}

impl Old {
    /// The text of a pin, where it is another one than the loaded playbook has; `None` where the loaded one will do, so
    /// that nothing is carried twice.
    pub(crate) fn of(
        id: &str,
        pin: &Pin,
        current: &[Playbook],
        texts: &HashMap<String, Value>,
    ) -> Option<Self> {
        let now = current.iter().find(|playbook| playbook.id == id);
        if now.is_some_and(|now| Pin::of(now) == *pin) {
            return None;
        }
        let then = texts.get(&pin.digest).and_then(|text| readable(id, text));
        // Another version of this library only wrote it down in another way.
        if then.is_some() && then.as_ref() == now {
            return None;
        }
        Some(Self {
            id: id.to_owned(),
            pin: pin.clone(),
            playbook: then.map(Arc::new),
        })
    }
}

/// A kept text as a playbook, where it still is one and hangs together by today's rules.
fn readable(id: &str, text: &Value) -> Option<Playbook> {
    let playbook = Playbook::deserialize(text).map_err(|error| error.to_string());
    let playbook = playbook.and_then(|read| read.checked().map_err(|error| error.to_string()));
    match playbook {
        Ok(playbook) => (playbook.id == id).then_some(playbook),
        Err(error) => {
            tracing::warn!(playbook = id, error, "a kept playbook cannot be read");
            None
        }
    }
}

/// The loaded playbooks with these in their places. What cannot be read any more is left out: going on with another text
/// would be worse than a person.
pub(crate) fn overlaid(current: &[Playbook], old: &[Old]) -> Arc<[Playbook]> {
    let kept = |id: &str| old.iter().find(|old| old.id == id);
    let stay = current
        .iter()
        .filter_map(|playbook| match kept(&playbook.id) {
            Some(old) => old.playbook.as_deref(),
            None => Some(playbook),
        });
    let removed = old
        .iter()
        .filter(|old| current.iter().all(|playbook| playbook.id != old.id))
        .filter_map(|old| old.playbook.as_deref());
    stay.chain(removed).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn book(id: &str, step: &str) -> Playbook {
        let text = format!(
            r#"
            id = "{id}"
            title = "T"
            goal = "g"
            examples = ["e"]
            [[steps]]
            id = "{step}"
            label = "L"
            kind = "inform"
            cost = 0.1
            say = "Done."
            "#
        );
        Playbook::from_toml(&text).unwrap()
    }

    fn texts(books: &[&Playbook]) -> HashMap<String, Value> {
        let kept = books.iter().map(|book| {
            let record = text_record(book, &Pin::of(book)).unwrap();
            let text = Text::<Value>::deserialize(&record.payload).unwrap();
            (text.digest, text.playbook)
        });
        kept.collect()
    }

    #[test]
    fn a_pin_tells_texts_apart_and_the_same_text_is_the_same() {
        let one = book("a", "one");
        assert_eq!(Pin::of(&one), Pin::of(&one.clone()));
        assert_ne!(Pin::of(&one), Pin::of(&book("a", "two")));
        let mut counted = one.clone();
        counted.version = 2;
        assert_ne!(Pin::of(&one), Pin::of(&counted));
        // What comes out of the store is the same text.
        let read = readable("a", &texts(&[&one])[&Pin::of(&one).digest]).unwrap();
        assert_eq!((&read, Pin::of(&read)), (&one, Pin::of(&one)));
    }

    #[test]
    fn nothing_is_carried_where_the_loaded_text_is_the_same() {
        let now = [book("a", "one"), book("b", "one")];
        assert_eq!(
            Old::of("a", &Pin::of(&now[0]), &now, &texts(&[&now[0]])),
            None
        );
        // A library that wrote texts otherwise gave another digest to the same content.
        let other = Pin {
            version: 1,
            digest: "of another library".into(),
        };
        let kept = [(other.digest.clone(), serde_json::to_value(&now[0]).unwrap())];
        assert_eq!(Old::of("a", &other, &now, &kept.into()), None);
    }

    #[test]
    fn an_old_text_takes_the_place_of_the_loaded_one_and_a_removed_one_comes_back() {
        let (a, c) = (book("a", "old"), book("c", "gone"));
        let now = [book("a", "new"), book("b", "one")];
        let kept = texts(&[&a, &c]);
        let old: Vec<Old> = [&a, &c]
            .into_iter()
            .filter_map(|book| Old::of(&book.id, &Pin::of(book), &now, &kept))
            .collect();
        assert_eq!(overlaid(&now, &old)[..], [a, now[1].clone(), c]);
    }

    #[test]
    fn a_text_that_cannot_be_read_leaves_no_playbook_of_that_name() {
        let now = [book("a", "new"), book("b", "one")];
        let mut kept = texts(&[&book("a", "old")]);
        let pin = Pin::of(&book("a", "old"));
        kept.get_mut(&pin.digest).unwrap()["a_field_of_before"] = 1.into();
        let old = Old::of("a", &pin, &now, &kept).unwrap();
        assert_eq!(old.playbook, None);
        assert_eq!(overlaid(&now, &[old])[..], [now[1].clone()]);
        // Nor does the text of another playbook, or one that does not hang together.
        for (key, value) in [("id", "b".into()), ("examples", Value::Array(Vec::new()))] {
            let mut kept = texts(&[&book("a", "old")]);
            kept.get_mut(&pin.digest).unwrap()[key] = value;
            assert_eq!(Old::of("a", &pin, &now, &kept).unwrap().playbook, None);
        }
        assert_eq!(
            Old::of("a", &pin, &now, &HashMap::new()).unwrap().playbook,
            None
        );
    }
}
