//! What people see: results on standard output, everything else on standard error.

use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use attendant::conversation::{Citation, Role, SectionKind, Suggestion, SuggestionKind, Summary};
use attendant::session::SessionEvent;
use attendant::{Error, ErrorKind, Result};
use indicatif::{ProgressBar, ProgressStyle};

/// Standard output and standard error, coloured where that is a terminal.
pub(crate) struct Screen {
    out: Mutex<anstream::AutoStream<std::io::Stdout>>,
    err: Mutex<anstream::AutoStream<std::io::Stderr>>,
}

const fn colour(colour: AnsiColor) -> Style {
    Style::new().fg_color(Some(anstyle::Color::Ansi(colour)))
}

const AGENT: Style = colour(AnsiColor::Cyan).bold();
const CUSTOMER: Style = colour(AnsiColor::Yellow).bold();
const HELP: Style = colour(AnsiColor::Green);
const CUE: Style = colour(AnsiColor::Magenta);
const FAULT: Style = colour(AnsiColor::Red).bold();
const DIM: Style = Style::new().dimmed();
const TITLE: Style = Style::new().bold();

impl Screen {
    pub(crate) fn new() -> Self {
        Self {
            out: Mutex::new(anstream::AutoStream::auto(std::io::stdout())),
            err: Mutex::new(anstream::AutoStream::auto(std::io::stderr())),
        }
    }

    /// A line of result.
    ///
    /// # Errors
    /// When nobody reads it any more (a closed pipe).
    pub(crate) fn line(&self, text: &str) -> Result<()> {
        let mut out = self
            .out
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let written = writeln!(out, "{text}").and_then(|()| out.flush());
        written.map_err(|why| {
            let what = match why.kind() {
                std::io::ErrorKind::BrokenPipe => "nobody reads the output",
                _ => "the output cannot be written",
            };
            Error::new(ErrorKind::Cancelled, what).with_source(why)
        })
    }

    /// A serialisable value as one line of JSON.
    pub(crate) fn json(&self, value: &impl serde::Serialize) -> Result<()> {
        let text = serde_json::to_string(value).map_err(|why| {
            Error::new(ErrorKind::Internal, "cannot write the result as JSON").with_source(why)
        })?;
        self.line(&text)
    }

    /// A remark beside the result.
    pub(crate) fn note(&self, text: &str) {
        let mut err = self
            .err
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        // Nothing can be told to whoever closed standard error.
        let _ = writeln!(err, "{DIM}{text}{DIM:#}");
    }

    pub(crate) fn error(&self, error: &Error) {
        let mut err = self
            .err
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let _ = writeln!(err, "{FAULT}error:{FAULT:#} {error}");
    }

    /// Asks for a line without ending it.
    pub(crate) fn prompt(&self, text: &str) {
        let mut out = self
            .out
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let _ = write!(out, "{CUSTOMER}{text}{CUSTOMER:#}").and_then(|()| out.flush());
    }

