//! `eval answers`: are customers' questions answered from the articles, and the others left open?
//!
//! The format of the questions is described in `tests/answers/README.md`.

use std::collections::HashSet;
use std::path::Path;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::retrieval::percentile;
use super::tasks::Pattern;
use crate::assistant::Assistant;
use crate::conversation::{ArticleId, TenantId};
use crate::error::{Error, ErrorKind, OrError, Result};
use crate::knowledge::{Audience, KnowledgeAnswer, KnowledgeArticle, Question, Scope};

/// The language that the questions are asked in.
const LANGUAGE: &str = "en";

/// A question of a customer.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct AnswerQuestion {
    /// Identity.
    pub id: String,
    /// The customer's words.
    pub question: String,
    /// The article that answers it; left out where none does, so that nothing may be answered.
    #[serde(default)]
    pub article: Option<ArticleId>,
    /// For a question that leaves its subject unsaid: what was asked before, and what was answered.
    #[serde(default)]
    pub before: Option<(String, String)>,
    /// All of these are in a right answer.
    #[serde(default)]
    pub right: Vec<Pattern>,
    /// None of these is.
    #[serde(default)]
    pub wrong: Vec<Pattern>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    questions: Vec<AnswerQuestion>,
}

/// What became of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AnswerOutcome {
    /// Answered as it should be.
    Right,
    /// Answered with something else, or with what must not be said.
    Wrong,
    /// Left open although an article answers it.
    Missed,
    /// Left open, as no article answers it.
    LeftOpen,
    /// Answered although no article does.
    MadeUp,
}

impl AnswerQuestion {
    fn outcome(&self, answer: &KnowledgeAnswer) -> AnswerOutcome {
        match (&self.article, &answer.text) {
            (Some(_), None) => AnswerOutcome::Missed,
            (None, None) => AnswerOutcome::LeftOpen,
            (None, Some(_)) => AnswerOutcome::MadeUp,
            (Some(_), Some(text)) => {
                let all = self.right.iter().all(|pattern| pattern.is_in(text));
                let none = !self.wrong.iter().any(|pattern| pattern.is_in(text));
                match all && none {
                    true => AnswerOutcome::Right,
                    false => AnswerOutcome::Wrong,
                }
            }
        }
    }
}

/// The figures, a flat object in JSON; rates between 0 and 1, times in milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AnswerScore {
    /// `answers`.
    pub name: String,
    /// Questions.
    pub n: usize,
    /// Wall-clock time, seconds.
    pub seconds: f64,
    /// Questions that an article answers.
    pub answerable: usize,
    /// Share of all questions that were answered right or rightly left open.
    pub right: f64,
    /// Of the answerable ones: answered right,
    pub answered_right: f64,
    /// answered with something else,
    pub answered_wrong: f64,
    /// and left open.
    pub missed: f64,
    /// Of the others: rightly left open.
    pub left_open: f64,
    /// Of the answers to answerable questions: whose first citation is of the article that holds the answer.
    pub cited_right: f64,
    /// Reference of the same run: the article's best sentence, chosen without a language model. Share of all questions.
    pub quoted_right: f64,
    /// The same, of the answerable ones.
    pub quoted_answered_right: f64,
    /// Time of an answer, median.
    pub answer_p50_ms: f64,
    /// The same, 95th percentile.
    pub answer_p95_ms: f64,
}

/// A question that is done.
#[derive(Debug)]
#[non_exhaustive]
pub struct AnswerProgress<'a> {
    /// Questions done, this one included.
    pub done: usize,
    /// Questions in all.
    pub total: usize,
    /// The question.
    pub question: &'a AnswerQuestion,
    /// What was answered.
    pub answer: &'a KnowledgeAnswer,
    /// What became of it.
    pub outcome: AnswerOutcome,
}

/// Reads the questions in `path`: a TOML file, or a folder of them.
///
/// # Errors
/// [`ErrorKind::NotFound`] where there is none, [`ErrorKind::Config`] where one cannot be read or two have the same id.
pub fn load(path: &Path) -> Result<Vec<AnswerQuestion>> {
    let shown = path.display();
    let mut files = vec![path.to_owned()];
    if path.is_dir() {
        let entries = std::fs::read_dir(path)
            .or_error(ErrorKind::NotFound, || format!("cannot read {shown}"))?;
        let all = entries.flatten().map(|entry| entry.path());
        files = all
            .filter(|path| path.extension().is_some_and(|end| end == "toml"))
            .collect();
        files.sort();
    }
    let mut questions = Vec::new();
    for file in files {
        let shown = file.display();
        let text = std::fs::read_to_string(&file)
            .or_error(ErrorKind::NotFound, || format!("cannot read {shown}"))?;
        let read: File = toml::from_str(&text).or_error(ErrorKind::Config, || {
            format!("{shown} does not hold questions")
        })?;
        questions.extend(read.questions);
    }
    let mut ids = HashSet::new();
    if let Some(twice) = questions.iter().find(|q| !ids.insert(q.id.as_str())) {
        return Err(Error::new(
            ErrorKind::Config,
            format!("two questions are called {:?}", twice.id),
        ));
    }
    if questions.is_empty() {
        return Err(Error::new(
            ErrorKind::NotFound,
            format!("there are no questions in {shown}"),
        ));
    }
    Ok(questions)
}

