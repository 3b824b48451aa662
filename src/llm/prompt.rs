//! The append-only prompt: stable prefix, transcript that grows at its end, task suffix.

use std::sync::Arc;

/// What stands before the task and only ever grows at its end: instructions, then the transcript.
///
/// A task cannot be put before the transcript, so every skill that asks about the same
/// conversation shares the longest possible prefix and an engine that keeps its state reuses it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prefix {
    system: Arc<str>,
    lines: Vec<Arc<str>>,
}

impl Prefix {
    /// Starts with the instructions that hold for the whole conversation.
    pub fn new(system: impl Into<Arc<str>>) -> Self {
        Self {
            system: system.into(),
            lines: Vec::new(),
        }
    }

    /// Appends a line of the transcript.
    pub fn push(&mut self, line: impl Into<Arc<str>>) {
        self.lines.push(line.into());
    }

    /// The same without its `lines` oldest lines: what is left when the window is full.
    #[must_use]
    pub fn without_oldest(&self, lines: usize) -> Self {
        Self {
            system: self.system.clone(),
            lines: self.lines.get(lines..).unwrap_or_default().to_vec(),
        }
    }

    /// Completes the prompt with what is asked now.
    pub fn ask(&self, task: impl Into<String>) -> Prompt {
        Prompt {
            prefix: self.clone(),
            task: task.into(),
        }
    }

    /// The instructions.
    pub fn system(&self) -> &str {
        &self.system
    }

    /// The transcript, line by line.
    pub fn lines(&self) -> &[Arc<str>] {
        &self.lines
    }

    /// Applies `f` to every text in order, e.g. to mask it.
    #[must_use]
    pub fn map(&self, mut f: impl FnMut(&str) -> String) -> Self {
        Self {
            system: f(&self.system).into(),
            lines: self.lines.iter().map(|line| f(line).into()).collect(),
        }
    }
}

/// A [`Prefix`] and the task asked about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prompt {
    prefix: Prefix,
    task: String,
}

impl Prompt {
    /// A question that stands alone, without a conversation.
    pub fn new(system: impl Into<Arc<str>>, task: impl Into<String>) -> Self {
        Prefix::new(system).ask(task)
    }

    /// What it is asked about.
    pub fn prefix(&self) -> &Prefix {
        &self.prefix
    }

    /// What is asked.
    pub fn task(&self) -> &str {
        &self.task
    }

    /// The user message of chat models: the transcript, then the task.
    pub fn user_message(&self) -> String {
        let mut text = String::new();
        for line in self.prefix.lines() {
            text.push_str(line);
            text.push('\n');
        }
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&self.task);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grown_prefix_keeps_what_stood_before_to_the_letter() {
        let mut prefix = Prefix::new("You help.");
        prefix.push("Customer: hi");
        let before = prefix.ask("").user_message();
        prefix.push("Agent: hello");
        let after = prefix.ask("Summarise.").user_message();
        assert!(after.starts_with(before.trim_end_matches('\n')));
        assert!(after.ends_with("\n\nSummarise."));
    }
}
