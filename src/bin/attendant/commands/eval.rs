//! The evaluation commands.

use attendant::Result;
use attendant::assistant::local::{load_embedder, load_speech};
use attendant::eval;
use attendant::models::Cache;
use serde::Serialize;

use crate::args::{EvalArgs, EvalCommand, EvalCommon};
use crate::screen::Screen;

pub(crate) async fn run(args: EvalArgs, screen: &Screen) -> Result<()> {
    let cache = Cache::from_env()?;
    match args.command {
        EvalCommand::Speech { common, model } => {
            let engine = load_speech(&cache, &model).await?;
            let bar = screen.bar("transcribing");
            let progress = |done: &eval::speech::SpeechProgress| {
                bar.set_length(done.total as u64);
                bar.set_position(done.done as u64);
            };
            let score =
                eval::speech::run(&common.data, engine.as_ref(), common.limit, progress).await;
            bar.finish_and_clear();
            show(&score?, &common, screen)
        }
        EvalCommand::Retrieval { common, model } => {
            let embedder = load_embedder(&cache, &model).await?;
            let bar = screen.bar("retrieval");
            let progress = |what: &str, done: usize, total: usize| {
                bar.set_message(what.to_owned());
                bar.set_length(total as u64);
                bar.set_position(done as u64);
            };
            let score =
                eval::retrieval::run(&common.data, embedder, common.limit, Some(&progress)).await;
            bar.finish_and_clear();
            show(&score?, &common, screen)
        }
    }
}

/// One JSON object, or one figure a line.
fn show(score: &impl Serialize, common: &EvalCommon, screen: &Screen) -> Result<()> {
    if common.json {
        return screen.json(score);
    }
    let value = serde_json::to_value(score).unwrap_or_default();
    let figures = value.as_object().into_iter().flatten();
    figures
        .into_iter()
        .try_for_each(|(name, value)| screen.line(&format!("{name:16} {value}")))
}
