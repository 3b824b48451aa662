use super::*;

/// A field of a protobuf message.
fn field(number: u64, bytes: &[u8]) -> Vec<u8> {
    let mut out = varint(number << 3 | 2);
    out.extend(varint(bytes.len() as u64));
    out.extend(bytes);
    out
}

fn varint(mut number: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
    out
}

fn tensor(name: &str, shape: &[usize], is_packed: bool, values: &[f32]) -> Vec<u8> {
    let mut out = Vec::new();
    let lengths = shape.iter().map(|length| varint(*length as u64));
    if is_packed {
        out.extend(field(1, &lengths.collect::<Vec<_>>().concat()));
    } else {
        lengths.for_each(|length| out.extend([vec![1 << 3], length].concat()));
    }
    out.extend([2 << 3, 1]);
    out.extend(field(8, name.as_bytes()));
    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    out.extend(field(9, &bytes));
    field(5, &out)
}

fn shapes() -> Vec<(String, Vec<usize>)> {
    let mut shapes = vec![("stft.forward_basis_buffer".to_owned(), vec![258, 1, 256])];
    for (index, (outputs, inputs)) in [(128, 129), (64, 128), (64, 64), (128, 64)]
        .into_iter()
        .enumerate()
    {
        let name = format!("encoder.{index}.reparam_conv");
        shapes.push((format!("{name}.weight"), vec![outputs, inputs, 3]));
        shapes.push((format!("{name}.bias"), vec![outputs]));
    }
    for (name, shape) in [
        ("rnn.weight_ih", vec![512, 128]),
        ("rnn.weight_hh", vec![512, 128]),
        ("rnn.bias_ih", vec![512]),
        ("rnn.bias_hh", vec![512]),
        ("decoder.2.weight", vec![1, 128, 1]),
        ("decoder.2.bias", vec![1]),
    ] {
        shapes.push((format!("decoder.{name}"), shape));
    }
    shapes
}

/// A file in the shape of the real one, with weights by chance; some tensors may be left out.
fn file(keep: impl Fn(&str) -> bool, value: impl Fn(f32) -> f32) -> Vec<u8> {
    let mut state = 7_u64;
    let mut graph = Vec::new();
    for (name, shape) in shapes().into_iter().filter(|(name, _)| keep(name)) {
        let count = shape.iter().product();
        let values: Vec<f32> = std::iter::repeat_with(|| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            value(((state >> 40) as f32 / (1 << 23) as f32 - 1.0) * 0.1)
        })
        .take(count)
        .collect();
        let is_packed = name.ends_with("bias");
        graph.extend(tensor(&format!("model.{name}"), &shape, is_packed, &values));
    }
    let mut out = vec![0x08, 0x08];
    out.extend(field(2, b"pytorch"));
    // Fields of a fixed length are stepped over.
    out.extend([0x09, 1, 2, 3, 4, 5, 6, 7, 8, 0x0d, 1, 2, 3, 4]);
    out.extend(field(7, &graph));
    out
}

#[test]
fn the_weights_are_found_and_the_scores_go_by_what_was_heard_before() {
    let model = SileroModel::read(&file(|_| true, |v| v)).unwrap();
    let window = |number: usize| -> Vec<f32> {
        (0..WINDOW)
            .map(|n| ((number * WINDOW + n) as f32 * 0.3).sin() * 0.5)
            .collect()
    };
    let scores = |mut detector: SileroVad| -> Vec<f32> {
        (0..20).map(|n| detector.score(&window(n))).collect()
    };
    let (first, second) = (scores(model.detector()), scores(model.detector()));
    assert_eq!(first, second, "detectors share weights and nothing else");
    assert!(first.iter().all(|score| (0.0..=1.0).contains(score)));
    let cold = model.detector().score(&window(19));
    assert_ne!(cold, first[19]);
    let mut odd = model.detector();
    for frame in [
        vec![f32::NAN; WINDOW],
        vec![1e30; WINDOW],
        vec![],
        vec![0.1; 3 * WINDOW],
    ] {
        odd.score(&frame);
    }
}

#[test]
fn what_is_no_such_file_is_refused() {
    let whole = file(|_| true, |v| v);
    let refused = |bytes: &[u8]| {
        let error = SileroModel::read(bytes).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Model);
        error.to_string()
    };
    for length in (0..whole.len()).step_by(9_973).chain(0..200) {
        refused(&whole[..length]);
    }
    assert!(refused(&whole[..whole.len() - 1]).contains("cut off"));
    for (name, _) in shapes() {
        assert!(refused(&file(|kept| kept != name, |v| v)).contains(&name));
    }
    assert!(refused(&file(|_| true, |_| f32::NAN)).contains("no number"));
    refused(b"GGUF\x03\0\0\0");
    refused(&[0xff; 64]);
    // Lengths of which no memory has so much.
    refused(&[0x3a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]);
    let missing = SileroModel::load("/no/such/model.onnx").unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::Model);
}

#[test]
fn bytes_by_chance_do_no_harm() {
    let whole = file(|_| true, |v| v);
    let mut state = 99_u64;
    for _ in 0..60 {
        let mut damaged = whole[..60_000].to_vec();
        for _ in 0..8 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(3);
            let at = (state >> 33) as usize % 400;
            damaged[at] = (state >> 25) as u8;
        }
        assert!(SileroModel::read(&damaged).is_err());
    }
}
