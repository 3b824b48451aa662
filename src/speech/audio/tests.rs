use super::*;
use crate::speech::SpeechToText as _;

/// A WAV file of one format chunk and one data chunk.
fn wav(tag: u16, bits: u16, channels: u16, rate: u32, data: &[u8]) -> Vec<u8> {
    let frame = channels * bits / 8;
    let mut bytes = b"RIFF".to_vec();
    bytes.extend((36 + data.len() as u32).to_le_bytes());
    bytes.extend(b"WAVEfmt \x10\0\0\0");
    bytes.extend(tag.to_le_bytes());
    bytes.extend(channels.to_le_bytes());
    bytes.extend(rate.to_le_bytes());
    bytes.extend((rate * u32::from(frame)).to_le_bytes());
    bytes.extend(frame.to_le_bytes());
    bytes.extend(bits.to_le_bytes());
    bytes.extend(b"data");
    bytes.extend((data.len() as u32).to_le_bytes());
    bytes.extend(data);
    bytes
}

fn sine(rate: u32, hertz: f64, seconds: f64) -> Vec<f64> {
    let count = (f64::from(rate) * seconds) as usize;
    (0..count)
        .map(|i| 0.5 * (std::f64::consts::TAU * hertz * i as f64 / f64::from(rate)).sin())
        .collect()
}

fn pcm16(samples: &[f64]) -> Vec<u8> {
    samples
        .iter()
        .flat_map(|s| ((s * 32_767.0) as i16).to_le_bytes())
        .collect()
}

/// The G.711 code whose value is nearest.
fn companded(samples: &[f64], decode: fn(u8) -> f32) -> Vec<u8> {
    let nearest = |s: f64| {
        (0..=255_u8)
            .min_by(|&a, &b| {
                let far = |c: u8| (f64::from(decode(c)) - s).abs();
                far(a).total_cmp(&far(b))
            })
            .unwrap()
    };
    samples.iter().map(|&s| nearest(s)).collect()
}

fn read_bytes(bytes: &[u8], name: &str) -> Result<Recording> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    read_recording(&path)
}

/// Strength of one frequency, 1 for a full-scale sine.
fn strength(samples: &[f32], hertz: f64) -> f64 {
    let (mut re, mut im) = (0.0, 0.0);
    for (i, s) in samples.iter().enumerate() {
        let phase = std::f64::consts::TAU * hertz * i as f64 / f64::from(SAMPLE_RATE);
        re += f64::from(*s) * phase.cos();
        im += f64::from(*s) * phase.sin();
    }
    2.0 * (re * re + im * im).sqrt() / samples.len() as f64
}

fn assert_tone(track: &AudioTrack, hertz: f64, what: &str) {
    let at = strength(&track.samples, hertz);
    let beside = strength(&track.samples, hertz * 1.5);
    assert!((at - 0.5).abs() < 0.02, "{what}: {at}");
    assert!(beside < 0.02, "{what}: {beside}");
}

#[test]
fn every_wav_coding_gives_the_same_tone() {
    let tone = sine(8000, 1000.0, 1.0);
    let float32: Vec<u8> = tone
        .iter()
        .flat_map(|s| (*s as f32).to_le_bytes())
        .collect();
    let float64: Vec<u8> = tone.iter().flat_map(|s| s.to_le_bytes()).collect();
    let pcm24: Vec<u8> = tone
        .iter()
        .flat_map(|s| ((s * 8_388_607.0) as i32).to_le_bytes()[..3].to_vec())
        .collect();
    let pcm8: Vec<u8> = tone.iter().map(|s| (s * 127.0 + 128.0) as u8).collect();
    for (what, tag, bits, data) in [
        ("PCM16", 1, 16, pcm16(&tone)),
        ("PCM24", 1, 24, pcm24),
        ("PCM8", 1, 8, pcm8),
        ("float32", 3, 32, float32),
        ("float64", 3, 64, float64),
        (
            "mu-law",
            7,
            8,
            companded(&tone, crate::speech::g711::mu_law),
        ),
        ("A-law", 6, 8, companded(&tone, crate::speech::g711::a_law)),
    ] {
        let recording = read_bytes(&wav(tag, bits, 1, 8000, &data), "a.wav").unwrap();
        assert_eq!(recording.tracks.len(), 1, "{what}");
        assert_eq!(recording.duration_ms(), 1000, "{what}");
        assert!(recording.warnings.is_empty(), "{what}");
        assert_tone(&recording.tracks[0], 1000.0, what);
    }
}

