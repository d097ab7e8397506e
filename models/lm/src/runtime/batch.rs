//! What one forward pass computes: every missing token once, however many sequences it belongs to.

use std::collections::HashMap;
use std::ops::Range;

use tch::Tensor;

use super::tally::Tally;
use crate::LmError;
use crate::attention::Span;
use crate::kv::{Held, KvStore, NodeId, Role, Sequence, Space, Stretch};
use crate::qwen::{Extension, Qwen};

/// Fewer slots than these are gathered with a sequence's own, rather than attended to apart.
const TRUNK: usize = 32;

/// The most tokens of a pass that is shared.
const BUDGET: usize = 4096;

/// The most tokens of prompts in a pass, so that answers go on beside a long one.
const CHUNK: usize = 512;

/// The tokens of a pass.
pub(super) struct Batch {
    stretches: Vec<(Stretch, Span)>,
    /// Where each stretch's hidden states begin.
    starts: Vec<usize>,
    /// The stretch of each node that is computed.
    nodes: HashMap<NodeId, usize>,
    tokens: usize,
    /// How many of the tokens are of prompts.
    prompt_tokens: usize,
    space: Space,
}

impl Batch {
    /// An empty batch of sequences of one space.
    pub(super) fn new(space: Space) -> Batch {
        let (stretches, starts, nodes) = (Vec::new(), Vec::new(), HashMap::new());
        Batch { stretches, starts, nodes, tokens: 0, prompt_tokens: 0, space }
    }

    /// How many more tokens of this kind the batch takes. In a space of its own, a chunk of a prompt
    /// is computed by itself.
    fn room(&self, role: Role) -> usize {
        match self.space {
            Space::Shared if role == Role::Prompt => CHUNK.saturating_sub(self.prompt_tokens),
            Space::Shared => BUDGET.saturating_sub(self.tokens),
            Space::Deterministic(_) if self.prompt_tokens > 0 => 0,
            Space::Deterministic(_) if role == Role::Prompt && self.tokens > 0 => 0,
            Space::Deterministic(_) if role == Role::Prompt => CHUNK,
            Space::Deterministic(_) => usize::MAX,
        }
    }

    /// Adds what a sequence misses, as far as the budget reaches; what was added counts for `tally`.
    /// Whether the sequence misses nothing after the pass.
    pub(super) fn add(&mut self, sequence: &Sequence, tally: &mut Tally) -> bool {
        for mut stretch in sequence.missing() {
            let wanted = stretch.tokens.len();
            let taken = match self.nodes.get(&stretch.node) {
                Some(place) => self.stretches[*place].0.tokens.len(),
                None => {
                    let most = wanted.min(self.room(stretch.role));
                    stretch.tokens.truncate(most);
                    stretch.slots.end = stretch.slots.start + most;
                    tally.compute(stretch.role, most);
                    self.push(sequence, stretch)
                }
            };
            if taken < wanted {
                return false;
            }
        }
        true
    }

    fn push(&mut self, sequence: &Sequence, stretch: Stretch) -> usize {
        let new = stretch.tokens.len();
        if new > 0 {
            let span = self.span(&sequence.slots(stretch.position), &stretch.slots);
            self.nodes.insert(stretch.node, self.stretches.len());
            if stretch.role == Role::Prompt {
                self.prompt_tokens += new;
            }
            self.starts.push(self.tokens);
            self.stretches.push((stretch, span));
            self.tokens += new;
        }
        new
    }

    /// What new tokens attend to: the slots before them, and their own.
    fn span(&self, before: &[Held], new: &Range<usize>) -> Span {
        let apart = |held: &&Held| held.role == Role::Prompt && held.slots.len() >= TRUNK;
        let trunks = match self.space {
            Space::Shared => before.iter().filter(apart).map(|held| vec![held.slots.clone()]).collect(),
            // One trunk wherever it lies, so that the shapes are always the same.
            Space::Deterministic(_) => {
                let prompt = before.iter().filter(|held| held.role == Role::Prompt);
                let slots: Vec<_> = prompt.map(|held| held.slots.clone()).collect();
                if slots.is_empty() { Vec::new() } else { vec![slots] }
            }
        };
        let rest = before.iter().filter(|held| match self.space {
            Space::Shared => !apart(held),
            Space::Deterministic(_) => held.role != Role::Prompt,
        });
        let tail = rest.map(|held| &held.slots).chain([new]).flat_map(|slots| slots.clone());
        Span { trunks, tail: tail.map(|slot| slot as i64).collect(), new: new.len() }
    }

    /// Number of tokens.
    pub(super) fn tokens(&self) -> usize {
        self.tokens
    }

    /// Which of the pass's hidden states is that of a sequence's token at `position`, if it is
    /// computed here.
    pub(super) fn row(&self, sequence: &Sequence, position: usize) -> Option<i64> {
        let place = *self.nodes.get(&sequence.node_at(position)?)?;
        let stretch = &self.stretches[place].0;
        let offset = position.checked_sub(stretch.position)?;
        (offset < stretch.tokens.len()).then(|| (self.starts[place] + offset) as i64)
    }

    /// Computes the tokens: the final hidden states of those at `wanted`, (wanted, hidden size).
    pub(super) fn compute(
        &self,
        model: &Qwen,
        store: &mut KvStore,
        wanted: &[i64],
    ) -> Result<Tensor, LmError> {
        let mut extensions = Vec::with_capacity(self.stretches.len());
        for (Stretch { tokens, position, .. }, span) in &self.stretches {
            extensions.push(Extension { tokens, position: *position, span: span.clone() });
        }
        let hidden = model.forward(store, extensions, wanted)?;
        self.stretches.iter().for_each(|(stretch, _)| store.computed(stretch));
        Ok(hidden)
    }
}
