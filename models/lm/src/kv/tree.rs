//! A token-granular prefix tree over keys and values (the radix tree of SGLang's RadixAttention, arXiv
//! 2312.07104, with nodes that are still being computed).
//!
//! A node is a stretch of tokens and the consecutive slots of their keys and values; a path from a root
//! is a sequence. Whoever uses a sequence pins its last node. What nobody pins and nothing continues
//! goes, unless it is kept: then it is *idle*, stays for whoever asks next, and goes when slots are
//! needed, least recently used first.

mod links;

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use super::forgotten::Forgotten;
use super::slots::{End, FreeSlots};

/// Names a node while it is pinned or has children.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(crate) struct NodeId(usize);

/// Sequences of different spaces share nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Space {
    /// Everything that may share keys and values.
    Shared,
    /// One prompt of `deterministic` requests, by its digest: computed in fixed shapes, from its start.
    Deterministic([u8; 32]),
}

/// What a node's tokens are part of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Role {
    /// A prompt: long, whole, read by many.
    Prompt,
    /// What follows a prompt; it grows, so that it takes [`SPARE`] slots more than it needs.
    Answer,
    /// The same, and nobody else may find it.
    Private,
}

/// Whose work a node is: a hash of the owner's name, or `None` of what belongs to nobody.
pub(crate) type Owner = Option<u64>;

/// Slots that an answer has in reserve, so that it stays in one place while it grows.
pub(crate) const SPARE: usize = 7;

/// Consecutive slots of a sequence, all of one node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Held {
    pub(crate) slots: Range<usize>,
    pub(crate) role: Role,
}

/// Tokens of a node that are to be computed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Stretch {
    pub(crate) node: NodeId,
    pub(crate) tokens: Vec<u32>,
    /// Where their keys and values go.
    pub(crate) slots: Range<usize>,
    /// Number of tokens before them in the sequence.
    pub(crate) position: usize,
    pub(crate) role: Role,
}

struct Node {
    parent: Option<NodeId>,
    tokens: Vec<u32>,
    /// At least as many slots as tokens; the rest is for tokens that follow.
    slots: Range<usize>,
    /// How many of the tokens have their keys and values.
    computed: usize,
    /// Number of tokens before the node.
    position: usize,
    /// Children by their first token.
    children: HashMap<u32, NodeId>,
    /// Children, those included that `children` does not name.
    dependents: usize,
    /// Whether the parent's `children` names it. It does not if another child began with the same token.
    named: bool,
    pins: usize,
    /// Whether it stays when nobody pins it.
    kept: bool,
    /// Holds on this node, and children that are held.
    holds: usize,
    used: u64,
    space: Space,
    role: Role,
    owner: Owner,
}

/// See the module.
pub(crate) struct PrefixTree {
    nodes: Vec<Option<Node>>,
    vacant: Vec<usize>,
    roots: HashMap<Space, NodeId>,
    free: FreeSlots,
    /// Nodes that may go, by last use.
    idle: BTreeSet<(u64, NodeId)>,
    /// Slots of nodes that are held.
    held: usize,
    forgotten: Forgotten,
    clock: u64,
}

/// What a tree holds, by role.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) struct Holdings {
    pub(crate) prompts: usize,
    pub(crate) prompt_slots: usize,
    pub(crate) answers: usize,
}

impl PrefixTree {
    /// An empty tree over `slots`.
    pub(crate) fn new(slots: Range<usize>) -> PrefixTree {
        PrefixTree {
            nodes: Vec::new(),
            vacant: Vec::new(),
            roots: HashMap::new(),
            free: FreeSlots::new(slots),
            idle: BTreeSet::new(),
            held: 0,
            forgotten: Forgotten::default(),
            clock: 0,
        }
    }

    /// Slots that nothing occupies.
    pub(crate) fn free(&self) -> usize {
        self.free.free()
    }

    /// Slots of all nodes on the paths of holds, each once.
    pub(crate) fn held(&self) -> usize {
        self.held
    }

