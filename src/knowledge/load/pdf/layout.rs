//! From pieces of text on pages to headings, paragraphs, lists and tables.
//!
//! Pieces are taken in the order in which they are drawn, which for most programs is the order of reading.

use std::collections::HashMap;

use super::Fragment;
use crate::knowledge::load::markdown::Markdown;
use crate::knowledge::load::table::Cell;

/// Pieces of one line differ in height by less than this part of their size.
const SAME_LINE: f32 = 0.4;
/// A gap of this part of the size is a space.
const SPACE: f32 = 0.15;
/// A gap of this many sizes is the border between two cells.
const CELL: f32 = 1.8;
/// Cells of one column begin within so many sizes.
const SAME_COLUMN: f32 = 1.2;
/// Items of one list begin within so many sizes.
const SAME_LIST: f32 = 0.6;
/// Lines further apart than so many sizes are of two paragraphs.
const PARAGRAPH: f32 = 1.7;
/// Letters larger than those of the body by this factor are a heading.
const HEADING: f32 = 1.12;
/// Longer lines are no headings (characters).
const LONGEST_HEADING: usize = 120;
/// Sizes of headings that are told apart.
const HEADING_LEVELS: usize = 4;
/// Lines at the top and at the bottom of a page that may be its frame.
const FRAME: usize = 2;
/// Numbers in a line of the frame that are looked at one by one.
const MOST_NUMBERS: usize = 4;
/// Pages on which a line of the frame comes again.
const FRAME_PAGES: usize = 3;

const BULLETS: [char; 10] = ['•', '◦', '▪', '▫', '●', '○', '■', '‣', '∙', '·'];

#[derive(Clone, Debug)]
struct Line {
    /// Where each cell begins, and its text. One cell where the line is no row of a table.
    cells: Vec<(f32, String)>,
    end: f32,
    height: f32,
    size: f32,
    bold: bool,
    page: usize,
}

impl Line {
    fn text(&self) -> String {
        let texts: Vec<&str> = self.cells.iter().map(|(_, text)| text.as_str()).collect();
        texts.join(" ").trim().to_owned()
    }
}

/// The text of all pages, as Markdown.
pub(super) fn markdown(pages: Vec<Vec<Fragment>>) -> Result<String, String> {
    let mut pages: Vec<Vec<Line>> = pages
        .into_iter()
        .enumerate()
        .map(|(at, fragments)| lines(fragments, at))
        .collect();
    drop_frames(&mut pages);
    let lines: Vec<Line> = pages.into_iter().flatten().collect();
    let mut page = Writer {
        body: Markdown::default(),
        sizes: Sizes::of(&lines),
        bullets: Vec::new(),
    };
    let mut rest = lines.as_slice();
    let mut before: Option<&Line> = None;
    while let [line, after @ ..] = rest {
        let rows = table(rest);
        if rows > 1 {
            page.table(rest.get(..rows).unwrap_or_default());
            before = None;
            rest = rest.get(rows..).unwrap_or_default();
            continue;
        }
        page.line(line, before, after.first());
        before = Some(line);
        rest = after;
    }
    page.body.finish()
}

struct Writer {
    body: Markdown,
    sizes: Sizes,
    /// Where the bullets of the open lists stand, outermost first.
    bullets: Vec<f32>,
}

impl Writer {
    fn table(&mut self, rows: &[Line]) {
        let body = &mut self.body;
        self.bullets.clear();
        body.close_lists();
        body.open_table();
        for (at, row) in rows.iter().enumerate() {
            body.begin_row();
            // Only letters tell heads from what stands under them.
            if at == 0 && row.bold && rows.get(1).is_some_and(|next| !next.bold) {
                body.row_is_head();
            }
            for (_, cell) in &row.cells {
                body.begin_cell(Cell::default());
                body.text(cell);
            }
        }
        body.close_table();
    }

    fn line(&mut self, line: &Line, before: Option<&Line>, after: Option<&Line>) {
        let text = line.text();
        let level = self.sizes.heading(line, &text, after);
        let level_before = before.map_or(0, |before| {
            self.sizes.heading(before, &before.text(), Some(line))
        });
        let apart = before.is_none_or(|before| is_apart(before, line));
        let body = &mut self.body;
        if level > 0 {
            self.bullets.clear();
            // A heading may go on in the next line.
            if level != level_before || apart {
                body.begin_heading(level);
            }
            body.text(&text);
            body.text(" ");
            return;
        }
        if level_before > 0 {
            body.end_block();
        }
        if let Some(item) = bullet(&text) {
            let depth = depth(&mut self.bullets, line, before);
            body.begin_item_at(depth, false);
            body.text(item);
        } else if is_numbered(&text) {
            // The number is kept as it stands.
            self.bullets.clear();
            body.close_lists();
            body.end_block();
            body.text(&text);
        } else if apart || level_before > 0 {
            self.bullets.clear();
            body.end_block();
            body.close_lists();
            body.text(&text);
        } else {
            join(before, &text, body);
        }
    }
}

