//! What the human agent is shown after the customer spoke: articles, the next best action, a reply.
//!
//! `cargo run --example suggest` (models: `make models`)

use attendant::assistant::local::LocalModels;
use attendant::conversation::{Channel, Conversation, Role, SuggestionKind, TenantId, Trigger};
use attendant::models::Cache;
use attendant::{Assistant, Content, Result};
use futures::TryStreamExt;

#[tokio::main]
async fn main() -> Result<()> {
    let content = Content::load("knowledge".as_ref(), &TenantId::from("larkfield"))?;
    let models = LocalModels::default().choose(None, Some("none"), None);
    let assistant = Assistant::builder()
        .organisation("Larkfield")
        .content(&content)
        .local(&Cache::from_env()?, &models)
        .await?
        .build()
        .await?;
    // Articles are indexed after the build, since that may take a while; here into memory.
    assistant
        .knowledge()
        .ingest(content.articles.articles, None)
        .await?;

    let mut call = Conversation::new("larkfield", Channel::Voice);
    call.say(Role::EndUser, "You charged me 42 pounds twice this month.");
    call.say(Role::HumanAgent, "I am sorry. What is your account number?");
    call.say(
        Role::EndUser,
        "It is LF902412. When will I have my money back?",
    );

    // The quick ones come first; dropping the stream cancels the reply that is still being written.
    let mut cards = assistant.suggest(&call, Trigger::EndOfUtterance);
    while let Some(card) = cards.try_next().await? {
        let text = match card.kind {
            SuggestionKind::Reply { text, citations } => {
                format!("reply: {text} [{} sources]", citations.len())
            }
            SuggestionKind::Article { title, citation } => {
                format!("article: {title}: {}", citation.quote)
            }
            SuggestionKind::NextBestAction { action } => format!("next: {}", action.label),
            SuggestionKind::Coaching(cue) => format!("cue: {}", cue.message),
            other => format!("{other:?}"),
        };
        show(&format!("{text} ({:.0} %)", card.confidence * 100.0));
    }
    Ok(())
}

#[allow(clippy::print_stdout)] // A program of its own may print.
fn show(line: &str) {
    println!("{line}");
}
