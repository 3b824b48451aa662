//! The server: the same sessions over HTTP, event streams and WebSockets.
//!
//! [`router`] makes a service of a [`ServerState`]; [`serve`] binds it to an address, with TLS where it is
//! configured, and finishes what was accepted when it is told to stop. Whose data a request may see comes from its
//! key or token alone ([`Caller`]); every error is an RFC 9457 [`Problem`].

mod auth;
mod config;
#[cfg(feature = "mcp")]
pub mod mcp;
mod problem;
mod state;

pub use auth::{Authenticator, Caller, Permission, key_digest};
pub use config::ServerConfig;
pub use problem::Problem;
pub use state::ServerState;
