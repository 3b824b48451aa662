//! Passages as points, scopes as filters, and the reads.

use std::collections::HashMap;
use std::panic::resume_unwind;

use qdrant_edge::external::ordered_float::OrderedFloat;
use qdrant_edge::{
    Condition, EdgeShard, FieldCondition, Filter, IsEmptyCondition, JsonPath, KeywordIndexParams,
    Match, NamedQuery, OperationError, Payload, PayloadFieldSchema, PayloadSchemaParams,
    PayloadSchemaType, PointId, PointStructPersisted, QuantizationSearchParams, QueryEnum,
    QueryRequest, Range, Record, ScoringQuery, ScrollRequest, SearchParams, ValueVariants,
    VectorInternal, VectorPersisted, VectorStructInternal, VectorStructPersisted,
    WithPayloadInterface, WithVector,
};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Inner;
use crate::conversation::{PassageId, TenantId};
use crate::embedding::similarity;
use crate::error::{Error, ErrorKind, OrError, Result};
use crate::knowledge::rank::{depth, fuse};
use crate::knowledge::{Hit, IndexedPassage, Passage, Scope, SparseVector, VectorQuery, layout};

/// How many times as many vectors as are wanted are compared in full after the comparison in 8 bits.
const OVERSAMPLING: f64 = 2.0;
/// Points read at once.
pub(super) const PAGE: usize = 1000;

pub(super) fn payload_indexes() -> [(&'static str, PayloadFieldSchema); 6] {
    let plain = PayloadFieldSchema::FieldType;
    let tenant = KeywordIndexParams {
        is_tenant: Some(true),
        ..KeywordIndexParams::default()
    };
    [
        (
            layout::TENANT,
            PayloadFieldSchema::FieldParams(PayloadSchemaParams::Keyword(tenant)),
        ),
        (layout::SCOPE, plain(PayloadSchemaType::Keyword)),
        (layout::DATED_SCOPE, plain(PayloadSchemaType::Keyword)),
        (layout::PRODUCT, plain(PayloadSchemaType::Keyword)),
        (layout::VALID_FROM, plain(PayloadSchemaType::Integer)),
        (layout::VALID_TO, plain(PayloadSchemaType::Integer)),
    ]
}

pub(super) fn json_path(field: &str) -> Result<JsonPath, OperationError> {
    field
        .parse()
        .map_err(|()| OperationError::validation_error(format!("{field} is no payload path")))
}

/// What an index holds, in two numbers that change with every payload and vector.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Contents {
    pub(super) points: u64,
    /// Sum of the hashes of all points, whatever their order.
    pub(super) digest: u64,
}

impl Contents {
    pub(super) fn of(records: &[Record]) -> Self {
        Self {
            points: records.len() as u64,
            digest: records.iter().map(hash).fold(0, u64::wrapping_add),
        }
    }

    /// The points with these ids.
    pub(super) fn at(shard: &EdgeShard, ids: &[PointId]) -> Result<Self, OperationError> {
        let payload = Some(WithPayloadInterface::Bool(true));
        let records = shard.retrieve(ids, payload, Some(WithVector::Bool(true)))?;
        Ok(Self::of(&records))
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            points: self.points.wrapping_add(other.points),
            digest: self.digest.wrapping_add(other.digest),
        }
    }

    pub(super) fn minus(self, other: Self) -> Self {
        Self {
            points: self.points.wrapping_sub(other.points),
            digest: self.digest.wrapping_sub(other.digest),
        }
    }
}

fn hash(record: &Record) -> u64 {
    let mut bytes = format!("{:?}", record.id).into_bytes();
    if let Some(payload) = &record.payload {
        // Keys are ordered, so equal payloads give equal text.
        bytes.extend(serde_json::to_vec(&payload.0).unwrap_or_default());
    }
    if let Some(VectorStructInternal::Named(named)) = &record.vector {
        let mut vectors: Vec<_> = named.iter().collect();
        vectors.sort_by_key(|(name, _)| name.as_str());
        for (name, vector) in vectors {
            bytes.extend_from_slice(name.as_bytes());
            match vector {
                VectorInternal::Dense(values) => {
                    bytes.extend(values.iter().flat_map(|v| v.to_le_bytes()))
                }
                VectorInternal::Sparse(sparse) => {
                    bytes.extend(sparse.indices.iter().flat_map(|v| v.to_le_bytes()));
                    bytes.extend(sparse.values.iter().flat_map(|v| v.to_le_bytes()));
                }
                VectorInternal::MultiDense(_) => {}
            }
        }
    }
    Uuid::new_v5(&Uuid::NAMESPACE_OID, &bytes).as_u64_pair().0
}

