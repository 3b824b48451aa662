//! Source texts and the pieces that are indexed.

use serde::{Deserialize, Serialize};

use crate::conversation::{ArticleId, PassageId, TenantId};

/// Who may read an article.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// Customers, and therefore also everybody who works for the organisation.
    #[default]
    Customer,
    /// Only people (and assistants of people) who work for the organisation.
    Agent,
}

/// A source text with what decides who may see it, and when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct KnowledgeArticle {
    /// Stable identity within the tenant.
    pub id: ArticleId,
    /// Title.
    pub title: String,
    /// Owner.
    pub tenant: TenantId,
    /// BCP 47 tag.
    pub language: String,
    /// Who may read it.
    pub audience: Audience,
    /// Not to be used before.
    #[schemars(with = "Option<String>")]
    pub valid_from: Option<jiff::Timestamp>,
    /// Not to be used from then on.
    #[schemars(with = "Option<String>")]
    pub valid_to: Option<jiff::Timestamp>,
    /// The product it is about.
    pub product: Option<String>,
    /// The text, Markdown.
    pub body: String,
}

impl KnowledgeArticle {
    /// An article in English for customers, valid without limit; the body is Markdown.
    pub fn new(
        id: impl Into<ArticleId>,
        title: impl Into<String>,
        tenant: impl Into<TenantId>,
        body: impl Into<String>,
    ) -> Self {
        Self {
            id: id.into(),
            title: title.into(),
            tenant: tenant.into(),
            language: "en".into(),
            audience: Audience::Customer,
            valid_from: None,
            valid_to: None,
            product: None,
            body: body.into(),
        }
    }
}

/// A piece of an article that is indexed and cited.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Passage {
    /// Stable while its text is.
    pub id: PassageId,
    /// The article it is from.
    pub article: ArticleId,
    /// Title of the article.
    pub title: String,
    /// Headings above it, outermost first.
    pub headings: Vec<String>,
    /// Owner.
    pub tenant: TenantId,
    /// BCP 47 tag.
    pub language: String,
    /// Who may read it.
    pub audience: Audience,
    /// Not to be used before.
    #[schemars(with = "Option<String>")]
    pub valid_from: Option<jiff::Timestamp>,
    /// Not to be used from then on.
    #[schemars(with = "Option<String>")]
    pub valid_to: Option<jiff::Timestamp>,
    /// The text, Markdown.
    pub text: String,
    /// Hash of everything above, to tell what changed.
    pub content_hash: String,
}
