use super::*;

const CONFIG: &str = r#"{"vocab_size": 100, "hidden_size": 32, "num_hidden_layers": 1,
    "num_attention_heads": HEADS, "intermediate_size": 64, "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1, "max_position_embeddings": 64, "type_vocab_size": 2,
    "initializer_range": 0.02, "layer_norm_eps": 1e-12, "pad_token_id": 0}"#;

const TOKENIZER: &str = r#"{"version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
    "normalizer": null, "pre_tokenizer": {"type": "Whitespace"}, "post_processor": null, "decoder": null,
    "model": {"type": "WordLevel", "vocab": {"[UNK]": 0, "hello": 1}, "unk_token": "[UNK]"}}"#;

fn folder(config: &str, tokenizer: &str, weights: &[u8]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("config.json"), config).unwrap();
    std::fs::write(dir.path().join("tokenizer.json"), tokenizer).unwrap();
    std::fs::write(dir.path().join("model.safetensors"), weights).unwrap();
    dir
}

#[test]
fn damaged_and_foreign_files_are_model_errors_that_name_the_file() {
    let config = CONFIG.replace("HEADS", "2");
    let empty_safetensors = [2_u64.to_le_bytes().as_slice(), b"{}"].concat();
    let cases: [(&str, &str, &[u8], &str); 6] = [
        ("", TOKENIZER, b"", "config.json"),
        (r#"{"model_type": "llama"}"#, TOKENIZER, b"", "config.json"),
        (&CONFIG.replace("HEADS", "0"), TOKENIZER, b"", "config.json"),
        (&config, "{}", b"", "tokenizer.json"),
        (&config, TOKENIZER, b"GGUF....", "model.safetensors"),
        (&config, TOKENIZER, &empty_safetensors, "model.safetensors"),
    ];
    for (config, tokenizer, weights, named) in cases {
        let dir = folder(config, tokenizer, weights);
        let error = CandleEmbedder::load(dir.path()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Model, "{error}");
        assert!(error.to_string().contains(named), "{error}");
    }
    let error = CandleEmbedder::load(Path::new("/nowhere/at/all")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Model);
}

#[test]
fn the_identity_follows_the_weights() {
    let dir = Path::new("model-a");
    let one = identity(dir, &[b"c"], &[1; 100_000]);
    let mut other_weights = [1; 100_000];
    other_weights[0] = 2;
    assert!(one.starts_with("model-a@"), "{one}");
    assert_eq!(one, identity(dir, &[b"c"], &[1; 100_000]));
    assert_ne!(one, identity(dir, &[b"c"], &other_weights));
    assert_ne!(one, identity(dir, &[b"d"], &[1; 100_000]));
}
