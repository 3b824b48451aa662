//! Articles from a folder of files: Markdown, text, HTML, PDF, DOCX, and questions with their answers.
//!
//! Whatever the format, an article's body becomes Markdown, so that headings, lists and tables guide the
//! chunker.

mod bytes;
#[cfg(feature = "documents")]
mod docx;
#[cfg(feature = "documents")]
mod guard;
#[cfg(feature = "documents")]
mod html;
#[cfg(feature = "documents")]
mod markdown;
mod meta;
mod pairs;
#[cfg(feature = "documents")]
mod pdf;
#[cfg(feature = "documents")]
mod table;
mod walk;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Unread;
use meta::Fields;

use super::KnowledgeArticle;
use crate::conversation::TenantId;
use crate::error::{Error, ErrorKind, Result};

const MIB: u64 = 1024 * 1024;

/// What a folder held.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LoadReport {
    /// The articles, by path.
    pub articles: Vec<KnowledgeArticle>,
    /// Files, and rows of files, that were left out, and why.
    pub skipped: Vec<Skipped>,
    /// Files that are among the articles, with a remark.
    pub notes: Vec<LoadNote>,
    /// Files and folders that could not be read at all (permissions, a disk or a network share that
    /// fails, no time or thread for a parser). Their articles are missing here, but nobody took them away.
    pub unreachable: usize,
}

impl LoadReport {
    /// Whether everything in the folder could be read. Where not,
    /// [`KnowledgeBase::ingest`](super::KnowledgeBase::ingest) of the articles would remove those that are
    /// only out of reach; [`KnowledgeBase::update`](super::KnowledgeBase::update) keeps them.
    pub fn is_complete(&self) -> bool {
        self.unreachable == 0
    }

    fn skip(&mut self, path: PathBuf, reason: String) {
        self.skipped.push(Skipped { path, reason });
    }
}

/// A file, or a row of it, that is not among the articles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// The file.
    pub path: PathBuf,
    /// Why, in words that say what to mend.
    pub reason: String,
}

/// A remark about a file that was loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadNote {
    /// The file.
    pub path: PathBuf,
    /// What to look at.
    pub text: String,
}

/// Limits of what is read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoadOptions {
    /// Largest Markdown, text or HTML file in bytes: one that somebody wrote is smaller.
    pub max_text_bytes: u64,
    /// Largest CSV, JSON or JSON Lines file in bytes.
    pub max_pairs_bytes: u64,
    /// Largest PDF or DOCX file in bytes, pictures included; also what the text of a DOCX may inflate to.
    pub max_document_bytes: u64,
    /// How long one HTML, PDF, DOCX or CSV file may take. Whatever takes longer is given up.
    pub file_timeout: Duration,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self {
            max_text_bytes: 4 * MIB,
            max_pairs_bytes: 32 * MIB,
            max_document_bytes: 64 * MIB,
            file_timeout: Duration::from_secs(60),
        }
    }
}

/// [`load_articles_with`] the default options and without progress.
///
/// # Errors
/// [`ErrorKind::NotFound`] if `dir` is not a folder that can be read.
pub fn load_articles(dir: &Path, default_tenant: &TenantId) -> Result<LoadReport> {
    load_articles_with(dir, default_tenant, &LoadOptions::default(), None)
}

