//! HTML pages: what is read on them, as Markdown.
//!
//! The tags are taken one by one as they come. There is no tree, so neither depth nor wrong nesting can
//! exhaust the stack, and the time grows with the length only.

use html5gum::emitters::default::StartTag;
use html5gum::{DefaultEmitter, Token, Tokenizer};

use super::markdown::Markdown;
use super::meta::{Fields, is_language};
use super::table::Cell;
use super::{Draft, Parsed};

/// Begins the name of a meta tag that belongs to us: `<meta name="attendant:audience" content="agent">`.
const META_PREFIX: &str = "attendant:";

/// Elements whose content is no part of the text, or no longer holds.
const DROPPED: [&str; 18] = [
    "script", "style", "nav", "footer", "template", "noscript", "svg", "iframe", "object",
    "canvas", "audio", "video", "button", "select", "textarea", "del", "s", "strike",
];

/// Elements that never have an end tag.
const VOID: [&str; 13] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track",
    "wbr",
];

/// The charset that a page names in its first kilobyte.
pub(super) fn charset(bytes: &[u8]) -> Option<String> {
    let head = bytes.get(..bytes.len().min(1024)).unwrap_or_default();
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let (_, rest) = head.split_once("charset=")?;
    let name: String = rest
        .trim_start_matches(['"', '\''])
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':'))
        .collect();
    Some(name).filter(|name| !name.is_empty())
}

/// A page as one article.
pub(super) fn parse(text: &str) -> Result<Parsed, String> {
    let mut emitter = DefaultEmitter::default();
    // Without it the code in scripts would be read as tags and text.
    emitter.naively_switch_states(true);
    let mut page = Page::default();
    for token in Tokenizer::new_with_emitter(text, emitter) {
        let Ok(token) = token;
        match token {
            Token::StartTag(tag) => page.start(&tag)?,
            Token::EndTag(tag) => page.end(&name(&tag.name)),
            Token::String(text) => page.text(&String::from_utf8_lossy(&text)),
            _ => {}
        }
    }
    page.finish()
}

#[derive(Debug, Default)]
struct Page {
    body: Markdown,
    fields: Fields,
    title: String,
    language: Option<String>,
    notes: Vec<String>,
    in_title: bool,
    /// The element that is left out.
    dropped: Option<Dropped>,
    /// Headings that are open: on pages that fold, a button holds their words.
    titles: usize,
    /// Whether the rows are those of a table's head.
    in_head: bool,
    /// Whether the page says what its main part is, and how many of them are open.
    main: Option<usize>,
}

impl Page {
    fn start(&mut self, tag: &StartTag<()>) -> Result<(), String> {
        let name = name(&tag.name);
        if let Some(dropped) = &mut self.dropped {
            if !dropped.ends_before(&name) {
                dropped.enter(&name);
                return Ok(());
            }
            self.dropped = None;
        }
        let attribute = |key: &str| {
            tag.attributes
                .get(key.as_bytes())
                .map(|value| String::from_utf8_lossy(value).trim().to_owned())
        };
        let hidden = attribute("hidden").is_some()
            || attribute("aria-hidden").is_some_and(|value| value == "true")
            || attribute("style").is_some_and(|style| hides(&style));
        let name = name.as_str();
        let folds = name == "button" && self.titles > 0;
        if (hidden || DROPPED.contains(&name) && !folds) && !VOID.contains(&name) {
            // Without an end tag, XHTML's `<script/>` and the like have no content.
            let empty = tag.self_closing && !matches!(name, "script" | "style");
            if !empty {
                self.dropped = Some(Dropped::new(name));
            }
            return Ok(());
        }
        match name {
            "html" => self.language(attribute("lang")),
            "title" => self.in_title = self.title.is_empty(),
            "meta" => {
                let key = attribute("name").unwrap_or_default();
                if let Some(key) = key.strip_prefix(META_PREFIX) {
                    let value = attribute("content").unwrap_or_default();
                    if value.is_empty() {
                        return Err(format!("meta tag `{META_PREFIX}{key}` has no content"));
                    }
                    self.fields.add(key, &value)?;
                }
            }
            "main" => {
                // What stood before it is the frame of the page.
                if self.main.is_none() {
                    self.body.clear();
                }
                self.main = Some(self.main.unwrap_or(0) + 1);
            }
            "img" => {
                if let Some(alternative) = attribute("alt") {
                    self.text(&format!(" {alternative} "));
                }
            }
            _ => {
                self.titles += usize::from(is_title(name));
                self.open(name, &attribute);
            }
        }
        Ok(())
    }

