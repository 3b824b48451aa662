//! What a person did and asked, read from their words alone, while they lead a conversation.

use super::{ActionRanker, STEP_TAKEN, closest};
use crate::dialogue::playbook::{Playbook, Slot, StepKind};
use crate::dialogue::state::key;
use crate::embedding::{TextKind, similarity};
use crate::error::Result;

/// The sentences of a text, and all of it where it is no question.
fn sentences(text: &str) -> Vec<&str> {
    let mut sentences: Vec<&str> = text
        .split_inclusive(['.', '!', '?'])
        .map(str::trim)
        .filter(|sentence| sentence.chars().any(char::is_alphanumeric))
        .collect();
    if sentences.len() > 1 && !text.trim_end().ends_with('?') {
        sentences.push(text.trim());
    }
    sentences
}

impl ActionRanker {
    /// The steps of these playbooks that an agent takes with these words, as `playbook/step`: each sentence the one step it
    /// is closest to. A question asks for something or for a yes; it does nothing and tells nothing.
    ///
    /// # Errors
    /// As the embedder.
    pub async fn steps_taken(&self, text: &str, playbooks: &[String]) -> Result<Vec<String>> {
        let sentences = sentences(text);
        if sentences.is_empty() || playbooks.is_empty() {
            return Ok(Vec::new());
        }
        let owned: Vec<String> = sentences.iter().map(|&one| one.to_owned()).collect();
        let vectors = self.embedder.embed(&owned, TextKind::Query).await?;
        let mut taken: Vec<String> = Vec::new();
        let known = self.playbooks.iter().zip(self.vectors.iter());
        for (playbook, examples) in known.filter(|(p, _)| playbooks.contains(&p.id)) {
            for (sentence, vector) in sentences.iter().zip(&vectors) {
                let alike = examples.steps.iter().map(|ways| closest(vector, ways));
                let best = alike
                    .zip(&playbook.steps)
                    .max_by(|a, b| a.0.total_cmp(&b.0));
                let Some((_, step)) = best.filter(|(alike, _)| *alike >= STEP_TAKEN) else {
                    continue;
                };
                let asks = sentence.ends_with('?');
                let is_question = matches!(step.kind, StepKind::Ask | StepKind::Approval);
                let source = key(&playbook.id, &step.id);
                if (!asks || is_question) && !taken.contains(&source) {
                    taken.push(source);
                }
            }
        }
        Ok(taken)
    }

    /// The value of a playbook that a question of an agent asks for, if it is like the playbook's own question.
    ///
    /// # Errors
    /// As the embedder.
    pub async fn asked_for<'a>(
        &self,
        text: &str,
        playbook: &'a Playbook,
    ) -> Result<Option<&'a Slot>> {
        let asked: Vec<String> = sentences(text)
            .into_iter()
            .filter(|sentence| sentence.ends_with('?'))
            .map(str::to_owned)
            .collect();
        if asked.is_empty() || playbook.slots.is_empty() {
            return Ok(None);
        }
        let ways: Vec<String> = playbook.slots.iter().map(|slot| slot.ask.clone()).collect();
        let ways = self.embedder.embed(&ways, TextKind::Query).await?;
        let asked = self.embedder.embed(&asked, TextKind::Query).await?;
        let score = |way: &Vec<f32>| {
            let alike = asked.iter().map(|one| similarity(one, way));
            alike.fold(0.0, f32::max)
        };
        let best = ways
            .iter()
            .map(score)
            .zip(&playbook.slots)
            .max_by(|a, b| a.0.total_cmp(&b.0));
        Ok(best
            .filter(|(alike, _)| *alike >= STEP_TAKEN)
            .map(|(_, slot)| slot))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::embedding::HashingEmbedder;

    #[tokio::test]
    async fn a_question_does_nothing_and_a_statement_does() {
        let book = Playbook::from_toml(
            r#"
            id = "refund"
            title = "Refund"
            goal = "Paid back."
            examples = ["my money back"]
            [[slots]]
            name = "account"
            description = "account number"
            ask = "May I have your account number, please?"
            [[steps]]
            id = "who"
            label = "Ask who it is"
            kind = "ask"
            say = "May I have your account number, please?"
            collects = ["account"]
            [[steps]]
            id = "pay"
            label = "Pay it back"
            kind = "tool"
            tool = "pay_back"
            examples = ["I have refunded the second charge.", "Shall I refund the second charge?"]
            after = ["who"]
            "#,
        )
        .unwrap();
        let ranker = ActionRanker::new(
            Arc::new(HashingEmbedder::default()),
            vec![book.clone()].into(),
        )
        .await
        .unwrap();
        let open = ["refund".to_owned()];
        let taken = async |text: &str| ranker.steps_taken(text, &open).await.unwrap();
        assert_eq!(
            taken("Hi. I have refunded the second charge.").await,
            ["refund/pay"]
        );
        assert_eq!(
            taken("Shall I refund the second charge?").await,
            [] as [&str; 0]
        );
        assert_eq!(
            taken("May I have your account number, please?").await,
            ["refund/who"]
        );
        assert_eq!(
            ranker
                .steps_taken("I have refunded it.", &[])
                .await
                .unwrap(),
            [] as [&str; 0]
        );
        let asked = ranker.asked_for("Okay. May I have your account number?", &book);
        assert_eq!(
            asked.await.unwrap().map(|slot| slot.name.as_str()),
            Some("account")
        );
        let asked = ranker.asked_for("I have your account number.", &book);
        assert!(asked.await.unwrap().is_none());
    }
}
