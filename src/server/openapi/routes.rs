//! The table of routes. `tests` hold it to the router.

use serde_json::{Value, json};

use super::{Builder, Content, Route};
use crate::conversation::{ChecklistOverride, Summary};
use crate::knowledge::KnowledgeAnswer;
use crate::server::desktop::{PlaySample, SampleBegun};
use crate::server::input::{
    AnswerHandoff, Approve, ClientInput, Feedback, Interrupted, Join, Say, StepsDone, ToChannel,
};
use crate::server::openai::{ChatCompletion, ChatRequest, ErrorBody, ModelList};
use crate::server::routes::{
    conversations, customers, health, insight, knowledge, stateless, vcon,
};
use crate::session::{Accepted, SessionEvent, SessionView};
use crate::store::ErasureReceipt;

/// Where an input cannot be taken: nothing there, over or begun already.
const OF_CONVERSATION: &[u16] = &[404, 409];
/// Where a model or the index is asked.
const WRITTEN: &[u16] = &[404, 408, 409, 422, 501, 502, 504];

pub(super) fn describe(to: &mut Builder) {
    of_conversations(to);
    of_inputs(to);
    of_customers(to);
    of_streams(to);
    plain(to);
    openai(to);
    operation(to);
}

fn route(method: &'static str, path: &'static str, id: &'static str) -> Route {
    Route {
        method,
        path,
        tag: "conversations",
        id,
        summary: "",
        body: None,
        answers: Vec::new(),
        problems: &[],
        parameters: Vec::new(),
        guarded: true,
        errors: None,
    }
}

fn query(name: &str, description: &str, schema: &Value) -> Value {
    json!({ "name": name, "in": "query", "description": description, "schema": schema })
}

fn idempotency_key() -> Value {
    json!({
        "name": "Idempotency-Key",
        "in": "header",
        "description": "The same key twice counts once; another input under a key that was just used is refused.",
        "schema": { "type": "string", "format": "uuid" }
    })
}

fn of_conversations(to: &mut Builder) {
    let view = to.json::<SessionView>();
    let body = to.schema::<conversations::NewConversation>();
    to.add(Route {
        summary: "Begin a conversation",
        body: Some(body),
        answers: vec![(201, "It has begun, and is stored.", view)],
        problems: &[409],
        ..route("post", "/v1/conversations", "openConversation")
    });
    let page = to.json::<conversations::ConversationPage>();
    to.add(Route {
        summary: "List conversations, newest first",
        answers: vec![(200, "A page of them.", page)],
        parameters: vec![
            query(
                "customer",
                "Only those of this customer.",
                &json!({ "type": "string" }),
            ),
            query(
                "limit",
                "How many; 20 where it is left out.",
                &json!({ "type": "integer", "minimum": 1, "maximum": 100 }),
            ),
            query(
                "after",
                "`next` of the page before.",
                &json!({ "type": "string" }),
            ),
        ],
        problems: &[408],
        ..route("get", "/v1/conversations", "listConversations")
    });
    let view = to.json::<SessionView>();
    to.add(Route {
        summary: "How a conversation stands",
        answers: vec![(200, "All there is to know of it.", view)],
        problems: &[404, 408],
        ..route("get", "/v1/conversations/{id}", "getConversation")
    });
    let receipt = to.json::<ErasureReceipt>();
    to.add(Route {
        summary: "Erase a conversation",
        answers: vec![(200, "A receipt, without personal data.", receipt)],
        problems: &[404, 408, 409, 501],
        ..route("delete", "/v1/conversations/{id}", "eraseConversation")
    });
    let note = to.json::<Summary>();
    to.add(Route {
        summary: "The last note",
        answers: vec![(200, "The note.", note)],
        problems: &[404, 408],
        ..route("get", "/v1/conversations/{id}/summary", "getSummary")
    });
    let note = to.json::<Summary>();
    to.add(Route {
        summary: "Write the note now",
        answers: vec![(200, "The note.", note)],
        problems: WRITTEN,
        parameters: vec![idempotency_key()],
        ..route("post", "/v1/conversations/{id}/summary", "makeSummary")
    });
    let note = to.json::<Summary>();
    let body = to.schema::<Summary>();
    to.add(Route {
        summary: "Keep the note as a person wrote or changed it, once the conversation is over",
        body: Some(body),
        answers: vec![(200, "The note, as it is stored.", note)],
        problems: &[404, 408, 409, 502],
        parameters: vec![idempotency_key()],
        ..route("put", "/v1/conversations/{id}/summary", "keepSummary")
    });
    let suggestions = to.json::<stateless::Suggestions>();
    let body = to.schema::<conversations::SuggestNow>();
    to.add(Route {
        summary: "Suggest what the human agent may say and do now",
        body: Some(body),
        answers: vec![(200, "The quick ones first.", suggestions)],
        problems: WRITTEN,
        ..route("post", "/v1/conversations/{id}/suggest", "suggestNow")
    });
}