/// Asks `assistant` every question as a customer of `tenant`. `articles` tell the titles.
///
/// # Errors
/// [`ErrorKind::InvalidInput`] where a question names an article that there is not; what the assistant reports.
pub async fn run(
    questions: &[AnswerQuestion],
    assistant: &Assistant,
    tenant: &TenantId,
    articles: &[KnowledgeArticle],
    mut progress: impl FnMut(&AnswerProgress<'_>) + Send,
) -> Result<AnswerScore> {
    let started = Instant::now();
    let mut times = Vec::new();
    let mut outcomes = Vec::new();
    let (mut cited, mut quoted, mut quoted_answered) = (0, 0, 0);
    for (done, question) in questions.iter().enumerate() {
        let title = question.article.as_ref().map(|id| title(articles, id));
        let title = title.transpose()?;
        let scope = Scope::new(tenant.clone(), Audience::Customer).with_language(LANGUAGE);
        let asked = Question::new(&question.question, scope);
        let before = Instant::now();
        let answer = match (&question.article, &question.before, title) {
            (Some(id), Some(before), Some(title)) => {
                assistant.answer_after(&asked, id, title, before).await?
            }
            _ => assistant.answer(&asked).await?,
        };
        times.push(before.elapsed().as_secs_f64() * 1000.0);
        let whole = match (title, &question.before) {
            (Some(title), Some(_)) => Question::new(
                format!("{title}: {}", question.question),
                asked.scope.clone(),
            ),
            _ => asked,
        };
        let quote = assistant.knowledge().answer_extractive(&whole).await?;
        // Labels are read only here, after both.
        let outcome = question.outcome(&answer);
        let first = answer.citations.first().map(|citation| &citation.article);
        let is_answer = question.article.is_some() && answer.text.is_some();
        cited += usize::from(is_answer && first == question.article.as_ref());
        match question.outcome(&quote) {
            AnswerOutcome::Right => (quoted, quoted_answered) = (quoted + 1, quoted_answered + 1),
            AnswerOutcome::LeftOpen => quoted += 1,
            _ => {}
        }
        outcomes.push(outcome);
        progress(&AnswerProgress {
            done: done + 1,
            total: questions.len(),
            question,
            answer: &answer,
            outcome,
        });
    }
    let count = |wanted: AnswerOutcome| outcomes.iter().filter(|o| **o == wanted).count();
    let share = |part: usize, whole: usize| part as f64 / whole.max(1) as f64;
    let (right, wrong) = (count(AnswerOutcome::Right), count(AnswerOutcome::Wrong));
    let open = count(AnswerOutcome::LeftOpen);
    let answerable = questions.iter().filter(|q| q.article.is_some()).count();
    let n = questions.len();
    Ok(AnswerScore {
        name: "answers".into(),
        n,
        seconds: started.elapsed().as_secs_f64(),
        answerable,
        right: share(right + open, n),
        answered_right: share(right, answerable),
        answered_wrong: share(wrong, answerable),
        missed: share(count(AnswerOutcome::Missed), answerable),
        left_open: share(open, n - answerable),
        cited_right: share(cited, right + wrong),
        quoted_right: share(quoted, n),
        quoted_answered_right: share(quoted_answered, answerable),
        answer_p50_ms: percentile(&mut times, 0.5),
        answer_p95_ms: percentile(&mut times, 0.95),
    })
}

fn title<'a>(articles: &'a [KnowledgeArticle], id: &ArticleId) -> Result<&'a str> {
    let article = articles.iter().find(|article| article.id == *id);
    let title = article.map(|article| article.title.as_str());
    title.ok_or_else(|| Error::new(ErrorKind::InvalidInput, format!("there is no article {id}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(text: Option<&str>) -> KnowledgeAnswer {
        KnowledgeAnswer {
            text: text.map(str::to_owned),
            citations: Vec::new(),
            confidence: 0.5,
            missing: None,
        }
    }

    #[test]
    fn an_answer_is_held_against_its_patterns() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.toml");
        let text = r#"
            [[questions]]
            id = "fee"
            question = "How much is it?"
            article = "late-fee"
            right = ['£?7\.50']
            wrong = ['^no\b']
            [[questions]]
            id = "tv"
            question = "Do you sell televisions?"
        "#;
        std::fs::write(&path, text).unwrap();
        let questions = load(folder.path()).unwrap();
        let [fee, tv] = questions.as_slice() else {
            panic!("{questions:?}")
        };
        for (question, said, outcome) in [
            (fee, Some("It is 7.50."), AnswerOutcome::Right),
            (fee, Some("No, 7.50."), AnswerOutcome::Wrong),
            (fee, Some("It is £10."), AnswerOutcome::Wrong),
            (fee, None, AnswerOutcome::Missed),
            (tv, None, AnswerOutcome::LeftOpen),
            (tv, Some("Yes."), AnswerOutcome::MadeUp),
        ] {
            assert_eq!(question.outcome(&answer(said)), outcome, "{said:?}");
        }
        std::fs::write(folder.path().join("b.toml"), text).unwrap();
        let twice = load(folder.path()).unwrap_err();
        assert!(twice.to_string().contains("\"fee\""), "{twice}");
        assert_eq!(
            load(&folder.path().join("none.toml")).unwrap_err().kind(),
            ErrorKind::NotFound
        );
    }

    #[test]
    fn the_questions_in_the_repository_can_be_read() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/answers");
        assert!(load(&folder).unwrap().len() >= 100);
    }
}
