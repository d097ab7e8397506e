//! One search, from its request to its end.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use toolbeam_actors::{Admission, Ending, SearchHandle, SearchId, SearchSpec};
use toolbeam_proto::v1;
use toolbeam_search::{Failure, Note, Outcome, StopReason};
use toolbeam_serve::{MAX_SEARCH_ID_BYTES, excerpt};

use crate::confidence::Confidence;
use crate::error::GatewayError;
use crate::gateway::Gateway;
use crate::models::Models;
use crate::request::{self, Plan};
use crate::reserve::Reserve;
use crate::response::{Circumstances, response};
use crate::trace;
use crate::upstream::{GrpcPolicy, GrpcScorer, Release, Session};

/// The largest part of a search's time that is kept for writing the response.
const LARGEST_MARGIN: Duration = Duration::from_millis(10);

/// How much of a search's id is in its name at the services: with what follows, no more than they take.
const NAMED_BYTES: usize = MAX_SEARCH_ID_BYTES - 17;

/// A search that runs. Dropping it cancels the search.
#[derive(Debug)]
pub(crate) struct Running {
    handle: SearchHandle,
    policy: Arc<Session>,
    scorer: Arc<Session>,
    time: Time,
    reserve: Arc<Reserve>,
    confidence: Confidence,
    /// The request, if the caller wants it back.
    carried_out: Option<Box<v1::SearchRequest>>,
    /// Cancelled when the gateway ends the searches that still run.
    overdue: CancellationToken,
}

/// When a search began and when it must be over.
#[derive(Debug, Clone, Copy)]
struct Time {
    began: Instant,
    deadline: Instant,
}

/// How a search ended, for whoever watched it.
#[derive(Debug)]
pub(crate) struct Ended {
    /// What happened and was not read in time, in order.
    pub(crate) unread: Vec<Note>,
    /// The response, without rounds.
    pub(crate) response: Result<v1::SearchResponse, GatewayError>,
}

impl Gateway {
    /// Searches. Dropping the future cancels the search.
    pub(crate) async fn search(
        &self,
        request: v1::SearchRequest,
        deadline: Option<Instant>,
    ) -> Result<v1::SearchResponse, GatewayError> {
        let watched = request.trace;
        let mut running = self.begin(request, deadline, watched).await?;
        let notes = running.notes();
        let (ended, mut rounds) = tokio::join!(running.end(), rounds(notes));
        rounds.extend(ended.unread.iter().filter_map(round));
        Ok(v1::SearchResponse { rounds, ..ended.response? })
    }

    /// Begins a search, once everything about it is known to be possible. Dropping the future
    /// gives it up.
    pub(crate) async fn begin(
        &self,
        request: v1::SearchRequest,
        deadline: Option<Instant>,
        watched: bool,
    ) -> Result<Running, GatewayError> {
        let began = Instant::now();
        let plan = request::read(request, &self.config)?;
        let limit = began + plan.max_duration;
        let time = Time { began, deadline: deadline.map_or(limit, |deadline| deadline.min(limit)) };
        let id = SearchId::from(plan.id.as_str());
        let admission = self.engine.admit(id).map_err(GatewayError::of_engine)?;
        let given_up = admission.cancelled();
        tokio::select! {
            biased;
            () = given_up => Err(cancelled(&self.overdue)),
            begun = timeout_at(time.deadline, self.begin_admitted(plan, admission, time, watched)) => {
                begun.map_err(|_elapsed| GatewayError::DeadlineExceeded)?
            }
        }
    }

    async fn begin_admitted(
        &self,
        mut plan: Plan,
        admission: Admission,
        time: Time,
        watched: bool,
    ) -> Result<Running, GatewayError> {
        let end = time.end();
        let models = Models::ask(&self.policy, &self.scorer, Some(end)).await?;
        let confidence = models.check(&mut plan)?;
        let carried_out = plan.carried_out;
        let prompt = Arc::new(plan.prompt);
        // The search's name at the services is never used twice, whatever ids callers choose.
        let name = format!("{}/{:016x}", excerpt(&plan.id, NAMED_BYTES), rand::random::<u64>());
        let release = Arc::new(Release::new(name.clone(), self.policy.clone(), self.scorer.clone()));
        let session = |peer, model| Session::new(peer, name.clone(), model, prompt.clone(), release.clone());
        let policy = Arc::new(session("policy", &models.policy));
        let scorer = Arc::new(session("scorer", &models.scorer));
        let drawing = plan.drawing;
        let spec = SearchSpec {
            settings: plan.settings,
            policy: Arc::new(GrpcPolicy::new(self.policy.clone(), policy.clone(), drawing)),
            scorer: Arc::new(GrpcScorer::new(self.scorer.clone(), scorer.clone(), drawing.deterministic)),
            deadline: Some(end.into_std()),
            reserve: self.reserve.of(time.whole()),
            watched,
        };
        let handle = self.engine.search(admission, spec).map_err(GatewayError::of_engine)?;
        let (reserve, overdue) = (Arc::clone(&self.reserve), self.overdue.clone());
        Ok(Running { handle, policy, scorer, time, reserve, confidence, carried_out, overdue })
    }
}

