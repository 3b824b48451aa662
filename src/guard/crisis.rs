//! Crisis: words that say that somebody may be in danger, and what is done about it at once.
//!
//! Recall comes before precision: a person who reads a line for nothing costs a minute. What is only a way of speaking
//! ("this router is killing me") is told apart where it can be.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use regex::Regex;
use serde::Deserialize;

use crate::conversation::{CrisisKind, CrisisProtocol};
use crate::embedding::{Embedder, TextKind, similarity};
use crate::error::{Error, ErrorKind, OrError, Result};

mod patterns;

/// How alike a line must be to an example, where an embedder is given (cosine of unit vectors).
const ALIKE: f32 = 0.72;
/// A way of speaking is no example of danger, unless the line is clearly nearer to one.
const MARGIN: f32 = 0.05;

/// What was noticed.
#[derive(Clone, Debug, PartialEq)]
pub struct CrisisSign {
    /// What it may be.
    pub kind: CrisisKind,
    /// The words that say so, verbatim; all of the text where it is only like an example.
    pub words: String,
}

struct Pattern {
    kind: CrisisKind,
    regex: Regex,
}

static DANGER: LazyLock<Vec<Pattern>> = LazyLock::new(|| {
    patterns::DANGER
        .iter()
        .filter_map(|(kind, source)| {
            let regex = Regex::new(&format!("(?i){source}")).ok()?;
            Some(Pattern { kind: *kind, regex })
        })
        .collect()
});

static HARMLESS: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(&format!("(?i){}", patterns::HARMLESS.join("|"))).ok());

/// The first sign of a crisis in a text, by patterns alone: English, and the plainest words of German, French, Spanish
/// and Latvian. The most urgent kind wins: self-harm, then medical emergency, violence, child safety, abuse.
pub fn crisis_sign(text: &str) -> Option<CrisisSign> {
    // Ways of speaking are taken out first, so that what else is said still counts.
    let plain = text.replace('\u{2019}', "'");
    let harmless = HARMLESS.as_ref()?;
    let cleaned = harmless.replace_all(&plain, " \u{2026} ");
    DANGER.iter().find_map(|pattern| {
        pattern.regex.find(&cleaned).map(|found| CrisisSign {
            kind: pattern.kind,
            words: found.as_str().trim().to_owned(),
        })
    })
}

/// Notices crises, by patterns and, where an embedder is given, by likeness to examples; and knows the protocol.
#[derive(Clone, Debug, Default)]
pub struct CrisisGuard {
    protocol: CrisisProtocol,
    examples: Vec<(CrisisKind, String)>,
    likeness: Option<Likeness>,
}

#[derive(Clone, Debug)]
struct Likeness {
    embedder: Arc<dyn Embedder>,
    dangers: Vec<(CrisisKind, Vec<f32>)>,
    harmless: Vec<Vec<f32>>,
}

impl CrisisGuard {
    /// Notices by patterns, and acts by `config`.
    pub fn new(config: CrisisConfig) -> Self {
        let examples = config
            .examples
            .into_iter()
            .map(|e| (e.kind, e.text))
            .collect();
        Self {
            protocol: config.protocol,
            examples,
            likeness: None,
        }
    }

    /// Compares with example sentences too, its own and those of the configuration.
    ///
    /// # Errors
    /// As the embedder.
    pub async fn with_embedder(mut self, embedder: Arc<dyn Embedder>) -> Result<Self> {
        let own = patterns::EXAMPLES
            .iter()
            .map(|(kind, text)| (*kind, (*text).to_owned()));
        let examples: Vec<(CrisisKind, String)> =
            own.chain(self.examples.iter().cloned()).collect();
        let texts: Vec<String> = examples.iter().map(|(_, text)| text.clone()).collect();
        let harmless: Vec<String> = patterns::WAYS_OF_SPEAKING
            .iter()
            .map(|t| (*t).to_owned())
            .collect();
        let vectors = embedder.embed(&texts, TextKind::Query).await?;
        let harmless = embedder.embed(&harmless, TextKind::Query).await?;
        let dangers = examples
            .into_iter()
            .map(|(kind, _)| kind)
            .zip(vectors)
            .collect();
        self.likeness = Some(Likeness {
            embedder,
            dangers,
            harmless,
        });
        Ok(self)
    }

    /// What is done.
    pub fn protocol(&self) -> &CrisisProtocol {
        &self.protocol
    }

    /// The sign of a crisis in a text. Where the embedder fails, the patterns still decide.
    pub async fn look(&self, text: &str) -> Option<CrisisSign> {
        if let Some(sign) = crisis_sign(text) {
            return Some(sign);
        }
        // Two words are like many things.
        if text.split_whitespace().count() < 4 {
            return None;
        }
        let likeness = self.likeness.as_ref()?;
        match likeness.nearest(text).await {
            Ok(kind) => kind.map(|kind| CrisisSign {
                kind,
                words: text.trim().to_owned(),
            }),
            Err(error) => {
                tracing::warn!(%error, "crisis examples could not be compared; patterns only");
                None
            }
        }
    }
}

impl Likeness {
    async fn nearest(&self, text: &str) -> Result<Option<CrisisKind>> {
        let vectors = self
            .embedder
            .embed(&[text.to_owned()], TextKind::Query)
            .await?;
        let Some(vector) = vectors.first() else {
            return Ok(None);
        };
        let cosine = |other: &[f32]| similarity(vector, other);
        let best = self
            .dangers
            .iter()
            .map(|(kind, other)| (*kind, cosine(other)))
            .max_by(|a, b| a.1.total_cmp(&b.1));
        let harmless = self
            .harmless
            .iter()
            .map(|other| cosine(other))
            .fold(f32::MIN, f32::max);
        Ok(best
            .filter(|(_, likeness)| *likeness >= ALIKE && *likeness >= harmless + MARGIN)
            .map(|(kind, _)| kind))
    }
}

/// The organisation's file `crisis.toml`: the protocol, and sentences of its own.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct CrisisConfig {
    /// What is done.
    #[serde(flatten)]
    pub protocol: CrisisProtocol,
    /// Sentences that stand for a crisis, in any language that the embedder knows.
    #[serde(default)]
    pub examples: Vec<CrisisExample>,
}

/// A sentence that stands for a crisis.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct CrisisExample {
    /// What it stands for.
    pub kind: CrisisKind,
    /// The sentence.
    pub text: String,
}

/// Reads a file such as `knowledge/crisis.toml`.
///
/// # Errors
/// [`ErrorKind::NotFound`] without such a file; [`ErrorKind::Config`] with the key of the mistake, or for a resource
/// without a name or a way to reach it.
pub fn load_crisis_config(path: &Path) -> Result<CrisisConfig> {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .or_error(ErrorKind::NotFound, || format!("cannot read {shown}"))?;
    let config: CrisisConfig = toml::from_str(&text).or_error(ErrorKind::Config, || {
        format!("{shown} holds no crisis protocol")
    })?;
    let empty = |r: &crate::conversation::CrisisResource| {
        r.name.trim().is_empty() || r.contact.trim().is_empty()
    };
    match config.protocol.resources.iter().find(|r| empty(r)) {
        Some(resource) => Err(Error::new(
            ErrorKind::Config,
            format!(
                "{shown}: the resource {:?} needs a name and a contact",
                resource.name
            ),
        )),
        None => Ok(config),
    }
}

#[cfg(test)]
mod tests;
