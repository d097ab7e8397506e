//! What happens in a search, as it happens.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use tonic::Streaming;
use toolbeam_proto::v1;
use toolbeam_proto::v1::search_event::{self, Committed, Expanded, Scored};

use crate::error::ClientError;

/// The events of one search. Dropping them cancels it.
#[derive(Debug)]
pub struct Events {
    stream: Streaming<v1::SearchEvent>,
    began: Instant,
    deadline: Duration,
}

/// Something that happened in a search.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// The search.
    pub search_id: String,
    /// Counted from 1 without gaps.
    pub sequence: u64,
    /// Counted from 1.
    pub round: u32,
    /// What happened.
    pub happening: Happening,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Happening {
    /// A beam was expanded.
    Expanded(Expanded),
    /// A beam's candidates were scored.
    Scored(Scored),
    /// A round was pruned: each candidate with its fate.
    Pruned(v1::RoundTrace),
    /// Whatever the search returns begins with these steps.
    Committed(Committed),
    /// The search ended. Nothing follows.
    Finished(Box<v1::SearchResponse>),
}

impl Events {
    pub(crate) fn new(stream: Streaming<v1::SearchEvent>, began: Instant, deadline: Duration) -> Events {
        Events { stream, began, deadline }
    }

    /// The next event; `None` after the last. Cancel-safe.
    ///
    /// # Errors
    /// As for [`Client::search`](crate::Client::search). Nothing follows an error.
    pub async fn next(&mut self) -> Result<Option<Event>, ClientError> {
        loop {
            let message = match timeout_at(self.began + self.deadline, self.stream.message()).await {
                Ok(Ok(Some(message))) => message,
                Ok(Ok(None)) => return Ok(None),
                Ok(Err(status)) => return Err(ClientError::of_call(status, self.began, self.deadline)),
                Err(_elapsed) => return Err(ClientError::Deadline { deadline: self.deadline }),
            };
            let v1::SearchEvent { search_id, sequence, round, event } = message;
            // A kind of event that a newer service knows is passed over.
            let Some(event) = event else { continue };
            return Ok(Some(Event { search_id, sequence, round, happening: happening(event) }));
        }
    }
}

fn happening(event: search_event::Event) -> Happening {
    match event {
        search_event::Event::Expanded(expanded) => Happening::Expanded(expanded),
        search_event::Event::Scored(scored) => Happening::Scored(scored),
        search_event::Event::Pruned(pruned) => Happening::Pruned(pruned.round.unwrap_or_default()),
        search_event::Event::Committed(committed) => Happening::Committed(committed),
        search_event::Event::Finished(response) => Happening::Finished(Box::new(response)),
    }
}
