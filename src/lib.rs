//! LLM-powered virtual agents and agent assist for contact centres.
//!
//! A host application (a voice bot, a chat bot, an agent desktop) embeds this crate, feeds it audio
//! or text, and receives a stream of typed events: what was said, the article that answers it, the
//! next best action, a reply to say, a coaching cue, the note and the wrap-up code. Or the virtual
//! agent answers itself, and hands over warmly when a person is needed.
//!
//! ```
//! use attendant::conversation::{Channel, Conversation, Role};
//! use attendant::knowledge::{Audience, KnowledgeArticle, Question, Scope};
//! use attendant::{Assistant, Result};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<()> {
//! // No weights, no key, no network: engines that are not given have light stand-ins.
//! let assistant = Assistant::builder().organisation("Acme").build().await?;
//! let article = KnowledgeArticle::new("refunds", "Refunds", "acme", "A refund is paid within five working days.");
//! assistant.knowledge().ingest(vec![article], None).await?;
//!
//! let scope = Scope::new("acme", Audience::Customer);
//! let answer = assistant.answer(&Question::new("When is my refund paid?", scope)).await?;
//! assert!(answer.text.unwrap().contains("five working days"));
//! assert_eq!(answer.citations[0].article.as_str(), "refunds");
//!
//! let mut conversation = Conversation::new("acme", Channel::Chat);
//! conversation.say(Role::EndUser, "I paid $20 twice, please refund it by May 3rd.");
//! let note = assistant.summarize(&conversation, Default::default()).await?;
//! assert_eq!(note.facts.len(), 2); // the amount and the date, with the utterance that proves them
//! # Ok(())
//! # }
//! ```
//!
//! With the default features the same [`AssistantBuilder`] takes real engines that run in this
//! process ([`assistant::local`]); with `openai` any OpenAI-compatible server.
//! [`Assistant::session`] goes live.
//!
//! # Where things are
//! | module | what it holds |
//! |---|---|
//! | [`conversation`] | the shared nouns: [`Conversation`](conversation::Conversation), [`Suggestion`](conversation::Suggestion), [`Summary`](conversation::Summary), … |
//! | [`llm`], [`speech`], [`embedding`], [`store`] | ports and their adapters |
//! | [`knowledge`], [`guard`], [`understanding`] | what skills are built from: articles with citations; masking, claims, grounding; what is wanted and felt |
//! | [`dialogue`], [`assist`], [`summary`] | skills: the virtual agent, help for the human agent, notes |
//! | [`review`], [`insight`] | what looks back: evaluation forms; topics, irritants and figures of many conversations |
//! | [`assistant`], [`session`] | the public face |
//! | `server` | all of it over HTTP (feature `server`) |
//! | [`models`], [`prompt`] | weights by name; prompts as files |
//!
//! # Features
//! | feature | default | what it adds |
//! |---|---|---|
//! | `local` | yes | `whisper`, `candle`, `edge`, `sqlite` |
//! | `whisper` | yes | speech to text in this process (whisper.cpp), audio files |
//! | `candle` | yes | GGUF language models and BERT embedders in this process |
//! | `edge` | yes | the vector index on disk (Qdrant Edge) |
//! | `sqlite` | yes | the conversation store on disk |
//! | `postgres` | | the conversation store in a PostgreSQL database |
//! | `qdrant` | | a Qdrant server or cluster as vector index |
//! | `openai` | | any OpenAI-compatible server as language model or embedder |
//! | `mcp` | | tools of MCP servers as backend actions; with `server`, our skills as MCP tools |
//! | `fetch` | | download of models by name |
//! | `plot` | | insight reports as SVG |
//! | `cli`, `eval` | | the `attendant` command, its evaluations |
//! | `server`, `otel` | | `attendant serve` and what it is made of; traces to a collector |
//! | `test-util` | | conformance suites for adapters of your own |
//! | `cuda`, `metal` | | accelerators, for the engines that are on |
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::print_stdout,
        clippy::print_stderr
    )
)]

/// The README's example is run like the others.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub mod assist;
pub mod assistant;
#[cfg_attr(
    not(any(feature = "candle", feature = "whisper")),
    allow(
        dead_code,
        reason = "only local engines take turns; all requests have a priority"
    )
)]
mod compute;
pub mod conversation;
pub mod dialogue;
pub mod embedding;
mod error;
#[cfg(feature = "eval")]
pub mod eval;
pub mod guard;
pub mod insight;
pub mod knowledge;
pub mod llm;
pub mod models;
pub mod prompt;
#[cfg(feature = "openai")]
mod remote;
pub mod review;
#[cfg(feature = "server")]
pub mod server;
pub mod session;
pub mod speech;
pub mod store;
pub mod summary;
#[cfg(any(test, feature = "test-util"))]
pub mod testing;
pub mod understanding;

pub use assistant::{Assistant, AssistantBuilder, Content, Phrases};
pub use error::{Error, ErrorKind, Result};
