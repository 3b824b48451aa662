//! An AudioHook session of whatever comes.
#![no_main]

use attendant::speech::transport::{
    AudioHook, AudioHookOptions, DisconnectReason, EventEntity, Track, TransportEvent,
};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

const SESSION: &str = "e160e428-53e2-487c-977d-96989bf5c99d";

const KINDS: [&str; 11] = [
    "ping",
    "paused",
    "resumed",
    "discarded",
    "update",
    "dtmf",
    "error",
    "playback_started",
    "playback_completed",
    "open",
    "close",
];

fn message(kind: &str, seq: u64, position: &str, parameters: &Value) -> String {
    json!({
        "version": "2", "id": SESSION, "type": kind, "seq": seq, "serverseq": 0,
        "position": position, "parameters": parameters,
    })
    .to_string()
}

// Pieces are parted by zeros. The first byte of each says what it is: a text as it stands, audio, the
// parameters of a message that is whole otherwise, or something that the server does.
fuzz_target!(|data: &[u8]| {
    let mut options = AudioHookOptions::default();
    options.wait = data.first().is_some_and(|byte| byte & 1 == 1);
    let mut hook = AudioHook::new(options);
    let channels = if data.len() % 2 == 0 {
        json!(["external", "internal"])
    } else {
        json!(["external"])
    };
    let open = json!({
        "organizationId": "o", "conversationId": "c",
        "media": [{ "type": "audio", "format": "PCMU", "channels": channels, "rate": 8000 }],
    });
    let mut seq = 0;
    let mut heard_ms = [0; 2];
    let (mut started, mut stopped) = (false, false);
    for (at, piece) in data.split(|byte| *byte == 0).take(200).enumerate() {
        let Some((kind, rest)) = piece.split_first() else {
            continue;
        };
        let text = String::from_utf8_lossy(rest);
        seq += 1;
        let received = match kind % 8 {
            _ if at == 0 => hook.receive_text(&message("open", seq, "PT0S", &open)),
            0 => hook.receive_text(&text),
            1 | 2 => hook.receive_binary(rest),
            3 => {
                let _ = match kind / 8 % 8 {
                    0 => hook.accept().map(drop),
                    1 => hook.finish().map(drop),
                    2 => hook.pause().map(drop),
                    3 => hook.resume().map(drop),
                    4 => hook.play(&[0.5; 100]).map(drop),
                    5 => hook.send_event(&[EventEntity::BargeIn]).map(drop),
                    6 => hook.reconnect(&text).map(drop),
                    _ => hook
                        .disconnect(DisconnectReason::Completed, &text)
                        .map(drop),
                };
                continue;
            }
            4 => {
                let kind = KINDS[usize::from(kind / 8) % KINDS.len()];
                hook.receive_text(&message(kind, seq, &text, &json!({ "start": text })))
            }
            _ => {
                let kind = KINDS[usize::from(kind / 8) % KINDS.len()];
                let parameters = serde_json::from_slice(rest).unwrap_or_else(|_| {
                    json!({ "start": "PT1S", "discarded": text, "digit": text, "language": text })
                });
                hook.receive_text(&message(kind, seq, "PT0S", &parameters))
            }
        };
        for event in received.map(|received| received.events).unwrap_or_default() {
            match event {
                TransportEvent::Started(_) => {
                    assert!(!started);
                    started = true;
                }
                TransportEvent::Audio {
                    track,
                    timestamp_ms,
                    samples,
                } => {
                    assert!(started && !stopped);
                    let heard = &mut heard_ms[usize::from(track == Track::Internal)];
                    assert!(timestamp_ms >= *heard);
                    *heard = timestamp_ms + samples.len() as u64 / 8;
                }
                TransportEvent::Stopped { .. } => {
                    assert!(!stopped);
                    stopped = true;
                }
                _ => {}
            }
        }
    }
});
