//! Tests of the library from outside, with real models, real sockets and real processes. One binary, since every
//! binary of its own would compile and link the whole library's generic code once more. `cargo nextest run speech::`
//! runs the tests of one file.

mod support;

mod across_channels;
mod coaching;
mod decorators;
mod embedding;
mod emotion;
mod end_to_end;
mod intent;
mod knowledge;
mod knowledge_crash;
mod knowledge_languages;
mod llama_server;
mod llm;
mod llm_engine;
mod models;
mod openai;
mod postgres;
mod server_crash;
mod session_crash;
mod speech;
mod store;
mod strategy;
mod telephony;