/// Reads all articles under `dir`, folders inside it too: `.md`, `.markdown`, `.txt`; `.json`, `.jsonl`,
/// `.ndjson`; and with the feature `documents` `.html`, `.htm`, `.xhtml`, `.pdf`, `.docx`, `.csv`, `.tsv`.
/// Hidden files and files named README are no articles; links to folders are not followed.
///
/// A Markdown, text or HTML file may begin with front matter: `key: value` lines between two lines of `---`.
/// Keys: `id` (default: the path without its ending), `title` (default: the first heading, or the title of
/// the page), `tenant` (default: `default_tenant`), `language` (BCP 47, default `en`), `audience`
/// (`customer`, the default, or `agent`), `valid_from`, `valid_to` (RFC 3339 date, read as midnight UTC,
/// or date and time) and `product`: one, or several (`[fibre, mobile]`, or a line each behind a dash); an article
/// without it applies to all. An unknown key makes the file be skipped, so that a misspelt
/// `audience` cannot publish an internal text. An HTML page may say the same in meta tags
/// (`<meta name="attendant:audience" content="agent">`), and any file in a second file with `.meta` behind
/// its name (`prices.pdf.meta`) that holds the `key: value` lines.
///
/// CSV and JSON hold questions with their answers, an article each: columns (or fields of objects)
/// `question`, `answer` and the keys above, of which a `.meta` file gives the defaults. Without an `id`, an
/// article is known by the file's path and its question, so that rows may move. An unknown column refuses
/// the whole file.
///
/// Texts are UTF-8, or UTF-16 with a byte order mark; with the feature `documents` other encodings are
/// guessed, and [`LoadReport::notes`] says so. A file that cannot be used is reported in
/// [`LoadReport::skipped`]; the others are loaded. HTML, PDF, DOCX and CSV files are parsed in a thread of
/// their own, so that one that breaks or hangs its parser is skipped too.
///
/// `progress` is called with the number of files done and to do.
///
/// # Errors
/// [`ErrorKind::NotFound`] if `dir` is not a folder that can be read.
pub fn load_articles_with(
    dir: &Path,
    default_tenant: &TenantId,
    options: &LoadOptions,
    progress: Option<&(dyn Fn(usize, usize) + Send + Sync)>,
) -> Result<LoadReport> {
    let mut report = LoadReport::default();
    let files = walk::files(dir, &mut report)?;
    let mut loader = Loader {
        root: dir,
        default_tenant,
        options,
        seen: HashMap::new(),
        report,
    };
    let total = files.len();
    for (done, file) in files.into_iter().enumerate() {
        if let Some(progress) = progress {
            progress(done, total);
        }
        loader.load(file);
    }
    if let Some(progress) = progress {
        progress(total, total);
    }
    let mut report = loader.report;
    report.skipped.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(report)
}

/// A kind of file that holds articles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Text,
    Html,
    Pdf,
    Docx,
    Csv,
    Json,
    JsonLines,
}

impl Format {
    fn limit(self, options: &LoadOptions) -> u64 {
        match self {
            Self::Text | Self::Html => options.max_text_bytes,
            Self::Pdf | Self::Docx => options.max_document_bytes,
            Self::Csv | Self::Json | Self::JsonLines => options.max_pairs_bytes,
        }
    }
}

/// What a file holds.
#[derive(Debug, Default)]
struct Parsed {
    drafts: Vec<Draft>,
    /// Remarks about the file.
    notes: Vec<String>,
    /// Why rows were left out.
    refused: Vec<String>,
}

/// An article in the making.
#[derive(Debug, Default)]
struct Draft {
    fields: Fields,
    /// What to call it where no field and no heading does.
    title: Option<String>,
    /// Its language where no field says it.
    language: Option<String>,
    body: String,
    /// What tells it from other articles of the file.
    place: Option<String>,
}

struct Loader<'a> {
    root: &'a Path,
    default_tenant: &'a TenantId,
    options: &'a LoadOptions,
    seen: HashMap<(TenantId, String), PathBuf>,
    report: LoadReport,
}