fn of_customers(to: &mut Builder) {
    let known = to.json::<customers::Known>();
    let body = to.schema::<customers::Happened>();
    to.add(Route {
        tag: "customers",
        summary: "Tell what happened to a customer outside conversations",
        body: Some(body),
        answers: vec![(
            202,
            "It is stored; the same event twice is kept once.",
            known,
        )],
        problems: &[408, 409],
        ..route("post", "/v1/journey-events", "journeyEvents")
    });
    let receipt = to.json::<ErasureReceipt>();
    let body = to.schema::<customers::Keys>();
    to.add(Route {
        tag: "customers",
        summary: "Erase a customer with all their conversations",
        body: Some(body),
        answers: vec![(200, "A receipt, without personal data.", receipt)],
        problems: &[408, 409, 501],
        ..route("post", "/v1/customers/erase", "eraseCustomer")
    });
    to.add(Route {
        summary: "A conversation as a vCon",
        answers: vec![(
            200,
            "The vCon (IETF draft).",
            Some(Content {
                media_type: vcon::VCON_JSON,
                schema: json!({ "type": "object" }),
            }),
        )],
        problems: &[404, 408],
        ..route("get", "/v1/conversations/{id}/vcon", "exportVcon")
    });
    let imported = to.json::<vcon::Imported>();
    to.add(Route {
        summary: "Take a conversation in from a vCon",
        body: Some(json!({ "type": "object" })),
        answers: vec![(201, "It is stored.", imported)],
        problems: &[409, 422],
        ..route("post", "/v1/vcon", "importVcon")
    });
}

