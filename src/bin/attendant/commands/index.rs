//! A knowledge index by itself: made, searched, made again.

use std::path::Path;
use std::sync::Arc;

use attendant::assistant::local::load_embedder;
use attendant::conversation::TenantId;
use attendant::knowledge::{
    Audience, EdgeStore, KnowledgeBase, LoadOptions, LoadReport, Question, Scope,
    load_articles_with,
};
use attendant::models::Cache;
use attendant::{Error, ErrorKind, Result};
use serde_json::json;

use crate::args::{IndexArgs, KnowledgeCommand, SearchArgs};
use crate::screen::Screen;
use crate::setup;

pub(crate) async fn run(command: KnowledgeCommand, screen: &Screen) -> Result<()> {
    match command {
        KnowledgeCommand::Index(args) => index(args, false, screen).await,
        KnowledgeCommand::Rebuild(args) => index(args, true, screen).await,
        KnowledgeCommand::Search(args) => search(args, screen).await,
    }
}

async fn index(args: IndexArgs, again: bool, screen: &Screen) -> Result<()> {
    let loaded = load(&args.dir, &args.tenant, screen).await?;
    setup::tell(&loaded, screen);
    if again && !loaded.is_complete() {
        return Err(Error::new(
            ErrorKind::NotFound,
            "not everything in the folder could be read; the index is left as it was",
        ));
    }
    let embedder = load_embedder(&Cache::from_env()?, &args.embedding).await?;
    let store = if again {
        EdgeStore::open_or_rebuild(&args.index, embedder.as_ref()).await?
    } else {
        let store = EdgeStore::open(&args.index, embedder.as_ref()).await;
        store.map_err(|why| why.context("try `attendant knowledge rebuild`"))?
    };
    let base = KnowledgeBase::new(embedder, Arc::new(store));
    let (complete, skipped, notes) = (loaded.is_complete(), loaded.skipped, loaded.notes);
    let report = match again {
        true => setup::take_in_again(&base, loaded.articles, screen).await?,
        false => setup::take_in(&base, loaded.articles, complete, screen).await?,
    };
    if !args.json {
        return screen.line(&setup::in_words(&report));
    }
    let skipped: Vec<_> = skipped
        .iter()
        .map(|skipped| json!({"path": skipped.path, "reason": skipped.reason}))
        .collect();
    let notes: Vec<_> = notes
        .iter()
        .map(|note| json!({"path": note.path, "text": note.text}))
        .collect();
    screen.json(&json!({
        "articles": report.articles,
        "added": report.added,
        "updated": report.updated,
        "unchanged": report.unchanged,
        "removed": report.removed,
        "complete": complete,
        "skipped": skipped,
        "notes": notes,
    }))
}

/// Loads with a progress bar; no article at all is an error, so that an index is not emptied by a wrong path.
async fn load(dir: &Path, tenant: &str, screen: &Screen) -> Result<LoadReport> {
    let bar = screen.bar("reading files");
    let told = bar.clone();
    let (folder, tenant) = (dir.to_owned(), TenantId::from(tenant));
    let loaded = tokio::task::spawn_blocking(move || {
        let progress = |done: usize, total: usize| {
            told.set_length(total as u64);
            told.set_position(done as u64);
        };
        load_articles_with(&folder, &tenant, &LoadOptions::default(), Some(&progress))
    })
    .await;
    bar.finish_and_clear();
    let loaded = loaded.map_err(|why| {
        Error::new(ErrorKind::Internal, "the loading of articles stopped").with_source(why)
    })??;
    if loaded.articles.is_empty() {
        setup::tell(&loaded, screen);
        return Err(Error::new(
            ErrorKind::NotFound,
            format!(
                "there is no article that can be used in {}; the index is left as it was",
                dir.display()
            ),
        ));
    }
    Ok(loaded)
}

async fn search(args: SearchArgs, screen: &Screen) -> Result<()> {
    if !args.index.is_dir() {
        return Err(Error::new(
            ErrorKind::NotFound,
            format!(
                "there is no index in {}; make one with `attendant knowledge index`",
                args.index.display()
            ),
        ));
    }
    let embedder = load_embedder(&Cache::from_env()?, &args.embedding).await?;
    let store = EdgeStore::open(&args.index, embedder.as_ref()).await?;
    let base = KnowledgeBase::new(embedder, Arc::new(store));
    let audience = match args.customer {
        true => Audience::Customer,
        false => Audience::Agent,
    };
    let mut scope = Scope::new(args.tenant.as_str(), audience);
    scope.product = args.product;
    let question = Question::new(args.question, scope);
    let hits = base.search(&question, args.limit).await?;
    if args.json {
        return screen.json(&hits);
    }
    if hits.is_empty() {
        screen.note("nothing found; check the tenant");
    }
    for hit in hits {
        let sure = base.confidence(&hit, &question);
        screen.line(&format!(
            "{:.0}%  {}  {}",
            sure * 100.0,
            hit.passage.id,
            hit.passage.title
        ))?;
        screen.cite(&base.cite(&hit, &question).await?)?;
    }
    Ok(())
}
