//! A server that understands the part of Qdrant's gRPC interface that the adapter uses, on a real socket. It keeps
//! points in memory, filters by what stands in the request, and ranks exhaustively.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use ::qdrant_client::qdrant::collections_server::{Collections, CollectionsServer};
use ::qdrant_client::qdrant::points_server::{Points, PointsServer};
use ::qdrant_client::qdrant::value::Kind;
use ::qdrant_client::qdrant::{self as q, *};
use parking_lot::Mutex;
use tonic::{Request, Response, Status};

#[derive(Clone, Default)]
pub(super) struct Fake {
    pub(super) state: Arc<Mutex<State>>,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) collections: BTreeMap<String, Held>,
    pub(super) aliases: BTreeMap<String, String>,
    /// Answered instead of what was asked, one a request.
    pub(super) faults: VecDeque<Status>,
    pub(super) key: Option<String>,
    /// Names of the requests.
    pub(super) asked: Vec<&'static str>,
    pub(super) last_query: Option<QueryPoints>,
}

#[derive(Default)]
pub(super) struct Held {
    pub(super) made: CreateCollection,
    pub(super) indexes: BTreeMap<String, CreateFieldIndexCollection>,
    pub(super) points: BTreeMap<String, PointStruct>,
}

impl Fake {
    /// Serves on a free port until the process ends.
    pub(super) async fn serve(&self) -> String {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        self.serve_at(address);
        let waited = async {
            while tokio::net::TcpStream::connect(address).await.is_err() {
                tokio::task::yield_now().await;
            }
        };
        waited.await;
        format!("http://{address}")
    }

    pub(super) fn serve_at(&self, address: SocketAddr) -> tokio::task::JoinHandle<()> {
        let server = tonic::transport::Server::builder()
            .add_service(PointsServer::new(self.clone()))
            .add_service(CollectionsServer::new(self.clone()))
            .serve(address);
        tokio::spawn(async move { server.await.unwrap() })
    }

    fn take<T, R>(
        &self,
        name: &'static str,
        request: Request<T>,
        work: impl FnOnce(&mut State, T) -> Result<R, Status>,
    ) -> Result<Response<R>, Status> {
        let mut state = self.state.lock();
        state.asked.push(name);
        let given = request
            .metadata()
            .get("api-key")
            .and_then(|key| key.to_str().ok());
        if state.key.is_some() && state.key.as_deref() != given {
            return Err(Status::unauthenticated("Must provide an API key"));
        }
        if let Some(fault) = state.faults.pop_front() {
            return Err(fault);
        }
        work(&mut state, request.into_inner()).map(Response::new)
    }
}

impl State {
    fn held(&mut self, name: &str) -> Result<&mut Held, Status> {
        let name = self
            .aliases
            .get(name)
            .map_or(name, String::as_str)
            .to_owned();
        let missing =
            || Status::not_found(format!("Not found: Collection `{name}` doesn't exist!"));
        self.collections.get_mut(&name).ok_or_else(missing)
    }
}

type Answer<'a, R> = Pin<Box<dyn Future<Output = Result<Response<R>, Status>> + Send + 'a>>;

/// The methods of a service: those that are served, and the others.
macro_rules! methods {
    ($($name:ident($asked:ty) -> $answer:ty $(= $work:expr)?;)*) => {
        $(methods!(@one $name, $asked, $answer $(, $work)?);)*
    };
    (@one $name:ident, $asked:ty, $answer:ty, $work:expr) => {
        fn $name<'s, 'a>(&'s self, request: Request<$asked>) -> Answer<'a, $answer>
        where 's: 'a, Self: 'a {
            let work: fn(&mut State, $asked) -> Result<$answer, Status> = $work;
            let answer = self.take(stringify!($name), request, work);
            Box::pin(async move { answer })
        }
    };
    (@one $name:ident, $asked:ty, $answer:ty) => {
        fn $name<'s, 'a>(&'s self, _: Request<$asked>) -> Answer<'a, $answer>
        where 's: 'a, Self: 'a {
            Box::pin(async { Err(Status::unimplemented(stringify!($name))) })
        }
    };
}

