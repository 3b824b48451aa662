//! A stored conversation with what the platform knows about it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::conversation::{Conversation, Role};
use crate::error::{Error, ErrorKind, OrError, Result};

/// Who served a conversation to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Handler {
    /// The virtual agent alone.
    Virtual,
    /// A person, from the start or after the virtual agent.
    Human,
}

/// What a customer answered when asked how it went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PulseAnswer {
    /// 1 (worst) to 5 (best).
    pub score: u8,
    /// In the customer's words.
    #[serde(default)]
    pub comment: Option<String>,
}

/// A stored conversation with what the platform knows about it; `None` and empty where it does not.
#[derive(Clone, Debug, PartialEq)]
pub struct ConversationRecord {
    /// What was said.
    pub conversation: Conversation,
    /// The queue it came through.
    pub queue: Option<String>,
    /// The product it was about.
    pub product: Option<String>,
    /// When it began.
    pub started_at: Option<jiff::Timestamp>,
    /// Milliseconds from its beginning to the end of the work on it.
    pub duration_ms: Option<u64>,
    /// Who served it; told by the roles in the transcript where the platform does not say.
    pub handled_by: Option<Handler>,
    /// Whether it was handed to somebody else.
    pub transferred: Option<bool>,
    /// Id of the wrap-up code.
    pub wrap_up: Option<String>,
    /// What agents wrote about it.
    pub notes: Vec<String>,
    /// What the customer answered afterwards.
    pub pulse: Vec<PulseAnswer>,
    /// Id of the contact reason, where one was recorded.
    pub contact_reason: Option<String>,
    /// Id of the customer.
    pub customer: Option<String>,
    /// Predicted satisfaction, 1 to 5; where the platform predicts none, a report does by what was said.
    pub satisfaction: Option<f32>,
    /// Whether the file named the conversation.
    named: bool,
}

/// The fields beside the conversation.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Beside {
    queue: Option<String>,
    product: Option<String>,
    started_at: Option<jiff::Timestamp>,
    duration_ms: Option<u64>,
    handled_by: Option<Handler>,
    transferred: Option<bool>,
    wrap_up: Option<String>,
    notes: Option<OneOrMany<String>>,
    pulse: Option<OneOrMany<PulseAnswer>>,
    contact_reason: Option<String>,
    customer: Option<String>,
    satisfaction: Option<f32>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany<T> {
    One(T),
    Many(Vec<T>),
}

impl<T> OneOrMany<T> {
    fn into_vec(self) -> Vec<T> {
        match self {
            Self::One(one) => vec![one],
            Self::Many(many) => many,
        }
    }
}

const BESIDE: &[&str] = &[
    "queue",
    "product",
    "started_at",
    "duration_ms",
    "handled_by",
    "transferred",
    "wrap_up",
    "notes",
    "pulse",
    "contact_reason",
    "customer",
    "satisfaction",
];

impl ConversationRecord {
    /// A conversation of which nothing else is known than what it says itself.
    pub fn new(conversation: Conversation) -> Self {
        Self {
            conversation,
            queue: None,
            product: None,
            started_at: None,
            duration_ms: None,
            handled_by: None,
            transferred: None,
            wrap_up: None,
            notes: Vec::new(),
            pulse: Vec::new(),
            contact_reason: None,
            customer: None,
            satisfaction: None,
            named: true,
        }
    }

    /// Whether the conversation came with an id of its own; one was made up where it did not.
    pub fn has_id(&self) -> bool {
        self.named
    }

