//! Word files (Office Open XML): paragraphs by their styles, lists, tables.

use std::collections::HashMap;
use std::io::{Cursor, Read};

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;
use zip::ZipArchive;
use zip::result::ZipError;

use super::markdown::Markdown;
use super::table::Cell;
use super::{Draft, LoadOptions, Parsed};

/// How old Word files and encrypted new ones begin.
const OLE: [u8; 4] = [0xd0, 0xcf, 0x11, 0xe0];

/// A file as one article.
pub(super) fn parse(bytes: Vec<u8>, options: &LoadOptions) -> Result<Parsed, String> {
    if bytes.starts_with(&OLE) {
        return Err(
            "encrypted, or in the format of old Word versions; save it as DOCX without a password"
                .into(),
        );
    }
    let mut archive = ZipArchive::new(Cursor::new(bytes))
        .map_err(|error| format!("not a Word file ({error}); save it again"))?;
    let mut left = options.max_document_bytes;
    let document = part(&mut archive, "word/document.xml", &mut left)?
        .ok_or("not a Word file (it has no document); save it as DOCX")?;
    let styles = part(&mut archive, "word/styles.xml", &mut left)?.unwrap_or_default();
    let numbering = part(&mut archive, "word/numbering.xml", &mut left)?.unwrap_or_default();
    let mut text = Document {
        styles: Styles::read(&styles)?,
        numbering: Numbering::read(&numbering)?,
        ..Document::default()
    };
    let limit = usize::try_from(options.max_text_bytes).unwrap_or(usize::MAX);
    text.read(&document, limit)?;
    Ok(Parsed {
        drafts: vec![Draft {
            body: text.body.finish()?,
            ..Draft::default()
        }],
        ..Parsed::default()
    })
}

/// A part of the archive, if it is there. `left` is what may still be inflated, in bytes.
fn part(
    archive: &mut ZipArchive<Cursor<Vec<u8>>>,
    name: &str,
    left: &mut u64,
) -> Result<Option<String>, String> {
    let file = match archive.by_name(name) {
        Ok(file) => file,
        Err(ZipError::FileNotFound) => return Ok(None),
        Err(error) => return Err(format!("its {name} is damaged ({error}); save it again")),
    };
    let mut bytes = Vec::new();
    // What the archive says about sizes is not to be trusted.
    file.take(left.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|error| format!("its {name} is damaged ({error}); save it again"))?;
    *left = left.checked_sub(bytes.len() as u64).ok_or_else(|| {
        format!("its {name} inflates to more than any article; it may be a decompression bomb")
    })?;
    String::from_utf8(bytes)
        .map(Some)
        .map_err(|_| format!("its {name} is not UTF-8; save it again"))
}

