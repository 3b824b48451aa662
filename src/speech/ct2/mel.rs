//! The mel filter bank that Whisper was trained with.

/// Frequency bins of a 400-point transform: 0 to 8000 Hz.
pub(super) const BINS: usize = 201;

/// Triangular filters, row by row (`n_mels` x [`BINS`]), on Slaney's mel scale and normalised to
/// equal area, 0 to 8000 Hz at 16 kHz: what `librosa.filters.mel(sr=16000, n_fft=400)` returns.
pub(super) fn filters(n_mels: usize) -> Vec<f32> {
    let top = mel(8000.0);
    let edges: Vec<f64> = (0..n_mels + 2)
        .map(|i| hertz(top * i as f64 / (n_mels + 1) as f64))
        .collect();
    let mut bank = Vec::with_capacity(n_mels * BINS);
    for band in edges.windows(3) {
        let area = 2.0 / (band[2] - band[0]);
        for bin in 0..BINS {
            let frequency = bin as f64 * 40.0;
            let rising = (frequency - band[0]) / (band[1] - band[0]);
            let falling = (band[2] - frequency) / (band[2] - band[1]);
            bank.push((rising.min(falling).max(0.0) * area) as f32);
        }
    }
    bank
}

/// Slaney's scale (Auditory Toolbox, 1998): linear to 1 kHz, logarithmic above.
fn mel(hertz: f64) -> f64 {
    if hertz < 1000.0 {
        hertz * 3.0 / 200.0
    } else {
        15.0 + (hertz / 1000.0).ln() * 27.0 / 6.4_f64.ln()
    }
}

fn hertz(mel: f64) -> f64 {
    if mel < 15.0 {
        mel * 200.0 / 3.0
    } else {
        1000.0 * ((mel - 15.0) * 6.4_f64.ln() / 27.0).exp()
    }
}
