//! The trained model: a network over the signs of every candidate, and a softmax over all of them.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use attendant_kernels::ops::add_product;
use serde::{Deserialize, Serialize};

use super::signs::{DECIDED, PAIR};
use super::{CUSTOM, Flow, Moment};
use crate::error::{Error, ErrorKind, OrError, Result};

/// What conditions that leave one way are worth, as a log-odds.
pub(crate) const DECIDED_WORTH: f32 = 3.0;

const SHIPPED: &[u8] = include_bytes!("../../../models/action-head.bin");

/// The sizes of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HeadShape {
    /// Signs of a dialogue.
    pub(crate) context: usize,
    /// Numbers of a vector.
    pub(crate) vector: usize,
    /// Signs of a candidate.
    pub(crate) kind: usize,
    /// Signs of a pair.
    pub(crate) pair: usize,
    /// Width of the first layer.
    pub(crate) hidden: usize,
    /// Width of the second layer.
    pub(crate) second: usize,
}

/// The weights of a network; matrices hold a row an input.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct HeadWeights {
    pub(crate) context: Vec<f32>,
    pub(crate) vector: Vec<f32>,
    pub(crate) kind: Vec<f32>,
    pub(crate) pair: Vec<f32>,
    pub(crate) offset: Vec<f32>,
    pub(crate) second: Vec<f32>,
    pub(crate) second_offset: Vec<f32>,
    pub(crate) last: Vec<f32>,
    /// From the signs of a pair to the score.
    pub(crate) skip: Vec<f32>,
    /// What single actions of known flows add to the first layer, then to the score.
    pub(crate) known: Vec<Vec<f32>>,
}

/// An action of a flow that the model was trained on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct KnownAction {
    pub(crate) flow: String,
    pub(crate) action: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Header {
    shape: HeadShape,
    embedder: String,
    nets: usize,
    known: Vec<KnownAction>,
    flows: Vec<String>,
    labels: BTreeMap<String, BTreeMap<String, usize>>,
}

/// Scores the actions of a [`Flow`]; several networks that differ by chance, whose mean is told.
#[derive(Clone, Debug)]
pub struct ActionHead {
    header: Header,
    nets: Vec<HeadWeights>,
    known: BTreeMap<KnownAction, usize>,
}

