//! Bytes of a file, and the text in them.

use std::io::Read;
use std::path::Path;

/// One control character in so many characters is no text any more.
const CHARACTERS_PER_CONTROL: usize = 200;

/// Why a file gave no article.
#[derive(Debug)]
pub(super) enum Unread {
    /// The system did not hand it over, or had no time or thread for it; tomorrow it may.
    Unreachable(String),
    /// It is not what we take.
    Refused(String),
}

impl Unread {
    /// The same of another file.
    pub(super) fn map(self, about: impl FnOnce(String) -> String) -> Self {
        match self {
            Self::Unreachable(why) => Self::Unreachable(about(why)),
            Self::Refused(why) => Self::Refused(about(why)),
        }
    }
}

/// What a parser does not take.
impl From<String> for Unread {
    fn from(why: String) -> Self {
        Self::Refused(why)
    }
}

/// All bytes of a file that is no larger than `limit` bytes. A larger one is not read at all.
pub(super) fn read(path: &Path, limit: u64) -> Result<Vec<u8>, Unread> {
    let unreachable =
        |error: std::io::Error| Unread::Unreachable(format!("cannot be read: {error}"));
    let about = std::fs::metadata(path).map_err(unreachable)?;
    if !about.is_file() {
        // Reading a pipe could wait for ever.
        return Err(Unread::Refused("not a regular file".into()));
    }
    let large = || {
        Unread::Refused(format!(
            "larger than {} MB; split it into articles",
            limit / 1024 / 1024
        ))
    };
    if about.len() > limit {
        return Err(large());
    }
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(limit.saturating_add(1)).read_to_end(&mut bytes))
        .map_err(unreachable)?;
    // It may have grown meanwhile.
    if bytes.len() as u64 > limit {
        return Err(large());
    }
    Ok(bytes)
}

/// The text in `bytes`, with a remark where its encoding had to be guessed or named by `label`
/// (the charset of an HTML page).
///
/// UTF-8, UTF-16 with a byte order mark, or a legacy encoding found by the letters that occur.
pub(super) fn decode(
    bytes: &[u8],
    label: Option<&str>,
) -> Result<(String, Option<String>), String> {
    let (text, note) = match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => (utf8(rest)?.to_owned(), None),
        [0xff, 0xfe, rest @ ..] => (utf16(rest, u16::from_le_bytes)?, None),
        [0xfe, 0xff, rest @ ..] => (utf16(rest, u16::from_be_bytes)?, None),
        _ if bytes.contains(&0) => {
            return Err("holds zero bytes; it is not a text file".into());
        }
        _ => match utf8(bytes) {
            Ok(text) => (text.to_owned(), None),
            Err(why) => legacy(bytes, label).ok_or(why)??,
        },
    };
    if text.contains('\0') {
        return Err("holds zero bytes; it is not a text file".into());
    }
    let control = |c: &char| c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\x0c');
    let controls = text.chars().filter(control).count();
    if controls * CHARACTERS_PER_CONTROL > text.chars().count() {
        return Err("full of control characters; it is not a text file".into());
    }
    Ok((text.replace("\r\n", "\n").replace('\r', "\n"), note))
}

fn utf8(bytes: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(bytes)
        .map_err(|error| format!("not UTF-8 (byte {}); save it as UTF-8", error.valid_up_to()))
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, String> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    if !rest.is_empty() {
        return Err("UTF-16 with half a character at its end; save it as UTF-8".into());
    }
    char::decode_utf16(pairs.iter().map(|pair| unit(*pair)))
        .collect::<Result<String, _>>()
        .map_err(|_| "damaged UTF-16; save it as UTF-8".to_owned())
}

type Decoded = Result<(String, Option<String>), String>;

/// `None` where this build knows no legacy encodings.
#[cfg(feature = "documents")]
fn legacy(bytes: &[u8], label: Option<&str>) -> Option<Decoded> {
    let named = label.and_then(|label| encoding_rs::Encoding::for_label(label.as_bytes()));
    let encoding = named
        .filter(|encoding| *encoding != encoding_rs::UTF_8)
        .unwrap_or_else(|| {
            let mut detector =
                chardetng::EncodingDetector::new(chardetng::Iso2022JpDetection::Deny);
            detector.feed(bytes, true);
            detector.guess(None, chardetng::Utf8Detection::Deny)
        });
    let (text, damaged) = encoding.decode_without_bom_handling(bytes);
    Some(if damaged {
        Err(format!(
            "neither UTF-8 nor {} nor another encoding that is known; save it as UTF-8",
            encoding.name()
        ))
    } else {
        let note = format!(
            "not UTF-8, read as {}; check the letters with accents, or save it as UTF-8",
            encoding.name()
        );
        Ok((text.into_owned(), Some(note)))
    })
}

#[cfg(not(feature = "documents"))]
fn legacy(_bytes: &[u8], _label: Option<&str>) -> Option<Decoded> {
    None
}
