//! Matrix products of quantised weights (GGML's Q4_K and Q6_K) and encoders of the BERT family on the CPU.
//!
//! The parts of `attendant` that need `unsafe`: vector instructions and a pool of threads that waits
//! briefly before it sleeps. No dependencies. On a machine without AVX-512 [`Matrix::new`] and
//! [`encoder::Encoder::new`] give nothing, and the caller computes with candle.
//!
//! For quantised weights two cases matter. One to a few rows of activations (a token, or one token of each of several
//! answers): every weight is read once and the memory is the limit, so weights stay as they are in the
//! file. Many rows (a prompt): the arithmetic is the limit, so weights are turned into 8-bit tiles for
//! the matrix unit (AMX) as they come, once for all rows.

mod activations;
pub mod attention;
pub mod encoder;
mod matrix;
pub mod ops;
mod pool;
pub mod training;
#[cfg(target_arch = "x86_64")]
mod x86;

pub use activations::Activations;
pub use matrix::{Kind, Matrix};
pub use pool::Pool;

/// Values of a block of weights or activations that share a scale.
pub const BLOCK: usize = 256;