impl ActionHead {
    /// The one inside the library (`models/action-head.md`), trained on flows of other businesses.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] if it is damaged.
    pub fn shipped() -> Result<&'static Self> {
        static HEAD: OnceLock<Option<ActionHead>> = OnceLock::new();
        let head = HEAD.get_or_init(|| Self::from_bytes(SHIPPED).ok());
        let damaged = || Error::new(ErrorKind::Internal, "the action head inside is damaged");
        head.as_ref().ok_or_else(damaged)
    }

    /// One of your own training (`attendant train next-action`).
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if the bytes are no head, or one of another version.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let wrong = || "this is no action head of this version; train it again".to_owned();
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let (head, body) = bytes.split_at(end.unwrap_or(0));
        let header: Header =
            serde_json::from_slice(head).or_error(ErrorKind::InvalidInput, wrong)?;
        let mut numbers = body
            .get(1..)
            .unwrap_or_default()
            .chunks_exact(2)
            .map(|two| f32::from_bits(u32::from(u16::from_le_bytes([two[0], two[1]])) << 16));
        let sizes = sizes(&header.shape, header.known.len()).filter(|_| header.shape.pair == PAIR);
        let sizes = sizes.ok_or_else(|| Error::new(ErrorKind::InvalidInput, wrong()))?;
        if Some(body.len().saturating_sub(1)) != sizes.total.checked_mul(2 * header.nets) {
            return Err(Error::new(ErrorKind::InvalidInput, wrong()));
        }
        let mut nets = Vec::new();
        for _ in 0..header.nets {
            let mut take = |count: usize| -> Vec<f32> { numbers.by_ref().take(count).collect() };
            let [
                context,
                vector,
                kind,
                pair,
                offset,
                second,
                second_offset,
                last,
                skip,
            ] = sizes.each.map(&mut take);
            let known = header
                .known
                .iter()
                .map(|_| take(header.shape.hidden + 1))
                .collect();
            nets.push(HeadWeights {
                context,
                vector,
                kind,
                pair,
                offset,
                second,
                second_offset,
                last,
                skip,
                known,
            });
        }
        Ok(Self::assemble(header, nets))
    }

    pub(crate) fn new(
        shape: HeadShape,
        nets: Vec<HeadWeights>,
        embedder: &str,
        known: Vec<KnownAction>,
        flows: Vec<String>,
        labels: BTreeMap<String, BTreeMap<String, usize>>,
    ) -> Self {
        let header = Header {
            shape,
            embedder: embedder.to_owned(),
            nets: nets.len(),
            known,
            flows,
            labels,
        };
        Self::assemble(header, nets)
    }

    fn assemble(header: Header, nets: Vec<HeadWeights>) -> Self {
        let known = header.known.iter().cloned().zip(0..).collect();
        Self {
            header,
            nets,
            known,
        }
    }

    /// What [`from_bytes`](Self::from_bytes) reads: a line of JSON, then the weights in `bfloat16`.
    ///
    /// # Errors
    /// None in practice; the header is plain data.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let failed = || "the action head cannot be written".to_owned();
        let mut bytes = serde_json::to_vec(&self.header).or_error(ErrorKind::Internal, failed)?;
        bytes.push(b'\n');
        for net in &self.nets {
            let parts = [
                &net.context,
                &net.vector,
                &net.kind,
                &net.pair,
                &net.offset,
                &net.second,
                &net.second_offset,
                &net.last,
                &net.skip,
            ];
            for value in parts.into_iter().chain(&net.known).flatten() {
                // To the nearest: half of what is cut off is added first.
                let half = value.to_bits().saturating_add(0x8000);
                bytes.extend(((half >> 16) as u16).to_le_bytes());
            }
        }
        Ok(bytes)
    }

    /// The embedder whose vectors it was trained on.
    pub fn embedder(&self) -> &str {
        &self.header.embedder
    }

    /// Whether dialogues about a flow of this name were among its training data.
    pub fn was_trained_on(&self, flow: &str) -> bool {
        self.header.flows.iter().any(|name| name == flow)
    }

    /// Labels that dialogues of the training data bear for replies with these words, with how many flows they do so in.
    pub(crate) fn labels(&self) -> &BTreeMap<String, BTreeMap<String, usize>> {
        &self.header.labels
    }

    /// How likely each of the flow's candidates is to come next, in their order; they sum to 1.
    pub(crate) fn probabilities(&self, flow: &Flow, moment: &Moment) -> Vec<f32> {
        let mut sum = vec![0.0; flow.candidates.len()];
        for net in &self.nets {
            let scores = self.scores(net, flow, moment);
            for (sum, share) in sum.iter_mut().zip(softmax(&scores)) {
                *sum += share / self.nets.len() as f32;
            }
        }
        sum
    }

    fn scores(&self, net: &HeadWeights, flow: &Flow, moment: &Moment) -> Vec<f32> {
        let shape = &self.header.shape;
        let mut context = net.offset.clone();
        product(&mut context, &net.context, &moment.context);
        product(&mut context, &net.vector, &moment.customer);
        let pairs = moment.pairs.chunks_exact(PAIR);
        flow.candidates
            .iter()
            .zip(pairs)
            .map(|(candidate, pair)| {
                let mut hidden = context.clone();
                product(&mut hidden, &net.kind, &candidate.kind);
                product(&mut hidden, &net.pair, pair);
                let mut score = dot(&net.skip, pair) + DECIDED_WORTH * pair[DECIDED];
                let known = self.known.get(&KnownAction {
                    flow: flow.name().to_owned(),
                    action: candidate.name.clone(),
                });
                match known.and_then(|at| net.known.get(*at)) {
                    Some(own) => {
                        hidden.iter_mut().zip(own).for_each(|(h, own)| *h += own);
                        score += own.get(shape.hidden).copied().unwrap_or_default();
                    }
                    // Words of one's own are no action that a flow can be followed by.
                    None if candidate.name == CUSTOM => return f32::NEG_INFINITY,
                    None => {}
                }
                hidden.iter_mut().for_each(|h| *h = h.max(0.0));
                let mut second = net.second_offset.clone();
                product(&mut second, &net.second, &hidden);
                let tail = second.iter().zip(&net.last).map(|(a, b)| a.max(0.0) * b);
                score + tail.sum::<f32>()
            })
            .collect()
    }
}

/// As [`add_product`], and nothing where the lengths do not fit: a vector of another embedder, or none at all.
fn product(out: &mut [f32], weights: &[f32], x: &[f32]) {
    if weights.len() == x.len() * out.len() {
        add_product(out, weights, x);
    }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

pub(crate) fn softmax(scores: &[f32]) -> Vec<f32> {
    let most = scores.iter().copied().fold(f32::MIN, f32::max);
    let shares: Vec<f32> = scores.iter().map(|score| (score - most).exp()).collect();
    let sum = shares.iter().sum::<f32>().max(f32::MIN_POSITIVE);
    shares.into_iter().map(|share| share / sum).collect()
}

struct Sizes {
    each: [usize; 9],
    total: usize,
}

/// How many numbers each part holds, and all of them with `known` actions; `None` if they are absurd.
fn sizes(shape: &HeadShape, known: usize) -> Option<Sizes> {
    let (hidden, second) = (shape.hidden, shape.second);
    let each = [
        shape.context.checked_mul(hidden)?,
        shape.vector.checked_mul(hidden)?,
        shape.kind.checked_mul(hidden)?,
        shape.pair.checked_mul(hidden)?,
        hidden,
        hidden.checked_mul(second)?,
        second,
        second,
        shape.pair,
    ];
    let start = known.checked_mul(hidden.checked_add(1)?)?;
    let total = each
        .iter()
        .try_fold(start, |sum, size| sum.checked_add(*size))?;
    Some(Sizes { each, total })
}
