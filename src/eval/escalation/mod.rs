//! `eval escalation` and `train escalation`: calls that end with a late hang-up or are forwarded.

mod fit;
pub mod train;

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::lines::read_lines;
use super::rank::{auc, macro_f1};
use crate::conversation::Role;
use crate::error::{Error, ErrorKind, Result};
use crate::understanding::quality::{DialogueAct, EscalationHead, act_features};

/// The label of a call that ended badly.
const ESCALATED: &str = "luhf";
/// Fingerprints of the calls that the shipped head was trained on.
const TRAINED_ON: &str = include_str!("../../../models/escalation-head.trained-on.txt");

/// The figures, a flat object in JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EscalationScore {
    /// `escalation`.
    pub name: String,
    /// Calls scored.
    pub n: usize,
    /// Seconds of wall time.
    pub seconds: f64,
    /// Mean of the F1 of both classes.
    pub macro_f1: f64,
    /// Area under the ROC curve.
    pub auc: f64,
    /// Calls left out, since the shipped head was trained on them.
    pub left_out: usize,
    /// Whether the figures are a cross-validation within the file, since the shipped head was trained on all of it.
    pub cross_validated: bool,
}

#[derive(Debug, Deserialize)]
struct Line {
    #[serde(rename = "LUHF")]
    label: String,
    utterances_annotations: Vec<Annotated>,
}

#[derive(Debug, Deserialize)]
struct Annotated {
    caller_name: String,
    intent: String,
    #[serde(default)]
    entities: Vec<Named>,
}

#[derive(Debug, Deserialize)]
struct Named {
    entity: String,
}

/// A call: what was done, and how it ended.
#[derive(Clone, Debug)]
struct Call {
    features: BTreeMap<String, f32>,
    escalated: bool,
    fingerprint: String,
}

/// Scores the shipped head on the calls of a file that it was not trained on; where it was trained on all of them, by
/// cross-validation with heads fitted to the rest.
///
/// # Errors
/// [`ErrorKind::NotFound`] if the file is missing; [`ErrorKind::InvalidInput`] if it is not in the format.
pub fn run(data: &Path, limit: Option<usize>) -> Result<EscalationScore> {
    let started = Instant::now();
    let mut calls = calls(data)?;
    calls.truncate(limit.unwrap_or(usize::MAX));
    let known: HashSet<&str> = TRAINED_ON.lines().collect();
    let unseen: Vec<&Call> = calls
        .iter()
        .filter(|call| !known.contains(call.fingerprint.as_str()))
        .collect();
    let cross_validated = unseen.is_empty();
    let told: Vec<(f64, bool, bool)> = if cross_validated {
        train::cross_validate(&calls)
    } else {
        let head = EscalationHead::shipped();
        let tell = |call: &&Call| {
            let risk = head.risk_of(&call.features);
            (f64::from(risk), risk >= head.threshold(), call.escalated)
        };
        unseen.iter().map(tell).collect()
    };
    let scored: Vec<(f64, bool)> = told
        .iter()
        .map(|(risk, _, label)| (*risk, *label))
        .collect();
    Ok(EscalationScore {
        name: "escalation".to_owned(),
        n: told.len(),
        seconds: started.elapsed().as_secs_f64(),
        macro_f1: macro_f1(told.iter().map(|(_, said, label)| (*said, *label))),
        auc: auc(&scored),
        left_out: calls.len() - told.len(),
        cross_validated,
    })
}

fn calls(data: &Path) -> Result<Vec<Call>> {
    let path = match data.is_dir() {
        true => data.join("valid.jsonl.gz"),
        false => data.to_owned(),
    };
    let lines: Vec<Line> = read_lines(&path)?;
    let calls: Vec<Call> = lines.into_iter().map(Call::from).collect();
    if calls.is_empty() {
        let told = format!("{} holds no call", path.display());
        return Err(Error::new(ErrorKind::InvalidInput, told));
    }
    Ok(calls)
}

impl From<Line> for Call {
    fn from(line: Line) -> Self {
        let act = |said: Annotated| {
            let role = match said.caller_name.as_str() {
                "nlu" => Role::EndUser,
                _ => Role::AutomatedAgent,
            };
            let mut act = DialogueAct::new(role, said.intent);
            act.entities = said
                .entities
                .into_iter()
                .map(|named| named.entity)
                .collect();
            act
        };
        let acts: Vec<DialogueAct> = line.utterances_annotations.into_iter().map(act).collect();
        Self {
            features: act_features(&acts),
            escalated: line.label == ESCALATED,
            fingerprint: fingerprint(&acts),
        }
    }
}

/// Tells calls apart: a hash of all that was done.
fn fingerprint(acts: &[DialogueAct]) -> String {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for act in acts {
        let role = act.role.as_str();
        let words = [role, &act.intent]
            .into_iter()
            .chain(act.entities.iter().map(String::as_str));
        for byte in words.flat_map(|word| word.bytes().chain([0])) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests;
