//! One decoder, which stops in the middle of its work when nobody waits for it any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use whisper_rs::{FullParams, SamplingStrategy, WhisperState};

/// whisper.cpp's state of a decoder, with its parameters.
pub(super) struct Decoder {
    pub(super) state: WhisperState,
    parameters: FullParams<'static, 'static>,
    language: Option<&'static str>,
    /// Whether what it works on now is still wanted.
    wanted: Arc<Mutex<Arc<AtomicBool>>>,
}

impl Decoder {
    pub(super) fn new(state: WhisperState) -> Self {
        let wanted = Arc::new(Mutex::new(Arc::new(AtomicBool::new(true))));
        let asked = Arc::clone(&wanted);
        let mut parameters = parameters();
        // whisper-rs reads the closure as what it gave, a `Box<dyn FnMut>`, so it must be one; and it never
        // frees it, so there is one a decoder and not one an utterance. ggml asks before every operation.
        let stop: Box<dyn FnMut() -> bool> =
            Box::new(move || !asked.lock().load(Ordering::Relaxed));
        parameters.set_abort_callback_safe(stop);
        Self {
            state,
            parameters,
            language: Some("en"),
            wanted,
        }
    }

    /// Begins work in a language, as Whisper calls it, that is given up as soon as `wanted` is false; its
    /// parameters.
    pub(super) fn begin(
        &mut self,
        wanted: &Arc<AtomicBool>,
        language: Option<&'static str>,
    ) -> FullParams<'static, 'static> {
        *self.wanted.lock() = Arc::clone(wanted);
        // whisper-rs leaks the name each time one is set.
        if language.is_some() && language != self.language {
            self.parameters.set_language(language);
            self.language = language;
        }
        self.parameters.clone()
    }

    /// Whether somebody still waits for the work that was begun.
    pub(super) fn is_wanted(&self) -> bool {
        self.wanted.lock().load(Ordering::Relaxed)
    }
}

fn parameters() -> FullParams<'static, 'static> {
    let mut parameters = FullParams::new(SamplingStrategy::Greedy { best_of: 1 });
    parameters.set_no_context(true);
    // The times of words come from the voice detector, which knows better; but without time
    // stamps the decoder does not know that the speech is over when the context is short, and
    // says it again.
    parameters.set_no_timestamps(false);
    parameters.set_single_segment(true);
    parameters.set_suppress_nst(true);
    parameters.set_temperature_inc(0.0);
    parameters.set_print_special(false);
    parameters.set_print_progress(false);
    parameters.set_print_realtime(false);
    parameters.set_print_timestamps(false);
    parameters
}
