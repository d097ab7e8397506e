//! A search: feeds its strategy with events and interprets the commands.
//!
//! The coordinator owns everything that the search holds: its place in the registry, the leases of
//! its beam nodes, the channels to the caller. However it ends, they are dropped with it.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use actix::dev::ToEnvelope;
use actix::prelude::*;
use tokio::sync::oneshot;
use tokio_util::sync::{CancellationToken, DropGuard};
use toolbeam_search::{BeamId, Command, Event, Failure, Outcome, Strategy};

use crate::beam_node::{BeamNode, ExpandBeam, ScoreCandidates};
use crate::census::Counted;
use crate::handle::Ending;
use crate::reach::Reach;
use crate::registry::Registration;
use crate::watcher::Watcher;

/// Nothing is sent to a coordinator: replies, timers and cancellation are futures of its own.
const MAILBOX_CAPACITY: usize = 1;

/// Everything that a coordinator is made of.
pub(crate) struct Plan {
    pub(crate) strategy: Box<dyn Strategy>,
    pub(crate) reach: Reach,
    /// Kept back from the deadline for finishing the best beam.
    pub(crate) reserve: Duration,
    pub(crate) registration: Registration,
    pub(crate) watcher: Watcher,
    pub(crate) ending: oneshot::Sender<Ending>,
}

/// See the module.
pub(crate) struct Coordinator {
    strategy: Box<dyn Strategy>,
    reach: Reach,
    reserve: Duration,
    beams: HashMap<BeamId, LiveBeam>,
    /// What is still to be carried out, in order.
    commands: VecDeque<Command>,
    /// Whether the first of `commands` is a note that waits for the watcher.
    waits: bool,
    watcher: Watcher,
    cancel: CancellationToken,
    _counted: Counted,
    /// Until the end.
    ending: Option<(Registration, oneshot::Sender<Ending>)>,
}

/// A beam node's address, and the lease that it ends with.
struct LiveBeam {
    address: Addr<BeamNode>,
    _lease: DropGuard,
}

impl Coordinator {
    pub(crate) fn new(plan: Plan) -> Coordinator {
        Coordinator {
            _counted: Counted::new(&plan.reach.living.coordinators),
            strategy: plan.strategy,
            reach: plan.reach,
            reserve: plan.reserve,
            beams: HashMap::new(),
            commands: VecDeque::new(),
            waits: false,
            watcher: plan.watcher,
            cancel: plan.registration.cancel().clone(),
            ending: Some((plan.registration, plan.ending)),
        }
    }

    fn on_event(&mut self, event: Event, ctx: &mut Context<Self>) {
        if matches!(event, Event::DeadlineNear) {
            self.press();
        }
        let commands = self.strategy.on_event(event);
        if commands.iter().any(|command| matches!(command, Command::Finish(_))) {
            // What is left to do has lost its purpose; what is left to tell has not.
            self.commands.retain(|command| matches!(command, Command::Note(_)));
            self.press();
        }
        self.commands.extend(commands);
        self.interpret(ctx);
    }

    /// Waits for no watcher any more.
    fn press(&mut self) {
        self.watcher.press();
        self.waits = false;
    }

    /// Carries out commands until there is none, or one must wait.
    fn interpret(&mut self, ctx: &mut Context<Self>) {
        while !self.waits
            && let Some(command) = self.commands.pop_front()
        {
            match command {
                Command::Expand { beam, answer, first, expansions, draw } => {
                    self.ask(beam, ExpandBeam { answer, first, expansions, draw }, ctx);
                }
                Command::Score { beam, candidates } => {
                    self.ask(beam, ScoreCandidates { candidates }, ctx);
                }
                Command::Prune { beams } => beams.iter().for_each(|beam| {
                    self.beams.remove(beam);
                }),
                Command::Note(note) => {
                    if let Err(note) = self.watcher.tell(note) {
                        self.commands.push_front(Command::Note(*note));
                        self.wait(ctx);
                    }
                }
                Command::Finish(outcome) => self.end(outcome, ctx),
            }
        }
    }

    /// Goes on when the watcher has room. Replies, the deadline and cancellation are heard meanwhile.
    fn wait(&mut self, ctx: &mut Context<Self>) {
        self.waits = true;
        let room = self.watcher.room().into_actor(self);
        ctx.spawn(room.map(|(), this, ctx| {
            this.waits = false;
            this.interpret(ctx);
        }));
    }

