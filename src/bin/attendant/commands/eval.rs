//! The evaluation commands.

use std::path::Path;

use attendant::assistant::local::{embedder_folder, load_embedder, load_language_model};
use attendant::conversation::TenantId;
use attendant::eval;
use attendant::models::Cache;
use attendant::understanding::emotion::TrainedEmotion;
use attendant::{Assistant, Content, Result};
use indicatif::ProgressBar;
use serde::Serialize;

use super::speech;
use super::tasks::{self, TaskArgs};
use crate::args::{EvalArgs, EvalCommand, EvalCommon, TrainArgs, TrainCommand};
use crate::screen::Screen;

pub(crate) async fn run(args: EvalArgs, screen: &Screen) -> Result<()> {
    let cache = Cache::from_env()?;
    match args.command {
        EvalCommand::Speech {
            common,
            model,
            stream,
            previous,
            each,
        } => {
            let engine = speech(&cache, &model, screen).await?;
            let bar = screen.bar("transcribing");
            let progress = |done: &eval::speech::SpeechProgress| {
                bar.set_length(done.total as u64);
                bar.set_position(done.done as u64);
                let mut lines = format!("{}: {} wrong: {}", done.audio, done.errors, done.heard);
                if let Some((text, Some(ms))) = &done.streamed {
                    lines.push_str(&format!("\n    streamed, {ms:.0} ms: {text}"));
                }
                if each {
                    screen.note(&lines);
                }
            };
            let score = eval::speech::run(
                &common.data,
                engine,
                common.limit,
                stream,
                previous,
                progress,
            )
            .await;
            bar.finish_and_clear();
            show(&score?, common.json, screen)
        }
        EvalCommand::Silence {
            data,
            minutes,
            model,
            seed,
            json,
        } => {
            let engine = speech(&cache, &model, screen).await?;
            let bar = screen.bar("listening");
            let progress = |piece: &eval::silence::SilenceProgress| {
                bar.set_length(piece.total as u64);
                bar.set_position(piece.done as u64);
                let (live, file) = (&piece.heard, &piece.file_heard);
                if piece.false_onset || !live.is_empty() {
                    screen.note(&format!("{}, taken for a voice: {live}", piece.name));
                }
                if !file.is_empty() {
                    screen.note(&format!("{}, heard in the file: {file}", piece.name));
                }
            };
            let score = eval::silence::run(data.as_deref(), engine, minutes, seed, progress).await;
            bar.finish_and_clear();
            show(&score?, json, screen)
        }
        EvalCommand::Soak {
            data,
            minutes,
            speed,
            model,
            json,
        } => {
            let engine = speech(&cache, &model, screen).await?;
            let progress = |minute: f64, resident: Option<f64>| {
                let resident = resident.map_or("?".to_owned(), |mb| format!("{mb:.0}"));
                screen.note(&format!("minute {minute:.0}: {resident} MB"));
            };
            let score = eval::soak::run(&data, engine, minutes, speed, progress).await?;
            show(&score, json, screen)
        }
        EvalCommand::Redact {
            data,
            generate,
            out,
            seed,
            limit,
            each,
            json,
        } => {
            if let (Some(n), Some(out)) = (generate, &out) {
                eval::redact::generate::write(n, seed, out)?;
            }
            let Some(data) = data else { return Ok(()) };
            let tell = |miss: &eval::redact::RedactMiss| {
                if each {
                    let (missed, wrong) = (&miss.missed, &miss.wrong);
                    screen.note(&format!(
                        "{}\n    missed {missed:?} wrong {wrong:?}",
                        miss.text
                    ));
                }
            };
            show(&eval::redact::run(&data, limit, tell)?, json, screen)
        }
        EvalCommand::Grounding {
            common,
            model,
            asr_nbest,
            index,
        } => {
            let embedder = load_embedder(&cache, &model).await?;
            let bar = screen.bar("grounding");
            let progress = told(&bar);
            let options = eval::grounding::GroundingOptions {
                limit: common.limit,
                asr_nbest,
                index,
            };
            let score =
                eval::grounding::run(&common.data, embedder, options, Some(&progress)).await;
            bar.finish_and_clear();
            show(&score?, common.json, screen)
        }
        EvalCommand::Summary {
            common,
            llm,
            model,
            each,
        } => {
            let assistant = Assistant::builder()
                .language_model(load_language_model(&cache, &llm).await?)
                .embedder(load_embedder(&cache, &model).await?)
                .build()
                .await?;
            let bar = screen.bar("summaries");
            let progress = told(&bar);
            let tell = |text: &str| screen.note(text);
            let mut options = eval::summary::SummaryEvalOptions::default();
            options.limit = common.limit;
            options.each = each.then_some(&tell);
            let score =
                eval::summary::run(&common.data, &assistant, &options, Some(&progress)).await;
            bar.finish_and_clear();
            show(&score?, common.json, screen)
        }
        EvalCommand::Tasks {
            common,
            trials,
            only,
            content,
            llm,
            model,
            transcripts,
        } => {
            let args = TaskArgs {
                trials,
                only,
                content,
                llm,
                model,
                transcripts,
            };
            let score = tasks::run(args, &common, screen).await?;
            show(&score, common.json, screen)
        }
        EvalCommand::Answers {
            common,
            content,
            llm,
            model,
            each,
        } => {
            let score = answers(&common, &content, (&llm, &model), each, screen).await?;
            show(&score, common.json, screen)
        }
        EvalCommand::Needs {
            common,
            content,
            llm,
            model,
            each,
        } => {
            let score = needs(&common, &content, (&llm, &model), each, screen).await?;
            show(&score, common.json, screen)
        }
        EvalCommand::WrapUp { common, llm, fit } => {
            let model = load_language_model(&cache, &llm).await?;
            let assistant = Assistant::builder().build().await?;
            let bar = screen.bar("wrap-up");
            let progress = told(&bar);
            let mut options = eval::wrap_up::WrapUpEvalOptions::default();
            (options.limit, options.fit) = (common.limit, fit);
            let data = &common.data;
            let score =
                eval::wrap_up::run(data, &assistant, model, &options, Some(&progress)).await;
            bar.finish_and_clear();
            show(&score?, common.json, screen)
        }
        EvalCommand::Intent {
            train,
            common,
            model,
        } => {
            let embedder = load_embedder(&cache, &model).await?;
            let bar = screen.bar("intent");
            let progress = told(&bar);
            let score = eval::intent::run(
                &train,
                &common.data,
                embedder,
                common.limit,
                Some(&progress),
            )
            .await;
            bar.finish_and_clear();
            show(&score?, common.json, screen)
        }
        EvalCommand::Satisfaction { common, model } => {
            let embedder = load_embedder(&cache, &model).await?;
            let bar = screen.bar("satisfaction");
            let progress = told(&bar);
            let score =
                eval::satisfaction::run(&common.data, embedder, common.limit, Some(&progress))
                    .await;
            bar.finish_and_clear();
            show(&score?, common.json, screen)
        }
        EvalCommand::Escalation { common } => {
            let score = eval::escalation::run(&common.data, common.limit)?;
            show(&score, common.json, screen)
        }
        EvalCommand::NextAction {
            common,
            train,
            zero_shot,
            file,
            model,
        } => {
            let embedder = load_embedder(&cache, &model).await?;
            let bar = screen.bar("next action");
            let progress = told(&bar);
            let mut options = eval::next_action::NextActionOptions::default();
            (options.train, options.zero_shot, options.file) = (train, zero_shot, file);
            (options.limit, options.seed) = (common.limit, common.seed.unwrap_or_default());
            let tell = |text: &str| screen.note(text);
            let score =
                eval::next_action::run(&common.data, embedder, options, Some(&progress), tell)
                    .await;
            bar.finish_and_clear();
            show(&score?, common.json, screen)
        }
        EvalCommand::NextActionLv { common, model } => {
            let embedder = load_embedder(&cache, &model).await?;
            let score = eval::next_action::lv::run(&common.data, embedder, common.limit).await?;
            show(&score, common.json, screen)
        }
        EvalCommand::Emotion {
            common,
            model,
            head,
        } => {
            let folder = embedder_folder(&cache, &model)?;
            let model = match head {
                Some(head) => TrainedEmotion::load_trained(&folder, &head)?,
                None => TrainedEmotion::load(&folder)?,
            };
            let bar = screen.bar("emotion");
            let progress = told(&bar);
            let score =
                eval::emotion::run(&common.data, &model, common.limit, Some(&progress)).await;
            bar.finish_and_clear();
            show(&score?, common.json, screen)
        }
        EvalCommand::Retrieval { common, model } => {
            let embedder = load_embedder(&cache, &model).await?;
            let bar = screen.bar("retrieval");
            let progress = told(&bar);
            let score =
                eval::retrieval::run(&common.data, embedder, common.limit, Some(&progress)).await;
            bar.finish_and_clear();
            show(&score?, common.json, screen)
        }
    }
}

