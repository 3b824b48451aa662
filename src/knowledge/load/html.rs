//! HTML pages: what is read on them, as Markdown.
//!
//! The tags are taken one by one as they come. There is no tree, so neither depth nor wrong nesting can
//! exhaust the stack, and the time grows with the length only.

use html5gum::emitters::default::StartTag;
use html5gum::{DefaultEmitter, Token, Tokenizer};

use super::markdown::Markdown;
use super::meta::{Fields, is_language};
use super::{Draft, Parsed};

/// Begins the name of a meta tag that belongs to us: `<meta name="attendant:audience" content="agent">`.
const META_PREFIX: &str = "attendant:";

/// Elements whose content is no part of the text.
const DROPPED: [&str; 15] = [
    "script", "style", "nav", "footer", "template", "noscript", "svg", "iframe", "object",
    "canvas", "audio", "video", "button", "select", "textarea",
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
    Ok(page.finish())
}

#[derive(Debug, Default)]
struct Page {
    body: Markdown,
    fields: Fields,
    title: String,
    language: Option<String>,
    notes: Vec<String>,
    in_title: bool,
    /// The element that is left out, and how many of its name are open inside it.
    dropped: Option<(String, usize)>,
    /// Whether the page says what its main part is, and how many of them are open.
    main: Option<usize>,
}

impl Page {
    fn start(&mut self, tag: &StartTag<()>) -> Result<(), String> {
        let name = name(&tag.name);
        if let Some((dropped, open)) = &mut self.dropped {
            if *dropped == name {
                *open += 1;
            }
            return Ok(());
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
        if (hidden || DROPPED.contains(&name)) && !VOID.contains(&name) {
            // Without an end tag, XHTML's `<script/>` and the like have no content.
            let empty = tag.self_closing && !matches!(name, "script" | "style");
            if !empty {
                self.dropped = Some((name.to_owned(), 1));
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
            _ => self.open(name, attribute("role").as_deref()),
        }
        Ok(())
    }

    fn open(&mut self, name: &str, role: Option<&str>) {
        if !self.wanted() {
            return;
        }
        let body = &mut self.body;
        match name {
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => body.begin_heading(level(name)),
            "br" => body.line_break(),
            "ul" | "menu" => body.open_list(false),
            "ol" => body.open_list(true),
            "li" => body.begin_item(),
            // A table that only arranges the page is none.
            "table" if !matches!(role, Some("presentation" | "none")) => body.open_table(),
            "tr" => body.begin_row(),
            "td" | "th" => body.begin_cell(),
            "pre" => body.begin_preformatted(),
            "dd" => body.join(": "),
            _ if is_block(name) => body.end_block(),
            _ => {}
        }
    }

    fn end(&mut self, name: &str) {
        if let Some((dropped, open)) = &mut self.dropped {
            if dropped == name {
                *open -= 1;
                if *open == 0 {
                    self.dropped = None;
                }
            }
            return;
        }
        match name {
            "title" => self.in_title = false,
            "main" => {
                self.body.end_block();
                self.main = self.main.map(|open| open.saturating_sub(1));
            }
            _ if !self.wanted() => {}
            "ul" | "ol" | "menu" => self.body.close_list(),
            "table" => self.body.close_table(),
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

    fn finish(self) -> Parsed {
        let words: Vec<&str> = self.title.split_whitespace().collect();
        Parsed {
            drafts: vec![Draft {
                fields: self.fields,
                title: Some(words.join(" ")).filter(|title| !title.is_empty()),
                language: self.language,
                body: self.body.finish(),
                place: None,
            }],
            notes: self.notes,
            refused: Vec::new(),
        }
    }
}

fn name(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

fn hides(style: &str) -> bool {
    let style: String = style.chars().filter(|c| !c.is_whitespace()).collect();
    let style = style.to_ascii_lowercase();
    style.contains("display:none") || style.contains("visibility:hidden")
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
