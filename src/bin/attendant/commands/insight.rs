//! What a folder of conversations tells.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use attendant::assistant::local::load_embedder;
use attendant::embedding::{Embedder, HashingEmbedder};
use attendant::insight::{
    Analyst, ConversationRecord, GroupBy, InsightOptions, InsightReport, Measures, Voices,
};
use attendant::models::Cache;
use attendant::{Error, ErrorKind, Result};

use crate::args::{InsightArgs, InsightBy};
use crate::screen::Screen;

/// Topics and irritants shown on a screen.
const SHOWN: usize = 10;

pub(crate) async fn run(args: InsightArgs, screen: &Screen) -> Result<()> {
    let records = read(&args.dir, screen)?;
    let embedder: Arc<dyn Embedder> = match args.embedding.as_str() {
        "none" => Arc::new(HashingEmbedder::default()),
        name => load_embedder(&Cache::from_env()?, name).await?,
    };
    let options = InsightOptions::default().by(args.by.map(grouping));
    let busy = screen.busy("reading conversations");
    let report = Analyst::new(embedder).report(&records, &options).await;
    busy.finish_and_clear();
    let report = report?;
    if let Some(path) = &args.csv {
        write(path, &report.measures_csv())?;
        write(&path.with_extension("topics.csv"), &report.topics_csv())?;
        write(
            &path.with_extension("irritants.csv"),
            &report.irritants_csv(),
        )?;
        write(&path.with_extension("voices.csv"), &report.voices_csv())?;
    }
    if let Some(path) = &args.plot {
        write(path, &report.to_svg()?)?;
    }
    if args.json {
        screen.json(&report)
    } else {
        tell(&report, screen)
    }
}

fn grouping(by: InsightBy) -> GroupBy {
    match by {
        InsightBy::Queue => GroupBy::Queue,
        InsightBy::Product => GroupBy::Product,
        InsightBy::Day => GroupBy::Day,
        InsightBy::Week => GroupBy::Week,
        InsightBy::Month => GroupBy::Month,
    }
}

/// Every `*.json` of a folder, by name. One that cannot be read is told and left out.
fn read(folder: &Path, screen: &Screen) -> Result<Vec<ConversationRecord>> {
    let shown = folder.display();
    let unreadable = |why| {
        Error::new(
            ErrorKind::NotFound,
            format!("cannot read the folder {shown}"),
        )
        .with_source(why)
    };
    let mut paths: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if super::file::is_transcript(&path) {
            paths.push(path);
        }
    }
    paths.sort();
    let mut records = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(&path).map_err(|why| {
            Error::new(ErrorKind::NotFound, "it cannot be read as text").with_source(why)
        });
        match text.and_then(|text| ConversationRecord::from_json(&text)) {
            Ok(mut record) => {
                // Without an id of its own a conversation is found again by its file.
                let named = path.file_stem().and_then(|stem| stem.to_str());
                if let (false, Some(name)) = (record.has_id(), named) {
                    record.conversation.id = name.into();
                }
                records.push(record);
            }
            Err(error) => screen.note(&format!("left out {}: {error}", path.display())),
        }
    }
    if records.is_empty() {
        let what = format!("there are no conversations (*.json) in {shown}");
        return Err(Error::new(ErrorKind::NotFound, what));
    }
    Ok(records)
}

fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).map_err(|why| {
        let what = format!("cannot write {}", path.display());
        Error::new(ErrorKind::Storage, what).with_source(why)
    })
}

fn tell(report: &InsightReport, screen: &Screen) -> Result<()> {
    for group in &report.groups {
        measures(&group.group, &group.measures, screen)?;
    }
    measures("all", &report.total, screen)?;
    screen.line("Topics")?;
    for topic in report.topics.iter().take(SHOWN) {
        let complain = topic.complaining * 100.0;
        screen.line(&format!(
            "  {:4}  {} ({complain:.0}% complain): \"{}\"",
            topic.conversations, topic.name, topic.example
        ))?;
    }
    screen.line("Irritants")?;
    for irritant in report.irritants.iter().take(SHOWN) {
        screen.line(&format!(
            "  {:4}  {}: \"{}\"",
            irritant.conversations, irritant.name, irritant.example
        ))?;
    }
    report
        .voices
        .first()
        .map_or(Ok(()), |all| voices(all, screen))
}

fn measures(name: &str, of: &Measures, screen: &Screen) -> Result<()> {
    let percent = |v: Option<f32>| v.map_or("-".into(), |v| format!("{:.0}%", v * 100.0));
    let mark = |v: Option<f32>| v.map_or("-".into(), |v| format!("{v:.1}"));
    let handle = of
        .mean_handle_ms
        .map_or(String::new(), |ms| format!(", {} s on average", ms / 1000));
    screen.line(&format!(
        "{name}: {} conversations, {} solved at first contact, {} contained, {} complain, satisfaction {}, pulse {}{handle}",
        of.conversations,
        percent(of.first_contact_resolution),
        percent(of.containment),
        percent(of.complaining),
        mark(of.satisfaction),
        mark(of.pulse),
    ))
}

fn voices(all: &Voices, screen: &Screen) -> Result<()> {
    screen.line("Conversations, notes and pulse side by side")?;
    let rows = [
        ("complaints that no note mentions", &all.unnoted_complaints),
        ("noted as solved, came back", &all.noted_solved_came_back),
        ("bad pulse without a complaint", &all.silent_dissatisfaction),
        ("good pulse after a complaint", &all.recovered),
    ];
    for (what, cases) in rows {
        let examples: Vec<&str> = cases.examples.iter().map(|id| id.as_str()).collect();
        screen.line(&format!(
            "  {:4}  {what}: {}",
            cases.count,
            examples.join(", ")
        ))?;
    }
    Ok(())
}
