//! What a fetch tells while it runs, and progress bars that show it.

use std::collections::HashMap;
use std::io::{IsTerminal, Write};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use parking_lot::Mutex;

use crate::models::list::bytes;

/// Something that happened while models were fetched or verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FetchEvent<'a> {
    /// The model was there already.
    Present {
        /// Id of the model.
        model: &'a str,
    },
    /// Another program is fetching the model; this one waits for it.
    Waiting {
        /// Id of the model.
        model: &'a str,
    },
    /// A source is tried.
    Started {
        /// Id of the model.
        model: &'a str,
        /// The source in words.
        source: &'a str,
        /// Bytes it will deliver.
        bytes: u64,
    },
    /// More bytes are there. Numbers can fall when a damaged piece is fetched again.
    Advanced {
        /// Id of the model.
        model: &'a str,
        /// Bytes so far.
        done: u64,
        /// Bytes in all.
        total: u64,
    },
    /// The bytes are there and something else goes on.
    Working {
        /// Id of the model.
        model: &'a str,
        /// A word for it: `checking`, `converting`.
        what: &'a str,
    },
    /// A source did not work; the next one is tried, if there is one.
    SourceFailed {
        /// Id of the model.
        model: &'a str,
        /// The source in words.
        source: &'a str,
        /// Why it did not work.
        reason: &'a str,
    },
    /// The model is complete and in its place.
    Finished {
        /// Id of the model.
        model: &'a str,
    },
}

/// Receives the events of a fetch, from any thread. Must not block for long.
pub trait FetchProgress: Send + Sync {
    /// Called for every event.
    fn on_event(&self, event: &FetchEvent<'_>);
}

/// Shows nothing.
impl FetchProgress for () {
    fn on_event(&self, _event: &FetchEvent<'_>) {}
}

/// Progress bars on standard error, one a model; plain lines where that is not a terminal.
#[derive(Debug)]
pub struct ProgressBars {
    terminal: bool,
    all: MultiProgress,
    bars: Mutex<HashMap<String, ProgressBar>>,
}

impl ProgressBars {
    /// Progress bars for one run.
    pub fn new() -> Self {
        Self {
            terminal: std::io::stderr().is_terminal(),
            all: MultiProgress::new(),
            bars: Mutex::default(),
        }
    }

    fn bar(&self, model: &str) -> ProgressBar {
        let mut bars = self.bars.lock();
        let bar = bars.entry(model.to_owned()).or_insert_with(|| {
            let style = ProgressStyle::with_template(
                "{prefix:28} {bar:24} {decimal_bytes:>9}/{decimal_total_bytes:9} {decimal_bytes_per_sec:>11} {msg}",
            )
            .unwrap_or_else(|_| ProgressStyle::default_bar());
            let bar = self.all.add(ProgressBar::new(0).with_style(style));
            bar.with_prefix(model.to_owned())
        });
        bar.clone()
    }

    fn draw(&self, event: &FetchEvent<'_>) {
        match *event {
            FetchEvent::Present { model } => {
                let _ = self.all.println(format!("{model:28} is here already"));
            }
            FetchEvent::Waiting { model } => self
                .bar(model)
                .set_message("another program is fetching it, waiting"),
            FetchEvent::Started {
                model,
                source,
                bytes,
            } => {
                let bar = self.bar(model);
                bar.reset();
                bar.set_length(bytes);
                bar.set_message(source.to_owned());
            }
            FetchEvent::Advanced { model, done, .. } => self.bar(model).set_position(done),
            FetchEvent::Working { model, what } => self.bar(model).set_message(what.to_owned()),
            FetchEvent::SourceFailed {
                model,
                reason,
                source,
            } => {
                // A lost progress line is not worth an error.
                let _ = self.all.println(format!("{model}: {source}: {reason}"));
            }
            FetchEvent::Finished { model } => self.bar(model).finish_with_message("done"),
        }
    }

    fn write(&self, event: &FetchEvent<'_>) {
        let line = match *event {
            FetchEvent::Present { model } => format!("{model}: is here already"),
            FetchEvent::Waiting { model } => {
                format!("{model}: another program is fetching it, waiting")
            }
            FetchEvent::Started {
                model,
                source,
                bytes: size,
            } => {
                format!("{model}: fetching {} from {source}", bytes(size))
            }
            FetchEvent::Advanced { .. } => return,
            FetchEvent::Working { model, what } => format!("{model}: {what}"),
            FetchEvent::SourceFailed {
                model,
                source,
                reason,
            } => {
                format!("{model}: {source}: {reason}")
            }
            FetchEvent::Finished { model } => format!("{model}: done"),
        };
        let _ = writeln!(std::io::stderr(), "{line}");
    }
}

impl Default for ProgressBars {
    fn default() -> Self {
        Self::new()
    }
}

impl FetchProgress for ProgressBars {
    fn on_event(&self, event: &FetchEvent<'_>) {
        if self.terminal {
            self.draw(event);
        } else {
            self.write(event);
        }
    }
}