    /// Sends work to a beam's node, starting it if need be, and feeds the reply to the strategy.
    fn ask<M>(&mut self, beam: BeamId, message: M, ctx: &mut Context<Self>)
    where
        M: Message<Result = Event> + Send + 'static,
        BeamNode: Handler<M>,
        Context<BeamNode>: ToEnvelope<BeamNode, M>,
    {
        let reach = &self.reach;
        let live = self.beams.entry(beam).or_insert_with(|| {
            let lease = CancellationToken::new();
            LiveBeam {
                address: BeamNode::new(beam, reach.clone(), lease.clone()).start(),
                _lease: lease.drop_guard(),
            }
        });
        let reply = live.address.send(message).into_actor(self);
        ctx.spawn(reply.map(move |reply, this, ctx| {
            let event = match reply {
                Ok(event) => event,
                // A node that was pruned is silent on purpose; any other has panicked.
                Err(_) if !this.beams.contains_key(&beam) => return,
                Err(_) => {
                    let failure = Failure::Internal("a beam node panicked".into());
                    Event::Failed { beam, failure }
                }
            };
            this.on_event(event, ctx);
        }));
    }

    fn end(&mut self, outcome: Outcome, ctx: &mut Context<Self>) {
        self.beams.clear();
        tracing::debug!(
            search = %self.reach.id,
            stop_reason = ?outcome.stop_reason,
            rounds = outcome.rounds,
            answers = outcome.answers.len(),
            "search ended"
        );
        let unread = self.watcher.take_unread();
        if let Some((registration, caller)) = self.ending.take() {
            // First free the id, then answer: who has the answer may use the id again. A caller
            // that is gone wants neither.
            registration.end();
            drop(caller.send(Ending { outcome, unread }));
        }
        ctx.stop();
    }

    /// Feeds `event` to the strategy at `moment`.
    fn at(&mut self, moment: Instant, event: Event, ctx: &mut Context<Self>) {
        let delay = moment.saturating_duration_since(Instant::now());
        ctx.run_later(delay, move |this, ctx| this.on_event(event, ctx));
    }
}

impl Actor for Coordinator {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX_CAPACITY);
        let cancelled = self.cancel.clone().cancelled_owned().into_actor(self);
        ctx.spawn(cancelled.map(|(), this, ctx| this.on_event(Event::Cancelled, ctx)));
        if let Some(deadline) = self.reach.deadline {
            let near = deadline.checked_sub(self.reserve).unwrap_or_else(Instant::now);
            self.at(near, Event::DeadlineNear, ctx);
            self.at(deadline, Event::DeadlineReached, ctx);
        }
        self.commands.extend(self.strategy.start());
        self.interpret(ctx);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures::future::BoxFuture;
    use toolbeam_search::{Answer, Draw};

    use super::*;
    use crate::port::{
        ExpandReply, ExpandRequest, PolicyPort, PortError, ScoreReply, ScoreRequest, ScorerPort,
    };
    use crate::registry::Registry;

    /// Panics when it starts, or when the first beam's reply comes.
    struct Exploding {
        at_start: bool,
    }

    impl Strategy for Exploding {
        fn start(&mut self) -> Vec<Command> {
            assert!(!self.at_start, "as asked for");
            let answer = Arc::new(Answer::root(toolbeam_grammar::Layout::JsonList, Arc::default()));
            let ask = |beam| Command::Expand {
                beam: BeamId(beam),
                answer: Arc::clone(&answer),
                first: 0,
                expansions: 1,
                draw: Draw::Sample,
            };
            vec![ask(0), ask(1)]
        }

        fn on_event(&mut self, _: Event) -> Vec<Command> {
            panic!("as asked for")
        }
    }

    struct Failing;

    impl PolicyPort for Failing {
        fn expand(&self, _: ExpandRequest) -> BoxFuture<'static, Result<ExpandReply, PortError>> {
            Box::pin(async { Err(PortError::DeadlineExceeded) })
        }
    }

    impl ScorerPort for Failing {
        fn score(&self, _: ScoreRequest) -> BoxFuture<'static, Result<ScoreReply, PortError>> {
            Box::pin(async { Err(PortError::DeadlineExceeded) })
        }
    }

    #[test]
    fn a_coordinator_that_panics_leaves_nothing_behind() {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let registry = Registry::new(10);
        for at_start in [true, false] {
            let ports = Arc::new(Failing);
            let system = System::new();
            let lost = system.block_on(async {
                let mut registration = registry.enter("one".into()).expect("a free id");
                registration.begin();
                let (ending, awaited) = oneshot::channel();
                let reach = Reach {
                    id: registration.id().clone(),
                    policy: ports.clone(),
                    scorer: ports.clone(),
                    deadline: None,
                    runtime: runtime.handle().clone(),
                    living: Arc::default(),
                };
                let strategy = Box::new(Exploding { at_start });
                let (reserve, watcher) = (Duration::ZERO, Watcher::new(None));
                Coordinator::new(Plan { strategy, reach, reserve, registration, watcher, ending }).start();
                let lost = awaited.await.is_err();
                while Arc::strong_count(&ports) > 1 {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                lost
            });
            assert!(lost);
            assert_eq!(registry.live(), 0);
        }
        let counters = registry.counters();
        assert_eq!((counters.admitted, counters.ended, counters.lost), (2, 0, 2));
    }
}
