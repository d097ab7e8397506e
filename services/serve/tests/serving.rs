//! Serving over memory and TCP: health, shutdown, unreachable peers, deadlines.

use std::time::Duration;

use prost::Message;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tonic::metadata::MetadataMap;
use tonic::service::Routes;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use toolbeam_proto::v1::GetModelInfoRequest;
use toolbeam_proto::v1::policy_service_client::PolicyServiceClient;
use toolbeam_serve::{
    CancellationToken, ChannelConfig, Health, LateRoutes, Listener, ServeError, Server, ServerConfig,
    connect_lazy, deadline, memory, violations, within,
};

struct Running {
    health: Health,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<Result<(), ServeError>>,
}

async fn start(listener: Listener, drain_ms: u64) -> Running {
    let health = Health::new(&["toolbeam.v1.PolicyService"]).await;
    let config = ServerConfig { drain_ms, ..ServerConfig::default() };
    let server = Server {
        config,
        services: Routes::default(),
        health: health.clone(),
        overdue: CancellationToken::new(),
    };
    let (stop, stopped) = oneshot::channel();
    let ended = tokio::spawn(server.run(listener, async {
        let _ = stopped.await;
    }));
    Running { health, stop, ended }
}

async fn health_of(channel: &Channel, service: &str) -> Result<ServingStatus, Status> {
    let request = HealthCheckRequest { service: service.to_owned() };
    let reply = HealthClient::new(channel.clone()).check(request).await?;
    Ok(reply.into_inner().status())
}

/// Health follows the service and the server ends when told, whatever it listens on.
async fn check_life(listener: Listener, channel: Channel) {
    let running = start(listener, 5_000).await;
    for service in ["", "toolbeam.v1.PolicyService"] {
        let status = health_of(&channel, service).await;
        assert_eq!(status.ok(), Some(ServingStatus::NotServing), "{service:?} before warm-up");
        running.health.serving().await;
        let status = health_of(&channel, service).await;
        assert_eq!(status.ok(), Some(ServingStatus::Serving), "{service:?} after warm-up");
        running.health.not_serving().await;
    }
    let unknown = health_of(&channel, "toolbeam.v1.Nothing").await;
    assert_eq!(unknown.map_err(|status| status.code()), Err(Code::NotFound));

    running.stop.send(()).expect("the server waits for this");
    let ended = tokio::time::timeout(Duration::from_secs(5), running.ended).await;
    ended.expect("it drains in time").expect("it does not panic").expect("it ends well");
    let gone = health_of(&channel, "").await;
    assert_eq!(gone.map_err(|status| status.code()), Err(Code::Unavailable));
}

#[tokio::test]
async fn a_server_lives_and_ends_in_memory() {
    let (connector, listener) = memory();
    let channel = connector.channel(&ChannelConfig::default());
    check_life(listener, channel).await;
}

#[tokio::test]
async fn a_server_lives_and_ends_on_a_socket() {
    let listener = Listener::tcp("127.0.0.1:0").await.expect("a free port");
    let address = listener.address().expect("a bound socket").to_string();
    let channel = connect_lazy(&address, &ChannelConfig::default()).expect("an address");
    check_life(listener, channel).await;
}

#[tokio::test]
async fn calls_that_never_end_do_not_hold_a_shutdown() {
    let (connector, listener) = memory();
    let channel = connector.channel(&ChannelConfig::default());
    let running = start(listener, 200).await;
    let request = HealthCheckRequest { service: String::new() };
    let watching = HealthClient::new(channel).watch(request).await.expect("watched");
    running.stop.send(()).expect("the server waits for this");
    let began = Instant::now();
    running.ended.await.expect("it does not panic").expect("it ends well");
    assert!(began.elapsed() >= Duration::from_millis(190), "the drain time was not granted");
    assert!(began.elapsed() < Duration::from_secs(5), "the drain time was not enforced");
    drop(watching);
}

/// A search that ends gives up its calls, and a server without time sees them begin and end at once.
#[tokio::test]
async fn calls_given_up_do_not_cost_others_their_connection() {
    let (connector, listener) = memory();
    let channel = connector.channel(&ChannelConfig::within());
    let (stall, mut stalled) = tokio::sync::mpsc::channel::<()>(1);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let running = start(listener, 0).await;
            running.health.serving().await;
            let _ = stalled.recv().await;
            // The server's only thread: nothing is accepted meanwhile.
            std::thread::sleep(Duration::from_millis(600));
            running.health.not_serving().await;
            let _ = stalled.recv().await;
        });
    });
    let request = HealthCheckRequest { service: String::new() };
    let watching = HealthClient::new(channel.clone()).watch(request).await.expect("watched");
    let mut statuses = watching.into_inner();
    let first = statuses.message().await.expect("the connection holds").expect("a status");
    assert_eq!(first.status(), ServingStatus::Serving);
    stall.send(()).await.expect("the server waits for this");
    tokio::time::sleep(Duration::from_millis(100)).await;
    let call = |_| {
        tokio::spawn({
            let channel = channel.clone();
            async move { health_of(&channel, "").await }
        })
    };
    let calls: Vec<_> = (0..1000).map(call).collect();
    tokio::time::sleep(Duration::from_millis(100)).await;
    calls.iter().for_each(JoinHandle::abort);
    let then = statuses.message().await.expect("the connection holds").expect("a status");
    assert_eq!(then.status(), ServingStatus::NotServing);
    let status = health_of(&channel, "").await;
    assert_eq!(status.ok(), Some(ServingStatus::NotServing));
    drop(stall);
}