impl Points for Fake {
    methods! {
        upsert(UpsertPoints) -> PointsOperationResponse = |state, asked| {
            assert_eq!(asked.wait, Some(true), "a write must be durable when it returns");
            let held = state.held(&asked.collection_name)?;
            held.points.extend(asked.points.into_iter().map(|p| (id(p.id.as_ref()), p)));
            Ok(PointsOperationResponse::default())
        };
        delete(DeletePoints) -> PointsOperationResponse = |state, asked| {
            assert_eq!(asked.wait, Some(true));
            let held = state.held(&asked.collection_name)?;
            let chosen = asked.points.and_then(|points| points.points_selector_one_of);
            let Some(points_selector::PointsSelectorOneOf::Points(list)) = chosen else {
                return Err(Status::unimplemented("delete by filter"));
            };
            for one in &list.ids {
                held.points.remove(&id(Some(one)));
            }
            Ok(PointsOperationResponse::default())
        };
        create_field_index(CreateFieldIndexCollection) -> PointsOperationResponse = |state, asked| {
            let held = state.held(&asked.collection_name)?;
            held.indexes.insert(asked.field_name.clone(), asked);
            Ok(PointsOperationResponse::default())
        };
        scroll(ScrollPoints) -> ScrollResponse = |state, asked| {
            let held = state.held(&asked.collection_name)?;
            let from = id(asked.offset.as_ref());
            let mut page = held.points.iter().filter(|(key, point)| {
                **key >= from && passes(asked.filter.as_ref(), point)
            });
            let limit = asked.limit.unwrap_or(10) as usize;
            let result = page.by_ref().take(limit).map(|(_, point)| RetrievedPoint {
                id: point.id.clone(),
                payload: point.payload.clone(),
                vectors: asked.with_vectors.is_some().then(|| dense_output(point)),
                ..RetrievedPoint::default()
            });
            let result = result.collect();
            let next_page_offset = page.next().and_then(|(_, point)| point.id.clone());
            Ok(ScrollResponse { result, next_page_offset, ..ScrollResponse::default() })
        };
        query(QueryPoints) -> QueryResponse = |state, asked| {
            state.last_query = Some(asked.clone());
            let held = state.held(&asked.collection_name)?;
            Ok(QueryResponse { result: fused(held, &asked)?, ..QueryResponse::default() })
        };
        get(GetPoints) -> GetResponse;
        update_vectors(UpdatePointVectors) -> PointsOperationResponse;
        delete_vectors(DeletePointVectors) -> PointsOperationResponse;
        set_payload(SetPayloadPoints) -> PointsOperationResponse;
        overwrite_payload(SetPayloadPoints) -> PointsOperationResponse;
        delete_payload(DeletePayloadPoints) -> PointsOperationResponse;
        clear_payload(ClearPayloadPoints) -> PointsOperationResponse;
        delete_field_index(DeleteFieldIndexCollection) -> PointsOperationResponse;
        create_vector_name(CreateVectorNameRequest) -> PointsOperationResponse;
        delete_vector_name(DeleteVectorNameRequest) -> PointsOperationResponse;
        search(SearchPoints) -> SearchResponse;
        search_batch(SearchBatchPoints) -> SearchBatchResponse;
        search_groups(SearchPointGroups) -> SearchGroupsResponse;
        recommend(RecommendPoints) -> RecommendResponse;
        recommend_batch(RecommendBatchPoints) -> RecommendBatchResponse;
        recommend_groups(RecommendPointGroups) -> RecommendGroupsResponse;
        discover(DiscoverPoints) -> DiscoverResponse;
        discover_batch(DiscoverBatchPoints) -> DiscoverBatchResponse;
        count(CountPoints) -> CountResponse;
        update_batch(UpdateBatchPoints) -> UpdateBatchResponse;
        query_batch(QueryBatchPoints) -> QueryBatchResponse;
        query_groups(QueryPointGroups) -> QueryGroupsResponse;
        facet(FacetCounts) -> FacetResponse;
        search_matrix_pairs(SearchMatrixPoints) -> SearchMatrixPairsResponse;
        search_matrix_offsets(SearchMatrixPoints) -> SearchMatrixOffsetsResponse;
    }
}

