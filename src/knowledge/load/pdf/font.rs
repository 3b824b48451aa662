//! What the bytes of a drawn text mean, and how wide they are.

use std::collections::HashMap;

use lopdf::{Dictionary, Document, Encoding, Object};

use crate::knowledge::load::guard::Stop;

/// Width of a letter where the font does not say, in thousandths of its size.
const USUAL_WIDTH: f32 = 500.0;

/// Entries of a table of widths that are read; a range has as many as it has letters.
const MAX_WIDTHS: usize = 70_000;

/// A font of a page.
pub(super) struct Font<'a> {
    encoding: Option<Encoding<'a>>,
    widths: HashMap<u16, f32>,
    default_width: f32,
    /// Whether two bytes are one letter.
    pub(super) wide: bool,
    pub(super) bold: bool,
}

impl<'a> Font<'a> {
    /// `limit` is what its tables may inflate to, in bytes.
    pub(super) fn new(
        font: &'a Dictionary,
        document: &'a Document,
        limit: usize,
        stop: &Stop,
    ) -> Self {
        let name = |key: &[u8]| {
            let name = font.get_deref(key, document).and_then(Object::as_name);
            name.map(|name| String::from_utf8_lossy(name).into_owned())
                .unwrap_or_default()
        };
        let wide = name(b"Subtype") == "Type0";
        let base = name(b"BaseFont").to_lowercase();
        let (widths, default_width) = if wide {
            wide_widths(font, document, stop)
        } else {
            (narrow_widths(font, document), USUAL_WIDTH)
        };
        Self {
            encoding: font.get_font_encoding_with_limit(document, limit).ok(),
            widths,
            default_width,
            wide,
            bold: ["bold", "black", "heavy"]
                .iter()
                .any(|weight| base.contains(weight)),
        }
    }

    pub(super) fn text(&self, bytes: &[u8]) -> String {
        let text = match &self.encoding {
            Some(encoding) => encoding.bytes_to_string(bytes).unwrap_or_default(),
            None => String::new(),
        };
        if text.is_empty() && !bytes.is_empty() {
            return char::REPLACEMENT_CHARACTER.to_string();
        }
        let mut plain = String::with_capacity(text.len());
        for c in text.chars() {
            match c {
                'ﬀ' => plain.push_str("ff"),
                'ﬁ' => plain.push_str("fi"),
                'ﬂ' => plain.push_str("fl"),
                'ﬃ' => plain.push_str("ffi"),
                'ﬄ' => plain.push_str("ffl"),
                '\u{a0}' => plain.push(' '),
                _ => plain.push(c),
            }
        }
        plain
    }

    /// Width of a text in thousandths of its size, and the number of its letters.
    pub(super) fn width(&self, bytes: &[u8]) -> (f32, usize) {
        let of = |code: u16| {
            self.widths
                .get(&code)
                .copied()
                .unwrap_or(self.default_width)
        };
        if self.wide {
            let (pairs, _) = bytes.as_chunks::<2>();
            let sum = pairs.iter().map(|pair| of(u16::from_be_bytes(*pair))).sum();
            (sum, pairs.len())
        } else {
            let sum = bytes.iter().map(|byte| of(u16::from(*byte))).sum();
            (sum, bytes.len())
        }
    }
}

/// Lets the map to Unicode speak where a font has one and its encoding is no well-known one: names of letters
/// are often made up by the program that wrote the file.
pub(super) fn prefer_unicode_maps(document: &mut Document) {
    for object in document.objects.values_mut() {
        let Ok(font) = object.as_dict_mut() else {
            continue;
        };
        let named = font.get(b"Encoding").and_then(Object::as_name).is_ok();
        if font.has_type(b"Font") && font.has(b"ToUnicode") && !named {
            font.remove(b"Encoding");
        }
    }
}

fn narrow_widths(font: &Dictionary, document: &Document) -> HashMap<u16, f32> {
    let first = font
        .get_deref(b"FirstChar", document)
        .and_then(Object::as_i64);
    let widths = font
        .get_deref(b"Widths", document)
        .and_then(Object::as_array);
    let (Ok(first), Ok(widths)) = (first, widths) else {
        return HashMap::new();
    };
    (0..)
        .zip(widths.iter().take(256))
        .filter_map(|(at, width)| {
            let code = u16::try_from(first.checked_add(at)?).ok()?;
            Some((code, number(width, document)?))
        })
        .collect()
}

/// Two forms: `first [width width …]` and `first last width`.
fn wide_widths(font: &Dictionary, document: &Document, stop: &Stop) -> (HashMap<u16, f32>, f32) {
    let mut widths = HashMap::new();
    let inner = font
        .get_deref(b"DescendantFonts", document)
        .and_then(Object::as_array)
        .ok()
        .and_then(|fonts| document.dereference(fonts.first()?).ok())
        .and_then(|(_, font)| font.as_dict().ok());
    let Some(inner) = inner else {
        return (widths, USUAL_WIDTH);
    };
    let usual = inner.get_deref(b"DW", document).ok();
    let usual = usual
        .and_then(|width| number(width, document))
        .unwrap_or(1000.0);
    let table = inner.get_deref(b"W", document).and_then(Object::as_array);
    let mut entries = table.map(|table| table.iter()).unwrap_or_default();
    let mut read = 0;
    while read < MAX_WIDTHS
        && !stop.is_told()
        && let Some(first) = entries.next().and_then(|first| code(first, document))
    {
        let Some((_, second)) = entries
            .next()
            .and_then(|next| document.dereference(next).ok())
        else {
            break;
        };
        if let Ok(list) = second.as_array() {
            read += list.len();
            for (code, width) in (first..=u16::MAX).zip(list) {
                widths.extend(number(width, document).map(|width| (code, width)));
            }
        } else if let (Some(last), Some(width)) = (
            code(second, document),
            entries.next().and_then(|width| number(width, document)),
        ) {
            let codes = first..=last;
            read += codes.len();
            widths.extend(codes.map(|code| (code, width)));
        }
        read += 1;
    }
    (widths, usual)
}

fn number(object: &Object, document: &Document) -> Option<f32> {
    let (_, object) = document.dereference(object).ok()?;
    object.as_float().ok().filter(|number| number.is_finite())
}

fn code(object: &Object, document: &Document) -> Option<u16> {
    let (_, object) = document.dereference(object).ok()?;
    u16::try_from(object.as_i64().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_of_widths_without_end_or_sense_are_read_to_a_limit() {
        let document = Document::new();
        let range = [0.into(), 65_535.into(), 500.into()];
        let all: Vec<Object> = range.iter().cloned().cycle().take(300_000).collect();
        let mut inner = Dictionary::new();
        inner.set("W", all);
        let mut font = Dictionary::new();
        font.set("DescendantFonts", vec![Object::Dictionary(inner)]);
        let begin = std::time::Instant::now();
        let (widths, _) = wide_widths(&font, &document, &Stop::default());
        assert_eq!(widths.len(), 65_536);
        assert!(begin.elapsed() < std::time::Duration::from_secs(10));
        let mut narrow = Dictionary::new();
        narrow.set("FirstChar", i64::MAX);
        narrow.set("Widths", vec![Object::Integer(500); 3]);
        assert!(narrow_widths(&narrow, &document).is_empty());
    }
}
