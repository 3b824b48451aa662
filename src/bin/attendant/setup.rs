//! An assistant for the command line: content folder, models, index.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use attendant::assistant::local::LocalModels;
use attendant::conversation::TenantId;
use attendant::knowledge::{IngestReport, KnowledgeArticle, KnowledgeBase, LoadReport};
use attendant::models::Cache;
use attendant::store::{ConversationStore, SqliteStore};
use attendant::{Assistant, Content, Error, ErrorKind, Result};
use indicatif::ProgressBar;

use crate::args::Setup;
use crate::screen::Screen;

/// What a command works with.
pub(crate) struct Ready {
    pub(crate) assistant: Assistant,
    pub(crate) tenant: TenantId,
}

/// Loads models and content and brings the index up to date.
pub(crate) async fn ready(
    setup: &Setup,
    store: Option<&Path>,
    with_speech: bool,
    screen: &Screen,
) -> Result<Ready> {
    let store: Option<Arc<dyn ConversationStore>> = match store {
        Some(path) => Some(Arc::new(SqliteStore::open(path).await?)),
        None => None,
    };
    ready_with(setup, store, with_speech, screen).await
}

/// As [`ready`], with a store of any kind.
pub(crate) async fn ready_with(
    setup: &Setup,
    store: Option<Arc<dyn ConversationStore>>,
    with_speech: bool,
    screen: &Screen,
) -> Result<Ready> {
    let content = Content::load(
        &setup.knowledge,
        &TenantId::from(setup.tenant.as_deref().unwrap_or("default")),
    )?;
    tell(&content.articles, screen);
    let complete = content.articles.is_complete();
    let tenant = match &setup.tenant {
        Some(tenant) => tenant.as_str().into(),
        None => content
            .tenant()
            .cloned()
            .unwrap_or_else(|| "default".into()),
    };
    let index = match &setup.index {
        Some(index) => index.clone(),
        None => default_index(&setup.knowledge)?,
    };
    let stt = if with_speech {
        setup.stt.as_deref()
    } else {
        Some("none")
    };
    let mut models =
        LocalModels::default().choose(setup.llm.as_deref(), stt, setup.embedding.as_deref());
    models.index = Some(index);
    let busy = screen.busy("loading models");
    let built = async {
        let mut builder = Assistant::builder()
            .organisation(name_of(&tenant))
            .content(&content)
            .local(&Cache::from_env()?, &models)
            .await?;
        if let Some(store) = store {
            builder = builder.store(store);
        }
        builder.build().await
    }
    .await;
    busy.finish_and_clear();
    let assistant = built?;
    let articles = &content.articles.articles;
    if complete && articles.iter().all(|article| article.tenant != tenant) {
        // What was indexed before and has no article any more must not be answered from.
        assistant.knowledge().clear(&tenant).await?;
    }
    take_in(
        assistant.knowledge(),
        content.articles.articles,
        complete,
        screen,
    )
    .await?;
    Ok(Ready { assistant, tenant })
}

/// Tells what was skipped and what to look at.
pub(crate) fn tell(loaded: &LoadReport, screen: &Screen) {
    for skipped in &loaded.skipped {
        let (path, reason) = (skipped.path.display(), &skipped.reason);
        screen.note(&format!("skipped {path}: {reason}"));
    }
    for note in &loaded.notes {
        screen.note(&format!("{}: {}", note.path.display(), note.text));
    }
    if !loaded.is_complete() {
        screen.note("not everything could be read: articles that are missing stay in the index");
    }
}

/// Indexes articles with a progress bar. Those that are missing are removed only where all could be read.
pub(crate) async fn take_in(
    knowledge: &KnowledgeBase,
    articles: Vec<KnowledgeArticle>,
    complete: bool,
    screen: &Screen,
) -> Result<IngestReport> {
    let progress = Progress::new(screen);
    let told = |done, total| progress.tell(done, total);
    if complete {
        knowledge.ingest(articles, Some(&told)).await
    } else {
        knowledge.update(articles, Some(&told)).await
    }
}

/// Indexes all articles anew, whatever is stored.
pub(crate) async fn take_in_again(
    knowledge: &KnowledgeBase,
    articles: Vec<KnowledgeArticle>,
    screen: &Screen,
) -> Result<IngestReport> {
    let progress = Progress::new(screen);
    let told = |done, total| progress.tell(done, total);
    knowledge.rebuild(articles, Some(&told)).await
}

/// A bar that is there while passages are indexed.
struct Progress<'a> {
    screen: &'a Screen,
    bar: std::sync::OnceLock<ProgressBar>,
}

impl<'a> Progress<'a> {
    fn new(screen: &'a Screen) -> Self {
        Self {
            screen,
            bar: std::sync::OnceLock::new(),
        }
    }

    fn tell(&self, done: usize, total: usize) {
        if total > 0 {
            let bar = self
                .bar
                .get_or_init(|| self.screen.bar("indexing passages"));
            bar.set_length(total as u64);
            bar.set_position(done as u64);
        }
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        if let Some(bar) = self.bar.get() {
            bar.finish_and_clear();
        }
    }
}

/// What an ingestion changed.
pub(crate) fn in_words(report: &IngestReport) -> String {
    format!(
        "{} articles: {} passages added, {} updated, {} unchanged, {} removed",
        report.articles, report.added, report.updated, report.unchanged, report.removed
    )
}

/// "larkfield" -> "Larkfield": what customers call the tenant, where nothing else is known.
pub(crate) fn name_of(tenant: &TenantId) -> String {
    let mut letters = tenant.as_str().chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}

/// One index a knowledge folder, beside the model cache.
pub(crate) fn default_index(knowledge: &Path) -> Result<PathBuf> {
    let folder = knowledge.canonicalize().map_err(|why| {
        Error::new(
            ErrorKind::NotFound,
            format!("there is no folder {}", knowledge.display()),
        )
        .with_source(why)
    })?;
    // A content folder and the articles in it share one index.
    let folder = match folder.parent() {
        Some(parent) if folder.ends_with("articles") => parent.to_owned(),
        _ => folder,
    };
    let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(&folder);
    Ok(Cache::from_env()?
        .root()
        .join("index")
        .join(format!("{hash:016x}")))
}
