//! The report, and its tables.

use serde::{Deserialize, Serialize};

use super::measures::{GroupBy, GroupMeasures, Measures};
use super::topics::{Irritant, Topic};
use super::voices::Voices;

/// What many conversations tell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct InsightReport {
    /// How the groups were made.
    pub by: Option<GroupBy>,
    /// Figures of all conversations.
    pub total: Measures,
    /// Figures of each group, by name.
    pub groups: Vec<GroupMeasures>,
    /// What customers come for, the most frequent first.
    pub topics: Vec<Topic>,
    /// What annoys them, the most frequent first.
    pub irritants: Vec<Irritant>,
    /// What conversations, notes and pulse answers say: of all conversations, then of each topic.
    pub voices: Vec<Voices>,
}

impl InsightReport {
    /// The figures as CSV (RFC 4180): one row a group, the last one `all`.
    pub fn measures_csv(&self) -> String {
        let mut csv = Csv::new(&[
            "group",
            "conversations",
            "first_contact_resolution",
            "first_contacts",
            "containment",
            "virtual_conversations",
            "complaining",
            "satisfaction",
            "pulse",
            "pulse_answers",
            "mean_handle_ms",
        ]);
        let groups = self.groups.iter().map(|g| (g.group.as_str(), &g.measures));
        for (name, m) in groups.chain([("all", &self.total)]) {
            csv.row(&[
                name.to_owned(),
                m.conversations.to_string(),
                figure(m.first_contact_resolution),
                m.first_contacts.to_string(),
                figure(m.containment),
                m.virtual_conversations.to_string(),
                figure(m.complaining),
                figure(m.satisfaction),
                figure(m.pulse),
                m.pulse_answers.to_string(),
                m.mean_handle_ms
                    .map_or_else(String::new, |ms| ms.to_string()),
            ]);
        }
        csv.text
    }

    /// The topics as CSV, one row each.
    pub fn topics_csv(&self) -> String {
        let mut csv = Csv::new(&[
            "topic",
            "conversations",
            "share",
            "complaining",
            "first_contact_resolution",
            "example",
        ]);
        for topic in &self.topics {
            csv.row(&[
                topic.name.clone(),
                topic.conversations.to_string(),
                figure(Some(topic.share)),
                figure(Some(topic.complaining)),
                figure(topic.first_contact_resolution),
                topic.example.clone(),
            ]);
        }
        csv.text
    }

    /// The irritants as CSV, one row each.
    pub fn irritants_csv(&self) -> String {
        let mut csv = Csv::new(&["irritant", "conversations", "example"]);
        for irritant in &self.irritants {
            csv.row(&[
                irritant.name.clone(),
                irritant.conversations.to_string(),
                irritant.example.clone(),
            ]);
        }
        csv.text
    }

    /// Conversations, notes and pulse side by side as CSV: one row a topic, the first one `all`.
    pub fn voices_csv(&self) -> String {
        let mut csv = Csv::new(&[
            "topic",
            "conversations",
            "complaining",
            "noted",
            "notes_complaining",
            "pulse",
            "pulse_answers",
            "unnoted_complaints",
            "noted_solved_came_back",
            "silent_dissatisfaction",
            "recovered",
        ]);
        for voices in &self.voices {
            csv.row(&[
                voices.topic.clone().unwrap_or_else(|| "all".into()),
                voices.conversations.to_string(),
                figure(voices.complaining),
                voices.noted.to_string(),
                figure(voices.notes_complaining),
                figure(voices.pulse),
                voices.pulse_answers.to_string(),
                voices.unnoted_complaints.count.to_string(),
                voices.noted_solved_came_back.count.to_string(),
                voices.silent_dissatisfaction.count.to_string(),
                voices.recovered.count.to_string(),
            ]);
        }
        csv.text
    }
}

fn figure(value: Option<f32>) -> String {
    value.map_or_else(String::new, |v| format!("{v:.3}"))
}

struct Csv {
    text: String,
}

impl Csv {
    fn new(header: &[&str]) -> Self {
        let mut csv = Self {
            text: String::new(),
        };
        let header: Vec<String> = header.iter().map(|&h| h.to_owned()).collect();
        csv.row(&header);
        csv
    }

    fn row(&mut self, cells: &[String]) {
        let cells: Vec<String> = cells.iter().map(|cell| quoted(cell)).collect();
        self.text.push_str(&cells.join(","));
        self.text.push_str("\r\n");
    }
}

/// A cell that a spreadsheet would take for a formula gets an apostrophe in front: customers' words stand here.
fn quoted(cell: &str) -> String {
    let cell = if cell.starts_with(['=', '+', '-', '@', '\t']) {
        format!("'{cell}")
    } else {
        cell.to_owned()
    };
    if cell.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        assert_eq!(quoted("plain"), "plain");
        assert_eq!(quoted("a, \"b\"\n"), "\"a, \"\"b\"\"\n\"");
        assert_eq!(quoted("=1+1"), "'=1+1");
    }
}
