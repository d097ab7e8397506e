//! What a run adds to a search: everything but the search, over a service in memory that answers at once.

use std::num::NonZeroUsize;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use futures::stream;
use hyper_util::rt::TokioIo;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status};
use toolbeam_client::v1::search_service_server::{SearchService, SearchServiceServer};
use toolbeam_client::{Client, ClientConfig, v1};
use toolbeam_eval::{Record, RunFolder, RunSettings, Shard, Suite, go_on, load};

const RECORDS: usize = 200;

/// Answers every search with the same call.
struct Instant;

#[tonic::async_trait]
impl SearchService for Instant {
    type SearchStreamStream = stream::Empty<Result<v1::SearchEvent, Status>>;

    async fn search(&self, _: Request<v1::SearchRequest>) -> Result<Response<v1::SearchResponse>, Status> {
        let arguments = r#"{"city": "Oslo", "days": 3}"#.to_owned();
        let call = v1::FunctionCall { name: "getWeather".into(), arguments, id: String::new() };
        let answer = v1::Answer { calls: vec![call], ..Default::default() };
        Ok(Response::new(v1::SearchResponse { answers: vec![answer], ..Default::default() }))
    }

    async fn search_stream(
        &self,
        _: Request<v1::SearchRequest>,
    ) -> Result<Response<Self::SearchStreamStream>, Status> {
        Err(Status::unimplemented("not needed"))
    }

    async fn cancel_search(
        &self,
        _: Request<v1::CancelSearchRequest>,
    ) -> Result<Response<v1::CancelSearchResponse>, Status> {
        Err(Status::unimplemented("not needed"))
    }

    async fn get_model_info(
        &self,
        _: Request<v1::GetSearchModelsRequest>,
    ) -> Result<Response<v1::GetSearchModelsResponse>, Status> {
        Err(Status::unimplemented("not needed"))
    }
}

async fn channel() -> Channel {
    let (near, far) = tokio::io::duplex(64 * 1024);
    let incoming = stream::iter([Ok::<_, std::io::Error>(far)]);
    let service = SearchServiceServer::new(Instant);
    tokio::spawn(Server::builder().add_service(service).serve_with_incoming(incoming));
    let mut near = Some(near);
    let connect = tower::service_fn(move |_uri| {
        let connection = near.take().ok_or_else(|| std::io::Error::other("one connection"));
        async { connection.map(TokioIo::new) }
    });
    Endpoint::from_static("http://memory").connect_with_connector(connect).await.expect("connected")
}

/// Records of BFCL, whose checker judges the answers.
fn records() -> Vec<Record> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, line: &dyn Fn(usize) -> String| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("created");
        std::fs::write(path, (0..RECORDS).map(line).collect::<Vec<_>>().join("\n")).expect("written");
    };
    file("BFCL_v4_simple_python.json", &|index| {
        format!(
            r#"{{"id": "q{index}", "question": [[{{"role": "user", "content": "Weather?"}}]], "function": [{{"name": "getWeather", "description": "", "parameters": {{"type": "dict", "required": ["city"], "properties": {{"city": {{"type": "string", "description": ""}}, "days": {{"type": "integer", "description": ""}}}}}}}}]}}"#
        )
    });
    file("possible_answer/BFCL_v4_simple_python.json", &|index| {
        format!(
            r#"{{"id": "q{index}", "ground_truth": [{{"getWeather": {{"city": ["Oslo"], "days": [3, ""]}}}}]}}"#
        )
    });
    load(Suite::Bfcl, folder.path()).expect("records")
}

fn harness(criterion: &mut Criterion) {
    let records = records();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let client = Client::over(runtime.block_on(channel()), ClientConfig::default());
    let template = v1::SearchRequest::default();
    let settings = RunSettings::new("bfcl", &records, &template, v1::GetSearchModelsResponse::default());
    let mut group = criterion.benchmark_group("eval");
    group.throughput(Throughput::Elements(RECORDS as u64)).sample_size(10);
    group.bench_function("run", |bencher| {
        bencher.iter(|| {
            let folder = tempfile::tempdir().expect("a folder");
            let mut run = RunFolder::open(folder.path(), &settings, Shard::WHOLE, false).expect("opens");
            let all = (records.as_slice(), Shard::WHOLE);
            let going = go_on(&mut run, &client, all, &template, NonZeroUsize::MIN, |outcome| {
                assert_eq!(outcome.fault, None);
            });
            runtime.block_on(going).expect("written");
        });
    });
    group.finish();
}

criterion_group!(benches, harness);
criterion_main!(benches);
