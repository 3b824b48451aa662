//! What is meant and felt, from words, sound and what the host tells.

pub mod emotion;
pub mod intent;
mod logistic;
pub mod quality;
