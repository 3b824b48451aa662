//! Whether a folder holds what it should, and its filters say what its passages do.

use std::collections::HashMap;

use qdrant_edge::{
    CountRequest, EdgeShard, Filter, OperationError, ScrollRequest, WithPayloadInterface,
    WithVector,
};

use super::points::{Contents, PAGE, is, lacks, of_scope, of_tenant};
use crate::conversation::TenantId;
use crate::knowledge::{Audience, Scope, layout};

/// Reads everything once; says what is wrong where the index does not hold `expected`, or its filters do not
/// agree with its payloads.
pub(super) fn verify(
    shard: &EdgeShard,
    expected: Contents,
) -> Result<Option<String>, OperationError> {
    let mut found = Contents::default();
    let mut visible: HashMap<(TenantId, Audience, Option<String>), usize> = HashMap::new();
    let mut about: HashMap<(TenantId, Option<String>), usize> = HashMap::new();
    let at = jiff::Timestamp::now();
    let mut offset = None;
    loop {
        let (records, next) = shard.scroll(ScrollRequest {
            offset,
            limit: Some(PAGE),
            filter: None,
            with_payload: Some(WithPayloadInterface::Bool(true)),
            with_vector: WithVector::Bool(true),
            order_by: None,
        })?;
        found = found.plus(Contents::of(&records));
        for payload in records.iter().filter_map(|record| record.payload.as_ref()) {
            let Some(passage) = layout::passage(&payload.0) else {
                return Ok(Some("a passage cannot be read".into()));
            };
            for product in layout::products(&passage) {
                *about.entry((passage.tenant.clone(), product)).or_default() += 1;
            }
            let language = Some(layout::language(&passage.language));
            for audience in [Audience::Customer, Audience::Agent] {
                for language in [None, language.clone()] {
                    let scope = Scope {
                        tenant: passage.tenant.clone(),
                        audience,
                        at,
                        language,
                        product: None,
                    };
                    let seen = usize::from(scope.allows(&passage));
                    *visible
                        .entry((scope.tenant, audience, scope.language))
                        .or_default() += seen;
                }
            }
        }
        offset = next;
        if offset.is_none() {
            break;
        }
    }
    if found != expected {
        return Ok(Some(format!(
            "it should hold {} passages; {} were read and their checksum {}",
            expected.points,
            found.points,
            if found.digest == expected.digest {
                "fits"
            } else {
                "differs"
            }
        )));
    }
    const DISAGREE: &str = "its filters do not agree with its passages";
    for ((tenant, product), wanted) in about {
        let mut filter = of_tenant(&tenant)?;
        let product = match product {
            Some(product) => is(layout::PRODUCT, &product)?,
            None => lacks(layout::PRODUCT)?,
        };
        filter.must.get_or_insert_default().push(product);
        if count(shard, filter)? != wanted {
            return Ok(Some(DISAGREE.into()));
        }
    }
    for ((tenant, audience, language), wanted) in visible {
        let scope = Scope {
            tenant,
            audience,
            at,
            language,
            product: None,
        };
        let mut counted = 0;
        for filter in of_scope(&scope)? {
            counted += count(shard, filter)?;
        }
        if counted != wanted {
            return Ok(Some(DISAGREE.into()));
        }
    }
    Ok(None)
}

fn count(shard: &EdgeShard, filter: Filter) -> Result<usize, OperationError> {
    shard.count(CountRequest {
        filter: Some(filter),
        exact: true,
    })
}
