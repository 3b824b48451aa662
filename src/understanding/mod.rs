//! What is meant and felt, from words, sound and what the host tells.

pub mod emotion;