impl Running {
    /// The search.
    pub(crate) fn id(&self) -> String {
        self.handle.id.to_string()
    }

    /// What happens meanwhile; nothing if the search is not watched. Gives it once.
    pub(crate) fn notes(&mut self) -> mpsc::Receiver<Note> {
        self.handle.notes.take().unwrap_or_else(|| mpsc::channel(1).1)
    }

    /// Waits for the end, which comes before the deadline.
    pub(crate) async fn end(mut self) -> Ended {
        let ending = match timeout_at(self.time.deadline, self.handle.ending()).await {
            Ok(ending) => ending.map_err(GatewayError::of_engine),
            Err(_elapsed) => Err(GatewayError::DeadlineExceeded),
        };
        self.learn(&ending);
        match ending {
            Ok(Ending { outcome, unread }) => Ended { unread, response: self.response(outcome) },
            Err(error) => Ended { unread: Vec::new(), response: Err(error) },
        }
    }

    /// What an answer took, or what was too little for one.
    fn learn(&self, ending: &Result<Ending, GatewayError>) {
        let late = match ending {
            Ok(Ending { outcome, .. }) => match outcome.stop_reason {
                StopReason::Cancelled => return,
                StopReason::Deadline | StopReason::Failed(Failure::DeadlineExceeded) => true,
                _ => false,
            },
            Err(error) => matches!(error, GatewayError::DeadlineExceeded),
        };
        let answered = ending.as_ref().is_ok_and(|ending| !ending.outcome.answers.is_empty());
        if answered {
            self.reserve.learn(self.policy.waited() + self.scorer.waited());
        } else if late {
            self.reserve.learn(self.time.whole());
        }
    }

    fn response(&self, outcome: Outcome) -> Result<v1::SearchResponse, GatewayError> {
        if outcome.stop_reason == StopReason::Cancelled {
            return Err(cancelled(&self.overdue));
        }
        let circumstances = Circumstances {
            search_id: self.id(),
            fingerprints: v1::ModelFingerprints {
                policy: self.policy.used_fingerprint(),
                scorer: self.scorer.used_fingerprint(),
            },
            rounds: Vec::new(),
            confidence: self.confidence,
            carried_out: self.carried_out.as_deref().cloned(),
            expand_time: self.policy.waited(),
            score_time: self.scorer.waited(),
            total_time: self.time.began.elapsed(),
        };
        response(outcome, circumstances)
    }
}

/// Who cancelled: the gateway that goes down, or a caller.
fn cancelled(overdue: &CancellationToken) -> GatewayError {
    if overdue.is_cancelled() { GatewayError::GoingDown } else { GatewayError::Cancelled }
}

impl Time {
    fn whole(self) -> Duration {
        self.deadline.saturating_duration_since(self.began)
    }

    /// When the search itself must have ended, so that its response arrives in time.
    fn end(self) -> Instant {
        self.deadline - LARGEST_MARGIN.min(self.whole() / 10)
    }
}

/// The rounds that a search goes through, until it ends.
async fn rounds(mut notes: mpsc::Receiver<Note>) -> Vec<v1::RoundTrace> {
    let mut rounds = Vec::new();
    while let Some(note) = notes.recv().await {
        rounds.extend(round(&note));
    }
    rounds
}

fn round(note: &Note) -> Option<v1::RoundTrace> {
    match note {
        Note::Pruned(trace) => Some(trace::round(trace)),
        Note::Expanded { .. } | Note::Scored { .. } | Note::Committed { .. } => None,
    }
}
