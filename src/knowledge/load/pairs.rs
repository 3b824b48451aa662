//! Questions with their answers, one article each: JSON, a JSON line each, or CSV.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::meta::{Fields, KEYS};
use super::{Draft, Parsed};

/// JSON: an array of objects, or an object with such an array in its one field (`{"faq": [...]}`).
pub(super) fn parse_json(text: &str) -> Result<Parsed, String> {
    let value: Value = serde_json::from_str(text).map_err(|error| format!("not JSON: {error}"))?;
    let rows = match value {
        Value::Array(rows) => rows,
        Value::Object(fields) if fields.len() == 1 => match fields.into_iter().next() {
            Some((_, Value::Array(rows))) => rows,
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
            let row = serde_json::from_str(line).map_err(|error| format!("not JSON: {error}"));
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
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter.unwrap_or(b','))
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
    collect(&mut rows)
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

fn object(value: Value) -> Result<Row, String> {
    let Value::Object(fields) = value else {
        return Err("not an object with `question` and `answer`".into());
    };
    texts(fields)
}

fn texts(fields: Map<String, Value>) -> Result<Row, String> {
    let text = |(name, value): (String, Value)| match value {
        Value::String(text) => Ok((name, text)),
        Value::Null => Ok((name, String::new())),
        Value::Number(number) => Ok((name, number.to_string())),
        _ => Err(format!("`{name}` is neither a text nor a number")),
    };
    fields.into_iter().map(text).collect()
}
