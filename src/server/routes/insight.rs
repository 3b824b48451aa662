//! The supervisor's figures. They tell no agent apart.

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::conversation::Role;
use crate::insight::{
    Analyst, ConversationRecord, GroupBy, Handler, InsightOptions, InsightReport,
};
use crate::server::auth::{Caller, Permission};
use crate::server::extract::{Parameters, check_limit};
use crate::server::problem::Problem;
use crate::server::state::ServerState;
use crate::session::SessionView;
use crate::store::ListQuery;

/// The newest conversations that are read for one report, unless the caller wants fewer.
const MOST: usize = 500;

/// What to report on.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::server) struct Wanted {
    #[serde(default)]
    by: Option<GroupBy>,
    #[serde(default)]
    limit: Option<usize>,
    #[serde(default)]
    #[allow(dead_code, reason = "the caller's extractor reads it")]
    access_token: Option<String>,
}

/// Figures of a tenant's conversations.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::server) struct Insight {
    /// How many conversations were read, the newest ones.
    read: usize,
    /// Whether there are older ones, which were not read.
    more: bool,
    /// The figures; `null` while there is no conversation.
    report: Option<InsightReport>,
}

/// `GET /v1/insight`
pub(in crate::server) async fn report(
    State(state): State<ServerState>,
    caller: Caller,
    Parameters(wanted): Parameters<Wanted>,
) -> Result<Json<Insight>, Problem> {
    caller.require(Permission::Supervise)?;
    let most = check_limit(wanted.limit, MOST, MOST)?;
    let query = ListQuery::default().newest_first().with_limit(most);
    let store = state.hub.assistant().store();
    let page = store.page(&caller.tenant, &query).await?;
    let more = page.next.is_some();
    let mut records = Vec::new();
    for stream in page.streams {
        match state.hub.view(&caller.conversation(stream.id)).await {
            Ok(view) => records.push(record(view)),
            Err(error) => tracing::warn!(%error, "a conversation is left out of the report"),
        }
    }
    let read = records.len();
    let report = if records.is_empty() {
        None
    } else {
        let analyst = Analyst::new(state.hub.assistant().embedder().clone());
        let options = InsightOptions::default().by(wanted.by);
        Some(analyst.report(&records, &options).await?)
    };
    Ok(Json(Insight { read, more, report }))
}

fn record(view: SessionView) -> ConversationRecord {
    let handed_off = view.handoff.is_some() || view.dialogue.handed_off.is_some();
    let said_by = |role| view.conversation.transcript.last_of(role).is_some();
    let handler = match (said_by(Role::HumanAgent), said_by(Role::AutomatedAgent)) {
        (true, _) => Some(Handler::Human),
        (false, true) if !handed_off => Some(Handler::Virtual),
        _ => None,
    };
    let profile = view.conversation.profile.as_ref();
    let customer = profile.map(|p| p.id.clone()).filter(|id| !id.is_empty());
    let started_at = view.conversation.started_at;
    let mut record = ConversationRecord::new(view.conversation);
    record.started_at = Some(started_at);
    record.handled_by = handler;
    record.transferred = Some(handed_off);
    record.customer = customer;
    if let Some(summary) = view.summary {
        record.wrap_up = summary
            .wrap_up
            .as_ref()
            .map(|chosen| chosen.code.id.clone());
        let note = summary.brief();
        if !note.is_empty() {
            record.notes.push(note);
        }
    }
    record
}