#[tokio::test]
async fn a_dead_peer_is_unavailable_in_time() {
    // Bound and never accepted from: the handshake is never answered.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = silent.local_addr().expect("a bound socket").to_string();
    let config =
        ChannelConfig { connect_timeout_ms: 500, keep_alive_interval_ms: 200, keep_alive_timeout_ms: 200 };
    let channel = connect_lazy(&address, &config).expect("an address");
    let reply = tokio::time::timeout(Duration::from_secs(5), health_of(&channel, "")).await;
    let status = reply.expect("the call does not hang").expect_err("nobody answers");
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
}

#[tokio::test]
async fn addresses_that_cannot_be_had_are_named() {
    let taken = Listener::tcp("127.0.0.1:0").await.expect("a free port");
    let address = taken.address().expect("a bound socket").to_string();
    let error = Listener::tcp(&address).await.expect_err("it is taken").to_string();
    assert!(error.contains(&address), "{error}");
    let error =
        connect_lazy("not an address", &ChannelConfig::default()).expect_err("it is no URI").to_string();
    assert!(error.contains("not an address") && error.contains("host:port"), "{error}");
}

#[tokio::test]
async fn deadlines_are_read_and_enforced() {
    let with = |value: &str| {
        let mut request = Request::new(());
        let value = value.parse().expect("an ASCII value");
        request.metadata_mut().insert(toolbeam_serve::TIMEOUT_HEADER, value);
        request.metadata().clone()
    };
    assert!(deadline(&MetadataMap::new()).expect("no limit is no error").is_none());
    let refused = deadline(&with("soon")).expect_err("no timeout");
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert_eq!(violations(&refused)[0].field, "grpc-timeout");

    let soon = deadline(&with("50m")).expect("a timeout");
    let late = within(soon, std::future::pending::<()>()).await.expect_err("never ready");
    assert_eq!(late.code(), Code::DeadlineExceeded);
    assert_eq!(within(soon, async { 7 }).await.expect("ready at once"), 7);
    assert_eq!(within(None, async { 7 }).await.expect("no limit"), 7);
}

/// The services that reflection lists, or the fields' names of a symbol's file.
async fn reflected(channel: &Channel, asked: MessageRequest) -> Vec<String> {
    let request = ServerReflectionRequest { host: String::new(), message_request: Some(asked) };
    let mut client = ServerReflectionClient::new(channel.clone());
    let stream =
        client.server_reflection_info(tokio_stream::once(request)).await.expect("reflection is served");
    let reply = stream.into_inner().message().await.expect("a reply").expect("one");
    match reply.message_response.expect("an answer") {
        MessageResponse::ListServicesResponse(list) => {
            list.service.into_iter().map(|service| service.name).collect()
        }
        MessageResponse::FileDescriptorResponse(files) => {
            let files = files.file_descriptor_proto.iter();
            files
                .map(|file| {
                    prost_types::FileDescriptorProto::decode(&file[..]).expect("a file").name().to_owned()
                })
                .collect()
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn reflection_lists_what_is_served_and_describes_it() {
    let (connector, listener) = memory();
    let channel = connector.channel(&ChannelConfig::default());
    let _running = start(listener, 5_000).await;
    let mut services = reflected(&channel, MessageRequest::ListServices(String::new())).await;
    services.retain(|name| !name.starts_with("grpc.reflection."));
    services.sort();
    assert_eq!(services, ["grpc.health.v1.Health", "toolbeam.v1.PolicyService"]);
    let symbol = MessageRequest::FileContainingSymbol("toolbeam.v1.PolicyService".to_owned());
    assert_eq!(reflected(&channel, symbol).await, ["toolbeam/v1/policy.proto"]);
}

#[tokio::test]
async fn late_routes_are_unavailable_until_they_are_filled() {
    let late = LateRoutes::default();
    let (connector, listener) = memory();
    let channel = connector.channel(&ChannelConfig::default());
    let (health, overdue) = (Health::new(&[]).await, CancellationToken::new());
    let server = Server { config: ServerConfig::default(), services: late.routes(), health, overdue };
    tokio::spawn(server.run(listener, std::future::pending()));
    assert_eq!(health_of(&channel, "").await.ok(), Some(ServingStatus::NotServing));
    let models = async || {
        let mut client = PolicyServiceClient::new(channel.clone());
        client.get_model_info(GetModelInfoRequest {}).await.expect_err("no such service").code()
    };
    assert_eq!(models().await, Code::Unavailable);
    late.fill(Routes::default());
    assert_eq!(models().await, Code::Unimplemented);
}
