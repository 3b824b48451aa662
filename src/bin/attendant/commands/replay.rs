//! Coaching rules over stored conversations.

use std::path::{Path, PathBuf};

use attendant::assist::{ReplayConversation, ReplayReport, RuleReplay, load_coaching_rules};
use attendant::assistant::local::{load_embedder, load_emotion, load_language_model};
use attendant::conversation::TenantId;
use attendant::models::Cache;
use attendant::{Assistant, Error, ErrorKind, Result};
use serde::Deserialize;

use super::file::{is_transcript, read_transcript};
use crate::args::ReplayArgs;
use crate::screen::Screen;

/// Words of an example shown on the screen.
const SHOWN: usize = 100;

pub(crate) async fn run(args: ReplayArgs, screen: &Screen) -> Result<()> {
    let rules = load_coaching_rules(&args.rules)?;
    let conversations = read(&args.conversations, screen)?;
    let busy = screen.busy("replaying");
    let report = async {
        let mut builder = Assistant::builder().coaching_rules(rules);
        if args.embedding != "none" {
            let cache = Cache::from_env()?;
            builder = builder.embedder(load_embedder(&cache, &args.embedding).await?);
            // The head fits one embedding model; with another one feelings are not known.
            if let Ok(emotion) = load_emotion(&cache, &args.embedding).await {
                builder = builder.emotion(emotion);
            }
        }
        if let Some(model) = args.llm.as_deref().filter(|model| *model != "none") {
            let cache = Cache::from_env()?;
            builder = builder.language_model(load_language_model(&cache, model).await?);
        }
        builder.build().await?.replay_coaching(&conversations).await
    }
    .await;
    busy.finish_and_clear();
    let report = report?;
    for label in &report.unknown_labels {
        screen.note(&format!(
            "{label:?} is a label, but no rule; it counts for none"
        ));
    }
    match args.json {
        true => screen.json(&report),
        false => show(&report, screen),
    }
}

/// What a transcript says of rules.
#[derive(Deserialize)]
struct Labels {
    coaching: Option<Vec<String>>,
}

fn read(path: &Path, screen: &Screen) -> Result<Vec<ReplayConversation>> {
    let mut files = Vec::new();
    match path.is_dir() {
        true => collect(path, &mut files)?,
        false => files.push(path.to_owned()),
    }
    files.sort();
    let tenant = TenantId::from("default");
    let mut read = Vec::new();
    for file in files {
        match conversation(&file, path, &tenant) {
            Ok(conversation) => read.push(conversation),
            // One that was asked for by its name must be one; among many there may be other files.
            Err(error) if path.is_dir() => screen.note(&format!("skipped: {error}")),
            Err(error) => return Err(error),
        }
    }
    if read.is_empty() {
        return Err(Error::new(
            ErrorKind::NotFound,
            format!("{} holds no transcripts (*.json)", path.display()),
        ));
    }
    Ok(read)
}

fn conversation(file: &Path, root: &Path, tenant: &TenantId) -> Result<ReplayConversation> {
    let conversation = read_transcript(file, tenant)?;
    let labels = std::fs::read_to_string(file)
        .ok()
        .and_then(|text| serde_json::from_str(text.trim_start_matches('\u{feff}')).ok())
        .and_then(|labels: Labels| labels.coaching);
    let name = match file.strip_prefix(root) {
        Ok(below) if !below.as_os_str().is_empty() => below.display().to_string(),
        _ => file.display().to_string(),
    };
    Ok(ReplayConversation {
        name,
        conversation,
        labels,
    })
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let unreadable = |why: std::io::Error| {
        Error::new(
            ErrorKind::NotFound,
            format!("cannot list {}", folder.display()),
        )
        .with_source(why)
    };
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let path = entry.path();
        // A link to a folder could lead round in a circle.
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_folder {
            collect(&path, files)?;
        } else if is_transcript(&path) {
            files.push(path);
        }
    }
    Ok(())
}

fn show(report: &ReplayReport, screen: &Screen) -> Result<()> {
    screen.line(&format!(
        "{} conversations ({} labelled), {} utterances, {} rules; 95 of 100 utterances within {:.1} ms",
        report.conversations,
        report.labelled,
        report.utterances,
        report.rules.len(),
        report.utterance_ms_p95
    ))?;
    if report.questions > 0 {
        screen.line(&format!("{} questions to the model", report.questions))?;
    }
    report
        .rules
        .iter()
        .try_for_each(|rule| show_rule(rule, screen))
}

fn show_rule(rule: &RuleReplay, screen: &Screen) -> Result<()> {
    let percent = |share: Option<f64>| match share {
        Some(share) => format!("{:.0}%", share * 100.0),
        None => "-".into(),
    };
    screen.line(&format!(
        "{}: fired {} times in {} conversations ({}), precision {}, recall {}",
        rule.rule,
        rule.fired,
        rule.conversations,
        percent(Some(rule.fire_rate)),
        percent(rule.precision),
        percent(rule.recall)
    ))?;
    for example in &rule.examples {
        let place = example
            .utterance
            .map_or_else(|| "-".to_owned(), |number| number.to_string());
        let words = match example.words.chars().count() > SHOWN {
            true => format!("{}…", example.words.chars().take(SHOWN).collect::<String>()),
            false => example.words.clone(),
        };
        screen.line(&format!(
            "    {} [{place}] \"{words}\" ({:.0}%)",
            example.conversation,
            example.confidence * 100.0
        ))?;
    }
    Ok(())
}
