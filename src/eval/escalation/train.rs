//! `train escalation`: fits and writes the head.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::fit::fit;
use super::{Call, calls};
use crate::error::{ErrorKind, OrError, Result};
use crate::eval::rank::{auc, macro_f1};

/// Parts of the calls that are scored in turn by a head that was fitted to the rest.
const FOLDS: usize = 10;

/// What training tells, a flat object in JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EscalationReport {
    /// `escalation`.
    pub name: String,
    /// Calls learned from.
    pub n: usize,
    /// Seconds of wall time.
    pub seconds: f64,
    /// Mean of the F1 of both classes, by cross-validation.
    pub cv_macro_f1: f64,
    /// Area under the ROC curve, by cross-validation.
    pub cv_auc: f64,
    /// Features with a weight.
    pub features: usize,
}

/// Fits a head to the calls of `data` (a file, or `valid.jsonl.gz` in a folder) and writes `escalation-head.json` and
/// `escalation-head.trained-on.txt` to the folder `out`.
///
/// # Errors
/// [`ErrorKind::NotFound`] if the data is missing; [`ErrorKind::InvalidInput`] if it is not in the format;
/// [`ErrorKind::Storage`] if nothing can be written.
pub fn run(data: &Path, out: &Path) -> Result<EscalationReport> {
    let started = Instant::now();
    let calls = calls(data)?;
    let told = cross_validate(&calls);
    let weights = fit(&calls.iter().collect::<Vec<_>>());
    let failed = || format!("cannot write to {}; check the folder", out.display());
    std::fs::create_dir_all(out).or_error(ErrorKind::Storage, failed)?;
    let text = serde_json::to_string(&weights).or_error(ErrorKind::Internal, failed)?;
    std::fs::write(out.join("escalation-head.json"), text + "\n")
        .or_error(ErrorKind::Storage, failed)?;
    let known: BTreeSet<&str> = calls.iter().map(|call| call.fingerprint.as_str()).collect();
    let lines: String = known.into_iter().flat_map(|line| [line, "\n"]).collect();
    std::fs::write(out.join("escalation-head.trained-on.txt"), lines)
        .or_error(ErrorKind::Storage, failed)?;
    let scored: Vec<(f64, bool)> = told
        .iter()
        .map(|(risk, _, label)| (*risk, *label))
        .collect();
    Ok(EscalationReport {
        name: "escalation".to_owned(),
        n: calls.len(),
        seconds: started.elapsed().as_secs_f64(),
        cv_macro_f1: macro_f1(told.iter().map(|(_, said, label)| (*said, *label))),
        cv_auc: auc(&scored),
        features: weights.weights.len(),
    })
}

/// Risk, prediction and label of every call, each by a head that did not learn from it; calls that are alike stay together.
pub(super) fn cross_validate(calls: &[Call]) -> Vec<(f64, bool, bool)> {
    let fold_of = |call: &Call| {
        let hash = u64::from_str_radix(&call.fingerprint, 16).unwrap_or_default();
        // The upper half: the lower bits of this hash depend on little.
        (hash >> 32) as usize % FOLDS
    };
    let mut told = Vec::new();
    for fold in 0..FOLDS {
        let (tests, rest): (Vec<&Call>, Vec<&Call>) =
            calls.iter().partition(|call| fold_of(call) == fold);
        if tests.is_empty() {
            continue;
        }
        let head = fit(&rest);
        told.extend(tests.into_iter().map(|call| {
            let risk = head.at(&call.features);
            (f64::from(risk), risk >= head.threshold, call.escalated)
        }));
    }
    told
}