/// Calls `handle` with every tag: its local name, the tag, and whether it opens (an empty one opens and
/// closes).
fn events(xml: &str, mut handle: impl FnMut(Seen<'_>) -> Result<(), String>) -> Result<(), String> {
    let mut reader = Reader::from_str(xml);
    loop {
        let event = reader
            .read_event()
            .map_err(|error| format!("damaged ({error}); save it again"))?;
        match event {
            Event::Start(tag) => handle(Seen::Open(&tag))?,
            Event::Empty(tag) => {
                handle(Seen::Open(&tag))?;
                handle(Seen::Close(tag.local_name().as_ref()))?;
            }
            Event::End(tag) => handle(Seen::Close(tag.local_name().as_ref()))?,
            Event::Text(text) => handle(Seen::Text(&text.xml10_content()))?,
            Event::CData(text) => handle(Seen::Text(&text.xml10_content()))?,
            Event::GeneralRef(entity) => {
                let known = match entity.resolve_char_ref() {
                    Ok(Some(c)) => Some(c.to_string()),
                    // Entities of its own would be a way to make a small file large.
                    _ => quick_xml::escape::resolve_xml_entity(&entity.into_inner())
                        .map(str::to_owned),
                };
                handle(Seen::Text(&known.unwrap_or_default()))?;
            }
            Event::Eof => return Ok(()),
            _ => {}
        }
    }
}

enum Seen<'a> {
    Open(&'a BytesStart<'a>),
    Close(&'a str),
    Text(&'a str),
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    tag.attributes().flatten().find_map(|attribute| {
        (attribute.key.local_name().as_ref() == name)
            .then(|| attribute.normalized_value(XmlVersion::Implicit1_0).ok())
            .flatten()
            .map(|value| value.into_owned())
    })
}

/// An on/off property: there and not switched off.
fn is_on(tag: &BytesStart<'_>) -> bool {
    !attribute(tag, "val").is_some_and(|value| matches!(value.as_str(), "false" | "0" | "off"))
}

/// A list level a paragraph belongs to.
#[derive(Clone, Debug, Default)]
struct Numbered {
    list: Option<String>,
    level: usize,
}

#[derive(Clone, Debug, Default)]
struct Style {
    heading: Option<usize>,
    contents: bool,
    numbered: Numbered,
}

#[derive(Debug, Default)]
struct Styles(HashMap<String, Style>);

impl Styles {
    fn read(xml: &str) -> Result<Self, String> {
        let mut styles = HashMap::new();
        let mut open: Option<(String, Style)> = None;
        events(xml, |seen| {
            match seen {
                Seen::Open(tag) => match (tag.local_name().as_ref(), &mut open) {
                    ("style", _) => {
                        let id = attribute(tag, "styleId").unwrap_or_default();
                        open = Some((id, Style::default()));
                    }
                    ("name", Some((_, style))) => {
                        let name = attribute(tag, "val").unwrap_or_default().to_lowercase();
                        style.contents = name.starts_with("toc ");
                        style.heading = match name.strip_prefix("heading ") {
                            Some(level) => level.trim().parse().ok(),
                            None => (name == "title").then_some(1),
                        };
                    }
                    ("outlineLvl", Some((_, style))) if style.heading.is_none() => {
                        style.heading = outline(tag);
                    }
                    (name, Some((_, style))) => numbered(name, tag, &mut style.numbered),
                    _ => {}
                },
                Seen::Close("style") => styles.extend(open.take()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self(styles))
    }
}

/// Levels 0 to 5 are headings, 9 is body text.
fn outline(tag: &BytesStart<'_>) -> Option<usize> {
    let level: usize = attribute(tag, "val")?.parse().ok()?;
    (level < 6).then_some(level + 1)
}

fn numbered(name: &str, tag: &BytesStart<'_>, numbered: &mut Numbered) {
    match name {
        "numId" => numbered.list = attribute(tag, "val"),
        "ilvl" => {
            let level = attribute(tag, "val").and_then(|value| value.parse().ok());
            numbered.level = level.unwrap_or(0);
        }
        _ => {}
    }
}

/// Which levels of which lists have numbers instead of bullets.
#[derive(Debug, Default)]
struct Numbering {
    lists: HashMap<String, String>,
    numbers: HashMap<(String, usize), bool>,
}

impl Numbering {
    fn read(xml: &str) -> Result<Self, String> {
        let mut numbering = Self::default();
        let (mut definition, mut level, mut list) = (String::new(), 0, String::new());
        events(xml, |seen| {
            let Seen::Open(tag) = seen else {
                return Ok(());
            };
            let value = || attribute(tag, "val").unwrap_or_default();
            match tag.local_name().as_ref() {
                "abstractNum" => definition = attribute(tag, "abstractNumId").unwrap_or_default(),
                "lvl" => {
                    let at = attribute(tag, "ilvl").and_then(|level| level.parse().ok());
                    level = at.unwrap_or(0);
                }
                "numFmt" => {
                    let is_number = !matches!(value().as_str(), "bullet" | "none");
                    numbering
                        .numbers
                        .insert((definition.clone(), level), is_number);
                }
                "num" => list = attribute(tag, "numId").unwrap_or_default(),
                "abstractNumId" => {
                    numbering.lists.insert(list.clone(), value());
                }
                _ => {}
            }
            Ok(())
        })?;
        Ok(numbering)
    }

    fn has_numbers(&self, list: &str, level: usize) -> bool {
        let definition = self.lists.get(list).cloned().unwrap_or_default();
        self.numbers
            .get(&(definition, level))
            .copied()
            .unwrap_or(false)
    }
}

#[derive(Debug, Default)]
struct Paragraph {
    style: Style,
    text: String,
}

#[derive(Debug, Default)]
struct Document {
    styles: Styles,
    numbering: Numbering,
    body: Markdown,
    /// Text boxes are paragraphs inside paragraphs.
    open: Vec<Paragraph>,
    /// Elements around the current place whose text is not part of the document.
    dropped: usize,
    in_text: bool,
    in_run: bool,
    hidden: bool,
    tables: usize,
}

impl Document {
    fn read(&mut self, xml: &str, limit: usize) -> Result<(), String> {
        events(xml, |seen| {
            match seen {
                Seen::Open(tag) => self.open(tag),
                Seen::Close(name) => self.close(name),
                Seen::Text(text) => {
                    if self.in_text {
                        self.text(text);
                    }
                }
            }
            if self.body.len() > limit {
                return Err(super::too_much_text(limit));
            }
            Ok(())
        })
    }

    fn open(&mut self, tag: &BytesStart<'_>) {
        let name = tag.local_name();
        let name = name.as_ref();
        if self.dropped > 0 || is_dropped(name) {
            self.dropped += usize::from(is_dropped(name));
            return;
        }
        match name {
            "p" => self.open.push(Paragraph::default()),
            "r" => {
                self.in_run = true;
                self.hidden = false;
            }
            "t" => self.in_text = true,
            "vanish" | "strike" | "dstrike" if self.in_run => self.hidden |= is_on(tag),
            "tab" if self.in_run => self.text("\t"),
            "br" | "cr" if self.in_run => self.text("\n"),
            "noBreakHyphen" => self.text("-"),
            "tbl" => {
                self.tables += 1;
                self.body.open_table();
            }
            "tr" => self.body.begin_row(),
            "tblHeader" if is_on(tag) => self.body.row_is_head(),
            "tc" => self.body.begin_cell(Cell::default()),
            "gridBefore" => {
                let skipped = Cell {
                    columns: count(tag),
                    ..Cell::default()
                };
                self.body.begin_cell(skipped);
                self.body.end_cell();
            }
            "gridSpan" => {
                if let Some(cell) = self.body.cell() {
                    cell.columns = count(tag);
                }
            }
            "vMerge" => {
                let begins = attribute(tag, "val").is_some_and(|value| value == "restart");
                if let Some(cell) = self.body.cell() {
                    cell.goes_on = !begins;
                }
            }
            "pStyle" => {
                let style = attribute(tag, "val").and_then(|id| self.styles.0.get(&id).cloned());
                if let (Some(paragraph), Some(style)) = (self.open.last_mut(), style) {
                    paragraph.style = style;
                }
            }
            "outlineLvl" => {
                if let Some(paragraph) = self.open.last_mut() {
                    paragraph.style.heading = outline(tag);
                }
            }
            _ => {
                if let Some(paragraph) = self.open.last_mut() {
                    numbered(name, tag, &mut paragraph.style.numbered);
                }
            }
        }
    }

    fn close(&mut self, name: &str) {
        if self.dropped > 0 {
            self.dropped -= usize::from(is_dropped(name));
            return;
        }
        match name {
            "p" => self.paragraph(),
            "r" => self.in_run = false,
            "t" => self.in_text = false,
            "tc" => self.body.end_cell(),
            "tbl" => {
                self.tables = self.tables.saturating_sub(1);
                self.body.close_table();
            }
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if let Some(paragraph) = self.open.last_mut()
            && !self.hidden
        {
            paragraph.text.push_str(text);
        }
    }

    fn paragraph(&mut self) {
        let Some(Paragraph { style, text }) = self.open.pop() else {
            return;
        };
        if style.contents || text.trim().is_empty() {
            return;
        }
        let Numbered { list, level } = &style.numbered;
        // List 0 takes a paragraph out of the list of its style.
        let list = list.as_deref().filter(|list| *list != "0");
        if let Some(level) = style.heading {
            self.body.begin_heading(level);
        } else if let (Some(list), 0) = (list, self.tables) {
            let numbers = self.numbering.has_numbers(list, *level);
            self.body.begin_item_at(level.saturating_add(1), numbers);
        } else {
            self.body.close_lists();
        }
        for (at, line) in text.split('\n').enumerate() {
            if at > 0 {
                self.body.line_break();
            }
            self.body.text(line);
        }
        self.body.end_block();
    }
}

/// How many columns a property says; one where it says nothing.
fn count(tag: &BytesStart<'_>) -> usize {
    let count = attribute(tag, "val").and_then(|value| value.parse().ok());
    count.unwrap_or(1)
}

/// Moved away, drawn instead by programs that cannot show a text box, deleted, or what it looked like before a change.
fn is_dropped(name: &str) -> bool {
    matches!(name, "Fallback" | "moveFrom" | "del") || name.ends_with("PrChange")
}
