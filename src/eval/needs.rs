//! `eval needs`: does the virtual agent hear what a customer needs from their first words?
//!
//! The format of the data is described in `tests/needs/README.md`.

use std::path::Path;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::retrieval::percentile;
use crate::assistant::{Aside, Assistant, PersonNow};
use crate::conversation::{Channel, Conversation, Role, TenantId};
use crate::dialogue::DialogueState;
use crate::error::{Error, ErrorKind, OrError, Result};

/// What stands in place of a procedure where none is meant.
const NONE: &str = "none";

/// A customer's first words.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Opening {
    /// The procedure that is meant, if there is one.
    pub need: Option<String>,
    /// The words.
    pub text: String,
}

/// What the virtual agent made of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OpeningOutcome {
    /// It began the procedure that is meant.
    Begun,
    /// It began another one.
    BegunWrong,
    /// It asked whether that one is meant, or named it beside another.
    Asked,
    /// It asked about others.
    AskedWrong,
    /// It began nothing and asked about none: it answered from an article, chatted, or asked to say more.
    LeftAlone,
}

/// The figures, a flat object in JSON; rates between 0 and 1, times in milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct NeedScore {
    /// `needs`.
    pub name: String,
    /// Messages.
    pub n: usize,
    /// Wall-clock time, seconds.
    pub seconds: f64,
    /// Messages with a need.
    pub with_need: usize,
    /// Of those: the procedure was begun,
    pub begun_right: f64,
    /// another one was,
    pub begun_wrong: f64,
    /// it was asked about,
    pub asked_right: f64,
    /// others were,
    pub asked_wrong: f64,
    /// and nothing was begun or asked.
    pub left_alone: f64,
    /// Of the messages without a need: nothing was begun,
    pub none_not_begun: f64,
    /// and none was asked about either.
    pub none_left_alone: f64,
    /// Time until there was an answer, 95th percentile.
    pub turn_p95_ms: f64,
}

/// Reads a file of lines: procedure (or `none`), tab, words.
///
/// # Errors
/// [`ErrorKind::NotFound`] for a file that cannot be read; [`ErrorKind::InvalidInput`] for a line of another form, or
/// where there is none.
pub fn load(path: &Path) -> Result<Vec<Opening>> {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .or_error(ErrorKind::NotFound, || format!("cannot read {shown}"))?;
    let lines = text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty());
    let openings: Result<Vec<Opening>> = lines
        .map(|(number, line)| match line.split_once('\t') {
            Some((need, text)) if !need.trim().is_empty() && !text.trim().is_empty() => {
                let need = need.trim();
                Ok(Opening {
                    need: (need != NONE).then(|| need.to_owned()),
                    text: text.trim().to_owned(),
                })
            }
            _ => Err(Error::new(
                ErrorKind::InvalidInput,
                format!(
                    "{shown}, line {}: give the procedure, a tab, and the words",
                    number + 1
                ),
            )),
        })
        .collect();
    let openings = openings?;
    if openings.is_empty() {
        return Err(Error::new(
            ErrorKind::InvalidInput,
            format!("there are no messages in {shown}"),
        ));
    }
    Ok(openings)
}