/// A page of an Ogg stream (RFC 3533) with one packet.
fn ogg_page(kind: u8, position: u64, number: u32, packet: &[u8]) -> Vec<u8> {
    let mut page = b"OggS\0".to_vec();
    page.push(kind);
    page.extend(position.to_le_bytes());
    page.extend(7_u32.to_le_bytes());
    page.extend(number.to_le_bytes());
    page.extend([0; 4]);
    page.extend([1, u8::try_from(packet.len()).unwrap()]);
    page.extend(packet);
    let mut check = 0_u32;
    for byte in &page {
        check ^= u32::from(*byte) << 24;
        for _ in 0..8 {
            check = (check << 1)
                ^ if check & 0x8000_0000 == 0 {
                    0
                } else {
                    0x04c1_1db7
                };
        }
    }
    page[22..26].copy_from_slice(&check.to_le_bytes());
    page
}

#[test]
fn opus_in_ogg_is_read() {
    // RFC 7845: head, tags, then packets; these hold 20 ms of silence each.
    let mut head = b"OpusHead\x01\x01".to_vec();
    head.extend([0, 0]);
    head.extend(16_000_u32.to_le_bytes());
    head.extend([0, 0, 0]);
    let mut tags = b"OpusTags".to_vec();
    tags.extend(4_u32.to_le_bytes());
    tags.extend(b"test");
    tags.extend(0_u32.to_le_bytes());
    let mut file = ogg_page(2, 0, 0, &head);
    file.extend(ogg_page(0, 0, 1, &tags));
    for number in 1..=50_u32 {
        let last = if number == 50 { 4 } else { 0 };
        file.extend(ogg_page(
            last,
            u64::from(number) * 960,
            number + 1,
            &[0xf8, 0xff, 0xfe],
        ));
    }
    let recording = read_bytes(&file, "call.opus").unwrap();
    assert_eq!(recording.tracks.len(), 1);
    assert!(
        recording.duration_ms().abs_diff(1_000) <= 20,
        "{}",
        recording.duration_ms()
    );
    assert!(recording.tracks[0].samples.iter().all(|s| s.abs() < 1e-3));
    let cut = read_bytes(&file[..file.len() / 2], "call.opus").unwrap();
    assert!(cut.duration_ms() > 300 && cut.duration_ms() < 700);
}

#[test]
fn every_rate_keeps_duration_pitch_and_times() {
    for rate in [8_000, 11_025, 16_000, 22_050, 44_100, 48_000] {
        let mut samples = sine(rate, 1000.0, 2.0);
        // A click in the middle tells whether times move.
        let middle = samples.len() / 2;
        samples[middle] = 1.0;
        let recording = read_bytes(&wav(1, 16, 1, rate, &pcm16(&samples)), "a.wav").unwrap();
        let track = &recording.tracks[0];
        assert_eq!(track.duration_ms(), 2000, "{rate}");
        assert_tone(track, 1000.0, "resampled");
        let tone = sine(SAMPLE_RATE, 1000.0, 2.0);
        let apart = |i: &usize| f64::from(track.samples[*i]) - tone[*i];
        let click = (0..track.samples.len())
            .max_by(|a, b| apart(a).abs().total_cmp(&apart(b).abs()))
            .unwrap();
        assert!(click.abs_diff(16_000) <= 4, "{rate}: click at {click}");
    }
}

#[test]
fn each_channel_is_a_track() {
    let (left, right) = (sine(8000, 500.0, 1.0), sine(8000, 1200.0, 1.0));
    let both: Vec<f64> = left
        .iter()
        .zip(&right)
        .flat_map(|(l, r)| [*l, *r])
        .collect();
    let recording = read_bytes(&wav(1, 16, 2, 8000, &pcm16(&both)), "a.wav").unwrap();
    assert_eq!(recording.tracks.len(), 2);
    assert_tone(&recording.tracks[0], 500.0, "left");
    assert_tone(&recording.tracks[1], 1200.0, "right");
    let mixed = recording.mixed();
    assert!((strength(&mixed.samples, 500.0) - 0.25).abs() < 0.02);
    assert!((strength(&mixed.samples, 1200.0) - 0.25).abs() < 0.02);
}

#[test]
fn sizes_never_filled_in_and_odd_chunks_are_read() {
    let data = pcm16(&sine(8000, 1000.0, 1.0));
    for size in [0, u32::MAX, 0x7fff_f000] {
        let mut bytes = wav(1, 16, 1, 8000, &data);
        bytes[40..44].copy_from_slice(&size.to_le_bytes());
        let recording = read_bytes(&bytes, "pipe.wav").unwrap();
        assert_eq!(recording.duration_ms(), 1000, "{size}");
        assert!(recording.warnings.is_empty());
    }
    let plain = wav(1, 16, 1, 8000, &data);
    let mut noted = plain[..36].to_vec();
    noted.extend(b"LIST\x03\0\0\0abc\0");
    noted.extend(&plain[36..]);
    assert_eq!(read_bytes(&noted, "noted.wav").unwrap().duration_ms(), 1000);
}