fn of_inputs(to: &mut Builder) {
    let inputs: [(&'static str, &'static str, &'static str, Option<Value>); 10] = [
        (
            "/v1/conversations/{id}/utterances",
            "say",
            "Somebody said or wrote something",
            Some(to.schema::<Say>()),
        ),
        (
            "/v1/conversations/{id}/participants",
            "join",
            "Somebody takes part",
            Some(to.schema::<Join>()),
        ),
        (
            "/v1/conversations/{id}/channel",
            "changeChannel",
            "The conversation goes on over another medium",
            Some(to.schema::<ToChannel>()),
        ),
        (
            "/v1/conversations/{id}/interrupted",
            "interrupted",
            "The virtual agent was cut short",
            Some(to.schema::<Interrupted>()),
        ),
        (
            "/v1/conversations/{id}/actions/approve",
            "approve",
            "Answer an approval that was asked for",
            Some(to.schema::<Approve>()),
        ),
        (
            "/v1/conversations/{id}/handoff",
            "answerHandoff",
            "Accept or decline a hand-off that was offered, or give the conversation back",
            Some(to.schema::<AnswerHandoff>()),
        ),
        (
            "/v1/conversations/{id}/actions/done",
            "stepsDone",
            "Steps that the person who leads has done",
            Some(to.schema::<StepsDone>()),
        ),
        (
            "/v1/conversations/{id}/feedback",
            "feedback",
            "What was done with a suggestion; after the end too",
            Some(to.schema::<Feedback>()),
        ),
        (
            "/v1/conversations/{id}/checklist",
            "decideChecklist",
            "Where an item of a checklist stands",
            Some(to.schema::<ChecklistOverride>()),
        ),
        (
            "/v1/conversations/{id}/end",
            "endConversation",
            "The conversation is over",
            None,
        ),
    ];
    for (path, id, summary, body) in inputs {
        let accepted = to.json::<Accepted>();
        to.add(Route {
            tag: "inputs",
            summary,
            body,
            answers: vec![(202, "It is stored; what comes of it are events.", accepted)],
            problems: &[404, 408, 409],
            parameters: vec![idempotency_key()],
            ..route("post", path, id)
        });
    }
}

fn of_streams(to: &mut Builder) {
    let event = to.schema::<SessionEvent>();
    let after = || {
        query(
            "after",
            "Events with greater numbers only.",
            &json!({ "type": "integer", "minimum": 0 }),
        )
    };
    to.add(Route {
        summary: "Events as they happen (server-sent events)",
        answers: vec![
            (
                200,
                "`id` is a number, `event` its type, `data` the event as JSON (`SessionEvent`). Where events are gone, \
                 an event `resync` with a `SessionView` comes first.",
                Some(Content {
                    media_type: "text/event-stream",
                    schema: json!({ "type": "string" }),
                }),
            ),
            (204, "The conversation is over, and was read to its end.", None),
        ],
        problems: OF_CONVERSATION,
        parameters: vec![
            after(),
            json!({
                "name": "Last-Event-ID",
                "in": "header",
                "description": "As `after`, and before it.",
                "schema": { "type": "integer", "minimum": 0 }
            }),
        ],
        ..route("get", "/v1/conversations/{id}/events", "events")
    });
    let input = to.schema::<ClientInput>();
    to.add(Route {
        summary: "Events out and inputs in (WebSocket)",
        answers: vec![(
            101,
            "The server sends `{\"id\": n, \"event\": SessionEvent}`, the client `ClientInput` with an `id` (UUID) if it \
             wants to name it, and gets `{\"ack\": id}` once it is stored or `{\"problem\": Problem}`.",
            None,
        )],
        problems: &[404, 405, 409, 426],
        parameters: vec![after()],
        ..route("get", "/v1/conversations/{id}/ws", "socket")
    });
    // Only named in words: the schemas are there for whoever reads the streams.
    let _ = (event, input);
}

fn plain(to: &mut Builder) {
    let note = to.json::<Summary>();
    let body = to.schema::<stateless::ToSummarize>();
    to.add(Route {
        tag: "plain",
        summary: "The note of a conversation",
        body: Some(body),
        answers: vec![(200, "The note.", note)],
        problems: WRITTEN,
        ..route("post", "/v1/summarize", "summarize")
    });
    let suggestions = to.json::<stateless::Suggestions>();
    let body = to.schema::<stateless::ToSuggest>();
    to.add(Route {
        tag: "plain",
        summary: "Suggestions for a conversation",
        body: Some(body),
        answers: vec![(200, "The quick ones first.", suggestions)],
        problems: WRITTEN,
        ..route("post", "/v1/suggest", "suggest")
    });
    let actions = to.json::<stateless::Actions>();
    let body = to.schema::<stateless::ToRank>();
    to.add(Route {
        tag: "plain",
        summary: "The next best actions of a conversation",
        body: Some(body),
        answers: vec![(200, "Best first.", actions)],
        problems: WRITTEN,
        ..route("post", "/v1/next-best-actions", "nextBestActions")
    });
    let found = to.json::<knowledge::Found>();
    let body = to.schema::<knowledge::Search>();
    to.add(Route {
        tag: "knowledge",
        summary: "Find passages",
        body: Some(body),
        answers: vec![(200, "Best first, each with the words that answer.", found)],
        problems: WRITTEN,
        ..route("post", "/v1/knowledge/search", "searchKnowledge")
    });
    let answer = to.json::<KnowledgeAnswer>();
    let body = to.schema::<knowledge::Ask>();
    to.add(Route {
        tag: "knowledge",
        summary: "Answer a question, with proof",
        body: Some(body),
        answers: vec![(200, "The answer, or null and what is missing.", answer)],
        problems: WRITTEN,
        ..route("post", "/v1/knowledge/answer", "answerQuestion")
    });
    let figures = to.json::<insight::Insight>();
    to.add(Route {
        tag: "operation",
        summary: "Figures of the stored conversations",
        answers: vec![(200, "The figures; no agent is told apart.", figures)],
        problems: &[408, 422],
        parameters: vec![
            query(
                "by",
                "Group the figures.",
                &json!({ "type": "string", "enum": ["queue", "product", "day", "week", "month"] }),
            ),
            query(
                "limit",
                "How many of the newest conversations are read; 500 where it is left out.",
                &json!({ "type": "integer", "minimum": 1, "maximum": 500 }),
            ),
        ],
        ..route("get", "/v1/insight", "insight")
    });
}

fn openai(to: &mut Builder) {
    let errors = to.schema::<ErrorBody>();
    let body = to.schema::<ChatRequest>();
    let completion = to.json::<ChatCompletion>();
    to.add(Route {
        tag: "openai",
        summary: "Talk to the virtual agent",
        body: Some(body),
        answers: vec![(
            200,
            "The answer; with `stream`, server-sent events of `chat.completion.chunk` and `[DONE]`.",
            completion,
        )],
        problems: WRITTEN,
        errors: Some(errors.clone()),
        ..route("post", "/v1/chat/completions", "createChatCompletion")
    });
    let models = to.json::<ModelList>();
    to.add(Route {
        tag: "openai",
        summary: "The models there are",
        answers: vec![(200, "One: the virtual agent.", models)],
        errors: Some(errors),
        ..route("get", "/v1/models", "listModels")
    });
}

fn operation(to: &mut Builder) {
    for (path, id, summary, problems) in [
        (
            "/healthz",
            "healthz",
            "Whether the process answers",
            &[][..],
        ),
        (
            "/readyz",
            "readyz",
            "Whether it takes conversations",
            &[503][..],
        ),
    ] {
        let health = to.json::<health::Health>();
        to.add(Route {
            tag: "operation",
            summary,
            answers: vec![(200, "Yes.", health)],
            problems,
            guarded: false,
            ..route("get", path, id)
        });
    }
    let body = to.schema::<PlaySample>();
    let begun = to.json::<SampleBegun>();
    to.add(Route {
        tag: "operation",
        summary: "Play the sample call for the agent desktop",
        body: Some(body),
        answers: vec![(201, "It has begun.", begun)],
        problems: &[408, 409],
        ..route("post", "/v1/desktop/sample", "playSample")
    });
    to.add(Route {
        tag: "operation",
        summary: "Figures for Prometheus",
        answers: vec![(
            200,
            "The text format.",
            Some(Content {
                media_type: "text/plain",
                schema: json!({ "type": "string" }),
            }),
        )],
        problems: &[404],
        guarded: false,
        ..route("get", "/metrics", "metrics")
    });
}