    /// The empty sequence of a space, pinned.
    pub(crate) fn root(&mut self, space: Space) -> NodeId {
        let id = match self.roots.get(&space) {
            Some(id) => *id,
            None => {
                let id = self.insert(Node {
                    parent: None,
                    tokens: Vec::new(),
                    slots: 0..0,
                    computed: 0,
                    position: 0,
                    children: HashMap::new(),
                    dependents: 0,
                    named: false,
                    pins: 0,
                    kept: true,
                    holds: 0,
                    used: 0,
                    space,
                    role: Role::Prompt,
                    owner: None,
                });
                self.roots.insert(space, id);
                id
            }
        };
        self.pin(id);
        id
    }

    /// Goes down from `from` along `tokens` as far as nodes are there, computed or not: the last node,
    /// pinned, and how many tokens it took.
    pub(crate) fn descend(&mut self, from: NodeId, tokens: &[u32]) -> (NodeId, usize) {
        let (mut at, mut taken) = (from, 0);
        while let Some(child) = tokens.get(taken).and_then(|first| self.node(at).children.get(first)).copied()
        {
            let rest = &tokens[taken..];
            let common = self.node(child).tokens.iter().zip(rest).take_while(|(a, b)| a == b).count();
            taken += common;
            if common < self.node(child).tokens.len() {
                at = self.split(child, common);
                break;
            }
            at = child;
        }
        self.pin(at);
        (at, taken)
    }

    /// Continues the sequence that ends at `from` by `tokens` and reserves their slots. The new end is
    /// pinned and `from` is unpinned; without room, idle nodes go. `None`, with everything but idle
    /// nodes as it was, if that is not enough.
    pub(crate) fn extend(
        &mut self,
        from: NodeId,
        tokens: &[u32],
        role: Role,
        owner: Owner,
    ) -> Option<NodeId> {
        let mut at = from;
        let in_place = self.grow(from, tokens, (role, owner));
        let mut rest = &tokens[in_place..];
        // Prompts of a space of their own lie in one place, so that their shapes are always the same.
        let whole = role == Role::Prompt && self.node(from).space != Space::Shared;
        if !self.make_room(rest.len(), whole) {
            self.shrink(from, in_place);
            return None;
        }
        let (end, spare) = if role == Role::Prompt { (End::Low, 0) } else { (End::High, SPARE) };
        while !rest.is_empty() {
            let slots = self.free.take(rest.len() + spare, end)?;
            let (now, later) = rest.split_at(slots.len().min(rest.len()));
            at = self.attach(at, now, slots, (role, owner));
            rest = later;
        }
        self.pin(at);
        self.unpin(from);
        Some(at)
    }

    /// The tokens of the sequence that ends at `end` whose keys and values are missing, those nearest to
    /// the start first, at most `most`.
    pub(crate) fn missing(&self, end: NodeId, most: usize) -> Vec<Stretch> {
        let mut path: Vec<NodeId> =
            self.path(end).filter(|id| self.node(*id).computed < self.node(*id).tokens.len()).collect();
        path.reverse();
        let mut left = most;
        let mut stretches = Vec::new();
        for id in path {
            let node = self.node(id);
            let range = node.computed..node.tokens.len().min(node.computed.saturating_add(left));
            if range.is_empty() {
                break;
            }
            left -= range.len();
            stretches.push(Stretch {
                node: id,
                tokens: node.tokens[range.clone()].to_vec(),
                slots: node.slots.start + range.start..node.slots.start + range.end,
                position: node.position + range.start,
                role: node.role,
            });
        }
        stretches
    }

    /// How many tokens of the sequence miss their keys and values.
    pub(crate) fn lacks(&self, end: NodeId) -> usize {
        self.path(end).map(|id| self.node(id).tokens.len() - self.node(id).computed).sum()
    }

    /// Says that the keys and values of a stretch are there.
    pub(crate) fn computed(&mut self, stretch: &Stretch) {
        let node = self.node_mut(stretch.node);
        node.computed = node.computed.max(stretch.position - node.position + stretch.tokens.len());
    }

