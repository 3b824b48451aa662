//! Which token comes next.

/// Tokens together less likely than this are never drawn (nucleus sampling, Holtzman et al. 2020).
const NUCLEUS: f32 = 0.95;
/// A token e^-20 times as likely as the likeliest is not looked at: it is never in the nucleus.
const NEGLIGIBLE: f32 = 20.0;

/// Draws tokens at a temperature above zero.
#[derive(Debug)]
pub(super) struct Sampler {
    temperature: f32,
    /// SplitMix64 (Steele, Lea and Flood 2014): the same seed gives the same draws everywhere.
    state: u64,
    candidates: Vec<(f32, u32)>,
}

impl Sampler {
    /// `None` for temperature 0 and what is no temperature: the likeliest token is taken.
    pub(super) fn new(temperature: f32, seed: u64) -> Option<Self> {
        (temperature > 0.0 && temperature.is_finite()).then(|| Self {
            temperature,
            state: seed,
            candidates: Vec::new(),
        })
    }

    /// A number from 0 to below 1.
    fn draw(&mut self) -> f32 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        (bits >> 40) as f32 / (1_u64 << 24) as f32
    }

    /// A token out of the nucleus.
    pub(super) fn sample(&mut self, logits: &[f32]) -> u32 {
        let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let least = most - NEGLIGIBLE * self.temperature;
        let mut candidates = std::mem::take(&mut self.candidates);
        candidates.clear();
        candidates.extend(
            logits
                .iter()
                .zip(0_u32..)
                .filter(|(logit, _)| **logit > least)
                .map(|(logit, token)| (((logit - most) / self.temperature).exp(), token)),
        );
        candidates.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
        let total: f32 = candidates.iter().map(|c| c.0).sum();
        let mut nucleus = 0.0;
        let inside = candidates.iter().position(|candidate| {
            nucleus += candidate.0;
            nucleus >= NUCLEUS * total
        });
        candidates.truncate(inside.map_or(candidates.len(), |last| last + 1));
        let mut left = self.draw() * nucleus;
        let drawn = candidates.iter().find(|candidate| {
            left -= candidate.0;
            left < 0.0
        });
        let token = drawn.or(candidates.last()).map(|candidate| candidate.1);
        self.candidates = candidates;
        token.unwrap_or_else(|| argmax(logits))
    }
}

/// The likeliest token, the first of equals.
pub(super) fn argmax(logits: &[f32]) -> u32 {
    let mut best = (f32::NEG_INFINITY, 0);
    for (logit, token) in logits.iter().zip(0_u32..) {
        if *logit > best.0 {
            best = (*logit, token);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_follow_the_probabilities_within_the_nucleus() {
        // 0.6, 0.3, 0.06 and 0.04, the last of which is outside.
        let logits = [0.06_f32.ln(), 0.6_f32.ln(), 0.04_f32.ln(), 0.3_f32.ln()];
        let mut sampler = Sampler::new(1.0, 3).unwrap();
        let mut counts = [0_u32; 4];
        for _ in 0..20_000 {
            counts[sampler.sample(&logits) as usize] += 1;
        }
        assert_eq!(counts[2], 0);
        for (count, probability) in [(counts[1], 0.6), (counts[3], 0.3), (counts[0], 0.06)] {
            let share = f64::from(count) / 20_000.0;
            assert!((share - probability / 0.96).abs() < 0.015, "{counts:?}");
        }
    }

    #[test]
    fn seeds_repeat_and_differ_and_odd_temperatures_take_the_likeliest() {
        let logits: Vec<f32> = (0..100).map(|i| (i % 10) as f32 / 5.0).collect();
        let draw = |seed| -> Vec<u32> {
            let mut sampler = Sampler::new(0.8, seed).unwrap();
            (0..20).map(|_| sampler.sample(&logits)).collect()
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        for odd in [0.0, -1.0, f32::NAN, f32::INFINITY] {
            assert!(Sampler::new(odd, 0).is_none());
        }
        assert_eq!(argmax(&[0.0, 2.0, 2.0, f32::NAN]), 1);
        let forbidden = [f32::NEG_INFINITY; 3];
        assert!(Sampler::new(1.0, 0).unwrap().sample(&forbidden) < 3);
    }
}
