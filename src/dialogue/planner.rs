//! The planner: the model proposes closed commands, nothing more.

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, json};

use super::command::{Command, Rejection};
use super::playbook::{Old, Playbook, overlaid};
use super::state::DialogueState;
use crate::error::Result;
use crate::llm::{LanguageModel, LanguageModelExt, Prefix, Structured};
use crate::prompt::{Prompts, Template};

/// An answer needs a question or a value besides the command's name.
const MAX_TOKENS: usize = 200;
/// More than this in one message is not a plan but a loop.
const MAX_COMMANDS: usize = 3;

/// What the model proposed for the last message.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// The proposals, in order.
    pub commands: Vec<Command>,
    /// An answer that was no plan.
    pub rejections: Vec<Rejection>,
}

/// Asks a language model for commands.
#[derive(Clone, Debug)]
pub struct Planner {
    model: Arc<dyn LanguageModel>,
    prompts: Arc<Prompts>,
    playbooks: Arc<[Playbook]>,
}

#[derive(Serialize)]
struct PlanPrompt<'a> {
    playbooks: &'a [Playbook],
    active: Option<&'a str>,
    slots: Vec<Named<'a>>,
    missing: Vec<Described<'a>>,
    pending: bool,
}

#[derive(Serialize)]
struct Named<'a> {
    name: &'a str,
    value: &'a str,
}

#[derive(Serialize)]
struct Described<'a> {
    name: &'a str,
    description: &'a str,
    values: &'a [String],
}

impl Template for PlanPrompt<'_> {
    const NAME: &'static str = "plan";
    const SOURCE: &'static str = include_str!("../../prompts/plan.jinja");
}

#[derive(serde::Deserialize)]
struct Answer {
    commands: Vec<Command>,
}

impl Planner {
    /// A planner over these playbooks.
    pub fn new(
        model: Arc<dyn LanguageModel>,
        prompts: Arc<Prompts>,
        playbooks: Arc<[Playbook]>,
    ) -> Self {
        Self {
            model,
            prompts,
            playbooks,
        }
    }

    /// The same over these playbooks.
    pub(crate) fn over(&self, old: &[Old]) -> Self {
        let playbooks = overlaid(&self.playbooks, old);
        Self::new(self.model.clone(), self.prompts.clone(), playbooks)
    }

    /// Proposes commands for the last message of the conversation in `prefix`.
    ///
    /// # Errors
    /// As the language model. An answer that is no plan is a rejection.
    pub async fn plan(&self, prefix: &Prefix, state: &DialogueState) -> Result<Plan> {
        let active = state
            .playbook
            .as_deref()
            .and_then(|id| self.playbooks.iter().find(|p| p.id == id));
        let slots = active.map(|p| p.slots.as_slice()).unwrap_or_default();
        let task = self.prompts.render(&PlanPrompt {
            playbooks: &self.playbooks,
            active: active.map(|p| p.title.as_str()),
            slots: state
                .slots
                .iter()
                .map(|(name, value)| Named { name, value })
                .collect(),
            missing: slots
                .iter()
                .filter(|slot| !state.slots.contains_key(&slot.name))
                .map(|slot| Described {
                    name: &slot.name,
                    description: &slot.description,
                    values: &slot.values,
                })
                .collect(),
            pending: state.pending.is_some(),
        })?;
        let schema = self.schema(active, state);
        let answer = self
            .model
            .complete_json::<Answer>(prefix.ask(task), schema, MAX_TOKENS)
            .await?;
        Ok(match answer {
            Structured::Valid(answer) => Plan {
                commands: answer.commands,
                rejections: Vec::new(),
            },
            Structured::Rejected { raw, reason } => Plan {
                commands: Vec::new(),
                rejections: vec![Rejection {
                    proposal: raw,
                    reason,
                }],
            },
        })
    }

    /// Only what exists can be named: playbook ids and the slots of the running playbook.
    fn schema(&self, active: Option<&Playbook>, state: &DialogueState) -> Value {
        let ids: Vec<&str> = self.playbooks.iter().map(|p| p.id.as_str()).collect();
        let text = json!({ "type": "string", "minLength": 1, "maxLength": 160 });
        let mut variants = vec![
            command("answer", &[("question", text.clone())]),
            command("clarify", &[]),
            command("small_talk", &[]),
            command(
                "hand_off",
                &[(
                    "reason",
                    json!({ "enum": ["customer_asked", "out_of_scope", "customer_at_risk"] }),
                )],
            ),
            command("end", &[]),
        ];
        if !ids.is_empty() {
            variants.push(command(
                "start_playbook",
                &[("playbook", json!({ "enum": ids }))],
            ));
        }
        for slot in active.map(|p| p.slots.as_slice()).unwrap_or_default() {
            let value = if slot.values.is_empty() {
                text.clone()
            } else {
                json!({ "enum": slot.values })
            };
            variants.push(command(
                "set_slot",
                &[("name", json!({ "const": slot.name })), ("value", value)],
            ));
        }
        if state.pending.is_some() {
            variants.push(command("confirm", &[("yes", json!({ "type": "boolean" }))]));
        }
        json!({
            "type": "object",
            "properties": {
                "commands": { "type": "array", "minItems": 1, "maxItems": MAX_COMMANDS, "items": { "anyOf": variants } }
            },
            "required": ["commands"],
            "additionalProperties": false
        })
    }
}

/// The schema of one command.
fn command(name: &str, fields: &[(&str, Value)]) -> Value {
    let mut properties = serde_json::Map::new();
    properties.insert("command".into(), json!({ "const": name }));
    for (field, schema) in fields {
        properties.insert((*field).to_owned(), schema.clone());
    }
    let required: Vec<&String> = properties.keys().collect();
    json!({ "type": "object", "required": required, "properties": properties, "additionalProperties": false })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::ScriptedModel;

    fn planner(answer: &str) -> (Planner, ScriptedModel) {
        let model = ScriptedModel::new([answer]);
        let book = Playbook::from_toml(
            "id = \"bill\"\ntitle = \"Bill\"\ngoal = \"g\"\nexamples = [\"e\"]\n\
             [[slots]]\nname = \"account\"\ndescription = \"the account number\"\nask = \"?\"\n\
             [[steps]]\nid = \"s\"\nlabel = \"l\"\nkind = \"inform\"",
        )
        .unwrap();
        let planner = Planner::new(Arc::new(model.clone()), Arc::default(), Arc::from([book]));
        (planner, model)
    }

    #[tokio::test]
    async fn commands_are_read_and_the_state_is_told() {
        let (planner, model) =
            planner(r#"{"commands":[{"command":"set_slot","name":"account","value":"LF1"}]}"#);
        let state = DialogueState {
            playbook: Some("bill".into()),
            ..Default::default()
        };
        let plan = planner.plan(&Prefix::new("s"), &state).await.unwrap();
        assert_eq!(
            plan.commands,
            [Command::SetSlot {
                name: "account".into(),
                value: "LF1".into()
            }]
        );
        let asked = model.asked()[0].task().to_owned();
        assert!(
            asked.contains("Still needed: account (the account number)"),
            "{asked}"
        );
        insta::assert_snapshot!("plan_prompt", asked);
    }

    #[tokio::test]
    async fn an_answer_that_is_no_plan_is_a_recorded_rejection() {
        let (planner, _) = planner("I would refund them!");
        let plan = planner
            .plan(&Prefix::new("s"), &DialogueState::default())
            .await
            .unwrap();
        assert_eq!(plan.commands, []);
        assert_eq!(plan.rejections[0].proposal, "I would refund them!");
    }
}
