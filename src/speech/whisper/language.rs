//! Which language is spoken, and where it changes.

use whisper_rs::FullParams;

use super::{Asked, Decoder, Inner};
use crate::compute::{self, Priority};
use crate::error::{Error, ErrorKind, Result};
use crate::speech::utterance::UtteranceSpan;
use crate::speech::{AudioTrack, Segment, TranscribeOptions};

/// Enough speech to tell the language by.
const LANGUAGE_MS: u64 = 3_000;

/// What tells that an utterance is in another language than the one expected.
#[derive(Clone, Copy)]
pub(super) struct Change {
    from_ms: u64,
    certainty: f32,
}

impl Change {
    /// Nothing was said before.
    pub(super) const FIRST: Self = Self {
        from_ms: 0,
        certainty: 0.0,
    };
    /// Others are in the language expected.
    pub(super) const LATER: Self = Self {
        from_ms: 2_000,
        certainty: 0.8,
    };
}

impl Inner {
    /// What is said in an utterance. Where the language may change in a conversation, what was decoded in the wrong
    /// one is decoded again; the encoder has just heard it, in a short context, so asking costs little.
    pub(super) fn in_its_language(
        &self,
        decoder: &mut Decoder,
        track: &AudioTrack,
        utterance: &UtteranceSpan,
        parameters: &FullParams<'static, '_>,
        asked: Asked<'_>,
    ) -> Result<Option<Segment>> {
        let mut segment = self.utterance(decoder, track, utterance, parameters)?;
        let mut language = asked.language;
        let change = asked
            .change
            .filter(|change| utterance.duration_ms() >= change.from_ms);
        if let Some(change) = change {
            let spoken = self.language_of(decoder, 1, change.certainty);
            if let Some(spoken) = spoken.filter(|spoken| Some(*spoken) != language) {
                let mut parameters = decoder.begin(asked.wanted, Some(spoken));
                parameters.set_tokens(asked.prompt);
                segment = self.utterance(decoder, track, utterance, &parameters)?;
                language = Some(spoken);
            }
        }
        if let Some(segment) = &mut segment {
            segment.language = language.map(str::to_owned);
        }
        Ok(segment)
    }

    /// The language of what a decoder heard last, where that is so certain. The encoder hears it once more, in the
    /// short context that the decoder left: the whole 30 s would take several times as long as the words.
    fn language_of(
        &self,
        decoder: &Decoder,
        threads: usize,
        certainty: f32,
    ) -> Option<&'static str> {
        let (id, likely) = decoder.state.lang_detect(0, threads).ok()?;
        let surest = likely.into_iter().fold(0.0, f32::max);
        (surest >= certainty).then(|| whisper_rs::get_lang_str(id))?
    }

    /// The language to decode in, as Whisper calls it; `None` where it is to be found out.
    pub(super) fn asked_language(&self, options: &TranscribeOptions) -> Result<Option<String>> {
        let Some(tag) = options.language.as_deref() else {
            return Ok((!self.multilingual).then(|| "en".to_owned()));
        };
        let primary = tag.split(['-', '_']).next().unwrap_or_default();
        let primary = primary.to_ascii_lowercase();
        // whisper-rs panics on a NUL, so nothing but letters goes there.
        let known = primary.bytes().all(|b| b.is_ascii_lowercase())
            && whisper_rs::get_lang_id(&primary).is_some();
        if !known {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!(
                    "Whisper does not know the language {tag:?}; give a tag such as `en` or `de`"
                ),
            ));
        }
        if !self.multilingual && primary != "en" {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!(
                    "{} understands English only, not {tag:?}; load a multilingual model such as whisper-base",
                    self.id
                ),
            ));
        }
        Ok(Some(primary))
    }

    /// Listens to an utterance that is long enough.
    pub(super) fn detect_language(
        &self,
        track: &AudioTrack,
        utterances: &[UtteranceSpan],
        asked: Asked<'_>,
    ) -> Result<Option<&'static str>> {
        let Some(sample) = utterances
            .iter()
            .find(|u| u.duration_ms() >= LANGUAGE_MS)
            .or_else(|| utterances.iter().max_by_key(|u| u.duration_ms()))
        else {
            return Ok(asked.language);
        };
        let _turn = compute::turn(Priority::Live);
        let mut decoder = self.decoder()?;
        let mut parameters = decoder.begin(asked.wanted, asked.language);
        parameters.set_n_threads(i32::try_from(self.threads).unwrap_or(1));
        let heard = self.utterance(&mut decoder, track, sample, &parameters);
        let language = self.language_of(&decoder, self.threads, 0.0);
        self.decoders.lock().push(decoder);
        heard?;
        Ok(language.or(asked.language))
    }
}

/// A language as Whisper calls it.
pub(super) fn known_language(language: &str) -> Option<&'static str> {
    whisper_rs::get_lang_id(language).and_then(whisper_rs::get_lang_str)
}
