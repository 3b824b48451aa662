//! Questions with their answers, one article each: JSON, a JSON line each, or CSV.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use uuid::Uuid;

use super::meta::{Fields, KEYS, PRODUCT};
use super::{Draft, Parsed};

/// JSON: an array of objects, or an object with such an array in its one field (`{"faq": [...]}`).
pub(super) fn parse_json(text: &str) -> Result<Parsed, String> {
    let value: Json = serde_json::from_str(text).map_err(|error| not_json(&error))?;
    let rows = match value {
        Json::Array(rows) => rows,
        Json::Object(fields) if fields.len() == 1 => match fields.into_iter().next() {
            Some((_, Json::Array(rows))) => rows,
            _ => return Err(SHAPE.into()),
        },
        _ => return Err(SHAPE.into()),
    };
    let mut rows = rows.into_iter().enumerate().map(|(at, row)| {
        let place = format!("entry {}", at + 1);
        (place, object(row))
    });
    collect(&mut rows)
}

const SHAPE: &str =
    "not a JSON array of objects with `question` and `answer`; write [{\"question\": …}, …]";

/// JSON, one object a line.
pub(super) fn parse_lines(text: &str) -> Result<Parsed, String> {
    let lines = text.lines().enumerate();
    let mut rows = lines
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(at, line)| {
            let row = serde_json::from_str(line).map_err(|error| not_json(&error));
            (format!("line {}", at + 1), row.and_then(object))
        });
    collect(&mut rows)
}

/// CSV with a line of column names; fields are divided by commas, semicolons or tabs.
#[cfg(feature = "documents")]
pub(super) fn parse_csv(text: &str) -> Result<Parsed, String> {
    let head = text.lines().next().unwrap_or_default();
    let times = |mark: &u8| head.bytes().filter(|b| b == mark).count();
    let delimiter = [b',', b';', b'\t'].into_iter().max_by_key(times);
    let delimiter = delimiter.unwrap_or(b',');
    let (text, unclosed) = up_to_unclosed(text, delimiter);
    if let Some(why) = unclosed.as_ref().filter(|_| text.trim().is_empty()) {
        return Err(why.clone());
    }
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let columns: Vec<String> = reader
        .headers()
        .map_err(|error| format!("not CSV: {error}"))?
        .iter()
        .map(|name| name.to_lowercase().replace(' ', "_"))
        .collect();
    // A column that nobody knows may be a misspelt `audience`: it must not publish an internal text.
    for (at, column) in columns.iter().enumerate() {
        known(column)?;
        if columns.iter().take(at).any(|before| before == column) {
            return Err(format!("the column `{column}` is there twice"));
        }
    }
    for needed in ["question", "answer"] {
        if !columns.iter().any(|column| column == needed) {
            return Err(format!(
                "there is no column `{needed}`; the first line must name the columns"
            ));
        }
    }
    let mut rows = reader.records().enumerate().map(|(at, record)| {
        let row = record
            .map(|record| {
                let fields = columns.iter().cloned().zip(record.iter());
                fields
                    .map(|(name, value)| (name, value.to_owned()))
                    .collect()
            })
            .map_err(|error| format!("not CSV: {error}"));
        (format!("row {}", at + 1), row)
    });
    let Some(why) = unclosed else {
        return collect(&mut rows);
    };
    let mut parsed = collect(&mut rows).map_err(|_| why.clone())?;
    parsed.refused.push(why);
    Ok(parsed)
}

/// The rows before one with a quote that nothing closes, and why the rest is left out: such a quote takes all that follows
/// into its field, or closes at the quote of another one, with words right behind it.
#[cfg(feature = "documents")]
fn up_to_unclosed(text: &str, delimiter: u8) -> (&str, Option<String>) {
    let mut bytes = text.bytes().enumerate().peekable();
    let (mut row, mut line) = (0, 1);
    let mut begins_field = true;
    while let Some((at, byte)) = bytes.next() {
        if byte == b'"' && begins_field {
            let opened = line;
            let mut closed = false;
            while let Some((_, byte)) = bytes.next() {
                line += usize::from(byte == b'\n');
                let next = bytes.peek().map(|(_, next)| *next);
                if byte == b'"' && next == Some(b'"') {
                    bytes.next();
                } else if byte == b'"' {
                    let ends = next.is_none_or(|c| c == delimiter || c.is_ascii_whitespace());
                    closed = ends || line == opened;
                    break;
                }
            }
            if !closed {
                let why = format!(
                    "line {opened}: a quote is opened that is not closed; this row and all rows after it are left out"
                );
                return (text.get(..row).unwrap_or_default(), Some(why));
            }
        }
        begins_field = byte == delimiter || byte == b'\n';
        if byte == b'\n' {
            (row, line) = (at + 1, line + 1);
        }
    }
    (text, None)
}

