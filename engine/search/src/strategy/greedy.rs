//! Greedy decoding: one beam, the most probable step each time. The reward model is asked once, at
//! the end, so that the caller has the rewards.

use std::ops::ControlFlow;
use std::sync::Arc;

use crate::command::{BeamId, Command};
use crate::event::Event;
use crate::ledger::Ledger;
use crate::settings::Settings;
use crate::strategy::Strategy;
use crate::strategy::completion::Completion;

/// See the module. A nearing deadline changes nothing: there is no branching to stop.
#[derive(Debug)]
pub(crate) struct Greedy {
    ledger: Ledger,
    /// `None` before the start and after the end.
    completion: Option<Completion>,
}

impl Greedy {
    pub(crate) fn new(settings: Settings) -> Greedy {
        Greedy { ledger: Ledger::new(settings), completion: None }
    }
}

impl Strategy for Greedy {
    fn start(&mut self) -> Vec<Command> {
        let root = Arc::new(self.ledger.settings.root());
        let (completion, command) = Completion::begin(BeamId::ROOT, root, &mut self.ledger);
        self.completion = Some(completion);
        vec![command]
    }

    fn on_event(&mut self, event: Event) -> Vec<Command> {
        let Some(completion) = &mut self.completion else { return Vec::new() };
        match completion.on_event(event, &mut self.ledger) {
            ControlFlow::Continue(commands) => commands,
            ControlFlow::Break(reason) => {
                self.completion = None;
                vec![self.ledger.close(reason)]
            }
        }
    }
}
