//! Asking for searches, many at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use serde::Serialize;
use toolbeam_client::{Client, ClientConfig, ClientError, v1};

/// Searches that share a connection.
const PER_CONNECTION: usize = 32;

/// How to search.
#[derive(clap::Args, Clone, Serialize)]
pub(crate) struct AskingArgs {
    /// How many partial answers are retained (the paper's N).
    #[arg(long, short = 'n', default_value_t = 4)]
    num_beams: u32,
    /// How often each is continued (the paper's M).
    #[arg(long, short = 'm', default_value_t = 8)]
    expansions_per_beam: u32,
    /// The policy's temperature.
    #[arg(long, default_value_t = 0.8)]
    temperature: f32,
    /// The deadline of a search, in milliseconds.
    #[arg(long, default_value_t = 600_000, value_parser = clap::value_parser!(u64).range(1..))]
    timeout_ms: u64,
}

impl AskingArgs {
    /// A search for a prompt.
    pub(crate) fn request(&self, prompt: v1::Prompt, seed: u64) -> v1::SearchRequest {
        v1::SearchRequest {
            prompt: Some(prompt),
            strategy: Some(v1::Strategy {
                num_beams: Some(self.num_beams),
                expansions_per_beam: Some(self.expansions_per_beam),
                ..v1::Strategy::default()
            }),
            sampling: Some(v1::Sampling { temperature: Some(self.temperature), ..v1::Sampling::default() }),
            seed,
            validation: v1::Validation::Syntax.into(),
            ..v1::SearchRequest::default()
        }
    }

    /// The same under another deadline.
    pub(crate) fn within(&self, timeout_ms: u64) -> AskingArgs {
        AskingArgs { timeout_ms, ..self.clone() }
    }

    /// A connection of its own.
    pub(crate) async fn connect(&self, address: &str) -> Result<Client> {
        let deadline = Duration::from_millis(self.timeout_ms);
        let config =
            ClientConfig { deadline, connect_timeout: Duration::from_secs(10), ..Default::default() };
        Ok(Client::connect(address, config).await?)
    }

    /// Makes all the searches, of which `concurrency` are always in flight; replies in the order of
    /// the requests. A search that is refused is not made again.
    pub(crate) async fn all(
        &self,
        address: &str,
        requests: Vec<v1::SearchRequest>,
        concurrency: usize,
    ) -> Result<Vec<Reply>> {
        let (requests, next) = (Arc::new(requests), Arc::new(AtomicUsize::new(0)));
        let (mut callers, mut client) = (Vec::new(), self.connect(address).await?);
        for caller in 0..concurrency.min(requests.len()) {
            if caller > 0 && caller % PER_CONNECTION == 0 {
                client = self.connect(address).await?;
            }
            callers.push((client.clone(), Arc::clone(&requests), Arc::clone(&next)));
        }
        let callers: Vec<_> = callers
            .into_iter()
            .map(|(client, requests, next)| tokio::spawn(call(client, requests, next)))
            .collect();
        let mut replies = Vec::new();
        for caller in callers {
            replies.extend(caller.await?);
        }
        replies.sort_by_key(|(index, _)| *index);
        Ok(replies.into_iter().map(|(_, reply)| reply).collect())
    }
}

/// What came of a search.
pub(crate) struct Reply {
    /// When it was called for.
    pub(crate) start: Instant,
    /// From the call to the reply.
    pub(crate) seconds: f64,
    pub(crate) result: Result<v1::SearchResponse, ClientError>,
}

impl Reply {
    /// Makes a search.
    pub(crate) async fn of(client: &Client, request: v1::SearchRequest) -> Reply {
        let start = Instant::now();
        let result = client.search(request).await;
        Reply { start, seconds: start.elapsed().as_secs_f64(), result }
    }
}

/// Makes searches until none is left.
async fn call(
    client: Client,
    requests: Arc<Vec<v1::SearchRequest>>,
    next: Arc<AtomicUsize>,
) -> Vec<(usize, Reply)> {
    let mut replies = Vec::new();
    loop {
        let index = next.fetch_add(1, Ordering::Relaxed);
        let Some(request) = requests.get(index) else { return replies };
        replies.push((index, Reply::of(&client, request.clone()).await));
    }
}
