//! The guard of the map in ARCHITECTURE.md: imports only ever point down, siblings never import
//! each other. It reads `src/**/*.rs` as text, so it also sees code behind features that are off.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};

use scanner::imports;

#[path = "layering/scanner.rs"]
mod scanner;

/// The layers, lowest first. A module may import modules of lower layers.
const LAYERS: &[Layer] = &[
    Layer::apart(&["error"]),
    Layer::apart(&["conversation", "compute", "remote"]),
    Layer::apart(&["llm", "speech", "embedding", "store", "prompt", "models"]),
    Layer::apart(&["understanding", "knowledge", "guard"]),
    Layer::apart(&["dialogue", "assist", "summary", "insight", "review"]),
    Layer::together(&["assistant", "session"]),
    Layer::together(&["bin", "server", "eval"]),
];

/// May import anything: conformance suites drive every port.
const FREE: &[&str] = &["lib", "testing"];

/// What `lib.rs` re-exports flat and lower layers use.
const ERROR_NAMES: &[&str] = &["Error", "ErrorKind", "Result"];

const LONGEST_FILE: usize = 500;

struct Layer {
    modules: &'static [&'static str],
    /// Whether the modules of this layer may import each other.
    together: bool,
}

impl Layer {
    const fn apart(modules: &'static [&'static str]) -> Self {
        Self {
            modules,
            together: false,
        }
    }

    const fn together(modules: &'static [&'static str]) -> Self {
        Self {
            modules,
            together: true,
        }
    }
}

fn layer_of(module: &str) -> Option<usize> {
    LAYERS
        .iter()
        .position(|layer| layer.modules.contains(&module))
}

/// Why a module may not import another, or `None` if it may.
fn objection(from: &str, to: &str) -> Option<String> {
    let to = if ERROR_NAMES.contains(&to) {
        "error"
    } else {
        to
    };
    if from == to || FREE.contains(&from) {
        return None;
    }
    if to == "*" {
        return Some("a glob of the crate root hides what is imported; name the module".into());
    }
    if FREE.contains(&to) {
        return Some(format!("`{to}` is for tests only"));
    }
    let unknown = |module: &str| {
        format!(
            "`{module}` is no module of the map: name the module something comes from, or add a \
             new top-level module to LAYERS in tests/layering.rs and to ARCHITECTURE.md"
        )
    };
    let (Some(above), Some(below)) = (layer_of(from), layer_of(to)) else {
        return Some(unknown(if layer_of(from).is_none() { from } else { to }));
    };
    match above.cmp(&below) {
        std::cmp::Ordering::Greater => None,
        std::cmp::Ordering::Equal if LAYERS[above].together => None,
        std::cmp::Ordering::Equal => Some(format!("`{from}` and `{to}` are siblings")),
        std::cmp::Ordering::Less => Some(format!("`{to}` is above `{from}`")),
    }
}

/// Top-level module and depth of a file, by its path below `src`; `None` for test modules.
fn place(path: &Path) -> Option<(String, usize)> {
    let mut parts: Vec<String> = path
        .with_extension("")
        .iter()
        .map(|part| part.to_str().unwrap().to_owned())
        .collect();
    if parts
        .iter()
        .any(|part| part == "tests" || part == "conformance")
    {
        return None;
    }
    if parts.last().is_some_and(|last| last == "mod") {
        parts.pop();
    }
    Some((parts[0].clone(), parts.len()))
}

fn check(path: &Path, source: &str) -> Vec<String> {
    let Some((module, depth)) = place(path) else {
        return Vec::new();
    };
    // A binary is a crate of its own: its `crate::` is not ours, and it sees only our public face.
    if module == "bin" {
        return Vec::new();
    }
    imports(source, depth)
        .into_iter()
        .filter_map(|(to, line)| {
            let why = objection(&module, &to)?;
            Some(format!(
                "src/{}:{line}: imports `{to}`: {why}",
                path.display()
            ))
        })
        .collect()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All files below a folder that end in `.{extension}`, sorted.
fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else {
        return found;
    };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.append(&mut files(&path, extension));
        } else if path.extension().is_some_and(|e| e == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn sources() -> Vec<(PathBuf, String)> {
    let src = root().join("src");
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        (path.strip_prefix(&src).unwrap().to_owned(), text)
    };
    let sources: Vec<_> = files(&src, "rs").into_iter().map(read).collect();
    assert!(sources.len() > 20, "the sources were not found");
    sources
}