/// The content hashes of the points with these ids, where they are there.
pub(super) fn hashes(
    shard: &EdgeShard,
    ids: &[PointId],
) -> Result<HashMap<PointId, String>, OperationError> {
    let payload = Some(WithPayloadInterface::Bool(true));
    let records = shard.retrieve(ids, payload, Some(WithVector::Bool(false)))?;
    let hash = |record: Record| {
        let payload = record.payload?.0;
        let hash = payload.get(layout::CONTENT_HASH)?.as_str()?;
        Some((record.id, hash.to_owned()))
    };
    Ok(records.into_iter().filter_map(hash).collect())
}

pub(super) fn point(indexed: IndexedPassage) -> Result<PointStructPersisted> {
    let payload = layout::payload(&indexed.passage)
        .or_error(ErrorKind::Index, || "a passage cannot be written as JSON")?;
    let mut vectors = HashMap::from([(
        layout::DENSE.to_owned(),
        VectorPersisted::Dense(indexed.dense),
    )]);
    // A text of stop words only has no sparse vector; it is found by its dense one.
    if !indexed.sparse.indices.is_empty() {
        let sparse = VectorPersisted::Sparse(sparse(indexed.sparse));
        vectors.insert(layout::SPARSE.to_owned(), sparse);
    }
    Ok(PointStructPersisted {
        id: PointId::Uuid(layout::point_id(
            &indexed.passage.tenant,
            &indexed.passage.id,
        )),
        vector: VectorStructPersisted::Named(vectors),
        payload: Some(Payload(payload)),
    })
}

fn sparse(vector: SparseVector) -> qdrant_edge::SparseVector {
    qdrant_edge::SparseVector {
        indices: vector.indices,
        values: vector.values,
    }
}

pub(super) fn is(field: &str, value: &str) -> Result<Condition, OperationError> {
    Ok(Condition::Field(FieldCondition::new_match(
        json_path(field)?,
        Match::new_value(ValueVariants::String(value.into())),
    )))
}

pub(super) fn lacks(field: &str) -> Result<Condition, OperationError> {
    Ok(Condition::IsEmpty(IsEmptyCondition::from(json_path(
        field,
    )?)))
}

pub(super) fn of_tenant(tenant: &TenantId) -> Result<Filter, OperationError> {
    Ok(Filter {
        must: Some(vec![is(layout::TENANT, tenant.as_str())?]),
        ..Filter::new()
    })
}

/// The conditions of a scope: for passages that are always valid, and for those with dates. A passage meets at most
/// one of the two.
pub(super) fn of_scope(scope: &Scope) -> Result<[Filter; 2], OperationError> {
    let now = OrderedFloat(layout::moment(scope.at) as f64);
    let range = |field: &str, range| {
        Ok::<_, OperationError>(Condition::Field(FieldCondition::new_range(
            json_path(field)?,
            range,
        )))
    };
    let open = Range {
        lt: None,
        gt: None,
        gte: None,
        lte: None,
    };
    let begun = Range {
        lte: Some(now),
        ..open
    };
    let not_over = Range {
        gt: Some(now),
        ..open
    };
    let key = layout::scope_key(&scope.tenant, scope.audience, scope.language.as_deref());
    let about = match &scope.product {
        Some(product) => Some(vec![
            is(layout::PRODUCT, &layout::product(product))?,
            lacks(layout::PRODUCT)?,
        ]),
        None => None,
    };
    let all = |conditions| Filter {
        must: Some(conditions),
        should: about.clone(),
        ..Filter::new()
    };
    Ok([
        all(vec![is(layout::SCOPE, &key)?]),
        all(vec![
            is(layout::DATED_SCOPE, &key)?,
            range(layout::VALID_FROM, begun)?,
            range(layout::VALID_TO, not_over)?,
        ]),
    ])
}

pub(super) fn list(
    inner: &Inner,
    shard: &EdgeShard,
    tenant: &TenantId,
) -> Result<Vec<(PassageId, String)>> {
    let failed = |error: OperationError| inner.error("cannot be read").with_source(error);
    let fields = [layout::PASSAGE_ID, layout::CONTENT_HASH];
    let fields: Vec<JsonPath> = fields
        .into_iter()
        .map(json_path)
        .collect::<Result<_, _>>()
        .map_err(failed)?;
    let mut listed = Vec::new();
    let mut offset = None;
    loop {
        let (records, next) = shard
            .scroll(ScrollRequest {
                offset,
                limit: Some(PAGE),
                filter: Some(of_tenant(tenant).map_err(failed)?),
                with_payload: Some(WithPayloadInterface::Fields(fields.clone())),
                with_vector: WithVector::Bool(false),
                order_by: None,
            })
            .map_err(failed)?;
        for payload in records.into_iter().filter_map(|record| record.payload) {
            let text = |key: &str| payload.0.get(key).and_then(serde_json::Value::as_str);
            if let (Some(id), Some(hash)) = (text(layout::PASSAGE_ID), text(layout::CONTENT_HASH)) {
                listed.push((id.into(), hash.to_owned()));
            }
        }
        offset = next;
        if offset.is_none() {
            return Ok(listed);
        }
    }
}