/// Lets the virtual agent of `assistant` answer each message as the first of a conversation. `each` is told what came of
/// it.
///
/// # Errors
/// What the assistant reports.
pub async fn run(
    openings: &[Opening],
    assistant: &Assistant,
    tenant: &TenantId,
    mut each: impl FnMut(usize, &Opening, OpeningOutcome) + Send,
) -> Result<NeedScore> {
    let started = Instant::now();
    let mut times = Vec::new();
    let mut outcomes = Vec::new();
    for (done, opening) in openings.iter().enumerate() {
        let mut conversation = Conversation::new(tenant.clone(), Channel::Chat);
        conversation.say(Role::EndUser, &opening.text);
        let before = Instant::now();
        let (person, mut aside) = (PersonNow::default(), Aside::default());
        let state = DialogueState::default();
        let response = assistant
            .respond(&conversation, state, &person, &mut aside)
            .await?;
        times.push(before.elapsed().as_secs_f64() * 1000.0);
        let outcome = outcome(opening, &response.state);
        outcomes.push(outcome);
        each(done + 1, opening, outcome);
    }
    let all = || openings.iter().zip(&outcomes);
    let count = |with_need: bool, of: &[OpeningOutcome]| {
        all()
            .filter(|(opening, outcome)| {
                opening.need.is_some() == with_need && of.contains(outcome)
            })
            .count()
    };
    let with_need = openings.iter().filter(|one| one.need.is_some()).count();
    let without = openings.len() - with_need;
    let share = |part: usize, whole: usize| part as f64 / whole.max(1) as f64;
    use OpeningOutcome::{Asked, AskedWrong, Begun, BegunWrong, LeftAlone};
    Ok(NeedScore {
        name: "needs".into(),
        n: openings.len(),
        seconds: started.elapsed().as_secs_f64(),
        with_need,
        begun_right: share(count(true, &[Begun]), with_need),
        begun_wrong: share(count(true, &[BegunWrong]), with_need),
        asked_right: share(count(true, &[Asked]), with_need),
        asked_wrong: share(count(true, &[AskedWrong]), with_need),
        left_alone: share(count(true, &[LeftAlone]), with_need),
        none_not_begun: share(count(false, &[AskedWrong, LeftAlone]), without),
        none_left_alone: share(count(false, &[LeftAlone]), without),
        turn_p95_ms: percentile(&mut times, 0.95),
    })
}

fn outcome(opening: &Opening, state: &DialogueState) -> OpeningOutcome {
    let is_meant = |id: &String| opening.need.as_ref() == Some(id);
    // One that is through already was begun, too.
    let begun: Vec<&String> = state.runs.keys().collect();
    match (&begun[..], &state.choices[..]) {
        ([], []) => OpeningOutcome::LeftAlone,
        ([], asked) if asked.iter().any(is_meant) => OpeningOutcome::Asked,
        ([], _) => OpeningOutcome::AskedWrong,
        (begun, _) if begun.iter().any(|id| is_meant(id)) => OpeningOutcome::Begun,
        _ => OpeningOutcome::BegunWrong,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_begun_or_asked_is_held_against_the_need() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tsv");
        std::fs::write(&path, "late-fee\tTake the fee off\n\nnone\tHello there\n").unwrap();
        let openings = load(&path).unwrap();
        let [fee, hello] = openings.as_slice() else {
            panic!("{openings:?}")
        };
        let begun = |id: &str| DialogueState {
            runs: [(id.to_owned(), 1)].into(),
            ..DialogueState::default()
        };
        let asked = |id: &str| DialogueState {
            choices: vec![id.to_owned()],
            ..DialogueState::default()
        };
        let nothing = DialogueState::default();
        for (opening, state, expected) in [
            (fee, &begun("late-fee"), OpeningOutcome::Begun),
            (fee, &begun("sim-lost"), OpeningOutcome::BegunWrong),
            (fee, &asked("late-fee"), OpeningOutcome::Asked),
            (fee, &asked("sim-lost"), OpeningOutcome::AskedWrong),
            (fee, &nothing, OpeningOutcome::LeftAlone),
            (hello, &begun("late-fee"), OpeningOutcome::BegunWrong),
            (hello, &nothing, OpeningOutcome::LeftAlone),
        ] {
            assert_eq!(outcome(opening, state), expected, "{opening:?}");
        }
        std::fs::write(&path, "late-fee Take the fee off\n").unwrap();
        let refused = load(&path).unwrap_err();
        assert!(refused.to_string().contains("line 1"), "{refused}");
    }

    #[test]
    fn the_messages_in_the_repository_can_be_read() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/needs");
        for file in ["dev.tsv", "test.tsv"] {
            assert!(load(&folder.join(file)).unwrap().len() >= 90);
        }
    }
}
