//! Speech recognition and the language model in one process, both with always more to do.

use std::path::Path;
use std::time::Instant;

use attendant::llm::candle::{CandleModel, CandleOptions};
use attendant::llm::{Delta, LanguageModel, Request};
use attendant::models::{Cache, ModelRole};
use attendant::speech::{
    AudioTrack, SpeechToText, TranscribeOptions, WhisperSpeech, read_recording,
};
use futures::StreamExt;
use tokio::sync::watch;

use crate::Figures;
use crate::conversation::{STORY, conversation};
use crate::ours::load;

const SPEECH: &str = "whisper-tiny.en";
/// Answers are as long as this and follow each other.
const ANSWER: usize = 96;
/// How often the recording is transcribed.
const REPEATS: usize = 3;

pub(crate) async fn measure(cache: &Cache, path: &Path, figures: &mut Figures) {
    let weights = cache.resolve(SPEECH, ModelRole::Stt).unwrap().weights;
    let speech = WhisperSpeech::load(weights).unwrap();
    let call = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/sample-call/call.wav");
    let track = read_recording(call).unwrap().tracks.remove(0);
    let model = load(path, CandleOptions::default().with_prompt_lookup(false)).await;
    write(&model, None).await;
    let tokens_alone = write(&model, None).await;
    listen(&speech, &track, 1).await;
    let speech_alone = listen(&speech, &track, REPEATS).await;
    let (heard, still) = watch::channel(true);
    let (tokens_together, speech_together) = tokio::join!(write(&model, Some(still)), async {
        let speed = listen(&speech, &track, REPEATS).await;
        heard.send(false).unwrap();
        speed
    });
    figures.set("stt_alone_x_realtime", speech_alone);
    figures.set("stt_shared_share", speech_together / speech_alone);
    figures.set("llm_shared_share", tokens_together / tokens_alone);
    let least = (speech_together / speech_alone).min(tokens_together / tokens_alone);
    figures.set("shared_with_stt_share", least);
}

/// Seconds of audio a second.
async fn listen(speech: &WhisperSpeech, track: &AudioTrack, repeats: usize) -> f64 {
    let start = Instant::now();
    for _ in 0..repeats {
        speech
            .transcribe(track.clone(), TranscribeOptions::language("en"))
            .await
            .unwrap();
    }
    repeats as f64 * track.duration_ms() as f64 / 1e3 / start.elapsed().as_secs_f64()
}

/// Tokens a second, of one answer or as long as `still` says so.
async fn write(model: &CandleModel, still: Option<watch::Receiver<bool>>) -> f64 {
    let prefix = conversation(600, 12);
    let start = Instant::now();
    let mut tokens = 0;
    loop {
        let request = Request::new(prefix.ask(STORY)).with_max_tokens(ANSWER);
        let mut answer = model.generate(request).await.unwrap();
        while let Some(delta) = answer.next().await {
            // Near enough to a token each.
            tokens += usize::from(matches!(delta.unwrap(), Delta::Text(_)));
            if still.as_ref().is_some_and(|still| !*still.borrow()) {
                return tokens as f64 / start.elapsed().as_secs_f64();
            }
        }
        if still.is_none() {
            return tokens as f64 / start.elapsed().as_secs_f64();
        }
    }
}
