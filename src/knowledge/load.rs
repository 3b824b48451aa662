//! Articles from a folder of Markdown and plain-text files.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::{Audience, KnowledgeArticle};
use crate::conversation::TenantId;
use crate::error::{Error, ErrorKind, OrError, Result};

/// Above this a file is surely not an article somebody wrote (bytes).
const MAX_BYTES: u64 = 4 * 1024 * 1024;

const KEYS: &str = "id, title, tenant, language, audience, valid_from, valid_to, product";

/// What a folder held.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LoadReport {
    /// The articles, by path.
    pub articles: Vec<KnowledgeArticle>,
    /// Files that were left out, and why.
    pub skipped: Vec<Skipped>,
}

/// A file that is not among the articles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// The file.
    pub path: PathBuf,
    /// Why, in words that say what to mend.
    pub reason: String,
}

/// Reads all `.md`, `.markdown` and `.txt` files under `dir`, folders inside it too. Hidden files and
/// files named README are no articles.
///
/// A file may begin with front matter: `key: value` lines between two lines of `---`. Keys: `id` (default:
/// the path without its ending), `title` (default: the first heading), `tenant` (default:
/// `default_tenant`), `language` (BCP 47, default `en`), `audience` (`customer`, the default, or
/// `agent`), `valid_from`, `valid_to` (RFC 3339 date, read as midnight UTC, or date and time) and `product`.
/// An unknown key makes the file be skipped, so that a misspelt `audience` cannot publish an internal text.
///
/// A file that cannot be used is reported in [`LoadReport::skipped`]; the others are loaded.
///
/// # Errors
/// [`ErrorKind::NotFound`] if `dir` is not a folder that can be read.
pub fn load_articles(dir: &Path, default_tenant: &TenantId) -> Result<LoadReport> {
    let mut report = LoadReport::default();
    let mut files = Vec::new();
    let entries = std::fs::read_dir(dir).or_error(ErrorKind::NotFound, || {
        format!(
            "cannot read the article folder {}; check the path",
            dir.display()
        )
    })?;
    collect(entries, &mut files, &mut report.skipped);
    files.sort();
    let mut seen: HashMap<(TenantId, String), PathBuf> = HashMap::new();
    for path in files {
        let article = match read(&path).and_then(|text| parse(&text, &path, dir, default_tenant)) {
            Ok(article) => article,
            Err(reason) => {
                report.skipped.push(Skipped { path, reason });
                continue;
            }
        };
        let key = (article.tenant.clone(), article.id.as_str().to_owned());
        if let Some(first) = seen.get(&key) {
            let reason = format!(
                "the id `{}` is already used by {}; give it another",
                article.id,
                first.display()
            );
            report.skipped.push(Skipped { path, reason });
            continue;
        }
        seen.insert(key, path);
        report.articles.push(article);
    }
    report.skipped.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(report)
}

fn collect(entries: std::fs::ReadDir, files: &mut Vec<PathBuf>, skipped: &mut Vec<Skipped>) {
    for entry in entries.flatten() {
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        // Links to folders are not followed: they can form a circle.
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            match std::fs::read_dir(&path) {
                Ok(inside) => collect(inside, files, skipped),
                Err(error) => skipped.push(Skipped {
                    reason: format!("the folder cannot be read: {error}"),
                    path,
                }),
            }
            continue;
        }
        let ending = path
            .extension()
            .map(|ending| ending.to_string_lossy().to_ascii_lowercase());
        let readme = path
            .file_stem()
            .is_some_and(|stem| stem.eq_ignore_ascii_case("readme"));
        if !readme && matches!(ending.as_deref(), Some("md" | "markdown" | "txt")) {
            files.push(path);
        }
    }
}

fn read(path: &Path) -> Result<String, String> {
    let size = std::fs::metadata(path)
        .map_err(|error| format!("cannot be read: {error}"))?
        .len();
    if size > MAX_BYTES {
        return Err(format!(
            "larger than {} MB; split it into articles",
            MAX_BYTES / 1024 / 1024
        ));
    }
    let bytes = std::fs::read(path).map_err(|error| format!("cannot be read: {error}"))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        format!(
            "not UTF-8 (byte {}); save it as UTF-8",
            error.utf8_error().valid_up_to()
        )
    })?;
    if text.contains('\0') {
        return Err("holds zero bytes; it is not a text file".into());
    }
    Ok(text.trim_start_matches('\u{feff}').replace("\r\n", "\n"))
}