    /// The slots of the sequence up to `length` tokens, in order.
    pub(crate) fn slots(&self, end: NodeId, length: usize) -> Vec<Held> {
        let held = |id: NodeId| {
            let node = self.node(id);
            let tokens = node.tokens.len().min(length.saturating_sub(node.position));
            Held { slots: node.slots.start..node.slots.start + tokens, role: node.role }
        };
        let mut path: Vec<_> = self.path(end).map(held).filter(|held| !held.slots.is_empty()).collect();
        path.reverse();
        path
    }

    /// The node of the sequence that holds the token at `position`.
    pub(crate) fn node_at(&self, end: NodeId, position: usize) -> Option<NodeId> {
        self.path(end).find(|id| self.node(*id).position <= position)
    }

    /// Number of tokens of the sequence that ends at `end`.
    pub(crate) fn len(&self, end: NodeId) -> usize {
        self.node(end).position + self.node(end).tokens.len()
    }

    pub(crate) fn pin(&mut self, id: NodeId) {
        self.clock += 1;
        let clock = self.clock;
        let used = self.node(id).used;
        self.idle.remove(&(used, id));
        let node = self.node_mut(id);
        node.pins += 1;
        node.used = clock;
    }

    pub(crate) fn unpin(&mut self, id: NodeId) {
        self.clock += 1;
        let clock = self.clock;
        let node = self.node_mut(id);
        node.pins -= 1;
        node.used = clock;
        self.settle(id);
    }

    /// Lets the sequence stay when nobody pins it any more. Prompts stay by themselves.
    pub(crate) fn keep(&mut self, end: NodeId) {
        let mut next = Some(end);
        while let Some(id) = next.filter(|id| !self.node(*id).kept) {
            let node = self.node_mut(id);
            node.kept = true;
            next = node.parent;
        }
    }

    /// Counts the slots of a sequence as [`held`](PrefixTree::held).
    pub(crate) fn hold(&mut self, end: NodeId) {
        let mut next = Some(end);
        while let Some(id) = next {
            let node = self.node_mut(id);
            node.holds += 1;
            if node.holds > 1 {
                return;
            }
            let (slots, parent) = (node.slots.len(), node.parent);
            self.held += slots;
            next = parent;
        }
    }

    /// Takes a [`hold`](PrefixTree::hold) back.
    pub(crate) fn release(&mut self, end: NodeId) {
        let mut next = Some(end);
        while let Some(id) = next {
            let node = self.node_mut(id);
            node.holds -= 1;
            if node.holds > 0 {
                return;
            }
            let (slots, parent) = (node.slots.len(), node.parent);
            self.held -= slots;
            next = parent;
        }
    }

    /// Frees what is idle of an owner, and keeps nothing for it from now on.
    pub(crate) fn forget(&mut self, owner: u64) {
        self.forgotten.add(owner);
        // Removing a node may make the one above it idle, which goes as it is settled.
        let idle: Vec<_> =
            self.idle.iter().filter(|(_, id)| self.node(*id).owner == Some(owner)).copied().collect();
        for entry in idle {
            self.idle.remove(&entry);
            self.remove(entry.1);
        }
    }

    /// Counts nodes and slots.
    pub(crate) fn holdings(&self) -> Holdings {
        let mut holdings = Holdings::default();
        for node in self.nodes.iter().flatten().filter(|node| !node.slots.is_empty()) {
            if node.role == Role::Prompt {
                holdings.prompts += 1;
                holdings.prompt_slots += node.slots.len();
            } else {
                holdings.answers += 1;
            }
        }
        holdings
    }

    /// Frees the idle node that was used least recently. `false` if none is idle.
    pub(crate) fn evict(&mut self) -> bool {
        let Some((_, id)) = self.idle.pop_first() else { return false };
        self.remove(id);
        true
    }
}

#[cfg(test)]
mod tests;