    fn open(&mut self, name: &str, attribute: &dyn Fn(&str) -> Option<String>) {
        if !self.wanted() {
            return;
        }
        let is_arranging = || {
            let role = attribute("role").unwrap_or_default();
            matches!(role.as_str(), "presentation" | "none")
        };
        let body = &mut self.body;
        match name {
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => body.begin_heading(level(name)),
            "br" => body.line_break(),
            "ul" | "menu" => body.open_list(false),
            "ol" => body.open_list(true),
            "li" => body.begin_item(),
            // A table that only arranges the page is none.
            "table" if !is_arranging() => body.open_table(),
            "thead" => self.in_head = true,
            "tr" => {
                body.begin_row();
                if self.in_head {
                    body.row_is_head();
                }
            }
            "td" | "th" => body.begin_cell(cell(name, attribute)),
            "pre" => body.begin_preformatted(),
            "dd" => body.join(": "),
            _ if is_block(name) => body.end_block(),
            _ => {}
        }
    }

    fn end(&mut self, name: &str) {
        if let Some(dropped) = &mut self.dropped {
            match dropped.leave(name) {
                Left::Inside => return,
                Left::Closed => {
                    self.dropped = None;
                    return;
                }
                Left::Around => self.dropped = None,
            }
        }
        if is_title(name) {
            self.titles = self.titles.saturating_sub(1);
        }
        match name {
            "title" => self.in_title = false,
            "main" => {
                self.body.end_block();
                self.main = self.main.map(|open| open.saturating_sub(1));
            }
            _ if !self.wanted() => {}
            "ul" | "ol" | "menu" => self.body.close_list(),
            "table" => {
                self.in_head = false;
                self.body.close_table();
            }
            "thead" => self.in_head = false,
            "td" | "th" => self.body.end_cell(),
            "pre" => self.body.end_preformatted(),
            // Its description follows in the same paragraph.
            "dt" => {}
            _ if is_block(name) || level(name) > 0 => self.body.end_block(),
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if self.dropped.is_some() {
            return;
        }
        if self.in_title {
            self.title.push_str(text);
        } else if self.wanted() {
            self.body.text(text);
        }
    }

    /// Whether this place is read: all of a page that does not say what its main part is.
    fn wanted(&self) -> bool {
        self.main != Some(0)
    }

    fn language(&mut self, tag: Option<String>) {
        let Some(tag) = tag.filter(|tag| !tag.is_empty()) else {
            return;
        };
        let tag = tag.replace('_', "-");
        if is_language(&tag) {
            self.language = Some(tag);
        } else {
            self.notes
                .push(format!("lang=\"{tag}\" is no language tag; it is ignored"));
        }
    }

    fn finish(self) -> Result<Parsed, String> {
        let words: Vec<&str> = self.title.split_whitespace().collect();
        Ok(Parsed {
            drafts: vec![Draft {
                fields: self.fields,
                title: Some(words.join(" ")).filter(|title| !title.is_empty()),
                language: self.language,
                body: self.body.finish()?,
                place: None,
            }],
            notes: self.notes,
            refused: Vec::new(),
        })
    }
}

/// An element that is left out.
#[derive(Debug)]
struct Dropped {
    name: String,
    /// Elements of its name that are open, itself included.
    open: usize,
    /// Lists and tables that are open inside it; only counted where its end tag may be left out.
    inside: usize,
}

/// Where an end tag leaves an element that is left out.
enum Left {
    Inside,
    Closed,
    /// What is around it ended, and it with that.
    Around,
}

impl Dropped {
    fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            open: 1,
            inside: 0,
        }
    }

    /// Whether its end tag may be left out.
    fn is_open_ended(&self) -> bool {
        matches!(
            self.name.as_str(),
            "p" | "li" | "dt" | "dd" | "tr" | "td" | "th"
        )
    }

    /// Whether it has no end tag and ends where an element of this name begins.
    fn ends_before(&self, name: &str) -> bool {
        let ends = match self.name.as_str() {
            "p" => is_block(name) || level(name) > 0 || holds(name) || name == "pre",
            "li" => name == "li",
            "dt" | "dd" => matches!(name, "dt" | "dd"),
            "tr" => is_part(name) || name == "tr",
            "td" | "th" => is_part(name) || matches!(name, "tr" | "td" | "th"),
            _ => false,
        };
        ends && self.inside == 0
    }

    fn enter(&mut self, name: &str) {
        match self.is_open_ended() {
            true => self.inside += usize::from(holds(name)),
            false => self.open += usize::from(self.name == name),
        }
    }

    fn leave(&mut self, name: &str) -> Left {
        if !self.is_open_ended() {
            self.open -= usize::from(self.name == name);
            return match self.open {
                0 => Left::Closed,
                _ => Left::Inside,
            };
        }
        if self.inside > 0 {
            self.inside -= usize::from(holds(name));
            return Left::Inside;
        }
        let ends_around = match self.name.as_str() {
            "p" => is_block(name) || matches!(name, "td" | "th" | "tr"),
            "td" | "th" => name == "tr",
            _ => false,
        };
        if self.name == name {
            Left::Closed
        } else if ends_around || holds(name) || is_part(name) || name == "main" {
            Left::Around
        } else {
            Left::Inside
        }
    }
}

