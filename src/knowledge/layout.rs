//! The one layout of a Qdrant collection of passages, embedded or on a server: the names of its vectors, its
//! payload, and the ids of its points.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::article::product_key;
pub(crate) use super::rank::point_id;
use super::sparse::primary_language;
use super::{Audience, Passage};
use crate::conversation::TenantId;
use crate::error::{Error, ErrorKind, Result};

/// Raise it when anything here changes; an index of another version is built again.
pub(crate) const VERSION: u32 = 2;

/// The dense vector: cosine distance.
pub(crate) const DENSE: &str = "dense";
/// The sparse vector: BM25 weights, with the `idf` modifier.
pub(crate) const SPARSE: &str = "bm25";

/// Payload keys that searches filter by.
pub(crate) const TENANT: &str = "tenant";
pub(crate) const AUDIENCE: &str = "audience";
pub(crate) const LANGUAGE: &str = "language";
pub(crate) const VALID_FROM: &str = "valid_from";
pub(crate) const VALID_TO: &str = "valid_to";
/// The products of a passage; not there where it applies to all.
pub(crate) const PRODUCT: &str = "product";
/// Who may see a passage that is valid at all times: [`scope_key`]s, so that one condition filters a search.
pub(crate) const SCOPE: &str = "scope";
/// The same for a passage with a first or last day, which has to be compared too.
pub(crate) const DATED_SCOPE: &str = "dated_scope";
/// Payload keys that are only read.
pub(crate) const PASSAGE_ID: &str = "passage_id";
pub(crate) const CONTENT_HASH: &str = "content_hash";
pub(crate) const PASSAGE: &str = "passage";

/// The value of [`AUDIENCE`] that customers may see.
pub(crate) const CUSTOMER: &str = "customer";

/// Where a passage without a first or last day lies: beyond every timestamp, so that one range
/// condition covers all cases.
const ALWAYS: i64 = 1 << 53;

/// The one keyword for a tenant, an audience and a language (`None`: any). Hashed, since ids may hold any letter.
pub(crate) fn scope_key(tenant: &TenantId, audience: Audience, tag: Option<&str>) -> String {
    let tag = tag.map_or_else(|| "*".to_owned(), language);
    let key = format!("{}\0{tag}\0{}", audience_name(audience), tenant.as_str());
    Uuid::new_v5(&Uuid::NAMESPACE_OID, key.as_bytes()).to_string()
}

/// The keys of all scopes that a passage lies in, but for its dates.
fn scope_keys(passage: &Passage) -> Vec<String> {
    let audiences = match passage.audience {
        Audience::Customer => &[Audience::Customer, Audience::Agent][..],
        Audience::Agent => &[Audience::Agent],
    };
    let languages = [None, Some(passage.language.as_str())];
    let keys = audiences.iter().flat_map(|audience| {
        languages.map(|language| scope_key(&passage.tenant, *audience, language))
    });
    keys.collect()
}

fn audience_name(audience: Audience) -> &'static str {
    match audience {
        Audience::Customer => CUSTOMER,
        Audience::Agent => "agent",
    }
}

/// A moment as payload number: milliseconds, exact in the 64-bit floats that range conditions compare.
pub(crate) fn moment(at: jiff::Timestamp) -> i64 {
    at.as_millisecond()
}

/// The language as payload keyword.
pub(crate) fn language(tag: &str) -> String {
    primary_language(tag)
}

/// A product as payload keyword.
pub(crate) fn product(name: &str) -> String {
    product_key(name)
}

/// The products of a passage as payload keywords, each once; `None` alone where it applies to all.
pub(crate) fn products(passage: &Passage) -> Vec<Option<String>> {
    let mut products: Vec<_> = passage
        .products
        .iter()
        .map(|name| Some(product(name)))
        .collect();
    products.sort_unstable();
    products.dedup();
    if products.is_empty() {
        products.push(None);
    }
    products
}

/// What is stored beside the vectors.
pub(crate) fn payload(passage: &Passage) -> serde_json::Result<Map<String, Value>> {
    let scope = match (passage.valid_from, passage.valid_to) {
        (None, None) => SCOPE,
        _ => DATED_SCOPE,
    };
    let fields = [
        (TENANT, json!(passage.tenant)),
        (scope, json!(scope_keys(passage))),
        (AUDIENCE, json!(audience_name(passage.audience))),
        (LANGUAGE, json!(language(&passage.language))),
        (
            VALID_FROM,
            json!(passage.valid_from.map_or(-ALWAYS, moment)),
        ),
        (VALID_TO, json!(passage.valid_to.map_or(ALWAYS, moment))),
        (PASSAGE_ID, json!(passage.id)),
        (CONTENT_HASH, json!(passage.content_hash)),
        (PASSAGE, serde_json::to_value(passage)?),
    ];
    let products: Vec<String> = products(passage).into_iter().flatten().collect();
    let products = (!products.is_empty()).then(|| (PRODUCT, json!(products)));
    Ok(fields
        .into_iter()
        .chain(products)
        .map(|(key, value)| (key.to_owned(), value))
        .collect())
}

/// The passage in a payload; `None` where it is not one of ours.
pub(crate) fn passage(payload: &Map<String, Value>) -> Option<Passage> {
    serde_json::from_value(payload.get(PASSAGE)?.clone()).ok()
}

/// Refuses vectors of another embedder.
pub(crate) fn check(dimensions: usize, vector: &[f32]) -> Result<()> {
    if vector.len() == dimensions {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Index,
        format!(
            "the index holds vectors of length {dimensions}, not {}; use the embedder it was built with or build it again",
            vector.len()
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::conformance::indexed;

    #[test]
    fn products_are_stored_beside_a_passage_and_nothing_is_where_it_has_none() {
        let mut made = indexed("p", "text", 8).passage;
        let plain = payload(&made).unwrap();
        let keys: Vec<&str> = plain.keys().map(String::as_str).collect();
        let before = [
            AUDIENCE,
            CONTENT_HASH,
            LANGUAGE,
            PASSAGE,
            PASSAGE_ID,
            SCOPE,
            TENANT,
            VALID_FROM,
            VALID_TO,
        ];
        let wanted: std::collections::BTreeSet<&str> = before.into();
        assert_eq!(
            keys.into_iter().collect::<std::collections::BTreeSet<_>>(),
            wanted
        );
        assert!(plain[PASSAGE].get("products").is_none());
        made.products = vec!["mobile".into(), "Fibre".into(), "fibre".into()];
        let stored = payload(&made).unwrap();
        assert_eq!(stored[PRODUCT], json!(["fibre", "mobile"]));
        assert_eq!(passage(&stored), Some(made));
    }

    #[test]
    fn a_passage_survives_its_payload_and_tenants_never_share_a_point() {
        let mut made = indexed("p", "text", 8).passage;
        made.valid_to = Some("2030-01-01T00:00:00.5Z".parse().unwrap());
        let stored = payload(&made).unwrap();
        assert_eq!(passage(&stored), Some(made.clone()));
        assert_eq!(stored[LANGUAGE], "en");
        assert_eq!(stored[VALID_TO], 1_893_456_000_500_i64);
        assert!(stored[VALID_FROM].as_i64() < Some(moment(jiff::Timestamp::MIN)));
        assert_eq!(passage(&Map::new()), None);
        let id = |tenant: &str, passage: &str| point_id(&tenant.into(), &passage.into());
        assert_eq!(id("a", "b"), id("a", "b"));
        assert_ne!(id("a", "b"), id("b", "b"));
        assert_ne!(id("ab", "c"), id("a", "bc"));
    }
}
