//! What protects people: masking of personal data, and no claim without proof.

mod claims;
mod crisis;
mod grounding;
mod masked;
mod pii;
mod polarity;

pub use claims::{Claim, unproven_claims, unproven_promises};
pub use crisis::{
    CrisisConfig, CrisisExample, CrisisGuard, CrisisSign, crisis_sign, load_crisis_config,
};
pub use grounding::ungrounded_numbers;
pub use masked::MaskedModel;
pub use pii::{Masker, PiiAction, PiiKind, PiiPolicy, PiiScanner, PiiSpan, Redactor, find_pii};
pub use polarity::reverses;
