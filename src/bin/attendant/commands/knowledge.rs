//! The knowledge base: index articles, ask questions.

use attendant::assistant::local::LocalModels;
use attendant::conversation::TenantId;
use attendant::knowledge::{Audience, Question, Scope, load_articles};
use attendant::models::Cache;
use attendant::{Assistant, Error, ErrorKind, Result};

use crate::args::{AskArgs, IngestArgs};
use crate::screen::Screen;
use crate::setup::{self, default_index};

pub(crate) async fn ingest(args: IngestArgs, screen: &Screen) -> Result<()> {
    let inside = args.dir.join("articles");
    let folder = if inside.is_dir() { &inside } else { &args.dir };
    let loaded = load_articles(folder, &TenantId::from(args.tenant.as_str()))?;
    setup::tell(&loaded, screen);
    if loaded.articles.is_empty() {
        return Err(Error::new(
            ErrorKind::NotFound,
            format!(
                "there is no article that can be used in {}; the index is left as it was",
                folder.display()
            ),
        ));
    }
    let mut models =
        LocalModels::default().choose(Some("none"), Some("none"), args.embedding.as_deref());
    models.index = Some(match args.index {
        Some(index) => index,
        None => default_index(&args.dir)?,
    });
    let assistant = Assistant::builder()
        .local(&Cache::from_env()?, &models)
        .await?
        .build()
        .await?;
    let complete = loaded.is_complete();
    let report = setup::take_in(assistant.knowledge(), loaded.articles, complete, screen).await?;
    screen.line(&setup::in_words(&report))
}

pub(crate) async fn ask(args: AskArgs, screen: &Screen) -> Result<()> {
    if args.question.trim().is_empty() {
        return Err(Error::new(
            ErrorKind::InvalidInput,
            "there is no question; ask one",
        ));
    }
    let ready = setup::ready(&args.setup, None, false, screen).await?;
    let audience = if args.customer {
        Audience::Customer
    } else {
        Audience::Agent
    };
    let mut scope = Scope::new(ready.tenant, audience);
    scope.product = args.product;
    let question = Question::new(args.question, scope);
    let busy = screen.busy("looking it up");
    let answer = ready.assistant.answer(&question).await;
    busy.finish_and_clear();
    let answer = answer?;
    if args.json {
        return screen.json(&answer);
    }
    match &answer.text {
        Some(text) => screen.line(text)?,
        None => {
            let missing = answer.missing.as_deref().unwrap_or_default();
            screen.line(&format!("I do not know. {missing}"))?;
        }
    }
    answer
        .citations
        .iter()
        .try_for_each(|citation| screen.cite(citation))
}
