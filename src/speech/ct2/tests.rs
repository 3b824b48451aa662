use super::*;

/// A Whisper of one layer a side, two values wide, in CTranslate2's format.
pub(in crate::speech) fn tiny_model(n_vocab: u32) -> Vec<u8> {
    let mut variables: Vec<(String, Vec<u32>)> = vec![
        ("encoder/position_encodings/encodings".into(), vec![4, 2]),
        ("decoder/position_encodings/encodings".into(), vec![3, 2]),
        ("decoder/embeddings/weight".into(), vec![n_vocab, 2]),
        ("encoder/conv1/weight".into(), vec![2, 80, 3]),
        ("encoder/conv1/bias".into(), vec![2]),
        ("encoder/conv2/weight".into(), vec![2, 2, 3]),
        ("encoder/conv2/bias".into(), vec![2]),
    ];
    let linear = |name: String, rows: u32, columns: u32, out: &mut Vec<(String, Vec<u32>)>| {
        out.push((format!("{name}/weight"), vec![rows, columns]));
        out.push((format!("{name}/bias"), vec![rows]));
    };
    for side in ["encoder", "decoder"] {
        let layer = format!("{side}/layer_0");
        linear(
            format!("{layer}/self_attention/linear_0"),
            6,
            2,
            &mut variables,
        );
        linear(
            format!("{layer}/self_attention/linear_1"),
            2,
            2,
            &mut variables,
        );
        linear(format!("{layer}/ffn/linear_0"), 8, 2, &mut variables);
        linear(format!("{layer}/ffn/linear_1"), 2, 8, &mut variables);
        let mut norms = vec![
            side.to_owned(),
            format!("{layer}/self_attention"),
            format!("{layer}/ffn"),
        ];
        if side == "decoder" {
            linear(format!("{layer}/attention/linear_0"), 2, 2, &mut variables);
            linear(format!("{layer}/attention/linear_1"), 4, 2, &mut variables);
            linear(format!("{layer}/attention/linear_2"), 2, 2, &mut variables);
            norms.push(format!("{layer}/attention"));
        }
        for norm in norms {
            variables.push((format!("{norm}/layer_norm/gamma"), vec![2]));
            variables.push((format!("{norm}/layer_norm/beta"), vec![2]));
        }
    }
    let mut bytes = 6_u32.to_le_bytes().to_vec();
    string("WhisperSpec", &mut bytes);
    bytes.extend(3_u32.to_le_bytes());
    bytes.extend((variables.len() as u32 + 2).to_le_bytes());
    for side in ["encoder", "decoder"] {
        string(&format!("{side}/num_heads"), &mut bytes);
        bytes.extend([0, 2]);
        bytes.extend(2_u32.to_le_bytes());
        bytes.extend(1_u16.to_le_bytes());
    }
    for (name, shape) in variables {
        string(&name, &mut bytes);
        bytes.push(shape.len() as u8);
        shape.iter().for_each(|d| bytes.extend(d.to_le_bytes()));
        bytes.push(4);
        let values: u32 = shape.iter().product();
        bytes.extend((values * 2).to_le_bytes());
        // 1.0, 1.0009765625, …: each value tells its place.
        (0..values).for_each(|i| bytes.extend((0x3c00_u16 + (i % 512) as u16).to_le_bytes()));
    }
    bytes
}

fn string(text: &str, out: &mut Vec<u8>) {
    out.extend((text.len() as u16 + 1).to_le_bytes());
    out.extend(text.as_bytes());
    out.push(0);
}

fn tokenizer() -> String {
    let mut letters: Vec<(char, u8)> = byte_alphabet().into_iter().collect();
    letters.sort_by_key(|&(_, byte)| byte);
    let vocab: serde_json::Map<String, serde_json::Value> = letters
        .into_iter()
        .map(|(c, byte)| (c.to_string(), byte.into()))
        .collect();
    serde_json::json!({"model": {"vocab": vocab}, "added_tokens": [{"id": 256}]}).to_string()
}

fn convert_bytes(model: &[u8], tokenizer: &str) -> Result<Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("model.bin"), model).unwrap();
    fs::write(path("tokenizer.json"), tokenizer).unwrap();
    let result = convert(
        &path("model.bin"),
        &path("tokenizer.json"),
        &path("out/model.ggml"),
    );
    let left: Vec<_> = fs::read_dir(path("out")).map_or(Vec::new(), |d| d.collect());
    assert_eq!(
        left.len(),
        usize::from(result.is_ok()),
        "no partial file stays"
    );
    result.map(|()| fs::read(path("out/model.ggml")).unwrap())
}

fn i32_at(bytes: &[u8], offset: usize) -> i32 {
    i32::from_le_bytes(bytes[offset..offset + 4].try_into().unwrap())
}

