//! The same conversation told to others: to the colleague who takes over, and to the customer.
//!
//! Nothing here is written by a model but the sentences of the note, which were checked: what was done comes from
//! receipts, what was promised from the words that were said.

use serde::Serialize;

use crate::conversation::{
    ActionReceipt, ActionStatus, Conversation, Fact, FactKind, Role, SectionKind, Summary,
    UtteranceId,
};
use crate::error::Result;
use crate::guard::unproven_promises;
use crate::prompt::{Prompts, Template};

/// Something the customer was told will happen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Promise {
    /// The sentence, verbatim.
    pub text: String,
    /// Where it was said.
    pub utterance: UtteranceId,
}

/// What was promised to the customer, in the order it was said; a sentence that was said twice comes once.
pub fn promises(conversation: &Conversation) -> Vec<Promise> {
    let mut found: Vec<Promise> = Vec::new();
    for said in conversation.transcript.utterances() {
        if !matches!(said.role, Role::HumanAgent | Role::AutomatedAgent) {
            continue;
        }
        for promise in unproven_promises(&said.text) {
            // "Shall I …?" offers.
            let offers = promise.text.ends_with('?');
            if !offers && found.iter().all(|known| known.text != promise.text) {
                found.push(Promise {
                    text: promise.text,
                    utterance: said.id,
                });
            }
        }
    }
    found
}

/// An action in plain words, with how it ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Done<'a> {
    label: String,
    reference: Option<&'a str>,
}

/// What the customer gets to keep: what was done, what was said will happen, references.
#[derive(Clone, Debug, Serialize)]
pub struct Recap<'a> {
    organisation: &'a str,
    name: Option<&'a str>,
    done: Vec<Done<'a>>,
    promises: Vec<Promise>,
    language: &'a str,
}

impl Template for Recap<'_> {
    const NAME: &'static str = "recap";
    const SOURCE: &'static str = include_str!("../../prompts/recap.jinja");
}

impl<'a> Recap<'a> {
    /// Of a conversation and the receipts of its actions; `label` puts an action into plain words.
    pub fn new(
        organisation: &'a str,
        conversation: &'a Conversation,
        receipts: &'a [ActionReceipt],
        label: impl Fn(&ActionReceipt) -> String,
    ) -> Self {
        let profile = conversation.profile.as_ref();
        Self {
            organisation,
            name: profile.and_then(|profile| profile.display_name.as_deref()),
            done: done(receipts, label),
            promises: promises(conversation),
            language: &conversation.language,
        }
    }

    /// The text, by the template `recap`.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind) for a mistake in a template of the host's own.
    pub fn render(&self, prompts: &Prompts) -> Result<String> {
        prompts.render(self)
    }
}

/// What a colleague who takes over has to know, on one screen.
#[derive(Clone, Debug, Serialize)]
pub struct Transfer<'a> {
    situation: Option<&'a str>,
    action: Option<&'a str>,
    done: Vec<Done<'a>>,
    /// Of these nobody knows whether they were done.
    unknown: Vec<String>,
    promises: Vec<Promise>,
    references: Vec<&'a str>,
    language: &'a str,
}

impl Template for Transfer<'_> {
    const NAME: &'static str = "transfer";
    const SOURCE: &'static str = include_str!("../../prompts/transfer.jinja");
}

impl<'a> Transfer<'a> {
    /// Of a conversation, its note and the receipts of its actions.
    pub fn new(
        conversation: &'a Conversation,
        note: &'a Summary,
        receipts: &'a [ActionReceipt],
        label: impl Fn(&ActionReceipt) -> String,
    ) -> Self {
        let unknown = receipts.iter();
        let unknown = unknown.filter(|receipt| receipt.status == ActionStatus::Unknown);
        let reference = |fact: &&Fact| fact.kind == FactKind::Reference;
        Self {
            situation: note.section(SectionKind::Situation),
            action: note.section(SectionKind::Action),
            unknown: unknown.map(&label).collect(),
            done: done(receipts, label),
            promises: promises(conversation),
            references: note
                .facts
                .iter()
                .filter(reference)
                .map(|fact| fact.value.as_str())
                .collect(),
            language: &conversation.language,
        }
    }

    /// The text, by the template `transfer`.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind) for a mistake in a template of the host's own.
    pub fn render(&self, prompts: &Prompts) -> Result<String> {
        prompts.render(self)
    }
}

fn done(receipts: &[ActionReceipt], label: impl Fn(&ActionReceipt) -> String) -> Vec<Done<'_>> {
    let succeeded = receipts.iter();
    let succeeded = succeeded.filter(|receipt| receipt.status == ActionStatus::Succeeded);
    let done = |receipt| Done {
        label: label(receipt),
        reference: receipt.result.get("reference").and_then(|r| r.as_str()),
    };
    succeeded.map(done).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::Channel;

    fn receipt(tool: &str, status: ActionStatus) -> ActionReceipt {
        ActionReceipt {
            id: "r1".into(),
            tool: tool.into(),
            arguments: serde_json::json!({}),
            status,
            result: serde_json::json!({ "reference": "RF1" }),
            at: jiff::Timestamp::UNIX_EPOCH,
            source: "twice/refund#1".into(),
            approvals: Vec::new(),
        }
    }

    #[test]
    fn the_customer_reads_what_was_done_and_promised_and_nothing_else() {
        let mut chat = Conversation::new("acme", Channel::Chat);
        chat.say(Role::EndUser, "I was charged twice, I will get my money!");
        chat.say(
            Role::AutomatedAgent,
            "I am sorry. You will receive an email within 24 hours. Shall I send it to you?",
        );
        let receipts = [
            receipt("refund", ActionStatus::Succeeded),
            receipt("add_credit", ActionStatus::Failed),
        ];
        let label = |receipt: &ActionReceipt| receipt.tool.clone();
        let recap = Recap::new("Acme", &chat, &receipts, label);
        let text = recap.render(&Prompts::bundled()).unwrap();
        assert!(text.contains("refund (reference RF1)"), "{text}");
        assert!(text.contains("You will receive an email within 24 hours."));
        assert!(
            !text.contains("add_credit") && !text.contains("Shall I") && !text.contains("my money")
        );
        assert_eq!(promises(&chat)[0].utterance, UtteranceId(2));
        let unknown = [receipt("refund", ActionStatus::Unknown)];
        let note = Summary::default();
        let transfer = Transfer::new(&chat, &note, &unknown, label);
        let text = transfer.render(&Prompts::bundled()).unwrap();
        assert!(
            text.contains("Look first whether this was done: refund"),
            "{text}"
        );
    }
}
