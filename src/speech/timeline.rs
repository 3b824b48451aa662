//! A conversation drawn as text: who speaks when, over whom, and where nobody does.

use std::fmt::Write;

use crate::conversation::{
    ConversationSignals, OverlapKind, ParticipantId, ParticipantSignals, SilenceKind, Utterance,
};

/// A line of the drawing.
const LINE_MS: u64 = 60_000;
/// Columns to a line.
const NARROWEST: usize = 10;
const WIDEST: usize = 600;
/// Lines drawn: a day.
const LINES: u64 = 24 * 60;
/// Room for a participant's name.
const NAME: usize = 16;
const SPEAKS: char = '█';
const LISTENS: char = '░';
const BOTH: char = '▒';
const INTERRUPTS: char = '!';
const TICK: char = '+';
const LEGEND: &str =
    "█ speaks  ▒ both speak  ! interrupts  ░ back-channel  . pause  - silence  = hold";

/// Draws a conversation, one row a participant and `width` columns (10 to 600) a minute, a block of
/// rows each minute, with a tick every 10 s; below it how each of them took part.
///
/// Speech is drawn from `utterances`, by word where words have times; what came of overlaps and how
/// silences are to be taken comes from `signals`. The text has no colours, and each line ends
/// without spaces.
pub fn timeline(signals: &ConversationSignals, utterances: &[Utterance], width: usize) -> String {
    let drawing = Drawing::new(signals, utterances, width.clamp(NARROWEST, WIDEST));
    let mut text = String::new();
    drawing.write_rows(&mut text);
    drawing.write_table(signals, &mut text);
    text
}

struct Drawing {
    names: Vec<String>,
    /// Columns before the rows.
    label: usize,
    width: usize,
    /// A row a participant, and one for silences, over all the lines.
    rows: Vec<Vec<char>>,
    is_cut: bool,
}

impl Drawing {
    fn new(signals: &ConversationSignals, utterances: &[Utterance], width: usize) -> Self {
        let ids = ids(signals, utterances);
        let names: Vec<String> = ids.iter().map(|id| name(id)).collect();
        let longest = names.iter().map(|name| name.chars().count()).max();
        let ends = utterances.iter().map(|u| u.end_ms);
        let end_ms = ends.chain([signals.duration_ms]).max().unwrap_or(0);
        let shown_ms = end_ms.min(LINES * LINE_MS);
        let columns = (shown_ms * width as u64).div_ceil(LINE_MS) as usize;
        let mut drawing = Self {
            label: longest.unwrap_or(0).max(5) + 2,
            rows: vec![vec![' '; columns]; names.len() + 1],
            names,
            width,
            is_cut: shown_ms < end_ms,
        };
        for said in utterances {
            let Some(row) = ids.iter().position(|&id| id == &said.participant) else {
                continue;
            };
            let mut timed = said
                .words
                .iter()
                .filter(|w| w.start_ms < w.end_ms)
                .peekable();
            if timed.peek().is_none() {
                drawing.paint(row, said.start_ms, said.end_ms, SPEAKS);
            }
            timed.for_each(|word| drawing.paint(row, word.start_ms, word.end_ms, SPEAKS));
        }
        drawing.mark_overlaps(signals, &ids);
        let silences = drawing.names.len();
        for silence in &signals.silences {
            let sign = match silence.kind {
                SilenceKind::Pause => '.',
                SilenceKind::Silence => '-',
                SilenceKind::Hold => '=',
            };
            drawing.paint(silences, silence.start_ms, silence.end_ms, sign);
        }
        drawing
    }

    fn mark_overlaps(&mut self, signals: &ConversationSignals, ids: &[&ParticipantId]) {
        let row = |id| ids.iter().position(|&other| other == id);
        for both in &signals.overlaps {
            let (Some(first), Some(second)) = (row(&both.first), row(&both.second)) else {
                continue;
            };
            if both.kind == OverlapKind::BackChannel {
                self.paint(second, both.start_ms, both.end_ms, LISTENS);
            } else {
                self.paint(first, both.start_ms, both.end_ms, BOTH);
                self.paint(second, both.start_ms, both.end_ms, BOTH);
            }
        }
        // After all blocks, or the next would hide it.
        for both in &signals.overlaps {
            if let (OverlapKind::Interruption, Some(second)) = (both.kind, row(&both.second)) {
                let start = self.columns(both.start_ms, both.end_ms).start;
                self.put(second, start, INTERRUPTS);
            }
        }
    }

