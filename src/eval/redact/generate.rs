//! Lines with personal data, made up: templates of chats, mails and recognisers, values with right check digits.
//!
//! Names, streets and cities here are chosen apart from the detector's lists.

use std::path::Path;

use super::{RedactEntity, RedactLine};
use crate::error::{Error, ErrorKind, OrError, Result};

mod say;
mod templates;
mod values;

/// Random numbers that are the same everywhere (splitmix64).
#[derive(Clone, Debug)]
pub(super) struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `n`.
    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn pick<'l, T: ?Sized>(&mut self, list: &[&'l T]) -> &'l T
    where
        &'l T: Default,
    {
        list.get(self.below(list.len()))
            .copied()
            .unwrap_or_default()
    }

    fn digits(&mut self, n: usize) -> String {
        (0..n)
            .map(|_| char::from(b'0' + self.below(10) as u8))
            .collect()
    }
}

/// How a line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// As in a mail.
    Written,
    /// Small letters, marks left out here and there.
    Chat,
    /// As a recogniser writes: no capitals, no marks, fillers, numbers in words.
    Heard,
}

/// Makes `n` lines, the same for a seed.
pub fn lines(n: usize, seed: u64) -> Vec<RedactLine> {
    let mut dice = Dice(seed ^ 0x5eed);
    (0..n).map(|_| line(&mut dice)).collect()
}

/// Writes `n` lines to a file, one JSON object a line; places are counted in characters.
///
/// # Errors
/// [`ErrorKind::InvalidInput`] for no lines or more than a million; [`ErrorKind::Storage`] where the file cannot be
/// written.
pub fn write(n: usize, seed: u64, out: &Path) -> Result<()> {
    if !(1..=1_000_000).contains(&n) {
        return Err(Error::new(
            ErrorKind::InvalidInput,
            format!("{n} lines cannot be made; ask for 1 to 1000000"),
        ));
    }
    let mut text = String::new();
    for line in lines(n, seed) {
        let json = serde_json::to_string(&line).or_error(
            ErrorKind::InvalidInput,
            || "a line could not be written as JSON",
        )?;
        text.push_str(&json);
        text.push('\n');
    }
    std::fs::write(out, text).or_error(ErrorKind::Storage, || {
        format!(
            "cannot write {}; name a file in a folder that is there",
            out.display()
        )
    })
}

fn line(dice: &mut Dice) -> RedactLine {
    let style = match dice.below(10) {
        0..=3 => Style::Written,
        4..=5 => Style::Chat,
        _ => Style::Heard,
    };
    let list = match style {
        Style::Heard => templates::HEARD,
        _ => templates::WRITTEN,
    };
    let template = match dice.chance(22) {
        true => dice.pick(templates::PLAIN),
        false => dice.pick(list),
    };
    fill(template, style, dice)
}

/// Puts values in the places of a template.
fn fill(template: &str, style: Style, dice: &mut Dice) -> RedactLine {
    let mut made = RedactLine {
        text: String::new(),
        entities: Vec::new(),
    };
    let mut rest = template;
    while let Some((before, behind)) = rest.split_once('{') {
        made.text.push_str(&carrier(before, style, dice));
        let (slot, after) = behind.split_once('}').unwrap_or((behind, ""));
        let value = values::value(slot, style, dice);
        if let Some(kind) = values::kind(slot) {
            let start = made.text.chars().count();
            made.entities.push(RedactEntity {
                kind: kind.as_str().to_owned(),
                start,
                end: start + value.chars().count(),
            });
        }
        made.text.push_str(&value);
        rest = after;
    }
    made.text.push_str(&carrier(rest, style, dice));
    made
}

/// The words around the values, in the style of the line.
fn carrier(text: &str, style: Style, dice: &mut Dice) -> String {
    match style {
        Style::Written => text.to_owned(),
        Style::Chat => text.to_lowercase(),
        Style::Heard => {
            let mut words = String::with_capacity(text.len());
            for (at, word) in text.split(' ').enumerate() {
                if at > 0 {
                    words.push(' ');
                    if !word.is_empty() && dice.chance(4) {
                        words.push_str(dice.pick(&["uh", "um", "er"]));
                        words.push(' ');
                    }
                }
                words.extend(
                    word.to_lowercase()
                        .chars()
                        .filter(|c| c.is_alphanumeric() || matches!(c, '\'' | '\n')),
                );
            }
            words
        }
    }
}
