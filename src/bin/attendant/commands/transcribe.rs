//! A recording as text.

use attendant::Result;
use attendant::conversation::{Channel, Conversation};
use attendant::models::Cache;
use attendant::session::SessionEvent;

use super::file::{hear, spoken};
use super::speech;
use crate::args::TranscribeArgs;
use crate::screen::Screen;

pub(crate) async fn run(args: TranscribeArgs, screen: &Screen) -> Result<()> {
    let engine = speech(&Cache::from_env()?, &args.stt, screen).await?;
    if args.live {
        return super::live::run(args, engine, screen).await;
    }
    let language = Some(args.language.as_str()).filter(|tag| *tag != "auto");
    let start = std::time::Instant::now();
    let (segments, length_ms) = hear(
        &args.file,
        engine.as_ref(),
        language,
        args.vocabulary,
        screen,
    )
    .await?;
    let mut conversation = Conversation::new("transcript", Channel::Voice);
    for (participant, utterance) in spoken(segments) {
        if conversation
            .participants
            .iter()
            .all(|p| p.id != participant.id)
        {
            conversation.join(participant);
        }
        conversation.append(utterance);
    }
    for said in conversation.transcript.utterances() {
        let event = SessionEvent::UtteranceFinal(said.clone());
        if args.json {
            screen.json(&event)?;
        } else {
            screen.event(&event)?;
        }
    }
    let (length, wall) = (length_ms as f64 / 1000.0, start.elapsed().as_secs_f64());
    screen.note(&format!("{length:.1} s of audio in {wall:.1} s"));
    Ok(())
}
