//! Passages as points, scopes as filters, and the requests.

use std::collections::HashMap;

use qdrant_client::Payload;
use qdrant_client::qdrant::{
    self, Condition, DeletePointsBuilder, FieldCondition, Filter, Match, NamedVectors,
    PayloadIncludeSelector, PointId, PointStruct, PointsIdsList, PrefetchQueryBuilder, Query,
    QueryPointsBuilder, Range, RrfBuilder, ScrollPointsBuilder, SearchParamsBuilder,
    UpsertPointsBuilder, Value, VectorInput, VectorsOutput, VectorsSelector, r#match::MatchValue,
    vector_output::Vector, with_payload_selector, with_vectors_selector,
};
use serde_json::Map;

use super::collection::{Client, HNSW_SEARCH};
use crate::conversation::{PassageId, TenantId};
use crate::embedding::similarity;
use crate::error::{Error, ErrorKind, OrError, Result};
use crate::knowledge::rank::{DEEPEST, RRF_K, depth};
use crate::knowledge::{Audience, Hit, IndexedPassage, Passage, Scope, VectorQuery, layout};

/// Points in one request: about a megabyte.
const WRITE_BATCH: usize = 256;
/// Points read or removed at once.
const PAGE: usize = 1000;

impl Client {
    pub(super) async fn upsert(
        &self,
        collection: &str,
        passages: Vec<IndexedPassage>,
    ) -> Result<()> {
        let mut points = Vec::with_capacity(passages.len());
        for passage in passages {
            points.push(point(passage)?);
        }
        for batch in points.chunks(WRITE_BATCH) {
            let request = UpsertPointsBuilder::new(collection, batch.to_vec()).wait(true);
            self.ask("write passages", || {
                self.qdrant.upsert_points(request.clone())
            })
            .await?;
        }
        Ok(())
    }

    pub(super) async fn remove(
        &self,
        collection: &str,
        tenant: &TenantId,
        ids: &[PassageId],
    ) -> Result<()> {
        for batch in ids.chunks(PAGE) {
            let ids = batch.iter().map(|id| point_id(tenant, id)).collect();
            let request = DeletePointsBuilder::new(collection)
                .points(PointsIdsList { ids })
                .wait(true);
            self.ask("remove passages", || {
                self.qdrant.delete_points(request.clone())
            })
            .await?;
        }
        Ok(())
    }

    pub(super) async fn list(
        &self,
        collection: &str,
        tenant: &TenantId,
    ) -> Result<Vec<(PassageId, String)>> {
        let fields = [layout::PASSAGE_ID, layout::CONTENT_HASH];
        let fields = PayloadIncludeSelector {
            fields: fields.map(String::from).into(),
        };
        let mut listed = Vec::new();
        let mut request = ScrollPointsBuilder::new(collection)
            .filter(Filter::must([of_tenant(tenant)]))
            .limit(PAGE as u32)
            .with_payload(with_payload_selector::SelectorOptions::Include(fields))
            .with_vectors(false);
        loop {
            let page = self
                .ask("list passages", || self.qdrant.scroll(request.clone()))
                .await?;
            for point in page.result {
                let text = |key: &str| point.payload.get(key)?.as_str();
                if let (Some(id), Some(hash)) =
                    (text(layout::PASSAGE_ID), text(layout::CONTENT_HASH))
                {
                    listed.push((id.as_str().into(), hash.to_owned()));
                }
            }
            match page.next_page_offset {
                Some(next) => request = request.offset(next),
                None => return Ok(listed),
            }
        }
    }

    pub(super) async fn export(
        &self,
        collection: &str,
        tenant: &TenantId,
    ) -> Result<Vec<(Passage, Vec<f32>)>> {
        let mut passages = Vec::new();
        let mut request = ScrollPointsBuilder::new(collection)
            .filter(Filter::must([of_tenant(tenant)]))
            .limit(WRITE_BATCH as u32)
            .with_payload(true)
            .with_vectors(with_vectors_selector::SelectorOptions::Include(dense_only()));
        loop {
            let page = self
                .ask("read passages", || self.qdrant.scroll(request.clone()))
                .await?;
            for point in page.result {
                let read = parts(point.payload, point.vectors.as_ref());
                passages.push(read.ok_or_else(|| self.unreadable())?);
            }
            match page.next_page_offset {
                Some(next) => request = request.offset(next),
                None => return Ok(passages),
            }
        }
    }

    fn unreadable(&self) -> Error {
        self.index_error(
            "holds a passage that cannot be read; build it again with QdrantStore::reindex",
        )
    }