/// Finds a tensor in ggml bytes and returns (type, dims, data from there on).
fn find<'a>(ggml: &'a [u8], name: &str, rank: usize) -> (i32, Vec<i32>, &'a [u8]) {
    let mut pattern = (name.len() as i32).to_le_bytes().to_vec();
    let at = ggml
        .windows(name.len())
        .position(|w| w == name.as_bytes())
        .unwrap();
    let header = at - 4 * rank - 12;
    assert_eq!(i32_at(ggml, header), rank as i32);
    assert_eq!(&ggml[header + 4..header + 8], pattern.as_mut_slice());
    let dims = (0..rank)
        .map(|i| i32_at(ggml, header + 12 + 4 * i))
        .collect();
    (i32_at(ggml, header + 8), dims, &ggml[at + name.len()..])
}

#[test]
fn header_filters_and_tensors_stand_where_whisper_cpp_reads_them() {
    let ggml = convert_bytes(&tiny_model(2000), &tokenizer()).unwrap();
    assert_eq!(i32_at(&ggml, 0), 0x6767_6d6c);
    let numbers: Vec<i32> = (1..=11).map(|i| i32_at(&ggml, 4 * i)).collect();
    assert_eq!(numbers, [2000, 4, 2, 1, 1, 3, 2, 1, 1, 80, 1]);
    assert_eq!((i32_at(&ggml, 48), i32_at(&ggml, 52)), (80, 201));
    let words = 56 + 80 * 201 * 4;
    assert_eq!(i32_at(&ggml, words), 256);
    assert_eq!(ggml[words + 4..words + 14], [1, 0, 0, 0, 0, 1, 0, 0, 0, 1]);

    // The key is the middle third of the fused layer, two rows of two.
    let (kind, dims, data) = find(&ggml, "encoder.blocks.0.attn.key.weight", 2);
    assert_eq!((kind, dims), (1, vec![2, 2]));
    assert_eq!(data[..4], [0x04, 0x3c, 0x05, 0x3c]);
    assert!(!ggml.windows(13).any(|w| w == b"attn.key.bias"));
    // The cross-attention value is the second half; its bias is widened to 32 bits.
    let (kind, dims, data) = find(&ggml, "decoder.blocks.0.cross_attn.value.bias", 1);
    assert_eq!((kind, dims), (0, vec![2]));
    assert_eq!(data[..4], (1.0_f32 + 2.0 / 1024.0).to_le_bytes());
    assert_eq!(find(&ggml, "encoder.conv1.bias", 2).1, [1, 2]);
    assert_eq!(find(&ggml, "encoder.conv1.weight", 3).1, [3, 80, 2]);
}

#[test]
fn every_cut_of_the_weights_is_a_model_error() {
    let model = tiny_model(2000);
    for length in [0, 1, 4, 10, 30, 200, model.len() / 2, model.len() - 1] {
        let error = convert_bytes(&model[..length], &tokenizer()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Model, "{length}: {error}");
    }
}

#[test]
fn other_kinds_of_files_are_refused_with_what_to_do() {
    let say = |model: &[u8], tokenizer: &str| {
        let error = convert_bytes(model, tokenizer).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Model);
        error.to_string()
    };
    let model = tiny_model(2000);
    assert!(say(b"GGUF\x03\0\0\0 something", &tokenizer()).contains("not a CTranslate2 model"));
    assert!(say(&model, "{}").contains("tokenizer"));
    assert!(say(&tiny_model(300), &tokenizer()).contains("same model"));
    let mut other = 6_u32.to_le_bytes().to_vec();
    string("TransformerSpec", &mut other);
    assert!(say(&other, &tokenizer()).contains("not Whisper"));
    let missing = convert(
        Path::new("/nowhere/m"),
        Path::new("/nowhere/t"),
        Path::new("/nowhere/o"),
    );
    assert_eq!(missing.unwrap_err().kind(), ErrorKind::Model);
}

#[test]
fn the_filter_bank_is_slaneys() {
    let bank = mel::filters(80);
    assert_eq!(bank.len(), 80 * 201);
    // From the bank published with Whisper (mel_filters.npz): the first band peaks at 40 Hz with
    // this height, and every band has unit area at 40 Hz a bin.
    assert!((bank[1] - 0.024_862_59).abs() < 1e-6, "{}", bank[1]);
    let area: f32 = bank[79 * 201..].iter().sum::<f32>() * 40.0;
    assert!((area - 1.0).abs() < 0.01, "{area}");
}

#[test]
fn halves_widen_exactly() {
    for (half, single) in [
        (0x3c00, 1.0),
        (0xc000, -2.0),
        (0x0001, 5.960_464_5e-8),
        (0x7bff, 65504.0),
        (0x8000, -0.0),
    ] {
        assert_eq!(
            f16_to_f32(half).to_bits(),
            f32::to_bits(single),
            "{half:04x}"
        );
    }
    assert!(f16_to_f32(0x7c00).is_infinite() && f16_to_f32(0x7e00).is_nan());
}