async fn answers(
    common: &EvalCommon,
    content: &Path,
    (llm, model): (&str, &str),
    each: bool,
    screen: &Screen,
) -> Result<eval::answers::AnswerScore> {
    let mut questions = eval::answers::load(&common.data)?;
    questions.truncate(common.limit.unwrap_or(usize::MAX));
    let (assistant, tenant, content) = company(content, (llm, model)).await?;
    let articles = &content.articles.articles;
    let bar = screen.bar("answers");
    let score = eval::answers::run(&questions, &assistant, &tenant, articles, |asked| {
        bar.set_length(asked.total as u64);
        bar.set_position(asked.done as u64);
        if each {
            let text = asked.answer.text.as_deref().unwrap_or("-");
            let (outcome, asked) = (asked.outcome, asked.question);
            screen.note(&format!(
                "{:?} {}: {}\n    {text}",
                outcome, asked.id, asked.question
            ));
        }
    })
    .await;
    bar.finish_and_clear();
    score
}

async fn needs(
    common: &EvalCommon,
    content: &Path,
    models: (&str, &str),
    each: bool,
    screen: &Screen,
) -> Result<eval::needs::NeedScore> {
    let mut openings = eval::needs::load(&common.data)?;
    openings.truncate(common.limit.unwrap_or(usize::MAX));
    let (assistant, tenant, _) = company(content, models).await?;
    let bar = screen.bar("needs");
    bar.set_length(openings.len() as u64);
    let score = eval::needs::run(&openings, &assistant, &tenant, |done, opening, outcome| {
        bar.set_position(done as u64);
        if each {
            let need = opening.need.as_deref().unwrap_or("none");
            screen.note(&format!("{outcome:?} {need}: {}", opening.text));
        }
    })
    .await;
    bar.finish_and_clear();
    score
}