pub(super) fn export(
    inner: &Inner,
    shard: &EdgeShard,
    tenant: &TenantId,
) -> Result<Vec<(Passage, Vec<f32>)>> {
    let failed = |error: OperationError| inner.error("cannot be read").with_source(error);
    let mut passages = Vec::new();
    let mut offset = None;
    loop {
        let (records, next) = shard
            .scroll(ScrollRequest {
                offset,
                limit: Some(PAGE),
                filter: Some(of_tenant(tenant).map_err(failed)?),
                with_payload: Some(WithPayloadInterface::Bool(true)),
                with_vector: WithVector::Selector(vec![layout::DENSE.to_owned()]),
                order_by: None,
            })
            .map_err(failed)?;
        for record in records {
            let passage = record.payload.as_ref().and_then(|p| layout::passage(&p.0));
            let dense = dense_of(record.vector.as_ref());
            let (Some(passage), Some(dense)) = (passage, dense) else {
                return Err(
                    inner.error("a passage in it cannot be read; ingest the articles again")
                );
            };
            passages.push((passage, dense.to_vec()));
        }
        offset = next;
        if offset.is_none() {
            return Ok(passages);
        }
    }
}

pub(super) fn search(inner: &Inner, shard: &EdgeShard, query: &VectorQuery) -> Result<Vec<Hit>> {
    let failed = |error: OperationError| inner.error("cannot be searched").with_source(error);
    let filters = of_scope(&query.scope).map_err(failed)?;
    let params = SearchParams {
        quantization: Some(QuantizationSearchParams {
            ignore: false,
            rescore: Some(true),
            oversampling: Some(OVERSAMPLING),
        }),
        ..SearchParams::default()
    };
    let wanted = depth(query.limit);
    let ranking = |vector: VectorInternal, name: &str| {
        let mut found = Vec::new();
        for filter in &filters {
            let request = QueryRequest {
                prefetches: Vec::new(),
                query: Some(ScoringQuery::Vector(QueryEnum::Nearest(NamedQuery::new(
                    vector.clone(),
                    name,
                )))),
                filter: Some(filter.clone()),
                score_threshold: None,
                limit: wanted,
                offset: 0,
                params: Some(params),
                with_vector: WithVector::Bool(false),
                with_payload: WithPayloadInterface::Bool(false),
            };
            found.extend(shard.query(request).map_err(failed)?);
        }
        // The engine leaves equals in any order.
        found.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.id.cmp(&b.id)));
        found.truncate(wanted);
        Ok::<_, Error>(found.into_iter().map(|point| point.id).collect::<Vec<_>>())
    };
    let dense = || ranking(VectorInternal::Dense(query.dense.clone()), layout::DENSE);
    let by_words = || {
        let vector = VectorInternal::Sparse(sparse(query.sparse.clone()));
        ranking(vector, layout::SPARSE)
    };
    let lists = if query.sparse.indices.is_empty() {
        vec![dense()?]
    } else {
        // Each scans the whole collection on one core, so the one need not wait for the other.
        let (dense, by_words) = std::thread::scope(|scope| {
            let other = scope.spawn(by_words);
            // A panic of the engine is caught by the caller, on whichever thread it was.
            (
                dense(),
                other.join().unwrap_or_else(|panic| resume_unwind(panic)),
            )
        });
        vec![dense?, by_words?]
    };
    // Fused here and not by the engine: its fusion leaves ties in random order.
    let mut best = fuse(&lists);
    best.truncate(query.limit);
    let ids: Vec<PointId> = best.iter().map(|(id, _)| *id).collect();
    let records = shard
        .retrieve(
            &ids,
            Some(WithPayloadInterface::Bool(true)),
            Some(WithVector::Selector(vec![layout::DENSE.to_owned()])),
        )
        .map_err(failed)?;
    let mut records: HashMap<PointId, _> = records.into_iter().map(|r| (r.id, r)).collect();
    let mut hits = Vec::with_capacity(best.len());
    for (id, score) in best {
        // Removed between the two reads.
        let Some(record) = records.remove(&id) else {
            continue;
        };
        let passage = record.payload.as_ref().and_then(|p| layout::passage(&p.0));
        let dense = dense_of(record.vector.as_ref());
        let (Some(passage), Some(dense)) = (passage, dense) else {
            return Err(inner.error("a passage in it cannot be read; ingest the articles again"));
        };
        if query.scope.allows(&passage) {
            let similarity = similarity(dense, &query.dense);
            hits.push(Hit {
                passage,
                score,
                similarity,
            });
        }
    }
    Ok(hits)
}

fn dense_of(vectors: Option<&VectorStructInternal>) -> Option<&[f32]> {
    match vectors? {
        VectorStructInternal::Named(named) => match named.get(layout::DENSE)? {
            VectorInternal::Dense(vector) => Some(vector),
            VectorInternal::Sparse(_) | VectorInternal::MultiDense(_) => None,
        },
        VectorStructInternal::Single(_) | VectorStructInternal::MultiDense(_) => None,
    }
}