fn parse(
    text: &str,
    path: &Path,
    root: &Path,
    default_tenant: &TenantId,
) -> Result<KnowledgeArticle, String> {
    let (front, body) = split_front_matter(text)?;
    let body = body.trim();
    if body.is_empty() {
        return Err("empty; write the article or delete the file".into());
    }
    let relative = path.strip_prefix(root).unwrap_or(path).with_extension("");
    let mut article = KnowledgeArticle {
        id: relative.to_string_lossy().replace('\\', "/").into(),
        title: String::new(),
        tenant: default_tenant.clone(),
        language: "en".into(),
        audience: Audience::default(),
        valid_from: None,
        valid_to: None,
        product: None,
        body: body.to_owned(),
    };
    let mut seen = Vec::new();
    for (number, line) in front.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (key, value) = line.split_once(':').ok_or_else(|| {
            format!(
                "front matter line {}: `{line}` is not `key: value`",
                number + 1
            )
        })?;
        let (key, value) = (key.trim(), unquote(value.trim()));
        if seen.contains(&key) {
            return Err(format!("front matter: `{key}` is given twice"));
        }
        seen.push(key);
        if value.is_empty() {
            return Err(format!("front matter: `{key}` has no value"));
        }
        set(&mut article, key, value)?;
    }
    if let (Some(from), Some(to)) = (article.valid_from, article.valid_to)
        && from >= to
    {
        return Err("front matter: valid_to is not after valid_from".into());
    }
    if article.title.is_empty() {
        article.title = first_heading(body).unwrap_or_else(|| {
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            stem.replace(['-', '_'], " ")
        });
    }
    Ok(article)
}

/// The lines between the two `---` lines, and what follows; no front matter where the first line is
/// something else.
fn split_front_matter(text: &str) -> Result<(&str, &str), String> {
    let Some(rest) = text.strip_prefix("---").and_then(after_line_end) else {
        return Ok(("", text));
    };
    let mut at = 0;
    for line in rest.split_inclusive('\n') {
        if line.trim_end() == "---" {
            let front = rest.get(..at).unwrap_or_default();
            let body = rest.get(at + line.len()..).unwrap_or_default();
            return Ok((front, body));
        }
        at += line.len();
    }
    Err("the front matter has no closing `---` line".into())
}

fn after_line_end(text: &str) -> Option<&str> {
    text.trim_start_matches([' ', '\t']).strip_prefix('\n')
}

fn set(article: &mut KnowledgeArticle, key: &str, value: &str) -> Result<(), String> {
    match key {
        "id" => article.id = value.into(),
        "title" => article.title = value.into(),
        "tenant" => article.tenant = value.into(),
        "language" => article.language = language(value)?,
        "audience" => {
            article.audience = match value {
                "customer" => Audience::Customer,
                "agent" => Audience::Agent,
                _ => {
                    return Err(format!(
                        "front matter: audience `{value}` is neither customer nor agent"
                    ));
                }
            }
        }
        "valid_from" => article.valid_from = Some(moment(key, value)?),
        "valid_to" => article.valid_to = Some(moment(key, value)?),
        "product" => article.product = Some(value.into()),
        _ => {
            return Err(format!(
                "front matter: unknown key `{key}`; known are {KEYS}"
            ));
        }
    }
    Ok(())
}

fn language(value: &str) -> Result<String, String> {
    let valid = value.split('-').enumerate().all(|(place, part)| {
        let letters = part.bytes().all(|b| b.is_ascii_alphanumeric());
        letters && (1..=8).contains(&part.len()) && (place > 0 || part.len() >= 2)
    });
    if valid {
        Ok(value.to_owned())
    } else {
        Err(format!(
            "front matter: language `{value}` is not a BCP 47 tag such as en or de-AT"
        ))
    }
}

fn moment(key: &str, value: &str) -> Result<Timestamp, String> {
    if let Ok(moment) = value.parse::<Timestamp>() {
        return Ok(moment);
    }
    value
        .parse::<Date>()
        .and_then(|date| date.to_zoned(TimeZone::UTC))
        .map(|midnight| midnight.timestamp())
        .map_err(|_| {
            format!("front matter: {key} `{value}` is not a date (2026-01-31) or an RFC 3339 time")
        })
}

fn unquote(value: &str) -> &str {
    for quote in ['"', '\''] {
        if let Some(inner) = value
            .strip_prefix(quote)
            .and_then(|value| value.strip_suffix(quote))
        {
            return inner.trim();
        }
    }
    value
}

fn first_heading(body: &str) -> Option<String> {
    body.lines()
        .find_map(|line| line.strip_prefix('#'))
        .map(|rest| rest.trim_matches(['#', ' ']).to_owned())
        .filter(|title| !title.is_empty())
}