    /// Reads a conversation as [`Conversation::from_json`] does, with these optional fields beside: `queue`, `product`,
    /// `started_at` (RFC 3339), `duration_ms`, `handled_by` (`virtual`, `human`), `transferred`, `wrap_up`, `notes` (text
    /// or texts), `pulse` (`{"score": 1 to 5, "comment"}`, one or many), `contact_reason`, `customer` (its id),
    /// `satisfaction` (1 to 5).
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] with the field and what is wrong with it.
    pub fn from_json(text: &str) -> Result<Self> {
        let text = text.trim_start_matches('\u{feff}');
        let value: Value = serde_json::from_str(text).or_error(
            ErrorKind::InvalidInput,
            || "this is no conversation in JSON",
        )?;
        let Value::Object(mut fields) = value else {
            return Err(invalid("a stored conversation is a JSON object"));
        };
        let is_full = fields.contains_key("transcript");
        let mut beside = serde_json::Map::new();
        for name in BESIDE {
            let found = match fields.get(*name) {
                // The full form has this field itself.
                Some(value) if is_full && *name == "started_at" => Some(value.clone()),
                _ => fields.remove(*name),
            };
            if let Some(found) = found {
                beside.insert((*name).to_owned(), found);
            }
        }
        let beside: Beside = serde_json::from_value(Value::Object(beside)).or_error(
            ErrorKind::InvalidInput,
            || "a field beside the conversation cannot be used",
        )?;
        let id = fields.get("id").and_then(Value::as_str);
        let named = id.is_some_and(|id| !id.trim().is_empty());
        let conversation = Conversation::from_json(&Value::Object(fields).to_string())?;
        Self {
            named,
            ..Self::new(conversation)
        }
        .with(beside)
    }

    fn with(mut self, beside: Beside) -> Result<Self> {
        self.pulse = beside.pulse.map_or_else(Vec::new, OneOrMany::into_vec);
        if self.pulse.iter().any(|p| !(1..=5).contains(&p.score)) {
            return Err(invalid("a pulse answer is 1 to 5"));
        }
        if beside
            .satisfaction
            .is_some_and(|s| !(1.0..=5.0).contains(&s))
        {
            return Err(invalid("satisfaction is 1 to 5"));
        }
        let profile = self.conversation.profile.as_ref().map(|p| p.id.clone());
        self.queue = named(beside.queue);
        self.product = named(beside.product);
        self.started_at = beside.started_at;
        self.duration_ms = beside.duration_ms;
        self.handled_by = beside.handled_by;
        self.transferred = beside.transferred;
        self.wrap_up = named(beside.wrap_up);
        self.notes = beside.notes.map_or_else(Vec::new, OneOrMany::into_vec);
        self.contact_reason = named(beside.contact_reason);
        self.customer = named(beside.customer).or(named(profile));
        self.satisfaction = beside.satisfaction;
        Ok(self)
    }

    /// Who served it, told or by the roles; `None` where no agent says anything.
    pub fn handler(&self) -> Option<Handler> {
        let spoke = |role: Role| {
            let said = self.conversation.transcript.utterances().iter();
            said.filter(|u| u.role == role).count() > 0
        };
        self.handled_by
            .or_else(|| spoke(Role::HumanAgent).then_some(Handler::Human))
            .or_else(|| spoke(Role::AutomatedAgent).then_some(Handler::Virtual))
    }

    /// Whether the virtual agent took it and needed nobody; `None` where it had no part in it.
    pub fn contained(&self) -> Option<bool> {
        let said = self.conversation.transcript.utterances();
        let virtual_part = self.handled_by == Some(Handler::Virtual)
            || said.iter().any(|u| u.role == Role::AutomatedAgent);
        let human_part = said.iter().any(|u| u.role == Role::HumanAgent);
        virtual_part.then(|| {
            self.handler() == Some(Handler::Virtual)
                && self.transferred != Some(true)
                && !human_part
        })
    }

    /// Milliseconds it took: told, or up to the end of the last utterance.
    pub fn handle_ms(&self) -> Option<u64> {
        let said = self.conversation.transcript.utterances().iter();
        let last = said.map(|u| u.end_ms).max().filter(|&ms| ms > 0);
        self.duration_ms.or(last)
    }

    /// The customer's first turn that says something (four words or more), else the longest of the first two.
    pub(super) fn opening(&self) -> Option<String> {
        let turns = self.conversation.transcript.turns();
        let said = turns.iter().filter(|turn| turn.role == Role::EndUser);
        let texts: Vec<String> = said
            .map(|turn| turn.text())
            .filter(|text| !text.trim().is_empty())
            .collect();
        let words = |text: &String| text.split_whitespace().count();
        texts
            .iter()
            .find(|text| words(text) >= 4)
            .or_else(|| texts.iter().take(2).max_by_key(|text| words(text)))
            .cloned()
    }
}

fn named(text: Option<String>) -> Option<String> {
    text.map(|t| t.trim().to_owned()).filter(|t| !t.is_empty())
}

fn invalid(what: &str) -> Error {
    Error::new(ErrorKind::InvalidInput, what)
}
