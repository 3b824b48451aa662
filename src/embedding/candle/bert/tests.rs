use std::collections::HashMap;

use candle_core::{DType, Device};

use super::*;

const VOCABULARY: usize = 60;
const HIDDEN: usize = 64;

fn config(act: HiddenAct) -> Config {
    Config {
        vocab_size: VOCABULARY,
        hidden_size: HIDDEN,
        num_hidden_layers: 2,
        num_attention_heads: 2,
        intermediate_size: 96,
        hidden_act: act,
        max_position_embeddings: 40,
        ..Config::default()
    }
}

/// Random weights; `root` stands in front of every name, `norm` is what the parts of a norm are called.
fn weights(root: &str, norm: [&str; 2]) -> VarBuilder<'static> {
    let mut tensors = HashMap::new();
    let mut seed = 7_u64;
    let mut add = |name: String, shape: &[usize], centre: f32, size: f32| {
        let count = shape.iter().product();
        let mut next = || {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(97);
            centre + ((seed >> 40) as f32 / (1 << 23) as f32 - 1.0) * size
        };
        let values: Vec<f32> = (0..count).map(|_| next()).collect();
        let tensor = Tensor::from_vec(values, shape, &Device::Cpu).unwrap();
        tensors.insert(format!("{root}{name}"), tensor);
    };
    for (name, rows) in [("word", VOCABULARY), ("position", 40), ("token_type", 2)] {
        let name = format!("embeddings.{name}_embeddings.weight");
        add(name, &[rows, HIDDEN], 0.0, 1.0);
    }
    let mut norms = vec!["embeddings.LayerNorm".to_owned()];
    for layer in 0..2 {
        let layer = format!("encoder.layer.{layer}");
        for (name, inputs, outputs) in [
            ("attention.self.query", HIDDEN, HIDDEN),
            ("attention.self.key", HIDDEN, HIDDEN),
            ("attention.self.value", HIDDEN, HIDDEN),
            ("attention.output.dense", HIDDEN, HIDDEN),
            ("intermediate.dense", HIDDEN, 96),
            ("output.dense", 96, HIDDEN),
        ] {
            let name = format!("{layer}.{name}");
            add(format!("{name}.weight"), &[outputs, inputs], 0.0, 0.2);
            add(format!("{name}.bias"), &[outputs], 0.0, 0.2);
        }
        norms.push(format!("{layer}.attention.output.LayerNorm"));
        norms.push(format!("{layer}.output.LayerNorm"));
    }
    for name in norms {
        add(format!("{name}.{}", norm[0]), &[HIDDEN], 1.0, 0.3);
        add(format!("{name}.{}", norm[1]), &[HIDDEN], 0.0, 0.2);
    }
    VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu)
}

fn states(bert: &Bert, texts: &[&[u32]]) -> Vec<Vec<f32>> {
    let mut all = vec![Vec::new(); texts.len()];
    bert.each(texts, |place, states| all[place] = states.to_vec())
        .unwrap();
    all
}

#[test]
fn our_kernels_give_what_candle_gives_whatever_the_names() {
    let config = config(HiddenAct::Gelu);
    let long: Vec<u32> = (0..40).map(|i| i * 7 % 60).collect();
    let texts: [&[u32]; 5] = [&[5, 9, 59], &long, &[], &[0], &long[3..20]];
    for (root, norm) in [("", ["weight", "bias"]), ("bert.", ["gamma", "beta"])] {
        let ours = Bert::load(weights(root, norm), &config).unwrap();
        assert_eq!(matches!(ours, Bert::Kernels { .. }), Matrix::supported());
        let theirs = Bert::load_candle(weights(root, norm), &config).unwrap();
        for (ours, theirs) in states(&ours, &texts).iter().zip(states(&theirs, &texts)) {
            assert_eq!(ours.len(), theirs.len());
            for (ours, theirs) in ours.chunks(HIDDEN).zip(theirs.chunks(HIDDEN)) {
                let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
                let cosine = dot(ours, theirs) / (dot(ours, ours) * dot(theirs, theirs)).sqrt();
                assert!(cosine > 0.999, "{cosine}");
            }
        }
    }
}

#[test]
fn what_our_kernels_do_not_serve_goes_to_candle_and_what_nobody_knows_is_an_error() {
    let config_tanh = config(HiddenAct::GeluApproximate);
    let tanh = Bert::load(weights("", ["weight", "bias"]), &config_tanh).unwrap();
    assert!(matches!(tanh, Bert::Candle { .. }));
    let config_gelu = config(HiddenAct::Gelu);
    let gelu = Bert::load(weights("", ["weight", "bias"]), &config_gelu).unwrap();
    for bert in [tanh, gelu] {
        for wrong in [vec![60], vec![1; 41]] {
            assert!(bert.each(&[&wrong], |_, _| ()).is_err());
        }
        assert!(bert.each(&[], |_, _| ()).is_ok());
    }
    let missing = VarBuilder::from_tensors(HashMap::new(), DType::F32, &Device::Cpu);
    assert!(Bert::load(missing, &config_gelu).is_err());
}