/// Lists and tables.
fn holds(name: &str) -> bool {
    matches!(name, "ul" | "ol" | "menu" | "dl" | "table")
}

/// Parts of a table.
fn is_part(name: &str) -> bool {
    matches!(name, "thead" | "tbody" | "tfoot")
}

/// What is read as a title, and may be a button on pages that fold.
fn is_title(name: &str) -> bool {
    level(name) > 0 || name == "summary"
}

fn cell(name: &str, attribute: &dyn Fn(&str) -> Option<String>) -> Cell {
    let count = |key: &str| attribute(key).and_then(|value| value.parse::<usize>().ok());
    let of_row = attribute("scope").is_some_and(|scope| scope.starts_with("row"));
    Cell {
        is_head: name == "th" && !of_row,
        columns: count("colspan").unwrap_or(1),
        // 0 is all rows that are left.
        rows: match count("rowspan") {
            Some(0) => usize::MAX,
            rows => rows.unwrap_or(1),
        },
        ..Cell::default()
    }
}

fn name(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

fn hides(style: &str) -> bool {
    let style: String = style.chars().filter(|c| !c.is_whitespace()).collect();
    let style = style.to_ascii_lowercase();
    ["display:none", "visibility:hidden", "line-through"]
        .iter()
        .any(|hides| style.contains(hides))
}

/// 1 to 6 for a heading, else 0.
fn level(name: &str) -> usize {
    match name.as_bytes() {
        [b'h', digit @ b'1'..=b'6'] => usize::from(digit - b'0'),
        _ => 0,
    }
}

fn is_block(name: &str) -> bool {
    matches!(
        name,
        "p" | "div"
            | "section"
            | "article"
            | "header"
            | "aside"
            | "body"
            | "blockquote"
            | "hr"
            | "li"
            | "dl"
            | "dt"
            | "dd"
            | "caption"
            | "figure"
            | "figcaption"
            | "details"
            | "summary"
            | "address"
            | "fieldset"
            | "legend"
            | "center"
    )
}
