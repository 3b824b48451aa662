//! Rows of a table as Markdown: cells that span columns or rows are repeated, so that every cell stands under its head.

/// Bytes that repeated cells of one document may take: a few tags could ask for any number of them.
const MAX_REPEATED: usize = 1024 * 1024;
/// What a repeated cell counts for beside its text.
const CELL_BYTES: usize = 32;
/// Bytes that heads and sections of one document may take where they are written again: as much as a whole article.
const MAX_HEADS: usize = 4 * 1024 * 1024;
/// Columns that one cell may span.
const MAX_COLUMNS: usize = 100;

/// What a cell is beside its text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cell {
    /// Whether it is a head of its column.
    pub(super) is_head: bool,
    pub(super) columns: usize,
    pub(super) rows: usize,
    /// Whether the cell above it goes on here.
    pub(super) goes_on: bool,
}

impl Default for Cell {
    fn default() -> Self {
        Self {
            is_head: false,
            columns: 1,
            rows: 1,
            goes_on: false,
        }
    }
}

#[derive(Debug, Default)]
struct Row {
    cells: Vec<String>,
    /// Whether the table says that it is a row of heads.
    given: bool,
    /// Cells with words that are heads, and others.
    heads: usize,
    others: usize,
    /// Cells of its own: not those that go on from above.
    own: usize,
}

impl Row {
    fn is_head(&self) -> bool {
        self.given || self.heads > 0 && self.others == 0
    }

    /// One cell over the whole width: it says what the rows below are about.
    fn section(&self) -> Option<&str> {
        let first = self.cells.first()?;
        let is_one = self.own == 1 && self.cells.len() > 1;
        (is_one && self.cells.iter().all(|cell| cell == first)).then_some(first)
    }
}

/// A table that grows.
#[derive(Debug, Default)]
pub(super) struct Table {
    rows: Vec<Row>,
    /// By column: in how many rows to come its cell goes on, and the text of that.
    spans: Vec<(usize, String)>,
    /// Bytes of repeated cells, in all tables so far.
    repeated: usize,
    /// Bytes of heads and sections, in all tables so far.
    heads: usize,
}

impl Table {
    pub(super) fn begin_row(&mut self) {
        self.end_row();
        self.rows.push(Row::default());
    }

    /// Says that the open row is one of heads.
    pub(super) fn is_head(&mut self) {
        if let Some(row) = self.rows.last_mut() {
            row.given = true;
        }
    }

    /// Whether tables were left out: what is said above their rows would take too much room.
    pub(super) fn is_too_much(&self) -> bool {
        self.heads > MAX_HEADS
    }

    /// Adds a cell to the open row.
    pub(super) fn push(&mut self, text: String, cell: Cell) {
        if self.rows.is_empty() {
            self.rows.push(Row::default());
        }
        self.fill();
        let text = match cell.goes_on && text.is_empty() {
            true => self.above(),
            false => text,
        };
        let Some(row) = self.rows.last_mut() else {
            return;
        };
        row.own += 1;
        if !text.is_empty() {
            row.heads += usize::from(cell.is_head);
            row.others += usize::from(!cell.is_head);
        }
        let copies = cell.columns.clamp(1, MAX_COLUMNS);
        for copy in 0..copies {
            let spans = copy > 0 || cell.rows > 1 || cell.goes_on;
            self.repeated += usize::from(spans) * (text.len() + CELL_BYTES);
            if spans && self.repeated > MAX_REPEATED {
                if copy == 0 {
                    row.cells.push(text);
                }
                return;
            }
            let at = row.cells.len();
            row.cells.push(text.clone());
            if cell.rows > 1 {
                if self.spans.len() <= at {
                    self.spans.resize(at + 1, (0, String::new()));
                }
                if let Some(span) = self.spans.get_mut(at) {
                    *span = (cell.rows - 1, text.clone());
                }
            }
        }
    }

    /// The cell above the one to come.
    fn above(&self) -> String {
        let [.., above, open] = self.rows.as_slice() else {
            return String::new();
        };
        above
            .cells
            .get(open.cells.len())
            .cloned()
            .unwrap_or_default()
    }

    /// Writes the cells that go on from above at the place of the next one.
    fn fill(&mut self) {
        let Some(row) = self.rows.last_mut() else {
            return;
        };
        while let Some((left, text)) = self.spans.get_mut(row.cells.len())
            && *left > 0
        {
            *left -= 1;
            self.repeated += text.len() + CELL_BYTES;
            if self.repeated > MAX_REPEATED {
                self.spans.clear();
                return;
            }
            row.cells.push(text.clone());
        }
    }

