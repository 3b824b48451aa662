//! Conformance suites, one a port: every adapter, here or in a host, should pass them.
//!
//! A suite panics with the sentence that does not hold, so it is called from a test:
//!
//! ```
//! # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
//! # runtime.block_on(async {
//! let store = attendant::store::MemoryStore::new();
//! attendant::testing::conversation_store(&store).await;
//! # });
//! # Ok::<(), std::io::Error>(())
//! ```

mod conversation_store;
mod language_model;

pub use conversation_store::conversation_store;
pub use language_model::language_model;