    pub(super) async fn search(&self, collection: &str, query: &VectorQuery) -> Result<Vec<Hit>> {
        let filter = of_scope(&query.scope);
        let branch = |using: &str, vector: VectorInput| {
            PrefetchQueryBuilder::default()
                .query(Query::new_nearest(vector))
                .using(using)
                .filter(filter.clone())
                .limit(depth(query.limit) as u64)
        };
        let dense = branch(layout::DENSE, VectorInput::new_dense(query.dense.clone()))
            .params(SearchParamsBuilder::default().hnsw_ef(HNSW_SEARCH as u64));
        let mut request = QueryPointsBuilder::new(collection).add_prefetch(dense);
        if !query.sparse.indices.is_empty() {
            let vector =
                VectorInput::new_sparse(query.sparse.indices.clone(), query.sparse.values.clone());
            request = request.add_prefetch(branch(layout::SPARSE, vector));
        }
        // The server's first place counts as 0.
        let fusion = RrfBuilder::new().k(RRF_K as u32 + 1).build();
        let request = request
            .query(Query::new_rrf(fusion))
            .filter(filter.clone())
            .limit(query.limit.min(DEEPEST) as u64)
            .with_payload(true)
            .with_vectors(with_vectors_selector::SelectorOptions::Include(dense_only()));
        let answer = self
            .ask("search", || self.qdrant.query(request.clone()))
            .await?;
        let mut hits = Vec::with_capacity(answer.result.len());
        for point in answer.result {
            let read = parts(point.payload, point.vectors.as_ref());
            let (passage, dense) = read.ok_or_else(|| self.unreadable())?;
            if query.scope.allows(&passage) {
                hits.push(Hit {
                    passage,
                    score: point.score,
                    similarity: similarity(&dense, &query.dense),
                });
            }
        }
        hits.sort_by(|a, b| {
            let by_id = || a.passage.id.cmp(&b.passage.id);
            b.score.total_cmp(&a.score).then_with(by_id)
        });
        Ok(hits)
    }
}

fn point_id(tenant: &TenantId, passage: &PassageId) -> PointId {
    layout::point_id(tenant, passage).to_string().into()
}

fn point(indexed: IndexedPassage) -> Result<PointStruct> {
    let payload = layout::payload(&indexed.passage)
        .or_error(ErrorKind::Index, || "a passage cannot be written as JSON")?;
    let id = point_id(&indexed.passage.tenant, &indexed.passage.id);
    let mut vectors =
        NamedVectors::default().add_vector(layout::DENSE, qdrant::Vector::new_dense(indexed.dense));
    // A text of stop words only has no sparse vector; it is found by its dense one.
    if !indexed.sparse.indices.is_empty() {
        let sparse = qdrant::Vector::new_sparse(indexed.sparse.indices, indexed.sparse.values);
        vectors = vectors.add_vector(layout::SPARSE, sparse);
    }
    Ok(PointStruct::new(id, vectors, Payload::from(payload)))
}

/// The field is this word and nothing else. (`Condition::matches` turns a value with a space into a search for its
/// words, which other tenants' names may hold too.)
fn is(field: &str, value: &str) -> Condition {
    let keyword = Match {
        match_value: Some(MatchValue::Keyword(value.to_owned())),
    };
    FieldCondition {
        key: field.to_owned(),
        r#match: Some(keyword),
        ..FieldCondition::default()
    }
    .into()
}

fn of_tenant(tenant: &TenantId) -> Condition {
    is(layout::TENANT, tenant.as_str())
}

/// The conditions of a scope; tenant and validity are never left out.
fn of_scope(scope: &Scope) -> Filter {
    let now = layout::moment(scope.at) as f64;
    let from = Range {
        lte: Some(now),
        ..Range::default()
    };
    let to = Range {
        gt: Some(now),
        ..Range::default()
    };
    let mut must = vec![
        of_tenant(&scope.tenant),
        Condition::range(layout::VALID_FROM, from),
        Condition::range(layout::VALID_TO, to),
    ];
    if scope.audience == Audience::Customer {
        must.push(is(layout::AUDIENCE, layout::CUSTOMER));
    }
    if let Some(language) = &scope.language {
        must.push(is(layout::LANGUAGE, &layout::language(language)));
    }
    let should = match &scope.product {
        Some(product) => vec![
            is(layout::PRODUCT, &layout::product(product)),
            Condition::is_empty(layout::PRODUCT),
        ],
        None => Vec::new(),
    };
    Filter {
        must,
        should,
        ..Filter::default()
    }
}

fn dense_only() -> VectorsSelector {
    VectorsSelector {
        names: vec![layout::DENSE.to_owned()],
    }
}

/// The passage and the dense vector of a point; `None` where it is not one of ours.
fn parts(
    payload: HashMap<String, Value>,
    vectors: Option<&VectorsOutput>,
) -> Option<(Passage, Vec<f32>)> {
    let payload: Map<String, serde_json::Value> = Payload::from(payload).into();
    let passage = layout::passage(&payload)?;
    match vectors?.get_vector_by_name(layout::DENSE)? {
        Vector::Dense(vector) => Some((passage, vector.data)),
        _ => None,
    }
}