/// How deep the item of a line is, by how far to the right its bullet stands.
fn depth(bullets: &mut Vec<f32>, line: &Line, before: Option<&Line>) -> usize {
    let start = line.cells.first().map_or(0.0, |(start, _)| *start);
    let near = SAME_LIST * line.size;
    // In another column everything stands further to the right.
    if before.is_some_and(|before| before.page == line.page && before.height < line.height) {
        bullets.clear();
    }
    while bullets.last().is_some_and(|last| start < last - near) {
        bullets.pop();
    }
    if bullets.last().is_none_or(|last| start > last + near) {
        bullets.push(start);
    }
    bullets.len()
}

/// Goes on with the paragraph; a word that was divided at the end of the line is put together.
fn join(before: Option<&Line>, text: &str, body: &mut Markdown) {
    let end = before.map(Line::text).unwrap_or_default();
    let divided = end
        .strip_suffix('-')
        .is_some_and(|word| word.ends_with(char::is_lowercase))
        && text.starts_with(char::is_lowercase);
    if divided || end.ends_with('\u{ad}') {
        body.unjoin();
    } else {
        body.text(" ");
    }
    body.text(text);
}

fn is_apart(before: &Line, line: &Line) -> bool {
    let sizes = before.size.max(line.size);
    if (before.size - line.size).abs() > 0.1 * sizes {
        return true;
    }
    let down = before.height - line.height;
    if before.page == line.page && down > 0.0 {
        return down > PARAGRAPH * sizes;
    }
    // A new page or column: the sentence may go on.
    let text = line.text();
    let ended = before.text().ends_with(['.', '!', '?', ':']);
    ended || !text.starts_with(char::is_lowercase)
}

fn bullet(text: &str) -> Option<&str> {
    let rest = text.strip_prefix(BULLETS).or_else(|| {
        let rest = text.strip_prefix(['-', '–', '—', '*'])?;
        rest.starts_with(char::is_whitespace).then_some(rest)
    })?;
    Some(rest.trim()).filter(|rest| !rest.is_empty())
}

fn is_numbered(text: &str) -> bool {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let rest = text.get(digits..).unwrap_or_default();
    (1..=2).contains(&digits) && (rest.starts_with(". ") || rest.starts_with(") "))
}

/// Puts the pieces of a page into lines.
fn lines(fragments: Vec<Fragment>, page: usize) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for fragment in fragments {
        if fragment.text.is_empty() {
            continue;
        }
        let size = fragment.size.max(1.0);
        let last = lines.last_mut().filter(|line| {
            (line.height - fragment.line).abs() < SAME_LINE * size.max(line.size)
                && fragment.start - line.end > -size
        });
        let Some(line) = last else {
            if fragment.text.trim().is_empty() {
                continue;
            }
            lines.push(Line {
                cells: vec![(fragment.start, fragment.text)],
                end: fragment.end,
                height: fragment.line,
                size,
                bold: fragment.bold,
                page,
            });
            continue;
        };
        let gap = fragment.start - line.end;
        line.end = fragment.end.max(line.end);
        line.bold &= fragment.bold || fragment.text.trim().is_empty();
        line.size = line.size.max(size);
        let Some((_, text)) = line.cells.last_mut() else {
            continue;
        };
        if gap > CELL * size && !fragment.text.trim().is_empty() {
            line.cells.push((fragment.start, fragment.text));
        } else {
            let spaced = text.ends_with(char::is_whitespace) || fragment.text.starts_with(' ');
            if gap > SPACE * size && !spaced {
                text.push(' ');
            }
            text.push_str(&fragment.text);
        }
    }
    lines
}

/// How many lines from here on are rows of one table: as many cells each, in the same columns.
fn table(lines: &[Line]) -> usize {
    let Some(first) = lines.first().filter(|line| line.cells.len() > 1) else {
        return 0;
    };
    if bullet(&first.text()).is_some() || is_numbered(&first.text()) {
        return 0;
    }
    let aligned = |line: &&Line| {
        line.cells.len() == first.cells.len()
            && line
                .cells
                .iter()
                .zip(&first.cells)
                .all(|((a, _), (b, _))| (a - b).abs() < SAME_COLUMN * first.size)
    };
    lines.iter().take_while(aligned).count()
}