impl Collections for Fake {
    methods! {
        get(GetCollectionInfoRequest) -> GetCollectionInfoResponse = |state, asked| {
            let held = state.held(&asked.collection_name)?;
            let metadata = held.made.metadata.clone();
            let config = CollectionConfig { metadata, ..Default::default() };
            let schema = |field: &String| (field.clone(), PayloadSchemaInfo::default());
            let payload_schema = held.indexes.keys().map(schema).collect();
            let info = CollectionInfo { config: Some(config), payload_schema, ..Default::default() };
            Ok(GetCollectionInfoResponse { result: Some(info), time: 0.0 })
        };
        create(CreateCollection) -> CollectionOperationResponse = |state, asked| {
            let name = asked.collection_name.clone();
            if state.collections.contains_key(&name) {
                return Err(Status::already_exists(name));
            }
            state.collections.insert(name, Held { made: asked, ..Held::default() });
            Ok(CollectionOperationResponse { result: true, time: 0.0 })
        };
        delete(DeleteCollection) -> CollectionOperationResponse = |state, asked| {
            let result = state.collections.remove(&asked.collection_name).is_some();
            state.aliases.retain(|_, collection| *collection != asked.collection_name);
            Ok(CollectionOperationResponse { result, time: 0.0 })
        };
        update_aliases(ChangeAliases) -> CollectionOperationResponse = |state, asked| {
            for action in asked.actions.into_iter().filter_map(|one| one.action) {
                let alias_operations::Action::CreateAlias(alias) = action else {
                    return Err(Status::unimplemented("alias action"));
                };
                state.held(&alias.collection_name)?;
                state.aliases.insert(alias.alias_name, alias.collection_name);
            }
            Ok(CollectionOperationResponse { result: true, time: 0.0 })
        };
        list_aliases(ListAliasesRequest) -> ListAliasesResponse = |state, _| {
            let aliases = state.aliases.iter().map(|(alias, collection)| AliasDescription {
                alias_name: alias.clone(),
                collection_name: collection.clone(),
            });
            Ok(ListAliasesResponse { aliases: aliases.collect(), time: 0.0 })
        };
        collection_exists(CollectionExistsRequest) -> CollectionExistsResponse = |state, asked| {
            let exists = state.collections.contains_key(&asked.collection_name);
            Ok(CollectionExistsResponse { result: Some(CollectionExists { exists }), time: 0.0 })
        };
        list(ListCollectionsRequest) -> ListCollectionsResponse;
        update(UpdateCollection) -> CollectionOperationResponse;
        list_collection_aliases(ListCollectionAliasesRequest) -> ListAliasesResponse;
        collection_cluster_info(CollectionClusterInfoRequest) -> CollectionClusterInfoResponse;
        update_collection_cluster_setup(UpdateCollectionClusterSetupRequest)
            -> UpdateCollectionClusterSetupResponse;
        create_shard_key(CreateShardKeyRequest) -> CreateShardKeyResponse;
        delete_shard_key(DeleteShardKeyRequest) -> DeleteShardKeyResponse;
        list_shard_keys(ListShardKeysRequest) -> ListShardKeysResponse;
    }
}

fn id(id: Option<&PointId>) -> String {
    match id.and_then(|id| id.point_id_options.as_ref()) {
        Some(point_id::PointIdOptions::Uuid(uuid)) => uuid.clone(),
        Some(point_id::PointIdOptions::Num(number)) => number.to_string(),
        None => String::new(),
    }
}

/// Every condition, or an open panic: a filter that is not understood must not pass for none.
fn passes(filter: Option<&Filter>, point: &PointStruct) -> bool {
    let filter = filter.expect("no request goes without a filter");
    assert!(filter.must_not.is_empty() && filter.min_should.is_none() && !filter.must.is_empty());
    filter.must.iter().all(|one| holds(one, point))
        && (filter.should.is_empty() || filter.should.iter().any(|one| holds(one, point)))
}

