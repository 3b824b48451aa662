//! Calls over real sockets. The engine's words are certain: how loud somebody is says which line they speak.

mod audiohook;
mod broken;
mod media_streams;
mod support;