type Row = Vec<(String, String)>;

fn collect(
    rows: &mut dyn Iterator<Item = (String, Result<Row, String>)>,
) -> Result<Parsed, String> {
    let mut parsed = Parsed::default();
    for (place, row) in rows {
        let draft = match row {
            // Not one row alone: what one row misspells, others mean as well.
            Ok(row) => {
                row.iter()
                    .try_for_each(|(name, _)| known(name))
                    .map_err(|why| format!("{place}: {why}"))?;
                draft(&row, &place)
            }
            Err(why) => Err(why),
        };
        match draft {
            Ok(draft) => parsed.drafts.push(draft),
            Err(why) => parsed.refused.push(format!("{place}: {why}")),
        }
    }
    if parsed.drafts.is_empty() && parsed.refused.is_empty() {
        return Err("empty; there is no question in it".into());
    }
    Ok(parsed)
}

fn draft(row: &Row, place: &str) -> Result<Draft, String> {
    let field = |wanted: &str| {
        row.iter()
            .find(|(name, _)| name == wanted)
            .map(|(_, value)| value.trim())
            .filter(|value| !value.is_empty())
    };
    let question = field("question").ok_or("there is no question")?;
    let answer = field("answer").ok_or("there is no answer")?;
    let question = question.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut fields = Fields::default();
    for key in KEYS {
        if let Some(value) = field(key) {
            fields.add(key, value)?;
        }
    }
    Ok(Draft {
        fields,
        body: format!("# {question}\n\n{answer}"),
        // The place in the file would change whenever a row is added above.
        place: Some(hash(&question)),
        title: Some(question),
        language: None,
    })
    .map_err(|why: String| format!("{place}: {why}"))
}

/// Stands for the question in ids: the same for the same words, whatever their case and punctuation.
fn hash(question: &str) -> String {
    let words: Vec<String> = question
        .to_lowercase()
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect();
    let hash = Uuid::new_v5(&Uuid::NAMESPACE_OID, words.join(" ").as_bytes());
    let mut hash = hash.simple().to_string();
    hash.truncate(12);
    hash
}

fn known(name: &str) -> Result<(), String> {
    if matches!(name, "question" | "answer") || KEYS.contains(&name) {
        return Ok(());
    }
    Err(format!(
        "unknown column or field `{name}`; known are question, answer, {}",
        KEYS.join(", ")
    ))
}

fn object(value: Json) -> Result<Row, String> {
    let Json::Object(fields) = value else {
        return Err("not an object with `question` and `answer`".into());
    };
    let text = |(name, value): (String, Json)| match value {
        Json::Text(Value::String(text)) => Ok((name, text)),
        Json::Text(Value::Null) => Ok((name, String::new())),
        Json::Text(Value::Number(number)) => Ok((name, number.to_string())),
        Json::Array(products) if name == PRODUCT => Ok((name, lines(products)?)),
        _ => Err(format!("`{name}` is neither a text nor a number")),
    };
    fields.into_iter().map(text).collect()
}

/// A list of texts, a line each.
fn lines(list: Vec<Json>) -> Result<String, String> {
    let text = |one: Json| match one {
        Json::Text(Value::String(text)) => Ok(text),
        _ => Err(format!("`{PRODUCT}` holds something that is no text")),
    };
    let texts: Vec<String> = list.into_iter().map(text).collect::<Result<_, String>>()?;
    Ok(texts.join("\n"))
}

fn not_json(error: &serde_json::Error) -> String {
    match error.is_data() {
        true => error.to_string(),
        false => format!("not JSON: {error}"),
    }
}

/// JSON whose objects have each field once. Of two fields `audience`, one would be lost unseen.
enum Json {
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
    /// A text, a number, or another value without parts.
    Text(Value),
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyJson)
    }
}

struct AnyJson;

impl<'de> Visitor<'de> for AnyJson {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Text(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Text(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Text(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Text(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.into()))
    }

    fn visit_string<E>(self, value: String) -> Result<Json, E> {
        Ok(Json::Text(value.into()))
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Text(Value::Null))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<Json, A::Error> {
        let mut array = Vec::new();
        while let Some(row) = rows.next_element()? {
            array.push(row);
        }
        Ok(Json::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Json, A::Error> {
        let mut object: Vec<(String, Json)> = Vec::new();
        let mut known = HashSet::new();
        while let Some((name, value)) = fields.next_entry::<String, Json>()? {
            if !known.insert(name.clone()) {
                let twice = format!("the field `{name}` is there twice");
                return Err(A::Error::custom(twice));
            }
            object.push((name, value));
        }
        Ok(Json::Object(object))
    }
}
