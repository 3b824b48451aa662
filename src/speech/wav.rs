//! WAV files as contact centres have them: also with sizes that were never filled in because the
//! recorder wrote to a pipe or was stopped, and with format chunks shorter than the standard asks.

use std::io::{self, Read};

use super::g711;

/// How samples are written.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Code {
    Unsigned8,
    /// Signed integers of 2, 3 or 4 bytes.
    Signed(usize),
    Float32,
    Float64,
    MuLaw,
    ALaw,
}

impl Code {
    fn bytes(self) -> usize {
        match self {
            Self::Unsigned8 | Self::MuLaw | Self::ALaw => 1,
            Self::Signed(bytes) => bytes,
            Self::Float32 => 4,
            Self::Float64 => 8,
        }
    }

    /// One sample from exactly [`Code::bytes`] bytes.
    fn decode(self, bytes: &[u8]) -> f32 {
        match (self, bytes) {
            (Self::Unsigned8, [b]) => (f32::from(*b) - 128.0) / 128.0,
            (Self::MuLaw, [b]) => g711::mu_law(*b),
            (Self::ALaw, [b]) => g711::a_law(*b),
            (Self::Signed(_), [a, b]) => f32::from(i16::from_le_bytes([*a, *b])) / 32_768.0,
            (Self::Signed(_), [a, b, c]) => {
                i32::from_le_bytes([0, *a, *b, *c]) as f32 / 2_147_483_648.0
            }
            (Self::Signed(_), [a, b, c, d]) => {
                i32::from_le_bytes([*a, *b, *c, *d]) as f32 / 2_147_483_648.0
            }
            (Self::Float32, [a, b, c, d]) => f32::from_le_bytes([*a, *b, *c, *d]),
            (Self::Float64, [a, b, c, d, e, f, g, h]) => {
                f64::from_le_bytes([*a, *b, *c, *d, *e, *f, *g, *h]) as f32
            }
            _ => 0.0,
        }
    }
}

/// What the header says.
#[derive(Debug)]
pub(super) struct Wav<R> {
    input: R,
    code: Code,
    pub(super) channels: usize,
    pub(super) rate: u32,
    /// Frames the header promises; `None` where it was never filled in.
    pub(super) promised: Option<u64>,
    left: u64,
}

/// Why a file is not read here.
#[derive(Debug)]
pub(super) enum NotRead {
    /// Not a WAV file, or one with compressed audio: another decoder may know it.
    Other,
    /// The file ends before the audio begins.
    Cut,
}

impl From<io::Error> for NotRead {
    fn from(_: io::Error) -> Self {
        Self::Cut
    }
}

impl<R: Read> Wav<R> {
    /// Reads up to the first sample. `size` is the length of the whole file.
    pub(super) fn open(mut input: R, size: u64) -> Result<Self, NotRead> {
        let mut head = [0; 12];
        input.read_exact(&mut head).map_err(|_| NotRead::Other)?;
        if !matches!(&head[..4], b"RIFF" | b"RF64" | b"BW64") || &head[8..] != b"WAVE" {
            return Err(NotRead::Other);
        }
        let mut position = 12;
        let mut format = None;
        loop {
            let mut chunk = [0; 8];
            input.read_exact(&mut chunk)?;
            position += 8;
            let length = u32_at(&chunk, 4);
            match (&chunk[..4], format) {
                (b"data", Some((code, channels, rate))) => {
                    let frame = Code::bytes(code) as u64 * channels as u64;
                    let there = size.saturating_sub(position);
                    // Nobody means 2 GB and an hour-long silence by these; see the module's text.
                    let open_end = length == 0 || length >= 0x7fff_0000;
                    let promised = (!open_end).then(|| u64::from(length) / frame);
                    return Ok(Self {
                        input,
                        code,
                        channels,
                        rate,
                        promised,
                        left: promised.map_or(there, |frames| (frames * frame).min(there)),
                    });
                }
                (b"data", None) => return Err(NotRead::Cut),
                (b"fmt ", _) if (16..=4096).contains(&length) => {
                    let mut body = vec![0; length as usize];
                    input.read_exact(&mut body)?;
                    format = Some(parse_format(&body).ok_or(NotRead::Other)?);
                }
                _ => skip(&mut input, u64::from(length))?,
            }
            position += u64::from(length);
            if length % 2 == 1 {
                skip(&mut input, 1)?;
                position += 1;
            }
        }
    }

    /// Whole frames that the file holds.
    pub(super) fn frames_there(&self) -> u64 {
        self.left / (self.code.bytes() * self.channels) as u64
    }

    /// The next frames, one vector a channel; `None` at the end.
    pub(super) fn next(&mut self, planes: &mut Vec<Vec<f32>>) -> Option<()> {
        let frame = self.code.bytes() * self.channels;
        let wanted = self.left.min(frame as u64 * 8192);
        let mut bytes = Vec::with_capacity(usize::try_from(wanted).unwrap_or_default());
        // A read error is the end of what can be had, like a short file.
        let _ = self.input.by_ref().take(wanted).read_to_end(&mut bytes);
        self.left -= bytes.len() as u64;
        if bytes.len() < frame {
            return None;
        }
        planes.resize_with(self.channels, Vec::new);
        for (channel, plane) in planes.iter_mut().enumerate() {
            let size = self.code.bytes();
            let samples = bytes
                .chunks_exact(frame)
                .map(|f| self.code.decode(&f[channel * size..][..size]));
            plane.clear();
            plane.extend(samples);
        }
        Some(())
    }
}

fn parse_format(body: &[u8]) -> Option<(Code, usize, u32)> {
    let mut tag = u16_at(body, 0);
    let bits = u16_at(body, 14);
    if tag == 0xfffe && body.len() >= 26 {
        // Extensible: the tag proper begins the sub-format's identifier.
        tag = u16_at(body, 24);
    }
    let code = match (tag, bits) {
        (1, 8) => Code::Unsigned8,
        (1, 16 | 24 | 32) => Code::Signed(usize::from(bits / 8)),
        (3, 32) => Code::Float32,
        (3, 64) => Code::Float64,
        (6, 8) => Code::ALaw,
        (7, 8) => Code::MuLaw,
        _ => return None,
    };
    let channels = usize::from(u16_at(body, 2));
    (channels > 0).then_some((code, channels, u32_at(body, 4)))
}

fn skip(input: &mut impl Read, count: u64) -> io::Result<()> {
    let skipped = io::copy(&mut input.take(count), &mut io::sink())?;
    if skipped < count {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(())
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
