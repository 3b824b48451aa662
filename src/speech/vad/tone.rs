//! Telling the tones of a telephone line from a voice.

/// Samples a frame at 8 kHz: 16 ms, since keys are pressed for little longer than 50 ms.
const FRAME: usize = 128;
/// Two tones at once, as dialling, ringing and keys have, obey a recurrence of this order.
const ORDER: usize = 4;
/// A frame is tones where the recurrence leaves less than this share of its power; the loudest
/// noise of a companded line is well below, the vowels of a voice are well above.
const RESIDUE: f64 = 0.003;
/// A span is tones where this share of its loud frames is.
const SHARE: f64 = 0.6;

/// Whether 16 kHz `samples` are one or two steady tones, perhaps switched on and off.
pub(in crate::speech) fn is_tonal(samples: &[f32]) -> bool {
    // Pairs are averaged: telephone tones are below 4 kHz, and the recurrence is better
    // conditioned there.
    let half: Vec<f64> = samples
        .chunks_exact(2)
        .map(|pair| f64::from(pair[0] + pair[1]) / 2.0)
        .collect();
    let frames: Vec<(&[f64], f64)> = half
        .chunks_exact(FRAME)
        .map(|frame| (frame, frame.iter().map(|s| s * s).sum()))
        .collect();
    let loudest = frames.iter().map(|f| f.1).fold(0.0, f64::max);
    let loud: Vec<_> = frames.iter().filter(|f| f.1 > loudest / 10.0).collect();
    let tones = loud.iter().filter(|f| residue(f.0) < RESIDUE).count();
    tones as f64 > SHARE * loud.len() as f64
}

/// Share of the power that the best linear recurrence does not explain (covariance method).
fn residue(frame: &[f64]) -> f64 {
    let product = |i: usize, j: usize| -> f64 {
        (ORDER..frame.len())
            .map(|n| frame[n - i] * frame[n - j])
            .sum()
    };
    let energy = product(0, 0);
    if energy <= 0.0 {
        return 1.0;
    }
    // Normal equations with the right side as the last column; a single tone leaves them
    // singular, hence the ridge.
    let mut system = [[0.0; ORDER + 1]; ORDER];
    for (i, row) in system.iter_mut().enumerate() {
        for (j, cell) in row.iter_mut().enumerate().take(ORDER) {
            *cell = product(i + 1, j + 1);
        }
        row[i] += energy * 1e-6;
        row[ORDER] = product(0, i + 1);
    }
    for pivot in 0..ORDER {
        let (above, below) = system.split_at_mut(pivot + 1);
        let top = above[pivot];
        for row in below {
            let factor = row[pivot] / top[pivot];
            for (cell, by) in row.iter_mut().zip(top).skip(pivot) {
                *cell -= factor * by;
            }
        }
    }
    let mut weights = [0.0; ORDER];
    for row in (0..ORDER).rev() {
        let known: f64 = (row + 1..ORDER).map(|c| system[row][c] * weights[c]).sum();
        weights[row] = (system[row][ORDER] - known) / system[row][row];
    }
    let left: f64 = (ORDER..frame.len())
        .map(|n| {
            let predicted: f64 = (0..ORDER).map(|k| weights[k] * frame[n - 1 - k]).sum();
            (frame[n] - predicted).powi(2)
        })
        .sum();
    left / energy
}
