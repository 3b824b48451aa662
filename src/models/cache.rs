//! The folder models live in, and the way from a name or a path to the files of a model.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::catalog::{Catalog, FileSpec, ModelFormat, ModelRole, ModelSpec};
use super::format::sniff;
use super::receipt::Receipt;
use crate::error::{Error, ErrorKind, Result};

/// The environment variable that names the model folder.
const FOLDER_VARIABLE: &str = "ATTENDANT_MODELS";

/// The folder models are kept in, as `<folder>/<model id>/<file>`.
#[derive(Clone, Debug)]
pub struct Cache {
    root: PathBuf,
}

/// The files of one model on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ModelFiles {
    /// Id in the catalogue, or the name of the file or folder that was given.
    pub id: String,
    /// What the model was asked for.
    pub role: ModelRole,
    /// Format of the weights.
    pub format: ModelFormat,
    /// The weights.
    pub weights: PathBuf,
    /// `tokenizer.json`; present for safetensors.
    pub tokenizer: Option<PathBuf>,
    /// `config.json`; present for safetensors.
    pub config: Option<PathBuf>,
    /// Longest input in tokens, where the catalogue knows it.
    pub context: Option<usize>,
    /// Length of the vectors, where the catalogue knows it.
    pub dimensions: Option<usize>,
}

/// Whether a model of the catalogue is on this machine, judged by sizes and first bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ModelStatus {
    /// All files are there and look right; their checksums were not computed.
    Present,
    /// At least one file is not there.
    Missing,
    /// The files are there, but cannot be this model; says which file and why.
    Damaged(String),
}

impl Cache {
    /// A cache in `root`. The folder need not exist yet.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The user's cache: the folder in `ATTENDANT_MODELS`, else `attendant/models` in the XDG cache
    /// folder (`$XDG_CACHE_HOME` or `~/.cache`).
    ///
    /// # Errors
    /// `Config` when none of `ATTENDANT_MODELS`, `XDG_CACHE_HOME` and `HOME` is set.
    pub fn from_env() -> Result<Self> {
        Self::from_variables(|name| std::env::var_os(name).filter(|value| !value.is_empty()))
    }

    /// The folder of the cache.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of a model.
    pub fn folder(&self, spec: &ModelSpec) -> PathBuf {
        self.root.join(&spec.id)
    }

    /// Where a file of a model is, or would be.
    pub fn path(&self, spec: &ModelSpec, file: &str) -> PathBuf {
        self.folder(spec).join(file)
    }

    /// Whether `spec` is here. Cheap: looks at sizes and first bytes only.
    pub fn status(&self, spec: &ModelSpec) -> ModelStatus {
        let folder = self.folder(spec);
        let receipt = Receipt::read(&folder);
        for (index, file) in spec.files.iter().enumerate() {
            let path = folder.join(&file.name);
            let Ok(found) = std::fs::metadata(&path) else {
                return ModelStatus::Missing;
            };
            let expected = expected_size(file, receipt.as_ref());
            if expected.is_some_and(|size| size != found.len()) || !found.is_file() {
                return ModelStatus::Damaged(format!(
                    "{} has {} bytes instead of {}",
                    path.display(),
                    found.len(),
                    expected.unwrap_or_default()
                ));
            }
            // The weights stand first and are the only file whose format can be told.
            if index == 0
                && let Err(reason) = expect_format(&path, spec.format)
            {
                return ModelStatus::Damaged(reason);
            }
        }
        ModelStatus::Present
    }

    /// Finds the files of `name` for use as `role`: an id of the bundled catalogue, or the path of
    /// any other model (a `.gguf` or ggml file; a folder with `model.safetensors`,
    /// `tokenizer.json` and `config.json`, or its weights file).
    ///
    /// # Errors
    /// `NotFound` when the model has not been fetched or the path does not exist; `Model` when a
    /// file is damaged or of another format than the role needs; `InvalidInput` when the model is
    /// for another role. Each message names the model, where it was looked for and what to do.
    pub fn resolve(&self, name: &str, role: ModelRole) -> Result<ModelFiles> {
        self.resolve_in(Catalog::bundled(), name, role)
    }

    /// Like [`resolve`](Self::resolve), with the ids of another catalogue.
    ///
    /// # Errors
    /// Those of [`resolve`](Self::resolve).
    pub fn resolve_in(&self, catalog: &Catalog, name: &str, role: ModelRole) -> Result<ModelFiles> {
        if let Some(spec) = catalog.get(name) {
            return self.resolve_spec(spec, role);
        }
        let path = Path::new(name);
        if path.exists() {
            return resolve_path(path, role);
        }
        let looks_like_path = name.contains(['/', '\\']) || path.extension().is_some();
        if looks_like_path && !name.is_empty() {
            return Err(Error::new(
                ErrorKind::NotFound,
                format!(
                    "there is no {role} model at {name}; check the path, or name a model of \
                     'attendant models list'"
                ),
            ));
        }
        Err(catalog.unknown(name, Some(role)))
    }