#[test]
fn a_cut_file_is_read_as_far_as_it_goes_and_says_so() {
    let bytes = wav(1, 16, 1, 8000, &pcm16(&sine(8000, 1000.0, 2.0)));
    let recording = read_bytes(&bytes[..44 + 16_000 + 1], "cut.wav").unwrap();
    assert_eq!(recording.duration_ms(), 1000);
    assert_eq!(
        recording.warnings,
        ["the file ends early: 1.0 s of 2.0 s are there"]
    );
}

#[test]
fn unusable_files_say_what_to_do() {
    let tone = sine(8000, 1000.0, 1.0);
    let whole = wav(1, 16, 1, 8000, &pcm16(&tone));
    let six: Vec<u8> = vec![0; 6 * 2 * 8000];
    let garbage: Vec<u8> = (0..50_000_u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    for (what, bytes, says) in [
        ("empty", Vec::new(), "empty"),
        (
            "text",
            b"Dear customer, this is a letter and not a recording.".to_vec(),
            "not an audio file",
        ),
        ("garbage", garbage, "not an audio file"),
        (
            "cut in the header",
            whole[..30].to_vec(),
            "before the audio begins",
        ),
        ("no samples", wav(1, 16, 1, 8000, &[]), "no usable audio"),
        (
            "a few samples",
            wav(1, 16, 1, 8000, &[0; 20]),
            "no usable audio",
        ),
        ("too slow", wav(1, 16, 1, 4000, &pcm16(&tone)), "4000 Hz"),
        ("no rate", wav(1, 16, 1, 0, &pcm16(&tone)), "0 Hz"),
        ("six channels", wav(1, 16, 6, 8000, &six), "6 channels"),
    ] {
        let error = read_bytes(&bytes, "a.wav").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Audio, "{what}: {error}");
        assert!(error.to_string().contains(says), "{what}: {error}");
    }
    assert_eq!(
        read_recording("/no/such/file.wav").unwrap_err().kind(),
        ErrorKind::NotFound
    );
    let folder = tempfile::tempdir().unwrap();
    assert!(
        read_recording(folder.path())
            .unwrap_err()
            .to_string()
            .contains("folder")
    );
}

#[test]
fn a_recording_over_the_limit_is_refused_before_it_is_decoded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.wav");
    // Three hours of mu-law at 8 kHz, as a sparse file: only its header is real.
    let length = 3 * 3600 * 8000_u32;
    let mut head = wav(7, 8, 1, 8000, &[]);
    head[40..44].copy_from_slice(&length.to_le_bytes());
    std::fs::write(&path, &head).unwrap();
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(u64::from(length) + 44).unwrap();
    let error = read_recording(&path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Audio);
    let text = error.to_string();
    assert!(
        text.contains("180 min") && text.contains("with_max_duration"),
        "{text}"
    );

    let short = RecordingOptions::default().with_max_duration(Duration::from_secs(1));
    std::fs::write(&path, wav(1, 16, 1, 8000, &pcm16(&sine(8000, 1000.0, 3.0)))).unwrap();
    assert!(read_recording_with(&path, &short).is_err());
    assert!(read_recording(&path).is_ok());
}

#[test]
fn numbers_that_are_none_become_silence() {
    let mut samples = vec![0.25_f32; 16_000];
    samples[10] = f32::NAN;
    samples[11] = f32::INFINITY;
    samples[12] = 9.0;
    let data: Vec<u8> = samples.iter().flat_map(|s| s.to_le_bytes()).collect();
    let recording = read_bytes(&wav(3, 32, 1, 16_000, &data), "a.wav").unwrap();
    assert_eq!(recording.tracks[0].samples[10..13], [0.0, 0.0, 1.0]);
}

#[tokio::test]
async fn the_scripted_engine_ignores_the_audio() {
    let engine =
        crate::speech::ScriptedSpeech::new([vec![crate::speech::ScriptedSpeech::segment(
            0, 1000, "one two",
        )]]);
    let first = engine
        .transcribe(AudioTrack::default(), Default::default())
        .await
        .unwrap();
    assert_eq!(
        (first[0].words[0].end_ms, first[0].words[1].text.as_str()),
        (500, "two")
    );
    assert!(
        engine
            .transcribe(AudioTrack::default(), Default::default())
            .await
            .unwrap()
            .is_empty()
    );
}