    /// Writes what goes on from above behind the last cell of the open row.
    fn end_row(&mut self) {
        while self.spans.last().is_some_and(|(left, _)| *left == 0) {
            self.spans.pop();
        }
        loop {
            self.fill();
            let last = self.spans.iter().rposition(|(left, _)| *left > 0);
            match (self.rows.last_mut(), last) {
                (Some(row), Some(last)) if row.cells.len() <= last => {
                    row.cells.push(String::new());
                    self.repeated += CELL_BYTES;
                    if self.repeated > MAX_REPEATED {
                        self.spans.clear();
                    }
                }
                _ => return,
            }
        }
    }

    /// The rows as Markdown, and an empty table in their place. Rows of heads and those that span the whole width begin a
    /// table of their own, so that each row stands under what is said of it. A table that has no heads gets empty ones.
    pub(super) fn finish(&mut self) -> Vec<String> {
        self.end_row();
        self.spans.clear();
        let mut rows = std::mem::take(&mut self.rows);
        rows.retain(|row| row.cells.iter().any(|cell| !cell.is_empty()));
        let width = rows.iter().map(|row| row.cells.len()).max().unwrap_or(0);
        // Where all rows are heads, one is above the others.
        let all_heads = rows.iter().all(Row::is_head);
        let mut written = Written {
            heads: self.heads,
            ..Written::default()
        };
        let mut heads: Vec<String> = Vec::new();
        let mut section: Option<String> = None;
        for (at, row) in rows.into_iter().enumerate() {
            if let Some(title) = row.section().map(str::to_owned) {
                if !written.open
                    && let Some(alone) = section.take()
                {
                    written.blocks.push(alone);
                }
                section = Some(title);
                written.open = false;
            } else if row.is_head() && (at == 0 || !all_heads) {
                if written.has_rows {
                    heads.clear();
                    section = None;
                }
                merge(&mut heads, row.cells);
                (written.open, written.has_rows) = (false, false);
            } else {
                if !written.open {
                    written.begin(&heads, section.as_deref(), width);
                }
                written.row(&row.cells);
                written.has_rows = true;
            }
        }
        if !written.open {
            match section {
                Some(alone) => written.blocks.push(alone),
                None => written.begin(&heads, None, width),
            }
        }
        self.heads = written.heads;
        written.blocks
    }
}

#[derive(Default)]
struct Written {
    blocks: Vec<String>,
    /// Whether the last block is a table that goes on.
    open: bool,
    /// Whether there are rows under the last heads.
    has_rows: bool,
    /// Bytes of heads and sections so far.
    heads: usize,
}

impl Written {
    fn begin(&mut self, heads: &[String], section: Option<&str>, width: usize) {
        if width == 0 {
            return;
        }
        // Columns that no head names at the end need no border either.
        let columns = match heads.is_empty() || section.is_some() {
            true => width.max(heads.len()),
            false => heads.len(),
        };
        let each = CELL_BYTES + section.map_or(0, str::len);
        let named: usize = heads.iter().map(String::len).sum();
        let needed = columns.saturating_mul(each).saturating_add(named);
        self.heads = self.heads.saturating_add(needed);
        self.open = true;
        if self.heads > MAX_HEADS {
            return;
        }
        let mut told: Vec<String> = heads.to_vec();
        told.resize(columns, String::new());
        if let Some(section) = section {
            for head in &mut told {
                *head = match head.is_empty() {
                    true => section.to_owned(),
                    false => format!("{section} – {head}"),
                };
            }
        }
        let border = format!("|{}", "---|".repeat(told.len()));
        self.blocks.push(format!("{}\n{border}", line(&told)));
    }

    fn row(&mut self, cells: &[String]) {
        if let Some(table) = self.blocks.last_mut() {
            table.push('\n');
            table.push_str(&line(cells));
        }
    }
}

fn line(cells: &[String]) -> String {
    format!("| {} |", cells.join(" | "))
}

/// Heads in several rows: each column has those above each other, what spans rows once.
fn merge(heads: &mut Vec<String>, row: Vec<String>) {
    for (at, head) in row.into_iter().enumerate() {
        match heads.get_mut(at) {
            None => heads.push(head),
            Some(above) if above.is_empty() => *above = head,
            Some(above) if head.is_empty() || *above == head => {}
            Some(above) => {
                above.push_str(" – ");
                above.push_str(&head);
            }
        }
    }
}