/// Refuses two articles of one tenant with the same id.
pub(crate) fn distinct(articles: &[KnowledgeArticle]) -> Result<()> {
    let mut seen = std::collections::HashSet::new();
    for article in articles {
        if !seen.insert((&article.tenant, &article.id)) {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!(
                    "the article id `{}` occurs twice for tenant {}; ids must differ",
                    article.id, article.tenant
                ),
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(dir: &Path, name: &str, content: impl AsRef<[u8]>) {
        let path = dir.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    #[test]
    fn good_files_are_read_with_their_front_matter() {
        let dir = tempfile::tempdir().unwrap();
        write(
            dir.path(),
            "refund.md",
            "---\nid: refunds\ntitle: \"Refunds: how long\"\ntenant: globex\nlanguage: en-GB\naudience: agent\n\
             valid_from: 2026-01-31\nvalid_to: 2026-12-31T10:00:00+02:00\nproduct: fibre\n---\r\n# Refunds\r\nFive days.\r\n",
        );
        write(
            dir.path(),
            "net/outage_help.txt",
            "\u{feff}Restart the router.",
        );
        write(
            dir.path(),
            "titled.md",
            "Intro\n\n# Moving house #\nTell us.",
        );
        write(dir.path(), "README.md", "not an article");
        write(dir.path(), ".draft.md", "hidden");
        write(dir.path(), "logo.png", [0_u8, 1]);
        let report = load_articles(dir.path(), &"acme".into()).unwrap();
        assert_eq!(report.skipped, []);
        let [outage, refund, titled] = report.articles.as_slice() else {
            panic!("{report:?}");
        };
        assert_eq!(outage.id.as_str(), "net/outage_help");
        assert_eq!(outage.title, "outage help");
        assert_eq!(outage.body, "Restart the router.");
        assert_eq!(
            (outage.tenant.as_str(), outage.audience),
            ("acme", Audience::Customer)
        );
        assert_eq!(refund.id.as_str(), "refunds");
        assert_eq!(refund.title, "Refunds: how long");
        assert_eq!(
            (refund.tenant.as_str(), refund.audience),
            ("globex", Audience::Agent)
        );
        assert_eq!(
            refund.valid_from,
            Some("2026-01-31T00:00:00Z".parse().unwrap())
        );
        assert_eq!(
            refund.valid_to,
            Some("2026-12-31T08:00:00Z".parse().unwrap())
        );
        assert_eq!(refund.body, "# Refunds\nFive days.");
        assert_eq!(titled.title, "Moving house");
    }

    #[test]
    fn bad_files_are_skipped_with_a_reason_and_the_rest_is_loaded() {
        let dir = tempfile::tempdir().unwrap();
        let cases: [(&str, &[u8], &str); 11] = [
            ("empty.md", b" \n", "empty"),
            ("only-front.md", b"---\nid: a\n---\n", "empty"),
            ("latin1.md", b"caf\xe9", "not UTF-8 (byte 3)"),
            ("zero.txt", b"a\0b", "zero bytes"),
            ("open.md", b"---\nid: a\ntext", "no closing"),
            ("noise.md", b"---\nhello\n---\ntext", "`hello`"),
            ("typo.md", b"---\naudiance: agent\n---\ntext", "audiance"),
            (
                "audience.md",
                b"---\naudience: all\n---\ntext",
                "audience `all`",
            ),
            (
                "date.md",
                b"---\nvalid_from: 31.1.2026\n---\ntext",
                "31.1.2026",
            ),
            (
                "order.md",
                b"---\nvalid_from: 2026-02-01\nvalid_to: 2026-01-01\n---\nx",
                "not after",
            ),
            ("z-again.md", b"---\nid: good\n---\ntext", "already used by"),
        ];
        for (name, content, _) in cases {
            write(dir.path(), name, content);
        }
        write(dir.path(), "good.md", "---\nid: good\n---\ntext");
        let report = load_articles(dir.path(), &"acme".into()).unwrap();
        assert_eq!(report.articles.len(), 1);
        assert_eq!(report.skipped.len(), cases.len());
        for (name, _, reason) in cases {
            let found = report.skipped.iter().find(|s| s.path.ends_with(name));
            let found = found.unwrap_or_else(|| panic!("{name} was not skipped"));
            assert!(found.reason.contains(reason), "{name}: {}", found.reason);
        }
    }

    #[test]
    fn a_missing_folder_is_not_found() {
        let error = load_articles(Path::new("/no/such/folder"), &"acme".into()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }
}
