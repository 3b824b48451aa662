//! Heavy computation, one piece at a time.
//!
//! ggml's and candle's thread pools each spin on all cores while they wait; when both run at once
//! each falls to a fraction of its speed. Every piece of local inference (one decoding step, one
//! speech window, one batch of embeddings) therefore runs under this gate. It is fair, so a long
//! generation cannot starve speech recognition.

use parking_lot::{FairMutex, FairMutexGuard};

static GATE: FairMutex<()> = FairMutex::new(());

/// Waits for the cores. Hold the guard for one piece of work, not for a whole request, and never
/// across an `await`.
pub(crate) fn exclusive() -> FairMutexGuard<'static, ()> {
    GATE.lock()
}
