//! A beam: asks the policy for its continuations, merges them, and asks the scorer about the
//! candidates. It decides nothing; it answers the coordinator with events.
//!
//! A beam node ends with its lease, which the coordinator holds, and its port's futures end with
//! it: they are the actor's own futures, where a plain `ResponseFuture` would be left to the
//! arbiter and outlive it. If it panics, its mailbox closes, which is what the coordinator sees.

use std::sync::Arc;

use actix::prelude::*;
use tokio_util::sync::CancellationToken;
use toolbeam_search::{Answer, BeamId, Draw, Event, Expansion, expand};

use crate::census::Counted;
use crate::port::{ExpandRequest, ScoreRequest};
use crate::reach::Reach;

/// Requests that wait for a beam node. A beam has one at a time.
const MAILBOX_CAPACITY: usize = 2;

/// Continue the beam's answer. Replies with `Expanded` or `Failed`.
#[derive(Message)]
#[rtype(result = "Event")]
pub(crate) struct ExpandBeam {
    pub(crate) answer: Arc<Answer>,
    pub(crate) first: u32,
    pub(crate) expansions: u32,
    pub(crate) draw: Draw,
}

/// Find the candidates' rewards. Replies with `Scored` or `Failed`.
#[derive(Message)]
#[rtype(result = "Event")]
pub(crate) struct ScoreCandidates {
    pub(crate) candidates: Vec<Expansion>,
}

/// See the module.
pub(crate) struct BeamNode {
    beam: BeamId,
    reach: Reach,
    lease: CancellationToken,
    _counted: Counted,
}

impl BeamNode {
    pub(crate) fn new(beam: BeamId, reach: Reach, lease: CancellationToken) -> BeamNode {
        let _counted = Counted::new(&reach.living.beam_nodes);
        BeamNode { beam, reach, lease, _counted }
    }
}

impl Actor for BeamNode {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX_CAPACITY);
        let over = self.lease.clone().cancelled_owned();
        ctx.spawn(over.into_actor(self).map(|(), _, ctx| ctx.stop()));
    }
}

impl Handler<ExpandBeam> for BeamNode {
    type Result = ResponseActFuture<Self, Event>;

    fn handle(&mut self, message: ExpandBeam, _: &mut Self::Context) -> Self::Result {
        let ExpandBeam { answer, first, expansions, draw } = message;
        let beam = self.beam;
        let request = ExpandRequest {
            search: self.reach.id.clone(),
            answer: Arc::clone(&answer),
            first,
            expansions,
            draw,
            deadline: self.reach.deadline,
        };
        let reply = self.reach.run(|| self.reach.policy.expand(request));
        Box::pin(reply.into_actor(self).map(move |reply, _, _| match reply {
            Ok(reply) => {
                let (expansions, dropped) = expand(&answer, reply.continuations, draw);
                Event::Expanded { beam, expansions, dropped, usage: reply.usage }
            }
            Err(failure) => Event::Failed { beam, failure },
        }))
    }
}

impl Handler<ScoreCandidates> for BeamNode {
    type Result = ResponseActFuture<Self, Event>;

    fn handle(&mut self, message: ScoreCandidates, _: &mut Self::Context) -> Self::Result {
        let beam = self.beam;
        let request = ScoreRequest {
            search: self.reach.id.clone(),
            candidates: message
                .candidates
                .into_iter()
                .map(|candidate| (candidate.answer, candidate.new_steps.start))
                .collect(),
            deadline: self.reach.deadline,
        };
        let reply = self.reach.run(|| self.reach.scorer.score(request));
        Box::pin(reply.into_actor(self).map(move |reply, _, _| match reply {
            Ok(reply) => Event::Scored { beam, judgements: reply.judgements, usage: reply.usage },
            Err(failure) => Event::Failed { beam, failure },
        }))
    }
}