fn holds(condition: &Condition, point: &PointStruct) -> bool {
    let kind = |key: &str| point.payload.get(key).and_then(|value| value.kind.as_ref());
    let field = match &condition.condition_one_of {
        Some(condition::ConditionOneOf::Field(field)) => field,
        Some(condition::ConditionOneOf::IsEmpty(field)) => {
            return match kind(&field.key) {
                None => true,
                Some(Kind::ListValue(list)) => list.values.is_empty(),
                other => panic!("{other:?}"),
            };
        }
        _ => panic!("{condition:?}"),
    };
    let matched = field
        .r#match
        .as_ref()
        .and_then(|wanted| wanted.match_value.as_ref());
    match (matched, &field.range, kind(&field.key)) {
        (Some(r#match::MatchValue::Keyword(word)), None, Some(Kind::StringValue(text))) => {
            word == text
        }
        (Some(r#match::MatchValue::Keyword(word)), None, Some(Kind::ListValue(list))) => {
            let wanted = Kind::StringValue(word.clone());
            list.values
                .iter()
                .any(|one| one.kind.as_ref() == Some(&wanted))
        }
        (Some(r#match::MatchValue::Keyword(_)), None, None) => false,
        (None, Some(range), Some(Kind::IntegerValue(number))) => {
            let number = *number as f64;
            range.lte.is_none_or(|most| number <= most)
                && range.gt.is_none_or(|least| number > least)
        }
        other => panic!("{other:?}"),
    }
}

fn vector<'a>(point: &'a PointStruct, name: &str) -> Option<&'a q::Vector> {
    match point.vectors.as_ref()?.vectors_options.as_ref()? {
        vectors::VectorsOptions::Vectors(named) => named.vectors.get(name),
        vectors::VectorsOptions::Vector(_) => None,
    }
}

fn dense(point: &PointStruct) -> &[f32] {
    match vector(point, "dense").and_then(|vector| vector.vector.as_ref()) {
        Some(vector::Vector::Dense(dense)) => &dense.data,
        other => panic!("{other:?}"),
    }
}

fn sparse(point: &PointStruct) -> HashMap<u32, f32> {
    match vector(point, "bm25").and_then(|vector| vector.vector.as_ref()) {
        Some(vector::Vector::Sparse(sparse)) => sparse
            .indices
            .iter()
            .copied()
            .zip(sparse.values.iter().copied())
            .collect(),
        _ => HashMap::new(),
    }
}

/// What the `idf` modifier does.
fn rarities(held: &Held, words: &[u32]) -> HashMap<u32, f32> {
    let mut counts: HashMap<u32, f32> = words.iter().map(|word| (*word, 0.0)).collect();
    for word in held
        .points
        .values()
        .flat_map(|point| sparse(point).into_keys())
    {
        if let Some(count) = counts.get_mut(&word) {
            *count += 1.0;
        }
    }
    let total = held.points.len() as f32;
    for count in counts.values_mut() {
        *count = ((total - *count + 0.5) / (*count + 0.5) + 1.0).ln();
    }
    counts
}

/// What a nearest-neighbour branch finds, best first.
fn branch<'a>(held: &'a Held, asked: &PrefetchQuery) -> Vec<&'a String> {
    let Some(query::Variant::Nearest(input)) =
        asked.query.as_ref().and_then(|q| q.variant.as_ref())
    else {
        panic!("{asked:?}");
    };
    let words = match input.variant.as_ref() {
        Some(vector_input::Variant::Sparse(wanted)) => rarities(held, &wanted.indices),
        _ => HashMap::new(),
    };
    let score = |point: &PointStruct| -> Option<f32> {
        match (input.variant.as_ref()?, asked.using.as_deref()) {
            (vector_input::Variant::Dense(wanted), Some("dense")) => Some(
                wanted
                    .data
                    .iter()
                    .zip(dense(point))
                    .map(|(a, b)| a * b)
                    .sum(),
            ),
            (vector_input::Variant::Sparse(wanted), Some("bm25")) => {
                let has = sparse(point);
                let weighed = wanted.indices.iter().zip(&wanted.values);
                let parts = weighed
                    .filter_map(|(word, weight)| Some(weight * words[word] * has.get(word)?));
                Some(parts.sum::<f32>()).filter(|score| *score > 0.0)
            }
            other => panic!("{other:?}"),
        }
    };
    let visible = held
        .points
        .iter()
        .filter(|(_, point)| passes(asked.filter.as_ref(), point));
    let mut list: Vec<_> = visible
        .filter_map(|(id, point)| Some((id, score(point)?)))
        .collect();
    list.sort_by(|a, b| b.1.total_cmp(&a.1));
    list.truncate(asked.limit.unwrap_or(10) as usize);
    list.into_iter().map(|(id, _)| id).collect()
}

fn fused(held: &Held, asked: &QueryPoints) -> Result<Vec<ScoredPoint>, Status> {
    let Some(query::Variant::Rrf(rrf)) = asked.query.as_ref().and_then(|q| q.variant.as_ref())
    else {
        return Err(Status::unimplemented("other fusions"));
    };
    let k = rrf.k.unwrap_or(2) as f32;
    let mut scores: BTreeMap<&String, f32> = BTreeMap::new();
    for list in asked.prefetch.iter().map(|prefetch| branch(held, prefetch)) {
        for (place, id) in list.into_iter().enumerate() {
            *scores.entry(id).or_default() += 1.0 / (k + place as f32);
        }
    }
    let mut list: Vec<_> = scores.into_iter().collect();
    list.sort_by(|a, b| b.1.total_cmp(&a.1));
    list.truncate(asked.limit.unwrap_or(10) as usize);
    Ok(list
        .into_iter()
        .map(|(id, score)| found(&held.points[id], score))
        .collect())
}

fn dense_output(point: &PointStruct) -> VectorsOutput {
    let data = dense(point).to_vec();
    let output = VectorOutput {
        vector: Some(vector_output::Vector::Dense(DenseVector { data })),
        ..VectorOutput::default()
    };
    let vectors = HashMap::from([("dense".to_owned(), output)]);
    let named = vectors_output::VectorsOptions::Vectors(NamedVectorsOutput { vectors });
    VectorsOutput {
        vectors_options: Some(named),
    }
}

fn found(point: &PointStruct, score: f32) -> ScoredPoint {
    ScoredPoint {
        id: point.id.clone(),
        payload: point.payload.clone(),
        score,
        vectors: Some(dense_output(point)),
        ..ScoredPoint::default()
    }
}
