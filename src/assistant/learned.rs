//! What is learned from use: kept for each tenant beside its conversations, and taken up again by the next process.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::Assistant;
use crate::conversation::{ArticleId, TenantId};
use crate::error::{Error, ErrorKind, OrError, Result};
use crate::guard::Redactor;
use crate::knowledge::{ArticleFeedback, Audience, KnowledgeGap, MOST_UNANSWERED, Question, Scope};
use crate::store::{Record, StreamKey, Version};

/// The stream that holds what was learned of a tenant. No conversation that a host names begins like this.
const STREAM: &str = "~learned";
const FEEDBACK: &str = "article_feedback";
const UNANSWERED: &str = "unanswered";
const NEED: &str = "need_outcome";
/// Writers that may get in between before we give up.
const ATTEMPTS: usize = 5;

/// How far the stream of each tenant was read.
pub(crate) type Recalled = tokio::sync::Mutex<HashMap<TenantId, Version>>;

#[derive(Serialize, Deserialize)]
struct Given {
    article: ArticleId,
    given: ArticleFeedback,
}

#[derive(Serialize, Deserialize)]
struct Foreseen {
    rule: String,
    right: bool,
}

#[derive(Serialize, Deserialize)]
struct Unanswered {
    text: String,
}

impl Assistant {
    /// Somebody of `tenant` opened, used or dismissed an article. It is kept, and moves the article up or down a
    /// little for this tenant.
    ///
    /// # Errors
    /// What the store reports; the ranking has moved all the same.
    pub async fn article_feedback(
        &self,
        tenant: &TenantId,
        article: &ArticleId,
        given: ArticleFeedback,
    ) -> Result<()> {
        self.recall(tenant).await?;
        self.inner.knowledge.feedback(tenant, article, given);
        let article = article.clone();
        self.keep(tenant, FEEDBACK, &Given { article, given }).await
    }

    /// Nothing answered a question. It is kept, and counts towards an article that is missing. Personal data in it is
    /// not: `[EMAIL]` stands where an address stood.
    ///
    /// # Errors
    /// What the embedder and the store report.
    pub async fn unanswered(&self, question: &Question) -> Result<()> {
        let tenant = &question.scope.tenant;
        self.recall(tenant).await?;
        let now = jiff::Timestamp::now();
        // What is learned outlives the conversation, and the customer's right to have that erased.
        let text = Redactor::default().redact(&question.text);
        let mut question = question.clone();
        question.text.clone_from(&text);
        self.inner.knowledge.unanswered(&question, now).await?;
        self.keep(tenant, UNANSWERED, &Unanswered { text }).await
    }

    /// Articles that are missing, the one asked for most often first, at most `limit`.
    ///
    /// # Errors
    /// What the store reports.
    pub async fn knowledge_gaps(
        &self,
        tenant: &TenantId,
        limit: usize,
    ) -> Result<Vec<KnowledgeGap>> {
        self.recall(tenant).await?;
        Ok(self.inner.knowledge.gaps(tenant, limit))
    }

    /// Takes up what earlier processes learned of a tenant, once.
    pub(crate) async fn recall(&self, tenant: &TenantId) -> Result<()> {
        let mut recalled = self.inner.recalled.lock().await;
        if recalled.contains_key(tenant) {
            return Ok(());
        }
        let records = self.inner.store.load(&key(tenant), 0).await?;
        self.take_up_all(tenant, &records).await;
        recalled.insert(tenant.clone(), records.len() as Version);
        Ok(())
    }

    async fn take_up_all(&self, tenant: &TenantId, records: &[Record]) {
        let is_question = |record: &&Record| record.kind == UNANSWERED;
        let questions = records.iter().filter(is_question).count();
        // Each is embedded, and only the last ones are remembered.
        let mut old = questions.saturating_sub(MOST_UNANSWERED);
        for record in records {
            if old > 0 && is_question(&record) {
                old -= 1;
                continue;
            }
            // One that another version wrote, and we cannot read, is passed over.
            if let Err(error) = self.take_up(tenant, record).await {
                tracing::warn!(kind = record.kind, %error, "a learned record was passed over");
            }
        }
    }

    async fn take_up(&self, tenant: &TenantId, record: &Record) -> Result<()> {
        let unreadable = || "it has an unknown form";
        match record.kind.as_str() {
            FEEDBACK => {
                let given =
                    Given::deserialize(&record.payload).or_error(ErrorKind::Storage, unreadable)?;
                let knowledge = &self.inner.knowledge;
                knowledge.feedback(tenant, &given.article, given.given);
            }
            UNANSWERED => {
                let asked = Unanswered::deserialize(&record.payload)
                    .or_error(ErrorKind::Storage, unreadable)?;
                let scope = Scope::new(tenant.clone(), Audience::Agent);
                let question = Question::new(asked.text, scope);
                let knowledge = &self.inner.knowledge;
                knowledge.unanswered(&question, record.at).await?;
            }
            NEED => {
                let told = Foreseen::deserialize(&record.payload)
                    .or_error(ErrorKind::Storage, unreadable)?;
                self.count_need(tenant, &told);
            }
            _ => {}
        }
        Ok(())
    }

    pub(super) async fn keep_need_outcome(
        &self,
        tenant: &TenantId,
        rule: &str,
        right: bool,
    ) -> Result<()> {
        let told = Foreseen {
            rule: rule.to_owned(),
            right,
        };
        self.count_need(tenant, &told);
        self.keep(tenant, NEED, &told).await
    }

