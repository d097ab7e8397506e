//! How the nodes of a tree are linked, cut and removed.

use std::collections::HashMap;
use std::ops::Range;

use super::{Node, NodeId, Owner, PrefixTree, Role};

impl PrefixTree {
    pub(super) fn node(&self, id: NodeId) -> &Node {
        self.nodes[id.0].as_ref().expect("a node that is pinned or has children is there")
    }

    pub(super) fn node_mut(&mut self, id: NodeId) -> &mut Node {
        self.nodes[id.0].as_mut().expect("a node that is pinned or has children is there")
    }

    pub(super) fn insert(&mut self, node: Node) -> NodeId {
        match self.vacant.pop() {
            Some(place) => {
                self.nodes[place] = Some(node);
                NodeId(place)
            }
            None => {
                self.nodes.push(Some(node));
                NodeId(self.nodes.len() - 1)
            }
        }
    }

    /// The nodes from `end` up to its root.
    pub(super) fn path(&self, end: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        std::iter::successors(Some(end), |id| self.node(*id).parent)
    }

    /// Appends to a node that nobody shares as many tokens as it has slots for. Returns how many.
    pub(super) fn grow(&mut self, id: NodeId, tokens: &[u32], kind: (Role, Owner)) -> usize {
        let node = self.node_mut(id);
        if node.pins != 1 || node.dependents > 0 || (node.role, node.owner) != kind || node.kept {
            return 0;
        }
        let count = tokens.len().min(node.slots.len() - node.tokens.len());
        node.tokens.extend_from_slice(&tokens[..count]);
        count
    }

    /// Undoes [`grow`](PrefixTree::grow).
    pub(super) fn shrink(&mut self, id: NodeId, count: usize) {
        let node = self.node_mut(id);
        node.tokens.truncate(node.tokens.len() - count);
    }

    /// Evicts until `slots` are free, in one place if they are to be `whole`.
    pub(super) fn make_room(&mut self, slots: usize, whole: bool) -> bool {
        while if whole { self.free.longest() } else { self.free.free() } < slots {
            if !self.evict() {
                return false;
            }
        }
        true
    }

    pub(super) fn attach(
        &mut self,
        parent: NodeId,
        tokens: &[u32],
        slots: Range<usize>,
        (role, owner): (Role, Owner),
    ) -> NodeId {
        let above = self.node(parent);
        let node = Node {
            parent: Some(parent),
            tokens: tokens.to_vec(),
            slots,
            computed: 0,
            position: above.position + above.tokens.len(),
            children: HashMap::new(),
            dependents: 0,
            named: role != Role::Private && !above.children.contains_key(&tokens[0]),
            pins: 0,
            kept: role == Role::Prompt,
            holds: 0,
            used: above.used,
            space: above.space,
            role,
            owner,
        };
        let named = node.named;
        let id = self.insert(node);
        let above = self.node_mut(parent);
        above.dependents += 1;
        if named {
            above.children.insert(tokens[0], id);
        }
        id
    }

    /// Cuts a node after `count` tokens. The node keeps its name and the later part; the new node above
    /// it holds the earlier one.
    pub(super) fn split(&mut self, id: NodeId, count: usize) -> NodeId {
        let lower = self.node_mut(id);
        let later = lower.tokens.split_off(count);
        let tokens = std::mem::replace(&mut lower.tokens, later);
        let first = lower.tokens[0];
        let start = lower.slots.start;
        let upper = Node {
            parent: lower.parent,
            slots: start..start + count,
            computed: lower.computed.min(count),
            position: lower.position,
            children: HashMap::from([(first, id)]),
            dependents: 1,
            named: lower.named,
            pins: 0,
            kept: lower.kept,
            holds: usize::from(lower.holds > 0),
            used: lower.used,
            space: lower.space,
            role: lower.role,
            owner: lower.owner,
            tokens,
        };
        lower.slots.start += count;
        lower.computed -= upper.computed;
        lower.position += count;
        lower.named = true;
        let (parent, named, first) = (upper.parent, upper.named, upper.tokens[0]);
        let above = self.insert(upper);
        self.node_mut(id).parent = Some(above);
        if let Some(parent) = parent.filter(|_| named) {
            self.node_mut(parent).children.insert(first, above);
        }
        above
    }

    /// Sees to a node that may have become idle: what is not computed goes, and so does what nobody
    /// could find.
    pub(super) fn settle(&mut self, id: NodeId) {
        let node = self.node(id);
        if node.pins > 0 || node.dependents > 0 {
            return;
        }
        if node.computed == 0 || !node.named || !node.kept || self.forgotten.holds(node.owner) {
            return self.remove(id);
        }
        let (used, keep) = (node.used, node.slots.start + node.computed);
        let node = self.node_mut(id);
        node.tokens.truncate(node.computed);
        let spare = keep..node.slots.end;
        node.slots.end = keep;
        self.free.give_back(spare);
        self.idle.insert((used, id));
    }

    /// Removes a node that nobody pins and nothing continues.
    pub(super) fn remove(&mut self, id: NodeId) {
        let Some(node) = self.nodes[id.0].take() else { return };
        self.vacant.push(id.0);
        self.free.give_back(node.slots);
        let Some(parent) = node.parent else {
            self.roots.remove(&node.space);
            return;
        };
        let above = self.node_mut(parent);
        above.dependents -= 1;
        above.used = above.used.max(node.used);
        if node.named {
            above.children.remove(&node.tokens[0]);
        }
        self.settle(parent);
    }
}