    fn resolve_spec(&self, spec: &ModelSpec, role: ModelRole) -> Result<ModelFiles> {
        let id = &spec.id;
        if spec.role != role {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!(
                    "'{id}' is a model of role {}, but one of role {role} is needed here",
                    spec.role
                ),
            ));
        }
        match self.status(spec) {
            ModelStatus::Present => {}
            ModelStatus::Missing => {
                return Err(Error::new(
                    ErrorKind::NotFound,
                    format!(
                        "the model '{id}' is not in {}; run 'attendant models fetch {id}', set \
                         {FOLDER_VARIABLE} to the folder that has it, or give the path of a {} file",
                        self.folder(spec).display(),
                        spec.format
                    ),
                ));
            }
            ModelStatus::Damaged(reason) => {
                return Err(Error::new(
                    ErrorKind::Model,
                    format!(
                        "the model '{id}' is damaged: {reason}; run 'attendant models fetch --force {id}'"
                    ),
                ));
            }
        }
        let file = |name: &str| {
            let known = spec.files.iter().any(|file| file.name == name);
            known.then(|| self.path(spec, name))
        };
        Ok(ModelFiles {
            id: id.clone(),
            role,
            format: spec.format,
            weights: self.path(spec, spec.weights().map_or("", |file| &file.name)),
            tokenizer: file("tokenizer.json"),
            config: file("config.json"),
            context: spec.context,
            dimensions: spec.dimensions,
        })
    }

    fn from_variables(get: impl Fn(&str) -> Option<OsString>) -> Result<Self> {
        if let Some(folder) = get(FOLDER_VARIABLE) {
            return Ok(Self::new(folder));
        }
        let cache = get("XDG_CACHE_HOME")
            .map(PathBuf::from)
            // The XDG specification says that a relative path is to be ignored.
            .filter(|path| path.is_absolute())
            .or_else(|| get("HOME").map(|home| PathBuf::from(home).join(".cache")));
        match cache {
            Some(cache) => Ok(Self::new(cache.join("attendant").join("models"))),
            None => Err(Error::new(
                ErrorKind::Config,
                format!("no folder for models: set {FOLDER_VARIABLE} to one, or HOME"),
            )),
        }
    }
}

/// The size a file should have: the receipt knows what was written, the catalogue what is pinned.
fn expected_size(file: &FileSpec, receipt: Option<&Receipt>) -> Option<u64> {
    let noted = receipt.and_then(|receipt| receipt.file(&file.name));
    file.size.or(noted.map(|noted| noted.size))
}

/// Checks that the file at `path` is in `format`, judged by its first bytes.
pub(super) fn expect_format(path: &Path, format: ModelFormat) -> Result<(), String> {
    let found = sniff(path)?;
    if found == format {
        return Ok(());
    }
    Err(format!(
        "{} is a {found} file, not a {format} file",
        path.display()
    ))
}

/// The one format the engines of this crate read for a role.
fn format_for(role: ModelRole) -> ModelFormat {
    match role {
        ModelRole::Llm => ModelFormat::Gguf,
        ModelRole::Stt => ModelFormat::Ggml,
        ModelRole::Embedding => ModelFormat::Safetensors,
        ModelRole::Vad => ModelFormat::Onnx,
    }
}

fn resolve_path(path: &Path, role: ModelRole) -> Result<ModelFiles> {
    let format = format_for(role);
    let weights = if path.is_dir() {
        weights_in(path, format)?
    } else {
        path.to_owned()
    };
    expect_format(&weights, format).map_err(|reason| {
        Error::new(
            ErrorKind::Model,
            format!("{reason}; a model of role {role} needs a {format} file"),
        )
    })?;
    let beside = |name: &str| {
        let file = weights.with_file_name(name);
        if file.is_file() {
            return Ok(Some(file));
        }
        Err(Error::new(
            ErrorKind::Model,
            format!(
                "{} is missing: a safetensors model needs tokenizer.json and config.json beside it",
                file.display()
            ),
        ))
    };
    let (tokenizer, config) = match format {
        ModelFormat::Safetensors => (beside("tokenizer.json")?, beside("config.json")?),
        _ => (None, None),
    };
    Ok(ModelFiles {
        id: path
            .file_name()
            .unwrap_or(path.as_os_str())
            .to_string_lossy()
            .into_owned(),
        role,
        format,
        weights,
        tokenizer,
        config,
        context: None,
        dimensions: None,
    })
}