    fn count_need(&self, tenant: &TenantId, told: &Foreseen) {
        let mut counted = self.inner.need_outcomes.lock();
        let rules = counted.entry(tenant.clone()).or_default();
        rules
            .entry(told.rule.clone())
            .or_default()
            .count(told.right);
    }

    async fn keep(&self, tenant: &TenantId, kind: &str, payload: &impl Serialize) -> Result<()> {
        let payload = serde_json::to_value(payload)
            .or_error(ErrorKind::Internal, || "what was learned cannot be written")?;
        let record = [Record::new(kind, payload)];
        let (store, key) = (&self.inner.store, key(tenant));
        let mut recalled = self.inner.recalled.lock().await;
        let mut version = recalled.get(tenant).copied().unwrap_or_default();
        for _ in 0..ATTEMPTS {
            match store.append(&key, version, &record).await {
                Ok(now) => {
                    recalled.insert(tenant.clone(), now);
                    return Ok(());
                }
                // Another process learned something, or an earlier one did: it is taken up, and we go on behind it.
                Err(error) if error.kind() == ErrorKind::Conflict => {
                    let others = store.load(&key, version).await?;
                    self.take_up_all(tenant, &others).await;
                    version += others.len() as Version;
                    recalled.insert(tenant.clone(), version);
                }
                Err(error) => return Err(error),
            }
        }
        Err(Error::new(
            ErrorKind::Conflict,
            "others kept writing what they learned; try again",
        ))
    }
}

fn key(tenant: &TenantId) -> StreamKey {
    StreamKey {
        tenant: tenant.clone(),
        conversation: STREAM.into(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;

    use super::*;
    use crate::embedding::{Embedder, HashingEmbedder, TextKind};
    use crate::store::{ConversationStore, MemoryStore};

    #[derive(Debug, Default)]
    struct Counting {
        inner: HashingEmbedder,
        texts: AtomicUsize,
    }

    #[async_trait]
    impl Embedder for Counting {
        fn id(&self) -> &str {
            self.inner.id()
        }

        fn dimensions(&self) -> usize {
            self.inner.dimensions()
        }

        async fn embed(&self, texts: &[String], kind: TextKind) -> Result<Vec<Vec<f32>>> {
            self.texts.fetch_add(texts.len(), Ordering::Relaxed);
            self.inner.embed(texts, kind).await
        }
    }

    #[tokio::test]
    async fn what_others_learned_is_taken_up_whatever_is_learned_first() {
        let store = Arc::new(MemoryStore::new());
        let open = || Assistant::builder().store(store.clone()).build();
        let tenant = TenantId::from("acme");
        let used = async |assistant: &Assistant, article: &str| {
            let (article, given) = (article.into(), ArticleFeedback::Used);
            let kept = assistant.article_feedback(&tenant, &article, given).await;
            kept.unwrap();
        };
        let count = |assistant: &Assistant, article: &str| {
            assistant.knowledge().tally(&tenant, &article.into()).used
        };
        let first = open().await.unwrap();
        used(&first, "a").await;
        let second = open().await.unwrap();
        second
            .keep_need_outcome(&tenant, "rule", true)
            .await
            .unwrap();
        used(&second, "b").await;
        assert_eq!([count(&second, "a"), count(&second, "b")], [1, 1]);
        // The first one learns what the second has learned meanwhile, each once.
        used(&first, "c").await;
        let all = ["a", "b", "c"].map(|article| count(&first, article));
        assert_eq!(all, [1, 1, 1]);
        used(&first, "c").await;
        assert_eq!([count(&first, "b"), count(&first, "c")], [1, 2]);
    }

    #[tokio::test]
    async fn only_the_last_questions_are_read_again() {
        let store = Arc::new(MemoryStore::new());
        let tenant = TenantId::from("acme");
        let ask = |n: usize| {
            let text = format!("question {n}");
            Record::new(
                UNANSWERED,
                serde_json::to_value(Unanswered { text }).unwrap(),
            )
        };
        let records: Vec<Record> = (0..MOST_UNANSWERED + 50).map(ask).collect();
        store.append(&key(&tenant), 0, &records).await.unwrap();
        let embedder = Arc::new(Counting::default());
        let assistant = Assistant::builder()
            .store(store)
            .embedder(embedder.clone())
            .build()
            .await
            .unwrap();
        let before = embedder.texts.load(Ordering::Relaxed);
        let gaps = assistant.knowledge_gaps(&tenant, usize::MAX).await.unwrap();
        assert_eq!(
            embedder.texts.load(Ordering::Relaxed) - before,
            MOST_UNANSWERED
        );
        let asked: usize = gaps.iter().map(|gap| gap.asked).sum();
        assert_eq!(asked, MOST_UNANSWERED);
    }

    #[tokio::test]
    async fn a_question_is_kept_without_personal_data() {
        let store = Arc::new(MemoryStore::new());
        let assistant = Assistant::builder()
            .store(store.clone())
            .build()
            .await
            .unwrap();
        let tenant = TenantId::from("acme");
        let scope = Scope::new(tenant.clone(), Audience::Customer);
        let asked = "Why is there no answer to zoe@example.com?";
        let question = Question::new(asked, scope);
        assistant.unanswered(&question).await.unwrap();
        let kept = store.load(&key(&tenant), 0).await.unwrap();
        let gaps = assistant.knowledge_gaps(&tenant, 5).await.unwrap();
        for text in [kept[0].payload.to_string(), gaps[0].question.clone()] {
            assert!(!text.contains("zoe"), "{text}");
            assert!(text.contains("no answer to ["), "{text}");
        }
    }
}