    /// Columns that a stretch covers for the greater part; the one of its middle at least.
    fn columns(&self, start_ms: u64, end_ms: u64) -> std::ops::Range<usize> {
        let column =
            |ms: u64| ms.min((LINES + 1) * LINE_MS) as f64 * self.width as f64 / LINE_MS as f64;
        let (start, end) = (column(start_ms), column(end_ms));
        let from = start.round() as usize;
        let to = end.round() as usize;
        if from < to {
            from..to
        } else {
            let middle = (start.midpoint(end)) as usize;
            middle..middle + 1
        }
    }

    fn paint(&mut self, row: usize, start_ms: u64, end_ms: u64, sign: char) {
        if start_ms < end_ms {
            for column in self.columns(start_ms, end_ms) {
                self.put(row, column, sign);
            }
        }
    }

    fn put(&mut self, row: usize, column: usize, sign: char) {
        if let Some(cell) = self.rows.get_mut(row).and_then(|row| row.get_mut(column)) {
            *cell = sign;
        }
    }

    fn write_rows(&self, text: &mut String) {
        let columns = self.rows.first().map_or(0, Vec::len);
        for (line, from) in (0..columns).step_by(self.width).enumerate() {
            let to = (from + self.width).min(columns);
            self.write_row(text, &format!("{line}:00"), &self.ruler(to - from));
            let labels = self.names.iter().map(String::as_str).chain([""]);
            for (label, row) in labels.zip(&self.rows) {
                let cells = row.get(from..to).unwrap_or_default();
                self.write_row(text, label, &cells.iter().collect::<String>());
            }
        }
        if self.is_cut {
            text.push_str("…\n");
        }
    }

    fn write_row(&self, text: &mut String, label: &str, row: &str) {
        let line = format!("{label:<width$}{row}", width = self.label);
        text.push_str(line.trim_end());
        text.push('\n');
    }

    /// A tick where each 10 s begin.
    fn ruler(&self, columns: usize) -> String {
        let ten = |column: usize| column * 6 / self.width;
        (0..columns)
            .map(|column| match column.checked_sub(1) {
                Some(before) if ten(before) == ten(column) => ' ',
                _ => TICK,
            })
            .collect()
    }

    fn write_table(&self, signals: &ConversationSignals, text: &mut String) {
        let _ = writeln!(text, "{LEGEND}\n");
        let label = self.label;
        let _ = writeln!(
            text,
            "{:label$}talk  words/min  interrupts  interrupted  back-channels  answers after",
            ""
        );
        for (name, who) in self.names.iter().zip(&signals.participants) {
            let _ = writeln!(text, "{name:<label$}{}", numbers(who));
        }
        let _ = writeln!(
            text,
            "{} in all: speech {}, at once {}, pauses {}, silence {}, hold {}",
            clock(signals.duration_ms),
            clock(signals.speech_ms),
            clock(signals.overlap_ms),
            clock(signals.pause_ms),
            clock(signals.silence_ms),
            clock(signals.hold_ms),
        );
    }
}

/// The participants of the signals, then others who said something.
fn ids<'a>(
    signals: &'a ConversationSignals,
    utterances: &'a [Utterance],
) -> Vec<&'a ParticipantId> {
    let mut ids: Vec<&ParticipantId> = Vec::new();
    let known = signals.participants.iter().map(|p| &p.participant);
    for id in known.chain(utterances.iter().map(|u| &u.participant)) {
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    ids
}

/// A participant's name as it fits, without characters that would break the drawing.
fn name(id: &ParticipantId) -> String {
    let shown = |c: char| if c.is_control() { '?' } else { c };
    let all = id.as_str().chars().map(shown);
    if id.as_str().chars().count() <= NAME {
        return all.collect();
    }
    all.take(NAME - 1).chain(['…']).collect()
}

fn numbers(who: &ParticipantSignals) -> String {
    let rate = who
        .words_per_minute
        .map_or("-".into(), |rate| format!("{rate:.0}"));
    let answers = who
        .response_ms_median
        .map_or("-".into(), |ms| format!("{:.1} s", ms as f64 / 1000.0));
    format!(
        "{:>3.0}%  {rate:>9}  {:>10}  {:>11}  {:>13}  {answers:>13}",
        who.talk_ratio * 100.0,
        who.interruptions,
        who.interrupted,
        who.back_channels,
    )
}

/// Minutes and seconds with a tenth.
fn clock(ms: u64) -> String {
    let tenths = ms / 100;
    format!("{}:{:02}.{}", tenths / 600, tenths / 10 % 60, tenths % 10)
}

#[cfg(test)]
mod tests;
