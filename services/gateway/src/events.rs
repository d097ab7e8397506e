//! A search as a stream of events.

use futures::{StreamExt, stream};
use tokio::sync::{mpsc, oneshot};
use tonic::Status;
use toolbeam_proto::v1;
use toolbeam_proto::v1::search_event::{Committed, Event, Expanded, Pruned, Scored};
use toolbeam_search::Note;

use crate::error::{GatewayError, ReplyStream};
use crate::running::{Ended, Running};
use crate::step;
use crate::trace;

/// What the stream is made of.
enum Told {
    Note(Note),
    Finished(Box<v1::SearchResponse>),
}

/// The events of a search, numbered from 1; the last carries the response. An error ends the stream.
/// Dropping the stream cancels the search. `after` is told how the search ended when it does, which
/// may be before the stream is read.
pub(crate) fn events(
    mut running: Running,
    after: impl FnOnce(&Result<v1::SearchResponse, GatewayError>) + Send + 'static,
) -> ReplyStream<v1::SearchEvent> {
    let search_id = running.id();
    let notes = running.notes();
    let (mut tell, ended) = oneshot::channel();
    // The end is not left to the reader: what the search holds is freed in time even if nobody reads.
    tokio::spawn(async move {
        let ended = tokio::select! {
            () = tell.closed() => return,
            ended = running.end() => ended,
        };
        after(&ended.response);
        // A reader that has gone in the meantime does not want to know.
        drop(tell.send(ended));
    });
    let numbered = all(notes, ended).zip(stream::iter(1..));
    let events = numbered.map(move |(told, sequence)| {
        told.map(|told| event(search_id.clone(), sequence, told)).map_err(Status::from)
    });
    events.boxed()
}

/// The notes as they come, those that were left at the end, and the end.
fn all(
    notes: mpsc::Receiver<Note>,
    ended: oneshot::Receiver<Ended>,
) -> impl stream::Stream<Item = Result<Told, GatewayError>> + Send {
    let notes = stream::unfold(notes, async |mut notes| Some((Ok(Told::Note(notes.recv().await?)), notes)));
    let rest = stream::once(ended).flat_map(|ended| {
        let ended = ended.unwrap_or_else(|_panicked| Ended {
            unread: Vec::new(),
            response: Err(GatewayError::Lost("the search was lost; try again".to_owned())),
        });
        let finished = ended.response.map(|response| Told::Finished(Box::new(response)));
        stream::iter(ended.unread.into_iter().map(|note| Ok(Told::Note(note))).chain([finished]))
    });
    notes.chain(rest)
}

fn event(search_id: String, sequence: u64, told: Told) -> v1::SearchEvent {
    let (round, event) = match told {
        Told::Note(Note::Expanded { round, beam, candidates, .. }) => {
            (round, Event::Expanded(Expanded { beam: beam.0, candidates }))
        }
        Told::Note(Note::Scored { round, beam, candidates }) => {
            let candidates = candidates.iter().map(trace::candidate).collect();
            (round, Event::Scored(Scored { beam: beam.0, candidates }))
        }
        Told::Note(Note::Pruned(pruned)) => {
            (pruned.round, Event::Pruned(Pruned { round: Some(trace::round(&pruned)) }))
        }
        Told::Note(Note::Committed { round, first_step, steps }) => {
            let steps = steps.iter().map(step::to_proto).collect();
            // The grammar bounds an answer to far fewer steps.
            let first_step = u32::try_from(first_step).unwrap_or(u32::MAX);
            (round, Event::Committed(Committed { first_step, steps }))
        }
        Told::Finished(response) => (response.usage.unwrap_or_default().rounds, Event::Finished(*response)),
    };
    v1::SearchEvent { search_id, sequence, round, event: Some(event) }
}
