//! Writes Markdown block by block: the one form in which all formats reach the chunker.

use super::table::{Cell, Table};

/// Deeper items are written at this depth: indentation would grow with the square of the nesting.
const DEEPEST_ITEM: usize = 12;

/// A Markdown text that grows.
#[derive(Debug, Default)]
pub(super) struct Markdown {
    out: String,
    /// Text of the block that is open; white space is collapsed already.
    text: String,
    block: Block,
    lists: Vec<List>,
    /// How many of the open lists, from the outermost on, have an item already.
    begun: usize,
    /// Open tables: only the outermost one is written as such.
    tables: usize,
    table: Table,
    /// The open cell of the outermost table.
    cell: Option<Cell>,
    preformatted: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Block {
    #[default]
    Paragraph,
    Heading(usize),
    /// The first block of a list item.
    Item,
}

#[derive(Debug)]
struct List {
    /// Number of the item to come; `None` where items are not numbered.
    next: Option<usize>,
}

impl Markdown {
    /// Text of the open block; runs of white space become one space.
    pub(super) fn text(&mut self, text: &str) {
        if self.preformatted {
            self.text.push_str(text);
            return;
        }
        for c in text.chars() {
            if !c.is_whitespace() {
                self.text.push(c);
            } else if !self.text.is_empty() && !self.text.ends_with([' ', '\n']) {
                self.text.push(' ');
            }
        }
    }

    /// Joins what follows to the text of the open block.
    pub(super) fn join(&mut self, with: &str) {
        let end = self.text.trim_end().len();
        self.text.truncate(end);
        if end > 0 {
            self.text.push_str(with);
        }
    }

    /// Takes the hyphen at the end of the open block away, so that the two halves of a word meet.
    pub(super) fn unjoin(&mut self) {
        let end = self.text.trim_end().len();
        self.text.truncate(end);
        if self.text.ends_with(['-', '\u{ad}']) {
            self.text.pop();
        }
    }

    /// A new line in the open block.
    pub(super) fn line_break(&mut self) {
        if self.preformatted {
            self.text.push('\n');
        } else if self.tables > 0 || self.block != Block::Paragraph {
            self.text(" ");
        } else if !self.text.is_empty() {
            let end = self.text.trim_end().len();
            self.text.truncate(end);
            self.text.push('\n');
        }
    }

    /// Ends the open block and opens a heading (1 to 6), which [`end_block`](Self::end_block) ends.
    pub(super) fn begin_heading(&mut self, level: usize) {
        self.end_block();
        // A heading inside a table is only text.
        if self.tables == 0 {
            self.lists.clear();
            self.begun = 0;
            self.block = Block::Heading(level.clamp(1, 6));
        }
    }

    /// Ends the open block; what follows is a paragraph.
    pub(super) fn end_block(&mut self) {
        if self.preformatted {
            return;
        }
        if self.cell.is_some() {
            self.text(" ");
            return;
        }
        let text = std::mem::take(&mut self.text);
        let text = text.trim();
        let block = std::mem::take(&mut self.block);
        if text.is_empty() {
            // An item may have its text in a block of its own.
            if block == Block::Item {
                self.block = block;
            }
            return;
        }
        match (block, self.lists.len()) {
            (Block::Heading(level), _) => {
                let line = format!("{} {text}", "#".repeat(level));
                self.write_apart(&line);
            }
            (_, 0) => self.write_apart(text),
            (Block::Item, depth) => self.write_item(depth, text),
            (_, depth) => {
                let indent = "  ".repeat(depth.min(DEEPEST_ITEM));
                self.write_line(&indent, &text.replace('\n', &format!("\n{indent}")));
            }
        }
    }

    /// Opens a list inside the open ones.
    pub(super) fn open_list(&mut self, numbered: bool) {
        self.end_block();
        // An item whose text is only a list.
        self.block = Block::Paragraph;
        if self.tables == 0 {
            self.lists.push(List {
                next: numbered.then_some(1),
            });
        }
    }

    /// Closes the innermost list.
    pub(super) fn close_list(&mut self) {
        self.end_block();
        self.block = Block::Paragraph;
        if self.tables == 0 {
            self.lists.pop();
            self.begun = self.begun.min(self.lists.len());
        }
    }

    /// Begins an item of the innermost list; without a list, of a new one.
    pub(super) fn begin_item(&mut self) {
        if self.tables > 0 {
            self.end_block();
            return;
        }
        if self.lists.is_empty() {
            self.open_list(false);
        }
        self.end_block();
        self.block = Block::Item;
    }

