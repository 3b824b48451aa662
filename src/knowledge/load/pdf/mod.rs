//! PDF files: the text that is drawn on the pages, put in order by where and how large it stands.

mod content;
mod font;
mod layout;

use lopdf::{Document, LoadOptions as PdfOptions};

use super::guard::Stop;
use super::{Draft, Parsed};
use content::Canvas;

/// Largest part of a file once it is inflated, in bytes: the parser makes a hundred bytes of two.
const MAX_INFLATED: usize = 16 * 1024 * 1024;

/// Pages without text that a note names.
const NAMED_PAGES: usize = 10;

/// Of so many characters, one that has no meaning is too much.
const CHARACTERS_PER_UNKNOWN: usize = 5;

/// A piece of text as it is drawn at once.
#[derive(Clone, Debug, PartialEq)]
struct Fragment {
    /// Where it begins and ends, in points from the left.
    start: f32,
    end: f32,
    /// Its base line, in points from the bottom.
    line: f32,
    /// Height of the letters in points.
    size: f32,
    bold: bool,
    text: String,
}

/// A file as one article.
pub(super) fn parse(bytes: &[u8], stop: &Stop) -> Result<Parsed, String> {
    if !bytes
        .get(..bytes.len().min(1024))
        .is_some_and(|head| head.windows(5).any(|five| five == b"%PDF-"))
    {
        return Err("not a PDF file".into());
    }
    let pdf_options = PdfOptions::with_max_decompressed_size(MAX_INFLATED);
    let mut document = Document::load_mem_with_options(bytes, pdf_options).map_err(refusal)?;
    // What a password opened has no such entry any more.
    if document.trailer.has(b"Encrypt") {
        return Err(ENCRYPTED.into());
    }
    font::prefer_unicode_maps(&mut document);
    let mut pages: Vec<Vec<Fragment>> = Vec::new();
    let mut canvas = Canvas::new(&document, stop);
    for page in document.page_iter() {
        pages.push(canvas.page(page)?);
    }
    if pages.is_empty() {
        return Err("damaged (there are no pages); save it again".into());
    }
    let empty: Vec<String> = pages
        .iter()
        .enumerate()
        .filter(|(_, page)| page.iter().all(|fragment| fragment.text.trim().is_empty()))
        .map(|(at, _)| (at + 1).to_string())
        .collect();
    if empty.len() == pages.len() {
        return Err("no text; if it is a scan, run OCR first".into());
    }
    let texts = || pages.iter().flatten().flat_map(|f| f.text.chars());
    let unknown = texts().filter(|c| *c == char::REPLACEMENT_CHARACTER || c.is_control());
    if unknown.count() * CHARACTERS_PER_UNKNOWN > texts().count() {
        return Err(
            "its fonts do not say what their letters mean; run OCR, or export it again".into(),
        );
    }
    let mut notes = Vec::new();
    if !empty.is_empty() {
        let named = empty
            .get(..empty.len().min(NAMED_PAGES))
            .unwrap_or_default();
        let more = if empty.len() > NAMED_PAGES {
            ", …"
        } else {
            ""
        };
        notes.push(format!(
            "no text on page {}{more}; if these are scans, run OCR first",
            named.join(", ")
        ));
    }
    Ok(Parsed {
        drafts: vec![Draft {
            body: layout::markdown(pages)?,
            ..Draft::default()
        }],
        notes,
        refused: Vec::new(),
    })
}

const ENCRYPTED: &str = "encrypted; save it without a password";

fn refusal(error: lopdf::Error) -> String {
    match error {
        lopdf::Error::InvalidPassword
        | lopdf::Error::Decryption(_)
        | lopdf::Error::UnsupportedSecurityHandler(_) => ENCRYPTED.into(),
        error => format!("damaged ({error}); save it again"),
    }
}
