//! Questions that nothing answered, put together into articles that are missing.

use std::collections::{HashMap, VecDeque};

use jiff::Timestamp;
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};

use crate::conversation::TenantId;
use crate::embedding::similarity;

/// Questions remembered for a tenant; the oldest go first.
pub(crate) const MOST: usize = 2_000;
/// Questions this similar ask for the same article. Two ways of asking the same thing are seldom further apart
/// for the default encoder, two different things seldom closer.
const SAME: f32 = 0.6;
/// Questions shown of each.
const EXAMPLES: usize = 5;

/// An article that is missing: questions that nothing answered and that ask for much the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KnowledgeGap {
    /// The question nearest to all the others.
    pub question: String,
    /// How often something like it was asked.
    pub asked: usize,
    /// Other ways in which it was asked, the latest first, at most five.
    pub examples: Vec<String>,
    /// When it was asked first.
    pub first_at: Timestamp,
    /// When it was asked last.
    pub last_at: Timestamp,
}

#[derive(Debug)]
struct Asked {
    text: String,
    vector: Vec<f32>,
    at: Timestamp,
}

/// The unanswered questions of all tenants, each by itself.
#[derive(Debug, Default)]
pub(super) struct GapBook {
    asked: RwLock<HashMap<TenantId, VecDeque<Asked>>>,
}

impl GapBook {
    pub(super) fn record(&self, tenant: &TenantId, text: &str, vector: Vec<f32>, at: Timestamp) {
        let mut asked = self.asked.write();
        let asked = asked.entry(tenant.clone()).or_default();
        asked.push_back(Asked {
            text: text.to_owned(),
            vector,
            at,
        });
        let surplus = asked.len().saturating_sub(MOST);
        asked.drain(..surplus);
    }

    pub(super) fn forget(&self, tenant: &TenantId) {
        self.asked.write().remove(tenant);
    }

    /// The gaps of a tenant, the one asked for most often first.
    pub(super) fn list(&self, tenant: &TenantId, limit: usize) -> Vec<KnowledgeGap> {
        let asked = self.asked.read();
        let Some(asked) = asked.get(tenant) else {
            return Vec::new();
        };
        // Each question joins the first group whose leader is close enough: one pass, and the same each time.
        let mut groups: Vec<Vec<&Asked>> = Vec::new();
        for question in asked {
            let closest = groups
                .iter_mut()
                .filter_map(|group| {
                    let leader = group.first()?;
                    Some((similarity(&leader.vector, &question.vector), group))
                })
                .filter(|(alike, _)| *alike >= SAME)
                .max_by(|a, b| a.0.total_cmp(&b.0));
            match closest {
                Some((_, group)) => group.push(question),
                None => groups.push(vec![question]),
            }
        }
        let mut gaps: Vec<KnowledgeGap> = groups.iter().filter_map(|group| gap(group)).collect();
        gaps.sort_by(|a, b| b.asked.cmp(&a.asked).then(b.last_at.cmp(&a.last_at)));
        gaps.truncate(limit);
        gaps
    }
}

fn gap(group: &[&Asked]) -> Option<KnowledgeGap> {
    // Likeness to the sum of all is the sum of the likenesses, without comparing each with each.
    let mut sum = group.first()?.vector.clone();
    for asked in group.iter().skip(1) {
        let add = |(sum, value): (&mut f32, &f32)| *sum += value;
        sum.iter_mut().zip(&asked.vector).for_each(add);
    }
    let central = group
        .iter()
        .map(|asked| (similarity(&asked.vector, &sum), asked))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, asked)| asked)?;
    let mut examples: Vec<String> = Vec::new();
    for asked in group.iter().rev() {
        if examples.len() == EXAMPLES {
            break;
        }
        let is_new = asked.text != central.text && !examples.contains(&asked.text);
        if is_new {
            examples.push(asked.text.clone());
        }
    }
    Some(KnowledgeGap {
        question: central.text.clone(),
        asked: group.len(),
        examples,
        first_at: group.iter().map(|asked| asked.at).min()?,
        last_at: group.iter().map(|asked| asked.at).max()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn like_questions_are_one_gap_and_tenants_do_not_see_each_other() {
        let book = GapBook::default();
        let (acme, other): (TenantId, TenantId) = ("acme".into(), "other".into());
        let at = |second| Timestamp::from_second(second).unwrap();
        book.record(&acme, "do you ship abroad", vec![1.0, 0.0], at(1));
        book.record(&acme, "can I pay by cheque", vec![0.0, 1.0], at(2));
        book.record(&acme, "shipping to France?", vec![0.8, 0.6], at(3));
        book.record(&acme, "do you ship overseas", vec![0.95, 0.31], at(4));
        let gaps = book.list(&acme, 10);
        assert_eq!(gaps.len(), 2);
        assert_eq!(gaps[0].question, "do you ship overseas");
        assert_eq!(gaps[0].asked, 3);
        assert_eq!(
            gaps[0].examples,
            ["shipping to France?", "do you ship abroad"]
        );
        assert_eq!((gaps[0].first_at, gaps[0].last_at), (at(1), at(4)));
        assert_eq!(book.list(&acme, 1).len(), 1);
        assert!(book.list(&other, 10).is_empty());
        for n in 0..3_000 {
            book.record(&other, "x", vec![1.0, 0.0], at(n));
        }
        assert_eq!(book.list(&other, 10)[0].asked, MOST);
        book.forget(&acme);
        assert!(book.list(&acme, 10).is_empty());
    }

    #[test]
    fn thousands_of_like_questions_are_listed_at_once() {
        let book = GapBook::default();
        let acme: TenantId = "acme".into();
        // As many as there may be, as long as vectors of large models are.
        let length = 4_096;
        for n in 0..MOST {
            let mut vector = vec![0.0; length];
            let off = if n == 7 { 0.0 } else { 0.3 };
            vector[0] = (1.0_f32 - off * off).sqrt();
            vector[1 + n] = off;
            book.record(
                &acme,
                &format!("question {n}"),
                vector,
                Timestamp::UNIX_EPOCH,
            );
        }
        let begin = std::time::Instant::now();
        let gaps = book.list(&acme, 10);
        assert!(begin.elapsed() < std::time::Duration::from_secs(2));
        assert_eq!((gaps.len(), gaps[0].asked), (1, MOST));
        assert_eq!(gaps[0].question, "question 7");
        assert_eq!(gaps[0].examples.len(), EXAMPLES);
    }
}