    /// Begins an item at a depth (1 is the outermost), for formats whose items are no tree.
    pub(super) fn begin_item_at(&mut self, depth: usize, numbered: bool) {
        self.end_block();
        if self.tables > 0 {
            return;
        }
        let depth = depth.clamp(1, DEEPEST_ITEM);
        while self.lists.len() > depth {
            self.close_list();
        }
        if self.lists.len() == depth
            && self
                .lists
                .last()
                .is_some_and(|list| list.next.is_some() != numbered)
        {
            self.close_list();
        }
        while self.lists.len() < depth {
            self.open_list(numbered);
        }
        self.begin_item();
    }

    /// Closes all lists.
    pub(super) fn close_lists(&mut self) {
        while !self.lists.is_empty() && self.tables == 0 {
            self.close_list();
        }
    }

    /// Begins preformatted text (code).
    pub(super) fn begin_preformatted(&mut self) {
        self.end_block();
        self.preformatted = self.tables == 0;
    }

    /// Ends preformatted text.
    pub(super) fn end_preformatted(&mut self) {
        if !std::mem::take(&mut self.preformatted) {
            return;
        }
        let text = std::mem::take(&mut self.text);
        let text = text.trim_matches('\n').trim_end();
        if !text.is_empty() {
            let fence = if text.contains("```") { "~~~" } else { "```" };
            self.write_apart(&format!("{fence}\n{text}\n{fence}"));
        }
    }

    /// Opens a table; one inside another becomes text of its cell.
    pub(super) fn open_table(&mut self) {
        self.end_block();
        self.tables += 1;
    }

    /// Begins a row.
    pub(super) fn begin_row(&mut self) {
        if self.tables == 1 {
            self.end_cell();
            self.table.begin_row();
        }
    }

    /// Says that the open row is one of heads.
    pub(super) fn row_is_head(&mut self) {
        if self.tables == 1 {
            self.table.is_head();
        }
    }

    /// Begins a cell of the row.
    pub(super) fn begin_cell(&mut self, cell: Cell) {
        match self.tables {
            1 => {
                self.end_cell();
                // A caption, or text that stands between the cells.
                self.end_block();
                self.cell = Some(cell);
            }
            // A table that only arranges the page.
            0 => self.end_block(),
            _ => self.text(" "),
        }
    }

    /// The open cell, for formats that describe it inside it.
    pub(super) fn cell(&mut self) -> Option<&mut Cell> {
        self.cell.as_mut().filter(|_| self.tables == 1)
    }

    /// Ends the cell.
    pub(super) fn end_cell(&mut self) {
        let Some(cell) = self.cell.take_if(|_| self.tables == 1) else {
            return;
        };
        let text = std::mem::take(&mut self.text);
        let text = text.trim().replace('\n', " ").replace('|', "\\|");
        self.table.push(text, cell);
    }

    /// Closes a table and writes it.
    pub(super) fn close_table(&mut self) {
        if self.tables != 1 {
            self.tables = self.tables.saturating_sub(1);
            return;
        }
        self.end_cell();
        self.tables = 0;
        self.end_block();
        for block in self.table.finish() {
            self.write_apart(&block);
        }
    }

    /// Forgets what was written so far.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Bytes written so far.
    pub(super) fn len(&self) -> usize {
        self.out.len() + self.text.len()
    }

    /// The text; whatever is open is closed.
    ///
    /// # Errors
    /// Why it cannot be written: tables whose heads and sections would fill the memory.
    pub(super) fn finish(mut self) -> Result<String, String> {
        self.end_preformatted();
        while self.tables > 0 {
            self.close_table();
        }
        self.end_block();
        match self.table.is_too_much() {
            true => Err("its tables repeat too much; save them as plain tables".into()),
            false => Ok(self.out.trim().to_owned()),
        }
    }

    fn write_apart(&mut self, block: &str) {
        if !self.out.is_empty() {
            self.out.push_str("\n\n");
        }
        self.out.push_str(block);
        self.begun = 0;
    }

    fn write_line(&mut self, indent: &str, text: &str) {
        if !self.out.is_empty() {
            self.out.push('\n');
        }
        self.out.push_str(indent);
        self.out.push_str(text);
    }

    fn write_item(&mut self, depth: usize, text: &str) {
        // The first item of all is set apart from the text before it.
        if self.begun == 0 && !self.out.is_empty() {
            self.out.push('\n');
        }
        let Some(list) = self.lists.last_mut() else {
            return;
        };
        let marker = match &mut list.next {
            Some(number) => {
                let marker = format!("{number}. ");
                *number += 1;
                marker
            }
            None => "- ".to_owned(),
        };
        self.begun = self.lists.len();
        let indent = "  ".repeat(depth.min(DEEPEST_ITEM) - 1);
        let text = text.replace('\n', &format!("\n{indent}  "));
        self.write_line(&indent, &format!("{marker}{text}"));
    }
}
