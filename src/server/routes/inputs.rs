//! Inputs of a conversation. Each answers 202 once it is stored; the same id counts once.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use crate::conversation::ChecklistOverride;
use crate::server::auth::Permission;
use crate::server::extract::{Body, InputId, Named};
use crate::server::input::{
    AnswerHandoff, Approve, ClientInput, Feedback, Interrupted, Join, Say, StepsDone, ToChannel,
    submit,
};
use crate::server::problem::Problem;
use crate::server::state::ServerState;
use crate::session::Accepted;

type Answer = Result<(StatusCode, Json<Accepted>), Problem>;

async fn accept(state: ServerState, named: Named, id: InputId, input: ClientInput) -> Answer {
    named.caller.require(Permission::Write)?;
    let accepted = submit(&state, &named.key, id.0, input).await?;
    Ok((StatusCode::ACCEPTED, Json(accepted)))
}

macro_rules! inputs {
    ($($(#[$doc:meta])* $name:ident($body:ty) => $input:ident;)*) => {$(
        $(#[$doc])*
        pub(in crate::server) async fn $name(
            State(state): State<ServerState>,
            named: Named,
            id: InputId,
            Body(body): Body<$body>,
        ) -> Answer {
            accept(state, named, id, ClientInput::$input(body)).await
        }
    )*};
}

inputs! {
    /// `POST /v1/conversations/{id}/utterances`
    say(Say) => Say;
    /// `POST /v1/conversations/{id}/participants`
    join(Join) => Join;
    /// `POST /v1/conversations/{id}/channel`
    channel(ToChannel) => Channel;
    /// `POST /v1/conversations/{id}/interrupted`
    interrupted(Interrupted) => Interrupted;
    /// `POST /v1/conversations/{id}/actions/approve`
    approve(Approve) => Approve;
    /// `POST /v1/conversations/{id}/handoff`
    handoff(AnswerHandoff) => Handoff;
    /// `POST /v1/conversations/{id}/actions/done`
    steps_done(StepsDone) => StepsDone;
    /// `POST /v1/conversations/{id}/feedback`
    feedback(Feedback) => Feedback;
    /// `POST /v1/conversations/{id}/checklist`
    checklist(ChecklistOverride) => Checklist;
}

/// `POST /v1/conversations/{id}/end`
pub(in crate::server) async fn end(
    State(state): State<ServerState>,
    named: Named,
    id: InputId,
) -> Answer {
    accept(state, named, id, ClientInput::End).await
}
