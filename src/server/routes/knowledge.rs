//! The knowledge base: passages with their citation, answers with proof.

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::conversation::Citation;
use crate::knowledge::{Audience, Hit, KnowledgeAnswer, Question, Scope};
use crate::server::auth::{Caller, Permission};
use crate::server::extract::{Body, check_limit, check_text};
use crate::server::problem::Problem;
use crate::server::state::ServerState;

/// Passages of one answer at most.
const MOST_HITS: usize = 50;

/// What to look for.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::server) struct Search {
    /// The words.
    #[schemars(length(min = 1))]
    query: String,
    /// Who asks; `customer` where it is left out, so that nothing meant for agents shows by mistake.
    #[serde(default)]
    audience: Option<Audience>,
    /// Only articles in this language (BCP 47).
    #[serde(default)]
    language: Option<String>,
    /// Only articles about this product, and those that apply to all.
    #[serde(default)]
    product: Option<String>,
    /// How many at most; 5 where it is left out.
    #[serde(default)]
    #[schemars(range(min = 1, max = 50))]
    limit: Option<usize>,
}

/// A question.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::server) struct Ask {
    /// The question, able to stand alone.
    #[schemars(length(min = 1))]
    question: String,
    /// Who asks; `customer` where it is left out.
    #[serde(default)]
    audience: Option<Audience>,
    /// Only articles in this language (BCP 47).
    #[serde(default)]
    language: Option<String>,
    /// Only articles about this product, and those that apply to all.
    #[serde(default)]
    product: Option<String>,
}

/// Passages, best first.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::server) struct Found {
    hits: Vec<FoundPassage>,
}

/// A passage with the sentence of it that answers best.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::server) struct FoundPassage {
    #[serde(flatten)]
    hit: Hit,
    /// Between 0 and 1: whether it answers.
    confidence: f32,
    /// The words that answer.
    citation: Citation,
}

fn question(
    caller: &Caller,
    text: String,
    audience: Option<Audience>,
    language: Option<String>,
    product: Option<String>,
) -> Question {
    let audience = audience.unwrap_or(Audience::Customer);
    let mut scope = Scope::new(caller.tenant.clone(), audience);
    if let Some(language) = language {
        scope = scope.with_language(language);
    }
    if let Some(product) = product {
        scope = scope.with_product(product);
    }
    Question::new(text, scope)
}

/// `POST /v1/knowledge/search`
pub(in crate::server) async fn search(
    State(state): State<ServerState>,
    caller: Caller,
    Body(body): Body<Search>,
) -> Result<Json<Found>, Problem> {
    caller.require(Permission::Read)?;
    check_text("query", &body.query, &state)?;
    let question = question(
        &caller,
        body.query,
        body.audience,
        body.language,
        body.product,
    );
    let limit = check_limit(body.limit, 5, MOST_HITS)?;
    let knowledge = state.hub.assistant().knowledge();
    let mut hits = Vec::new();
    for hit in knowledge.search(&question, limit).await? {
        hits.push(FoundPassage {
            confidence: knowledge.confidence(&hit, &question),
            citation: knowledge.cite(&hit, &question).await?,
            hit,
        });
    }
    Ok(Json(Found { hits }))
}

/// `POST /v1/knowledge/answer`
pub(in crate::server) async fn answer(
    State(state): State<ServerState>,
    caller: Caller,
    Body(body): Body<Ask>,
) -> Result<Json<KnowledgeAnswer>, Problem> {
    caller.require(Permission::Read)?;
    check_text("question", &body.question, &state)?;
    let question = question(
        &caller,
        body.question,
        body.audience,
        body.language,
        body.product,
    );
    Ok(Json(state.hub.assistant().answer(&question).await?))
}
