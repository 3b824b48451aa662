//! Silero VAD, the 16 kHz network, computed here: some hundred thousand products every 32 ms need no ONNX runtime.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use attendant_kernels::ops::add_product;

use super::detector::{DetectorFactory, DetectorProfile, VoiceDetector};
use crate::error::{Error, ErrorKind, OrError, Result};

mod onnx;

/// Samples of a window, of what is heard again from the one before, and of what is mirrored behind it.
const WINDOW: usize = 512;
const CONTEXT: usize = 64;
const MIRRORED: usize = 64;
/// The transform: its length, its step, how often it fits, and how many frequencies it tells.
const TRANSFORM: usize = 256;
const STEP: usize = 128;
const STEPS: usize = (CONTEXT + WINDOW + MIRRORED - TRANSFORM) / STEP + 1;
const FREQUENCIES: usize = TRANSFORM / 2 + 1;
/// Values the network remembers, twice.
const HIDDEN: usize = 128;
/// Outputs and step of the convolutions over time, which see three moments each.
const CONVOLUTIONS: [(usize, usize); 4] = [(128, 1), (64, 2), (64, 2), (HIDDEN, 1)];
const TAPS: usize = 3;
/// No such file is anywhere near as large.
const LARGEST_FILE: u64 = 64 << 20;

/// The weights of Silero VAD v6 for 16 kHz; cheap to clone, clones share them.
///
/// The Silero Team, *Silero VAD: pre-trained enterprise-grade voice activity detector*, 2024, MIT licence.
#[derive(Clone)]
pub struct SileroModel {
    network: Arc<Network>,
}

impl fmt::Debug for SileroModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SileroModel").finish_non_exhaustive()
    }
}

impl SileroModel {
    /// Reads the weights from an ONNX file (`silero_vad_16k_op15.onnx` of the makers), blocking while it does.
    ///
    /// # Errors
    /// [`ErrorKind::Model`] where the file is missing, damaged or another network.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let unreadable = || {
            format!(
                "the voice detector {} cannot be read; fetch it again",
                path.display()
            )
        };
        let file = File::open(path).or_error(ErrorKind::Model, unreadable)?;
        let mut bytes = Vec::new();
        file.take(LARGEST_FILE)
            .read_to_end(&mut bytes)
            .or_error(ErrorKind::Model, unreadable)?;
        Self::read(&bytes)
    }

    /// Reads the weights from the bytes of such a file.
    ///
    /// # Errors
    /// [`ErrorKind::Model`] where they are damaged or another network's.
    pub fn read(onnx: &[u8]) -> Result<Self> {
        let network = Network::read(onnx).map_err(|why| {
            Error::new(
                ErrorKind::Model,
                format!("this is no Silero VAD for 16 kHz: {why}; fetch it again"),
            )
        })?;
        Ok(Self {
            network: Arc::new(network),
        })
    }

    /// A detector for one track.
    pub fn detector(&self) -> SileroVad {
        SileroVad {
            network: Arc::clone(&self.network),
            context: [0.0; CONTEXT],
            hidden: [0.0; HIDDEN],
            cell: [0.0; HIDDEN],
        }
    }

    /// Makes a detector for each track.
    pub fn factory(&self) -> DetectorFactory {
        let model = self.clone();
        Arc::new(move || Box::new(model.detector()))
    }
}

/// Silero VAD on one track; made by [`SileroModel::detector`].
pub struct SileroVad {
    network: Arc<Network>,
    /// The last samples.
    context: [f32; CONTEXT],
    hidden: [f32; HIDDEN],
    cell: [f32; HIDDEN],
}

impl fmt::Debug for SileroVad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SileroVad").finish_non_exhaustive()
    }
}

impl VoiceDetector for SileroVad {
    /// Windows of 32 ms at any level; the thresholds are its makers'. The window in which a voice ends still scores
    /// high, so an end is told a window late.
    fn profile(&self) -> DetectorProfile {
        DetectorProfile {
            frame: WINDOW,
            enter: 0.5,
            leave: 0.35,
            lag_ms: 32,
            levelled: false,
        }
    }

    fn score(&mut self, frame: &[f32]) -> f32 {
        let mut heard = [0.0_f32; CONTEXT + WINDOW + MIRRORED];
        let behind = CONTEXT + WINDOW;
        for (slot, sample) in heard
            .iter_mut()
            .zip(self.context.iter().chain(frame.iter().take(WINDOW)))
        {
            *slot = if sample.is_finite() { *sample } else { 0.0 };
        }
        self.context.copy_from_slice(&heard[WINDOW..behind]);
        for offset in 0..MIRRORED {
            heard[behind + offset] = heard[behind - 2 - offset];
        }
        let sound = self.network.encode(&heard);
        self.network
            .remember(&sound, &mut self.hidden, &mut self.cell)
    }
}

/// The weights, each layer's with the outputs innermost (see [`add_product`]).
struct Network {
    /// Cosines, then sines, of every frequency.
    transform: Vec<f32>,
    convolutions: Vec<Convolution>,
    input: Vec<f32>,
    memory: Vec<f32>,
    /// Of the four gates together.
    bias: Vec<f32>,
    output: Vec<f32>,
    output_bias: f32,
}

