//! Folders of good, odd and bad files.

#[cfg(feature = "documents")]
mod bad;
#[cfg(feature = "documents")]
mod documents;
#[cfg(feature = "documents")]
mod made;
#[cfg(feature = "documents")]
mod tables;
mod texts;

use super::*;

pub(super) fn write(dir: &Path, name: &str, content: impl AsRef<[u8]>) {
    let path = dir.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

/// Loads a folder with these files.
pub(super) fn load(files: &[(&str, &[u8])]) -> LoadReport {
    let dir = tempfile::tempdir().unwrap();
    for (name, content) in files {
        write(dir.path(), name, content);
    }
    load_articles(dir.path(), &"acme".into()).unwrap()
}

/// The only article of a folder with one file.
#[cfg(feature = "documents")]
pub(super) fn one(name: &str, content: &[u8]) -> KnowledgeArticle {
    let report = load(&[(name, content)]);
    assert_eq!(report.skipped, []);
    let [article] = report.articles.as_slice() else {
        panic!("{report:?}");
    };
    article.clone()
}

/// Why a folder with one file has no article.
#[cfg(feature = "documents")]
pub(super) fn refusal(name: &str, content: &[u8]) -> String {
    let report = load(&[(name, content)]);
    assert_eq!(report.articles, [], "{name}");
    report.skipped.first().unwrap().reason.clone()
}