/// The assistant of a company, with its articles in the index.
async fn company(
    content: &Path,
    (llm, model): (&str, &str),
) -> Result<(Assistant, TenantId, Content)> {
    let cache = Cache::from_env()?;
    let content = Content::load(content, &TenantId::from("default"))?;
    let tenant = content.tenant().cloned();
    let tenant = tenant.unwrap_or_else(|| "default".into());
    let assistant = Assistant::builder()
        .content(&content)
        .embedder(load_embedder(&cache, model).await?)
        .language_model(load_language_model(&cache, llm).await?)
        .build()
        .await?;
    let articles = content.articles.articles.clone();
    assistant.knowledge().ingest(articles, None).await?;
    Ok((assistant, tenant, content))
}

pub(crate) async fn train(args: TrainArgs, screen: &Screen) -> Result<()> {
    let cache = Cache::from_env()?;
    let bar = screen.bar("training");
    let progress = told(&bar);
    match args.command {
        TrainCommand::Escalation { data, out, json } => {
            bar.finish_and_clear();
            let report = eval::escalation::train::run(&data, &out)?;
            show(&report, json, screen)
        }
        TrainCommand::NextAction {
            data,
            out,
            model,
            seed,
            json,
        } => {
            let embedder = load_embedder(&cache, &model).await?;
            let report =
                eval::next_action::train::run(&data, &out, embedder, seed, Some(&progress)).await;
            bar.finish_and_clear();
            show(&report?, json, screen)
        }
        TrainCommand::Grounding {
            data,
            out,
            model,
            index,
            seed,
            json,
        } => {
            let embedder = load_embedder(&cache, &model).await?;
            let index = index.as_deref();
            let report =
                eval::grounding::train::run(&data, &out, embedder, index, seed, Some(&progress))
                    .await;
            bar.finish_and_clear();
            show(&report?, json, screen)
        }
        TrainCommand::Emotion {
            data,
            out,
            model,
            layers,
            epochs,
            threads,
            limit,
            refit,
            seed,
            json,
        } => {
            let folder = embedder_folder(&cache, &model)?;
            let mut options = eval::emotion::train::EmotionTraining::default();
            (options.layers, options.epochs, options.threads) = (layers, epochs, threads);
            (options.limit, options.seed, options.refit) = (limit, seed, refit);
            let report =
                eval::emotion::train::run(&data, &out, &folder, options, Some(&progress)).await;
            bar.finish_and_clear();
            show(&report?, json, screen)
        }
    }
}

/// Shows on `bar` what is being done, how much of it is done and how much there is.
fn told(bar: &ProgressBar) -> impl Fn(&str, usize, usize) + Send + Sync + '_ {
    |what, done, total| {
        bar.set_message(what.to_owned());
        bar.set_length(total as u64);
        bar.set_position(done as u64);
    }
}

/// One JSON object, or one figure a line.
fn show(score: &impl Serialize, json: bool, screen: &Screen) -> Result<()> {
    if json {
        return screen.json(score);
    }
    let value = serde_json::to_value(score).unwrap_or_default();
    let figures = value.as_object().into_iter().flatten();
    figures
        .into_iter()
        .try_for_each(|(name, value)| screen.line(&format!("{name:16} {value}")))
}