/// The weights in a folder: a file of the usual name, else the only file in the format.
fn weights_in(folder: &Path, format: ModelFormat) -> Result<PathBuf> {
    let usual = folder.join(format!("model.{format}"));
    if usual.is_file() {
        return Ok(usual);
    }
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_file() && sniff(path) == Ok(format))
        .collect();
    match (found.pop(), found.is_empty()) {
        (Some(only), true) => Ok(only),
        (None, _) => Err(Error::new(
            ErrorKind::NotFound,
            format!("{} holds no {format} file", folder.display()),
        )),
        _ => Err(Error::new(
            ErrorKind::InvalidInput,
            format!(
                "{} holds several {format} files; give the path of one of them",
                folder.display()
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAFETENSORS: &[u8] = b"\x02\0\0\0\0\0\0\0{}";

    fn write(path: &Path, bytes: &[u8]) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    fn message(result: Result<ModelFiles>) -> (ErrorKind, String) {
        let error = result.unwrap_err();
        (error.kind(), error.to_string())
    }

    #[test]
    fn folder_comes_from_the_environment_in_order() {
        let folder = |set: &[(&str, &str)]| {
            let get = |name: &str| {
                let value = set.iter().find(|(key, _)| *key == name);
                value.map(|(_, value)| OsString::from(value))
            };
            Cache::from_variables(get).map(|cache| cache.root.display().to_string())
        };
        let home = ("HOME", "/home/u");
        let xdg = ("XDG_CACHE_HOME", "/x");
        assert_eq!(folder(&[home]).unwrap(), "/home/u/.cache/attendant/models");
        assert_eq!(folder(&[home, xdg]).unwrap(), "/x/attendant/models");
        assert_eq!(folder(&[home, xdg, (FOLDER_VARIABLE, "/m")]).unwrap(), "/m");
        let relative = ("XDG_CACHE_HOME", "x");
        assert_eq!(
            folder(&[home, relative]).unwrap(),
            "/home/u/.cache/attendant/models"
        );
        assert_eq!(folder(&[]).unwrap_err().kind(), ErrorKind::Config);
    }

    #[test]
    fn unusable_names_say_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path());

        let (kind, text) = message(cache.resolve("smollm2-135m-instruct", ModelRole::Llm));
        assert_eq!(kind, ErrorKind::NotFound);
        assert!(text.contains("attendant models fetch smollm2-135m-instruct"));
        assert!(text.contains(&folder.path().display().to_string()));

        let (kind, text) = message(cache.resolve("whisper-base", ModelRole::Llm));
        assert_eq!(kind, ErrorKind::InvalidInput);
        assert!(text.contains("role stt") && text.contains("role llm"));

        let (kind, text) = message(cache.resolve("wisper", ModelRole::Stt));
        assert_eq!(kind, ErrorKind::NotFound);
        assert!(text.contains("whisper-base") && !text.contains("smollm2"));

        let (kind, text) = message(cache.resolve("/no/such.gguf", ModelRole::Llm));
        assert_eq!(kind, ErrorKind::NotFound);
        assert!(text.contains("/no/such.gguf"));
        assert!(cache.resolve("", ModelRole::Llm).is_err());
    }

    #[test]
    fn damaged_catalogue_models_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path());
        let spec = Catalog::bundled().get("smollm2-135m-instruct").unwrap();
        write(&cache.path(spec, "model.gguf"), b"GGUF, but cut off");
        let (kind, text) = message(cache.resolve(&spec.id, ModelRole::Llm));
        assert_eq!(kind, ErrorKind::Model);
        assert!(text.contains("--force smollm2-135m-instruct") && text.contains("98362432"));

        // No size is pinned here, so only the first bytes can tell.
        let spec = Catalog::bundled().get("whisper-base").unwrap();
        write(&cache.path(spec, "model.ggml"), b"<html>not found</html>");
        assert!(matches!(cache.status(spec), ModelStatus::Damaged(_)));
        write(&cache.path(spec, "model.ggml"), b"lmgg and so on");
        assert_eq!(cache.status(spec), ModelStatus::Present);
        let files = cache.resolve(&spec.id, ModelRole::Stt).unwrap();
        assert_eq!(files.weights, cache.path(spec, "model.ggml"));
        assert_eq!(files.tokenizer, None);
    }

    #[test]
    fn paths_are_checked_for_the_format_the_role_needs() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new("/nowhere");
        let path = |name: &str| folder.path().join(name).display().to_string();
        write(Path::new(&path("own/weights.gguf")), b"GGUF\x03\0\0\0");

        let by_file = cache.resolve(&path("own/weights.gguf"), ModelRole::Llm);
        let by_folder = cache.resolve(&path("own"), ModelRole::Llm).unwrap();
        assert_eq!(by_file.unwrap().weights, by_folder.weights);
        assert_eq!(by_folder.id, "own");

        let (kind, text) = message(cache.resolve(&path("own/weights.gguf"), ModelRole::Stt));
        assert_eq!(kind, ErrorKind::Model);
        assert!(text.contains("gguf") && text.contains("ggml"));

        write(Path::new(&path("own/second.gguf")), b"GGUF\x03\0\0\0");
        assert!(cache.resolve(&path("own"), ModelRole::Llm).is_err());

        write(Path::new(&path("bert/model.safetensors")), SAFETENSORS);
        let (_, text) = message(cache.resolve(&path("bert"), ModelRole::Embedding));
        assert!(text.contains("tokenizer.json"));
        write(Path::new(&path("bert/tokenizer.json")), b"{}");
        write(Path::new(&path("bert/config.json")), b"{}");
        let files = cache.resolve(&path("bert"), ModelRole::Embedding).unwrap();
        assert!(files.tokenizer.is_some() && files.config.is_some());

        write(Path::new(&path("empty.gguf")), b"");
        let (_, text) = message(cache.resolve(&path("empty.gguf"), ModelRole::Llm));
        assert!(text.contains("empty"));
    }
}