#[test]
fn imports_only_point_down() {
    let mut wrong: Vec<String> = Vec::new();
    for (path, source) in sources() {
        wrong.append(&mut check(&path, &source));
        let module = place(&path).map_or_else(String::new, |(module, _)| module);
        let known = layer_of(&module).is_some() || FREE.contains(&module.as_str());
        if !known && !module.is_empty() {
            wrong.push(format!(
                "src/{}: add `{module}` to LAYERS in tests/layering.rs",
                path.display()
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "the layers of ARCHITECTURE.md are broken:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn no_source_file_is_long() {
    let long: Vec<String> = sources()
        .iter()
        .map(|(path, source)| (path, source.lines().count()))
        .filter(|(_, lines)| *lines > LONGEST_FILE)
        .map(|(path, lines)| format!("src/{}: {lines} lines", path.display()))
        .collect();
    assert!(
        long.is_empty(),
        "over {LONGEST_FILE} lines, split them:\n{}",
        long.join("\n")
    );
}

#[test]
fn every_prompt_is_used() {
    let sources = sources();
    let unused: Vec<String> = files(&root().join("prompts"), "jinja")
        .iter()
        .filter(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            let stem = path.file_stem().unwrap().to_str().unwrap();
            let quoted = format!("\"{stem}\"");
            !sources
                .iter()
                .any(|(_, source)| source.contains(name) || source.contains(&quoted))
        })
        .map(|path| path.display().to_string())
        .collect();
    assert!(
        unused.is_empty(),
        "nothing in src names these prompts:\n{}",
        unused.join("\n")
    );
}

#[test]
fn a_planted_upward_or_sideways_import_is_found() {
    let path = Path::new("llm/openai.rs");
    let planted = "//! Doc.\n\nuse crate::error::Result;\nuse crate::session::Session;\n";
    let told = check(path, planted);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("src/llm/openai.rs:4"), "{told:?}");
    assert!(told[0].contains("above"), "{told:?}");
    let sideways = "fn f() -> crate::embedding::Vector { crate::speech::g() }";
    assert_eq!(check(path, sideways).len(), 2);
    assert_eq!(check(path, "use super::super::store;").len(), 1);
    assert_eq!(check(Path::new("error.rs"), "use crate::compute;").len(), 1);
    assert_eq!(
        check(Path::new("conversation/x.rs"), "use crate::compute;").len(),
        1
    );
    assert_eq!(check(path, "use crate::testing::suite;").len(), 1);
    assert_eq!(check(path, "use crate::*;").len(), 1);
    assert_eq!(check(path, "use crate::novel::Thing;").len(), 1);
    assert_eq!(
        check(Path::new("novel.rs"), "use crate::error::Error;").len(),
        1
    );
}

#[test]
fn what_points_down_is_fine() {
    let fine = [
        (
            "llm/openai.rs",
            "use crate::{Error, ErrorKind, Result, llm::Prompt};",
        ),
        (
            "knowledge/mod.rs",
            "use crate::{embedding::Embedder, prompt, llm::{self, Prompt}};",
        ),
        ("assistant.rs", "use crate::session::Session;"),
        (
            "session/mod.rs",
            "use crate::assistant::Assistant; use crate::summary;",
        ),
        ("eval/mod.rs", "use crate::assistant::Assistant;"),
        ("lib.rs", "pub use crate::session::Session; mod x;"),
        (
            "bin/attendant/main.rs",
            "use crate::screen::Screen; use attendant::llm;",
        ),
        ("testing/a.rs", "use crate::session::Session;"),
        ("llm/tests.rs", "use crate::session::Session;"),
        (
            "llm/candle/model.rs",
            "use super::super::Prompt; use super::cache;",
        ),
        ("llm/mod.rs", "mod inner { use super::Prompt; }"),
    ];
    for (path, source) in fine {
        assert_eq!(
            check(Path::new(path), source),
            Vec::<String>::new(),
            "{path}"
        );
    }
}