    /// A spinner on standard error; silent where that is no terminal.
    pub(crate) fn busy(&self, what: &str) -> ProgressBar {
        if !std::io::stderr().is_terminal() {
            self.note(what);
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::new_spinner().with_message(what.to_owned());
        bar.enable_steady_tick(Duration::from_millis(120));
        bar
    }

    /// A bar on standard error; silent where that is no terminal.
    pub(crate) fn bar(&self, what: &str) -> ProgressBar {
        if !std::io::stderr().is_terminal() {
            self.note(what);
            return ProgressBar::hidden();
        }
        let style = ProgressStyle::with_template("{msg} [{bar:32}] {pos}/{len} {eta}");
        ProgressBar::new(0)
            .with_style(
                style
                    .unwrap_or_else(|_| ProgressStyle::default_bar())
                    .progress_chars("=> "),
            )
            .with_message(what.to_owned())
    }

    /// An event of a session, for people.
    pub(crate) fn event(&self, event: &SessionEvent) -> Result<()> {
        match event {
            SessionEvent::UtteranceFinal(said) => {
                let style = if said.role == Role::EndUser {
                    CUSTOMER
                } else {
                    AGENT
                };
                let at = said.start_ms / 1000;
                let (minutes, seconds) = (at / 60, at % 60);
                let label = said.role.label();
                self.line(&format!(
                    "{DIM}{minutes}:{seconds:02}{DIM:#} {style}{label:8}{style:#} {}",
                    said.text
                ))
            }
            SessionEvent::Suggestion(suggestion) => self.suggestion(suggestion),
            SessionEvent::Coaching(cue) => self.suggestion(cue),
            // The words follow as an utterance of the virtual agent.
            SessionEvent::Reply { citations, .. } => {
                citations.iter().try_for_each(|c| self.cite(c))
            }
            SessionEvent::Emotion { events, .. } => events.iter().try_for_each(|change| {
                self.line(&format!(
                    "{HELP}~  {:?} ({}){HELP:#} {DIM}{}{DIM:#}",
                    change.kind, change.participant, change.words
                ))
            }),
            SessionEvent::Effort { sign, .. } => self.line(&format!(
                "{HELP}~  effort: {:?}{HELP:#} {DIM}{}{DIM:#}",
                sign.kind, sign.words
            )),
            SessionEvent::Experience {
                score,
                is_final: true,
            } => self.line(&format!(
                "{HELP}~  satisfaction {:.1} of 5, resolved {:.0} %, strain {:.0} %, escalation {:.0} %{HELP:#}",
                score.satisfaction,
                score.resolution * 100.0,
                score.strain * 100.0,
                score.escalation * 100.0
            )),
            SessionEvent::Summary(summary) => self.summary(summary),
            SessionEvent::WrapUp {
                code,
                label,
                confidence,
                alternatives,
                ..
            } => {
                let others: Vec<String> = alternatives
                    .iter()
                    .map(|(id, p)| format!("{id} {:.0}%", p * 100.0))
                    .collect();
                self.line(&format!(
                    "{TITLE}Wrap-up{TITLE:#}  {label} ({code}, {:.0}%)",
                    confidence * 100.0
                ))?;
                self.line(&format!("         {DIM}next: {}{DIM:#}", others.join(", ")))
            }
            SessionEvent::Crisis { kind, words, .. } => {
                self.line(&format!("{HELP}!! crisis ({kind:?}): {words}{HELP:#}"))
            }
            SessionEvent::Handoff(handoff) => {
                let slots: Vec<String> = handoff
                    .slots
                    .iter()
                    .map(|(name, value)| format!("{name}={value}"))
                    .collect();
                self.line(&format!(
                    "{HELP}-> a person takes over ({:?}); known: {}{HELP:#}",
                    handoff.reason,
                    slots.join(", ")
                ))?;
                let steps = handoff.next_steps.join("; ");
                if steps.is_empty() {
                    Ok(())
                } else {
                    self.line(&format!("   {DIM}next steps: {steps}{DIM:#}"))
                }
            }
            SessionEvent::Rejected { skill, reason, .. } => {
                self.note(&format!(
                    "   ({skill:?}: a proposal of the model was withheld: {reason})"
                ));
                Ok(())
            }
            SessionEvent::Failed { skill, message, .. } => {
                self.line(&format!("{FAULT}{skill:?} failed:{FAULT:#} {message}"))
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn suggestion(&self, suggestion: &Suggestion) -> Result<()> {
        let sure = format!("{:.0}%", suggestion.confidence * 100.0);
        match &suggestion.kind {
            SuggestionKind::Reply { text, citations } => {
                self.line(&format!("   {HELP}reply{HELP:#}    \"{text}\""))?;
                citations.iter().try_for_each(|c| self.cite(c))
            }
            SuggestionKind::Article { citation, .. } => {
                self.line(&format!(
                    "   {HELP}article{HELP:#}  {} {DIM}({sure}){DIM:#}",
                    citation.title
                ))?;
                self.cite(citation)
            }
            SuggestionKind::NextBestAction { action } => {
                self.line(&format!(
                    "   {HELP}next{HELP:#}     {} {DIM}({}, {sure}){DIM:#}",
                    action.label, action.action
                ))?;
                let first = action.preconditions.iter();
                first
                    .into_iter()
                    .try_for_each(|what| self.line(&format!("            first: {what}")))
            }
            SuggestionKind::Checklist { missing } => missing.iter().try_for_each(|entry| {
                self.line(&format!(
                    "   {CUE}missing{CUE:#}  {} {DIM}({}/{}){DIM:#}",
                    entry.label, entry.checklist, entry.item
                ))
            }),
            SuggestionKind::FormValues { values, .. } => values.iter().try_for_each(|field| {
                self.line(&format!(
                    "   {HELP}fill in{HELP:#}  {}: {}",
                    field.name, field.value
                ))
            }),
            SuggestionKind::Coaching(cue) => self.line(&format!(
                "   {CUE}cue{CUE:#}      {}: {} {DIM}({sure}){DIM:#}",
                cue.display_name, cue.message
            )),
            _ => Ok(()),
        }
    }

    pub(crate) fn cite(&self, citation: &Citation) -> Result<()> {
        // The heads of a table are no words that its rows go on with.
        let lead = citation
            .lead
            .as_deref()
            .and_then(|lead| lead.lines().find(|line| !line.starts_with('|')));
        let quote = lead
            .into_iter()
            .chain([citation.quote.as_str()])
            .flat_map(str::split_whitespace)
            .collect::<Vec<_>>()
            .join(" ");
        self.line(&format!(
            "            {DIM}[{}] \"{quote}\"{DIM:#}",
            citation.article
        ))
    }

    pub(crate) fn summary(&self, summary: &Summary) -> Result<()> {
        self.line(&format!(
            "{TITLE}Note{TITLE:#} {DIM}(covers {} utterances){DIM:#}",
            summary.covers
        ))?;
        for section in &summary.sections {
            let proof: Vec<String> = section.evidence.iter().filter_map(evidence).collect();
            let name = section_name(section.kind);
            self.line(&format!(
                "  {name:13} {} {DIM}[{}]{DIM:#}",
                section.text,
                proof.join(", ")
            ))?;
        }
        Ok(())
    }
}

fn evidence(evidence: &attendant::conversation::Evidence) -> Option<String> {
    match evidence {
        attendant::conversation::Evidence::Utterance(id) => Some(id.to_string()),
        _ => None,
    }
}

fn section_name(kind: SectionKind) -> &'static str {
    match kind {
        SectionKind::Situation => "situation",
        SectionKind::Action => "action",
        SectionKind::Resolution => "resolution",
        SectionKind::ReasonForCancellation => "cancellation",
        SectionKind::CustomerSatisfaction => "satisfaction",
        SectionKind::Entities => "entities",
        _ => "other",
    }
}
