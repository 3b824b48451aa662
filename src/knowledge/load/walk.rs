//! The files of a folder that may be articles.

use std::path::{Path, PathBuf};

use super::{Format, LoadReport};
use crate::error::{ErrorKind, OrError, Result};

/// Ends the name of a file that holds the keys of the file it is named after.
pub(super) const SIDECAR: &str = ".meta";

/// Formats people keep articles in that are not read.
const UNREAD: [&str; 10] = [
    "doc", "odt", "rtf", "xls", "xlsx", "ods", "ppt", "pptx", "epub", "mht",
];

/// The files with a format that is read, by path.
pub(super) fn files(dir: &Path, report: &mut LoadReport) -> Result<Vec<(PathBuf, Format)>> {
    let entries = std::fs::read_dir(dir).or_error(ErrorKind::NotFound, || {
        format!(
            "cannot read the article folder {}; check the path",
            dir.display()
        )
    })?;
    let mut files = Vec::new();
    collect(entries, &mut files, report);
    files.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(files)
}

/// Where the keys of a file stand.
pub(super) fn sidecar(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(SIDECAR);
    name.into()
}

fn collect(entries: std::fs::ReadDir, files: &mut Vec<(PathBuf, Format)>, report: &mut LoadReport) {
    for entry in entries {
        let entry = match entry {
            Ok(entry) => entry,
            Err(_) => {
                report.unreachable += 1;
                continue;
            }
        };
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            match std::fs::read_dir(&path) {
                Ok(inside) => collect(inside, files, report),
                Err(error) => {
                    report.unreachable += 1;
                    report.skip(path, format!("the folder cannot be read: {error}"));
                }
            }
        } else if path.is_dir() {
            // It can lead back to where we are.
            report.skip(
                path,
                "a link to a folder is not followed; copy it here".into(),
            );
        } else {
            sort_in(path, files, report);
        }
    }
}

fn sort_in(path: PathBuf, files: &mut Vec<(PathBuf, Format)>, report: &mut LoadReport) {
    let readme = path
        .file_stem()
        .is_some_and(|stem| stem.eq_ignore_ascii_case("readme"));
    let ending = path.extension().unwrap_or_default();
    let ending = ending.to_string_lossy().to_ascii_lowercase();
    if readme {
        return;
    }
    if let Some(format) = format(&ending) {
        files.push((path, format));
    } else if UNREAD.contains(&ending.as_str()) {
        let reason =
            format!("files of the kind .{ending} are not read; save it as DOCX, PDF or CSV");
        report.skip(path, reason);
    } else if ending == SIDECAR.trim_start_matches('.') && !path.with_extension("").exists() {
        let reason = "describes a file that is not there".to_owned();
        report.skip(path, reason);
    }
}

fn format(ending: &str) -> Option<Format> {
    Some(match ending {
        "md" | "markdown" | "txt" => Format::Text,
        "html" | "htm" | "xhtml" => Format::Html,
        "pdf" => Format::Pdf,
        "docx" => Format::Docx,
        "csv" | "tsv" => Format::Csv,
        "json" => Format::Json,
        "jsonl" | "ndjson" => Format::JsonLines,
        _ => return None,
    })
}
