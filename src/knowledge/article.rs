//! Source texts and the pieces that are indexed.

use serde::{Deserialize, Deserializer, Serialize};

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
    /// The products it is about; none where it applies to all. One text stands for a list of one.
    #[serde(
        default,
        alias = "product",
        deserialize_with = "one_or_many",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub products: Vec<String>,
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
            products: Vec::new(),
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
    /// The products it is about; none where it applies to all. Left out of what is stored then, as it was before
    /// there were products.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub products: Vec<String>,
    /// The text, Markdown.
    pub text: String,
    /// Hash of everything above, to tell what changed.
    pub content_hash: String,
}

/// A product as it is compared: without regard to case and outer white space.
pub(super) fn product_key(product: &str) -> String {
    product.trim().to_lowercase()
}

/// One text, a list of texts, or nothing.
fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMany {
        One(String),
        Many(Vec<String>),
    }
    Ok(match Option::deserialize(deserializer)? {
        None => Vec::new(),
        Some(OneOrMany::One(product)) => vec![product],
        Some(OneOrMany::Many(products)) => products,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_read_as_one_text_a_list_or_nothing_and_left_out_where_there_are_none() {
        let article = KnowledgeArticle::new("a", "A", "acme", "text");
        let plain = serde_json::to_value(&article).unwrap();
        assert!(plain.get("products").is_none(), "{plain}");
        let read = |key: &str, value: serde_json::Value| {
            let mut json = plain.clone();
            json[key] = value;
            serde_json::from_value::<KnowledgeArticle>(json)
                .unwrap()
                .products
        };
        assert!(read("product", serde_json::Value::Null).is_empty());
        assert_eq!(read("product", "fibre".into()), ["fibre"]);
        assert_eq!(read("products", vec!["a", "b"].into()), ["a", "b"]);
        assert_eq!(
            serde_json::from_value::<KnowledgeArticle>(plain).unwrap(),
            article
        );
    }
}
