//! `attendant eval tasks`.

use std::path::PathBuf;
use std::sync::Arc;

use attendant::assistant::local::{load_embedder, load_emotion, load_language_model};
use attendant::conversation::TenantId;
use attendant::embedding::{CachedEmbedder, Embedder};
use attendant::eval::tasks::{
    Customers, Published, TaskOptions, TaskProgress, TaskScore, run as converse,
};
use attendant::knowledge::{Audience, MemoryVectorStore};
use attendant::models::Cache;
use attendant::{Assistant, Content, Error, ErrorKind, Result};
use futures::FutureExt;

use crate::args::EvalCommon;
use crate::screen::Screen;
use crate::setup::name_of;

/// Vectors kept: content and what was said, over all conversations.
const CACHED_VECTORS: usize = 32_768;

/// What the command was told beside [`EvalCommon`].
pub(crate) struct TaskArgs {
    pub(crate) trials: usize,
    pub(crate) only: Option<String>,
    pub(crate) content: PathBuf,
    pub(crate) llm: String,
    pub(crate) model: String,
    pub(crate) transcripts: Option<PathBuf>,
}

pub(crate) async fn run(args: TaskArgs, common: &EvalCommon, screen: &Screen) -> Result<TaskScore> {
    let customers = Customers::load(&common.data)?;
    let cache = Cache::from_env()?;
    let content = Content::load(&args.content, &TenantId::from("default"))?;
    let tenant = content
        .tenant()
        .cloned()
        .unwrap_or_else(|| "default".into());
    // Every conversation has its own assistant; models and index are the same ones.
    let embedder: Arc<dyn Embedder> = Arc::new(CachedEmbedder::new(
        load_embedder(&cache, &args.model).await?,
        CACHED_VECTORS,
    ));
    let emotion = load_emotion(&cache, &args.model).await.ok();
    let llm = load_language_model(&cache, &args.llm).await?;
    let vectors = Arc::new(MemoryVectorStore::default());
    let with = |builder: attendant::AssistantBuilder| {
        let builder = builder
            .organisation(name_of(&tenant))
            .content(&content)
            .embedder(embedder.clone())
            .vector_store(vectors.clone())
            .language_model(llm.clone());
        match &emotion {
            Some(emotion) => builder.emotion(emotion.clone()),
            None => builder,
        }
    };
    let first = with(Assistant::builder()).build().await?;
    first
        .knowledge()
        .ingest(content.articles.articles.clone(), None)
        .await?;
    let mut options = TaskOptions::new(tenant.clone());
    options.trials = args.trials;
    options.limit = common.limit;
    options.only = args.only;
    options.seed = common.seed.unwrap_or_default();
    let readable = content
        .articles
        .articles
        .iter()
        .filter(|article| article.audience == Audience::Customer);
    options.published = Published::new(readable.map(|article| article.body.as_str()));
    let make = |tools| with(Assistant::builder()).tools(tools).build().boxed();
    let bar = screen.bar("customers");
    let mut transcripts = String::new();
    let score = converse(&customers, &options, &make, |task: &TaskProgress| {
        bar.set_length(task.total as u64);
        bar.set_position(task.done as u64);
        screen.note(&line(task));
        if let Some(path) = &args.transcripts {
            transcripts.push_str(&task.transcript());
            transcripts.push('\n');
            // Written every time, so that a run that is broken off can be read too.
            if let Err(error) = std::fs::write(path, &transcripts) {
                let why = Error::new(
                    ErrorKind::InvalidInput,
                    format!("cannot write {}", path.display()),
                );
                screen.error(&why.with_source(error));
            }
        }
    })
    .await;
    bar.finish_and_clear();
    score
}

fn line(task: &TaskProgress) -> String {
    let (customer, trial) = (&task.customer, task.trial + 1);
    match task.verdict.passed {
        true => format!("{customer} ({trial}): passed"),
        false => format!("{customer} ({trial}): {}", task.verdict.reasons()),
    }
}