/// Sees a moment, the one before and the one after; what is negative becomes 0.
struct Convolution {
    /// For each of the three moments.
    taps: Vec<Vec<f32>>,
    bias: Vec<f32>,
    inputs: usize,
    step: usize,
}

impl Network {
    fn read(onnx: &[u8]) -> std::result::Result<Self, String> {
        let weights = onnx::Weights::read(onnx)?;
        let take = |name: &str, shape: &[usize]| weights.take(&format!("model.{name}"), shape);
        let mut convolutions = Vec::new();
        let mut inputs = FREQUENCIES;
        for (index, (outputs, step)) in CONVOLUTIONS.into_iter().enumerate() {
            let name = format!("encoder.{index}.reparam_conv");
            let weight = take(&format!("{name}.weight"), &[outputs, inputs, TAPS])?;
            convolutions.push(Convolution {
                taps: (0..TAPS)
                    .map(|tap| outputs_innermost(&weight, outputs, inputs, TAPS, tap))
                    .collect(),
                bias: take(&format!("{name}.bias"), &[outputs])?,
                inputs,
                step,
            });
            inputs = outputs;
        }
        let gates = 4 * HIDDEN;
        let transform = take(
            "stft.forward_basis_buffer",
            &[2 * FREQUENCIES, 1, TRANSFORM],
        )?;
        let input = take("decoder.rnn.weight_ih", &[gates, HIDDEN])?;
        let memory = take("decoder.rnn.weight_hh", &[gates, HIDDEN])?;
        let bias = take("decoder.rnn.bias_ih", &[gates])?;
        let second_bias = take("decoder.rnn.bias_hh", &[gates])?;
        let output_bias = take("decoder.decoder.2.bias", &[1])?;
        Ok(Self {
            transform: outputs_innermost(&transform, 2 * FREQUENCIES, TRANSFORM, 1, 0),
            convolutions,
            input: outputs_innermost(&input, gates, HIDDEN, 1, 0),
            memory: outputs_innermost(&memory, gates, HIDDEN, 1, 0),
            bias: bias.iter().zip(second_bias).map(|(a, b)| a + b).collect(),
            output: take("decoder.decoder.2.weight", &[1, HIDDEN, 1])?,
            output_bias: output_bias.first().copied().unwrap_or_default(),
        })
    }

    /// What is heard, as one moment.
    fn encode(&self, heard: &[f32]) -> Vec<f32> {
        let mut moments = Vec::with_capacity(STEPS * FREQUENCIES);
        for piece in heard.windows(TRANSFORM).step_by(STEP) {
            let mut waves = [0.0_f32; 2 * FREQUENCIES];
            add_product(&mut waves, &self.transform, piece);
            let (cosines, sines) = waves.split_at(FREQUENCIES);
            let magnitude = |(c, s): (&f32, &f32)| (c * c + s * s).sqrt();
            moments.extend(cosines.iter().zip(sines).map(magnitude));
        }
        for convolution in &self.convolutions {
            moments = convolution.apply(&moments);
        }
        moments
    }

    /// A step of the memory (an LSTM), and the score it leads to.
    fn remember(&self, sound: &[f32], hidden: &mut [f32; HIDDEN], cell: &mut [f32; HIDDEN]) -> f32 {
        let mut gates = self.bias.clone();
        add_product(&mut gates, &self.input, sound);
        add_product(&mut gates, &self.memory, hidden);
        let mut score = self.output_bias;
        for (i, (hidden, cell)) in hidden.iter_mut().zip(cell).enumerate() {
            let gate = |number: usize| gates[number * HIDDEN + i];
            *cell = sigmoid(gate(1)) * *cell + sigmoid(gate(0)) * gate(2).tanh();
            *hidden = sigmoid(gate(3)) * cell.tanh();
            score += hidden.max(0.0) * self.output[i];
        }
        sigmoid(score)
    }
}

impl Convolution {
    fn apply(&self, moments: &[f32]) -> Vec<f32> {
        let moments: Vec<&[f32]> = moments.chunks_exact(self.inputs).collect();
        let mut out = Vec::new();
        for middle in (0..moments.len()).step_by(self.step) {
            let mut moment = self.bias.clone();
            for (tap, weights) in self.taps.iter().enumerate() {
                // Beyond both ends there is silence.
                if let Some(seen) = (middle + tap).checked_sub(1).and_then(|at| moments.get(at)) {
                    add_product(&mut moment, weights, seen);
                }
            }
            out.extend(moment.iter().map(|value| value.max(0.0)));
        }
        out
    }
}

/// One tap of weights that are stored as outputs, inputs, taps.
fn outputs_innermost(
    weights: &[f32],
    outputs: usize,
    inputs: usize,
    taps: usize,
    tap: usize,
) -> Vec<f32> {
    let at = |input: usize, output: usize| (output * inputs + input) * taps + tap;
    (0..inputs)
        .flat_map(|input| (0..outputs).map(move |output| (input, output)))
        .map(|(input, output)| weights[at(input, output)])
        .collect()
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

#[cfg(test)]
mod tests;
