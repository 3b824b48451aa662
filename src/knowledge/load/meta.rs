//! What a file says about itself: front matter, a `.meta` file beside it, meta tags, columns of a row.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::conversation::TenantId;
use crate::knowledge::article::product_key;
use crate::knowledge::{Audience, KnowledgeArticle};

/// The keys there are. Any other is refused.
pub(super) const KEYS: [&str; 8] = [
    "id",
    "title",
    "tenant",
    "language",
    "audience",
    "valid_from",
    "valid_to",
    PRODUCT,
];

/// The one key with several values: a line each, or all in brackets.
pub(super) const PRODUCT: &str = "product";

/// Keys with their values, in the order they were given, each key once.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads `key: value` lines; `#` begins a comment line. Products may follow as a list, each behind a dash.
    pub(super) fn parse(lines: &str) -> Result<Self, String> {
        let mut fields = Self::default();
        let mut lines = lines.lines().map(str::trim).enumerate().peekable();
        while let Some((number, line)) = lines.next() {
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
            if key == PRODUCT && value.is_empty() {
                let mut products = Vec::new();
                while let Some((_, line)) = lines.next_if(|(_, line)| line.starts_with("- ")) {
                    products.push(unquote(line.trim_start_matches('-').trim()));
                }
                fields.add_products(&products)?;
                continue;
            }
            if value.is_empty() {
                return Err(format!("front matter: `{key}` has no value"));
            }
            fields.add(key, value)?;
        }
        Ok(fields)
    }

    /// Adds a key that was not there before.
    pub(super) fn add(&mut self, key: &str, value: &str) -> Result<(), String> {
        if !KEYS.contains(&key) {
            return Err(format!(
                "front matter: unknown key `{key}`; known are {}",
                KEYS.join(", ")
            ));
        }
        if self.get(key).is_some() {
            return Err(format!("front matter: `{key}` is given twice"));
        }
        self.0.push((key.to_owned(), value.to_owned()));
        Ok(())
    }

    /// Adds the products of a list.
    pub(super) fn add_products(&mut self, products: &[&str]) -> Result<(), String> {
        if products.is_empty() {
            return Err(format!("front matter: `{PRODUCT}` has no value"));
        }
        self.add(PRODUCT, &products.join("\n"))
    }

    /// Adds all of `others`; a key that both have is refused.
    pub(super) fn join(&mut self, others: Self) -> Result<(), String> {
        others
            .0
            .iter()
            .try_for_each(|(key, value)| self.add(key, value))
    }

    /// Adds those of `defaults` that are not there.
    pub(super) fn fill(&mut self, defaults: &Self) {
        for (key, value) in &defaults.0 {
            if self.get(key).is_none() {
                self.0.push((key.clone(), value.clone()));
            }
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == key);
        found.map(|(_, value)| value.as_str())
    }

    /// The article these keys describe.
    pub(super) fn article(
        &self,
        id: &str,
        title: impl FnOnce() -> String,
        default_tenant: &TenantId,
        body: String,
    ) -> Result<KnowledgeArticle, String> {
        let mut article = KnowledgeArticle::new(id, String::new(), default_tenant.clone(), body);
        for (key, value) in &self.0 {
            set(&mut article, key, value)?;
        }
        if let (Some(from), Some(to)) = (article.valid_from, article.valid_to)
            && from >= to
        {
            return Err("front matter: valid_to is not after valid_from".into());
        }
        if article.title.is_empty() {
            article.title = title();
        }
        Ok(article)
    }
}

/// The lines between the two `---` lines, and what follows; no front matter where the first line that is not blank is
/// something else.
pub(super) fn split_front_matter(text: &str) -> Result<(&str, &str), String> {
    // A blank line or a second byte order mark before it must not publish an internal text.
    let begin = text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    let Some(rest) = begin.strip_prefix("---").and_then(after_line_end) else {
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

/// Whether `value` looks like a BCP 47 tag.
pub(super) fn is_language(value: &str) -> bool {
    value.split('-').enumerate().all(|(place, part)| {
        let letters = part.bytes().all(|b| b.is_ascii_alphanumeric());
        letters && (1..=8).contains(&part.len()) && (place > 0 || part.len() >= 2)
    })
}

/// The first Markdown heading, as a title.
pub(super) fn first_heading(body: &str) -> Option<String> {
    body.lines()
        .find_map(|line| line.strip_prefix('#'))
        .map(|rest| rest.trim_matches(['#', ' ']).to_owned())
        .filter(|title| !title.is_empty())
}

fn after_line_end(text: &str) -> Option<&str> {
    text.trim_start_matches([' ', '\t']).strip_prefix('\n')
}

fn set(article: &mut KnowledgeArticle, key: &str, value: &str) -> Result<(), String> {
    match key {
        "id" => article.id = value.into(),
        "title" => article.title = value.into(),
        "tenant" => article.tenant = value.into(),
        "language" if is_language(value) => article.language = value.to_owned(),
        "language" => {
            return Err(format!(
                "front matter: language `{value}` is not a BCP 47 tag such as en or de-AT"
            ));
        }
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
        PRODUCT => article.products = products(value)?,
        _ => return Err(format!("front matter: unknown key `{key}`")),
    }
    Ok(())
}

/// The products in a value, each once.
fn products(value: &str) -> Result<Vec<String>, String> {
    let value = value.trim();
    let list = value
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let given: Vec<&str> = match list {
        Some(list) if list.trim().is_empty() => Vec::new(),
        Some(list) => between_commas(list),
        None => value.lines().collect(),
    };
    let mut products: Vec<String> = Vec::new();
    for product in given {
        let product = unquote(product.trim());
        if product.is_empty() {
            return Err(format!("front matter: a `{PRODUCT}` has no name"));
        }
        let key = product_key(product);
        if !products.iter().any(|known| product_key(known) == key) {
            products.push(product.to_owned());
        }
    }
    Ok(products)
}

/// The parts of a list; a comma in quotes divides nothing. Inside a word a quote is an apostrophe.
fn between_commas(list: &str) -> Vec<&str> {
    let mut quote = None;
    let mut begins = true;
    let divides = |c: char| {
        let is_comma = c == ',' && quote.is_none();
        match quote {
            Some(open) if c == open => quote = None,
            None if begins && matches!(c, '"' | '\'') => quote = Some(c),
            _ => {}
        }
        begins = is_comma || begins && c.is_whitespace();
        is_comma
    };
    list.split(divides).collect()
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