/// Leaves out what stands at the top or the bottom of most pages, and page numbers.
fn drop_frames(pages: &mut [Vec<Line>]) {
    let mut seen: HashMap<String, usize> = HashMap::new();
    for page in pages.iter() {
        for (at, line) in page.iter().enumerate() {
            if in_frame(at, page.len()) {
                for likeness in likenesses(line) {
                    *seen.entry(likeness).or_insert(0) += 1;
                }
            }
        }
    }
    let often = FRAME_PAGES.max(pages.len() / 2);
    for page in pages {
        let length = page.len();
        let mut at = 0;
        page.retain(|line| {
            let framed = in_frame(at, length);
            at += 1;
            let comes_again = || {
                let mut known = likenesses(line).into_iter();
                known.any(|known| seen.get(&known).is_some_and(|n| *n >= often))
            };
            !(framed && (is_page_number(&shape(line)) || comes_again()))
        });
    }
}

/// How a line is the same on other pages: as it stands, or with one of its numbers, or all, counted on from page to page.
/// Titles that differ by a number otherwise ("Fibre 100", "Fibre 300") are not.
fn likenesses(line: &Line) -> Vec<String> {
    let text = line.text().to_lowercase();
    let mut parts: Vec<(String, Option<String>)> = Vec::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let (words, digits) = rest.split_at(at);
        let end = digits.find(|c: char| !c.is_ascii_digit());
        let (digits, after) = digits.split_at(end.unwrap_or(digits.len()));
        let number = digits.parse::<i64>().ok();
        let page = i64::try_from(line.page).unwrap_or(i64::MAX);
        let counted = number.map(|number| format!("#{}", number.saturating_sub(page)));
        parts.push((words.to_owned(), None));
        parts.push((digits.to_owned(), counted));
        rest = after;
    }
    parts.push((rest.to_owned(), None));
    let with = |counted: &dyn Fn(usize) -> bool| -> String {
        let told = parts.iter().enumerate();
        let told = told.map(|(at, (as_it_is, number))| match number {
            Some(number) if counted(at) => number.as_str(),
            _ => as_it_is.as_str(),
        });
        told.collect()
    };
    let mut found = vec![with(&|_| false)];
    let numbers = parts.iter().filter(|(_, number)| number.is_some()).count();
    if numbers > 0 {
        found.push(with(&|_| true));
    }
    if (2..=MOST_NUMBERS).contains(&numbers) {
        found.extend(
            (0..parts.len())
                .step_by(2)
                .map(|one| with(&|at| at == one + 1)),
        );
    }
    found.dedup();
    found
}

fn in_frame(at: usize, length: usize) -> bool {
    // A short page is all text.
    length > 2 * FRAME && (at < FRAME || at + FRAME >= length)
}

/// A line without its digits, so that page numbers are the same everywhere.
fn shape(line: &Line) -> String {
    let mut shape = String::new();
    for c in line.text().to_lowercase().chars() {
        if !c.is_numeric() {
            shape.push(c);
        } else if !shape.ends_with('#') {
            shape.push('#');
        }
    }
    shape
}

fn is_page_number(shape: &str) -> bool {
    matches!(
        shape.trim_matches(['-', '–', ' ']),
        "#" | "page #" | "page # of #" | "seite #" | "seite # von #" | "# / #" | "#/#" | "# of #"
    )
}

/// Which sizes of letters are headings.
struct Sizes {
    body: f32,
    headings: Vec<f32>,
}

impl Sizes {
    fn of(lines: &[Line]) -> Self {
        let mut letters: HashMap<u32, usize> = HashMap::new();
        for line in lines {
            *letters.entry(rounded(line.size)).or_insert(0) += line.text().chars().count();
        }
        let body = letters.iter().max_by_key(|(size, count)| (**count, **size));
        let body = body.map_or(0.0, |(size, _)| *size as f32 / 2.0);
        let mut headings: Vec<f32> = letters
            .keys()
            .map(|size| *size as f32 / 2.0)
            .filter(|size| *size > body * HEADING)
            .collect();
        headings.sort_by(|a, b| b.total_cmp(a));
        Self { body, headings }
    }

    /// 1 to 6 for a heading, else 0.
    fn heading(&self, line: &Line, text: &str, after: Option<&Line>) -> usize {
        let length = text.chars().count();
        if length > LONGEST_HEADING || !text.chars().any(char::is_alphabetic) {
            return 0;
        }
        let size = rounded(line.size) as f32 / 2.0;
        if size > self.body * HEADING {
            let place = self.headings.iter().position(|known| *known <= size);
            return place.unwrap_or(0).min(HEADING_LEVELS - 1) + 1;
        }
        // Bold and alone in its line, with plain text or a table after it.
        let plain_after = after.is_some_and(|after| !after.bold || after.cells.len() > 1);
        let sentence = text.ends_with(['.', ',', ';', ':']);
        let single = line.cells.len() == 1 && bullet(text).is_none();
        if line.bold && plain_after && !sentence && single && size >= self.body * 0.95 {
            return (self.headings.len().min(HEADING_LEVELS) + 1).min(6);
        }
        0
    }
}

/// In half points.
fn rounded(size: f32) -> u32 {
    (size * 2.0).round() as u32
}