impl Loader<'_> {
    fn load(&mut self, (path, format): (PathBuf, Format)) {
        let parsed = self
            .sidecar(&path)
            .and_then(|beside| Ok((beside, self.parse(&path, format)?)));
        let (beside, parsed) = match parsed {
            Ok(parsed) => parsed,
            Err(Unread::Refused(reason)) => return self.report.skip(path, reason),
            Err(Unread::Unreachable(reason)) => {
                self.report.unreachable += 1;
                return self.report.skip(path, reason);
            }
        };
        for reason in parsed.refused {
            self.report.skip(path.clone(), reason);
        }
        let mut any = false;
        for draft in parsed.drafts {
            match self.article(draft, &beside, &path) {
                Ok(article) => {
                    self.report.articles.push(article);
                    any = true;
                }
                Err(reason) => self.report.skip(path.clone(), reason),
            }
        }
        if any {
            let note = |text| LoadNote {
                path: path.clone(),
                text,
            };
            self.report.notes.extend(parsed.notes.into_iter().map(note));
        }
    }

    /// The keys in the file's `.meta` file.
    fn sidecar(&self, path: &Path) -> Result<Fields, Unread> {
        let beside = walk::sidecar(path);
        let about = |why: String| format!("its {} file: {why}", walk::SIDECAR);
        // One that is there but out of reach may say `audience: agent`.
        match beside.try_exists() {
            Ok(true) => {}
            Ok(false) => return Ok(Fields::default()),
            Err(error) => return Err(Unread::Unreachable(about(error.to_string()))),
        }
        let bytes = bytes::read(&beside, self.options.max_text_bytes)
            .map_err(|unread| unread.map(about))?;
        bytes::decode(&bytes, None)
            .and_then(|(text, _)| {
                // The dashes of front matter may be kept.
                Fields::parse(
                    text.trim()
                        .trim_start_matches("---")
                        .trim_end_matches("---"),
                )
            })
            .map_err(|why| Unread::Refused(about(why)))
    }

    fn parse(&self, path: &Path, format: Format) -> Result<Parsed, Unread> {
        let bytes = bytes::read(path, format.limit(self.options))?;
        parse(bytes, format, self.options)
    }

    fn article(
        &mut self,
        draft: Draft,
        beside: &Fields,
        path: &Path,
    ) -> Result<KnowledgeArticle, String> {
        let body = draft.body.trim();
        let limit = usize::try_from(self.options.max_text_bytes).unwrap_or(usize::MAX);
        if body.len() > limit {
            return Err(too_much_text(limit));
        }
        if body.is_empty() {
            return Err("empty; write the article or delete the file".into());
        }
        let mut fields = draft.fields;
        match &draft.place {
            None => fields.join(beside.clone())?,
            Some(_) if beside.get("id").is_some() || beside.get("title").is_some() => {
                return Err(format!(
                    "its {} file has an id or a title, but there are many articles",
                    walk::SIDECAR
                ));
            }
            Some(_) => fields.fill(beside),
        }
        if let Some(language) = &draft.language
            && fields.get("language").is_none()
        {
            fields.add("language", language)?;
        }
        let relative = path.strip_prefix(self.root).unwrap_or(path);
        let mut id = relative
            .with_extension("")
            .to_string_lossy()
            .replace('\\', "/");
        if let Some(place) = &draft.place {
            id.push('/');
            id.push_str(place);
        }
        let title = || {
            let heading = meta::first_heading(body);
            heading.or(draft.title.clone()).unwrap_or_else(|| {
                let stem = path.file_stem().unwrap_or_default().to_string_lossy();
                stem.replace(['-', '_'], " ")
            })
        };
        let article = fields.article(&id, title, self.default_tenant, body.to_owned())?;
        let key = (article.tenant.clone(), article.id.as_str().to_owned());
        if let Some(first) = self.seen.get(&key) {
            return Err(if first == path {
                format!(
                    "the id `{}` (or its question) is in this file twice; give it another",
                    article.id
                )
            } else {
                format!(
                    "the id `{}` is already used by {}; give it another",
                    article.id,
                    first.display()
                )
            });
        }
        self.seen.insert(key, path.to_owned());
        Ok(article)
    }
}

fn parse(bytes: Vec<u8>, format: Format, options: &LoadOptions) -> Result<Parsed, Unread> {
    match format {
        Format::Text => Ok(with_front_matter(&bytes, None, |body| {
            Ok(Parsed {
                drafts: vec![Draft {
                    body: body.to_owned(),
                    ..Draft::default()
                }],
                ..Parsed::default()
            })
        })?),
        Format::Json => Ok(with_note(&bytes, pairs::parse_json)?),
        Format::JsonLines => Ok(with_note(&bytes, pairs::parse_lines)?),
        #[cfg(feature = "documents")]
        _ => {
            let options = options.clone();
            guard::run(options.file_timeout, move |stop| match format {
                Format::Html => {
                    let charset = html::charset(&bytes);
                    with_front_matter(&bytes, charset.as_deref(), html::parse)
                }
                Format::Pdf => pdf::parse(&bytes, stop),
                Format::Docx => docx::parse(bytes, &options),
                _ => with_note(&bytes, pairs::parse_csv),
            })
        }
        #[cfg(not(feature = "documents"))]
        _ => {
            let _ = options;
            let why = "this build reads no HTML, PDF, DOCX and CSV; build with feature `documents`";
            Err(Unread::Refused(why.into()))
        }
    }
}

fn too_much_text(limit: usize) -> String {
    let mib = limit / 1024 / 1024;
    format!("more than {mib} MB of text; split it into articles")
}

fn with_note(
    bytes: &[u8],
    parse: impl FnOnce(&str) -> Result<Parsed, String>,
) -> Result<Parsed, String> {
    let (text, note) = bytes::decode(bytes, None)?;
    let mut parsed = parse(&text)?;
    parsed.notes.extend(note);
    Ok(parsed)
}

fn with_front_matter(
    bytes: &[u8],
    charset: Option<&str>,
    parse: impl FnOnce(&str) -> Result<Parsed, String>,
) -> Result<Parsed, String> {
    let (text, note) = bytes::decode(bytes, charset)?;
    let (front, body) = meta::split_front_matter(&text)?;
    let front = Fields::parse(front)?;
    let mut parsed = parse(body)?;
    for draft in &mut parsed.drafts {
        draft.fields.join(front.clone())?;
    }
    parsed.notes.extend(note);
    Ok(parsed)
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
mod tests;
