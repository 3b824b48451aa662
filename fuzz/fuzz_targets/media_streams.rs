//! A Media Streams session of whatever comes, and audio to send.
#![no_main]

use attendant::speech::transport::{MediaStream, MediaStreamOptions, Track, TransportEvent};
use libfuzzer_sys::fuzz_target;
use serde_json::json;

// Pieces are parted by zeros. The first byte of each says what it is: a text as it stands, audio whose
// numbers and time follow, a mark that comes back, or something that the server does.
fuzz_target!(|data: &[u8]| {
    let options = MediaStreamOptions::default()
        .with_longest_queue_ms(500)
        .with_most_marks(4);
    let mut stream = MediaStream::new(options);
    let mut heard_ms = [0; 2];
    let mut stopped = false;
    for (at, piece) in data.split(|byte| *byte == 0).take(200).enumerate() {
        let Some((kind, rest)) = piece.split_first() else {
            continue;
        };
        let text = String::from_utf8_lossy(rest);
        let message = match kind % 8 {
            _ if at == 0 && kind % 8 != 0 => {
                json!({ "event": "start", "streamSid": "MZ", "start": {} }).to_string()
            }
            0 => text.into_owned(),
            1..=3 => {
                let number = rest.iter().fold(0_u64, |sum, byte| {
                    sum.wrapping_mul(31).wrapping_add(u64::from(*byte))
                });
                let track = if kind / 8 % 2 == 0 {
                    "inbound"
                } else {
                    "outbound"
                };
                let timestamp = if *kind > 250 { number } else { number % 10_000 };
                json!({
                    "event": "media", "streamSid": "MZ", "sequenceNumber": number % 64,
                    "media": { "track": track, "chunk": (number % 64).to_string(),
                        "timestamp": timestamp.to_string(), "payload": "/38A".repeat(20) },
                })
                .to_string()
            }
            4 => json!({ "event": "mark", "mark": { "name": text } }).to_string(),
            5 => json!({ "event": "dtmf", "dtmf": { "digit": text } }).to_string(),
            _ => {
                let _ = match kind / 8 % 4 {
                    0 => stream.queue_audio(&vec![0.5; rest.len() * 9]),
                    1 => stream.queue_mark(text),
                    2 => stream.clear().map(drop),
                    _ => {
                        stream.next_frame();
                        Ok(())
                    }
                };
                assert!(stream.queued_ms() <= 520);
                continue;
            }
        };
        let received = stream.receive_text(&message);
        for event in received.map(|received| received.events).unwrap_or_default() {
            match event {
                TransportEvent::Audio {
                    track,
                    timestamp_ms,
                    samples,
                } => {
                    assert!(!stopped);
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
