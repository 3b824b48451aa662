//! Conversations from files, and the two calls a desktop plugin makes.

use std::path::Path;

use attendant::conversation::{
    Channel, Conversation, NewUtterance, Participant, TenantId, Trigger,
};
use attendant::speech::{
    AttributedSegment, CallOptions, SpeechToText, TranscribeOptions, read_recording,
    transcribe_recording,
};
use attendant::summary::SummaryOptions;
use attendant::{Error, ErrorKind, Result};
use futures::StreamExt;

use crate::args::FileArgs;
use crate::screen::Screen;
use crate::setup::ready;

/// Whether a file is a transcript rather than a recording.
pub(crate) fn is_transcript(path: &Path) -> bool {
    path.extension()
        .is_some_and(|e| e.eq_ignore_ascii_case("json"))
}

/// Reads a transcript; one that names no tenant belongs to `tenant`.
pub(crate) fn read_transcript(path: &Path, tenant: &TenantId) -> Result<Conversation> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).map_err(|why| {
        Error::new(ErrorKind::NotFound, format!("cannot read {shown}")).with_source(why)
    })?;
    let mut conversation = Conversation::from_json(&text).map_err(|e| e.context(shown))?;
    if conversation.tenant.as_str() == "default" {
        conversation.tenant = tenant.clone();
    }
    Ok(conversation)
}

/// Transcribes a recording; returns its segments and its length in milliseconds.
pub(crate) async fn hear(
    path: &Path,
    engine: &dyn SpeechToText,
    language: Option<&str>,
    vocabulary: Vec<String>,
    screen: &Screen,
) -> Result<(Vec<AttributedSegment>, u64)> {
    let owned = path.to_owned();
    let recording = tokio::task::spawn_blocking(move || read_recording(&owned))
        .await
        .map_err(|why| Error::new(ErrorKind::Internal, "the decoder stopped").with_source(why))??;
    for warning in &recording.warnings {
        screen.note(&format!("{}: {warning}", path.display()));
    }
    let busy = screen.busy("transcribing");
    let options = CallOptions::new(
        language
            .map_or_else(TranscribeOptions::default, TranscribeOptions::language)
            .with_vocabulary(vocabulary),
    );
    let heard = transcribe_recording(engine, &recording, &options).await;
    busy.finish_and_clear();
    Ok((heard?, recording.duration_ms()))
}

/// The participants and utterances of a recording, in the order they became final.
pub(crate) fn spoken(segments: Vec<AttributedSegment>) -> Vec<(Participant, NewUtterance)> {
    segments
        .into_iter()
        .map(|heard| {
            let id = heard.participant;
            let mut participant = Participant::new(id.clone(), heard.role);
            participant.role_confidence = heard.role_confidence;
            (participant, heard.segment.into_utterance(id, 0))
        })
        .collect()
}

/// Reads a conversation from a transcript or a recording.
pub(crate) async fn conversation(
    path: &Path,
    assistant: &attendant::Assistant,
    tenant: &TenantId,
    screen: &Screen,
) -> Result<Conversation> {
    if is_transcript(path) {
        return read_transcript(path, tenant);
    }
    let (segments, _) = hear(
        path,
        assistant.speech()?.as_ref(),
        Some("en"),
        assistant.vocabulary(),
        screen,
    )
    .await?;
    let mut conversation = Conversation::new(tenant.clone(), Channel::Voice);
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
    Ok(conversation)
}

pub(crate) async fn summarize(args: FileArgs, screen: &Screen) -> Result<()> {
    let ready = ready(&args.setup, None, !is_transcript(&args.file), screen).await?;
    let conversation = conversation(&args.file, &ready.assistant, &ready.tenant, screen).await?;
    let busy = screen.busy("writing the note");
    let summary = ready
        .assistant
        .summarize(&conversation, SummaryOptions::default())
        .await;
    busy.finish_and_clear();
    let summary = summary?;
    if summary.sections.is_empty() {
        return Err(Error::new(
            ErrorKind::Config,
            "no note could be written; a note needs a language model (leave out --llm none)",
        ));
    }
    if args.json {
        return screen.json(&summary);
    }
    screen.summary(&summary)?;
    match &summary.wrap_up {
        Some(w) => screen.line(&format!(
            "Wrap-up  {} ({}, {:.0}%)",
            w.code.label,
            w.code.id,
            w.confidence * 100.0
        )),
        None => Ok(()),
    }
}

pub(crate) async fn suggest(args: FileArgs, screen: &Screen) -> Result<()> {
    let ready = ready(&args.setup, None, !is_transcript(&args.file), screen).await?;
    let conversation = conversation(&args.file, &ready.assistant, &ready.tenant, screen).await?;
    let said = conversation.transcript.utterances();
    if said
        .iter()
        .all(|utterance| utterance.text.trim().is_empty())
    {
        return Err(Error::new(
            ErrorKind::InsufficientContent,
            format!("nobody says anything in {}", args.file.display()),
        ));
    }
    let mut suggestions = ready.assistant.suggest(&conversation, Trigger::Manual);
    while let Some(suggestion) = suggestions.next().await {
        let suggestion = suggestion?;
        if args.json {
            screen.json(&suggestion)?;
        } else {
            screen.suggestion(&suggestion)?;
        }
    }
    Ok(())
}
