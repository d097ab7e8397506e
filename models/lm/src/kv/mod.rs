//! Keys and values: storage in token slots, and the sequences that share them.

use std::cell::RefCell;
use std::rc::Rc;

use tch::{Device, Kind, Tensor};

use crate::{LmError, ModelConfig};

mod forgotten;
mod slots;
mod tree;

pub(crate) use forgotten::Forgotten;
use tree::PrefixTree;
pub(crate) use tree::{Held, Holdings, NodeId, Owner, Role, Space, Stretch};

/// The slot that padding points to. Its keys and values are zero and nobody owns it.
pub(crate) const PADDING_SLOT: usize = 0;

/// The fewest tokens that are worth a pool.
const FEWEST: usize = 16;

/// Storage for the keys and values of `capacity` tokens.
pub(crate) struct KvStore {
    /// Per layer: keys, shape (slots, key-value heads, head size).
    pub(crate) keys: Vec<Tensor>,
    /// Per layer: values, of the same shape.
    pub(crate) values: Vec<Tensor>,
    tree: Rc<RefCell<PrefixTree>>,
    capacity: usize,
}

impl KvStore {
    /// A store of at most `bytes` bytes.
    pub(crate) fn new(
        config: &ModelConfig,
        bytes: u64,
        device: Device,
        kind: Kind,
    ) -> Result<KvStore, LmError> {
        let per_token = config.kv_bytes_per_token(kind.elt_size_in_bytes() as u64);
        let slots = (bytes / per_token) as usize;
        if slots < FEWEST {
            return Err(LmError::KvBound { needed: per_token * FEWEST as u64, bound: bytes });
        }
        let shape = [slots as i64, config.num_key_value_heads, config.head_dim];
        let storage = || -> Result<Vec<Tensor>, LmError> {
            let mut layers = Vec::with_capacity(config.num_hidden_layers);
            for _ in 0..config.num_hidden_layers {
                let layer = Tensor::f_empty(shape, (kind, device))?;
                let _ = layer.f_narrow(0, PADDING_SLOT as i64, 1)?.f_zero_()?;
                layers.push(layer);
            }
            Ok(layers)
        };
        let tree = PrefixTree::new(PADDING_SLOT + 1..slots);
        Ok(KvStore {
            keys: storage()?,
            values: storage()?,
            tree: Rc::new(RefCell::new(tree)),
            capacity: slots - 1,
        })
    }

    /// Number of tokens that fit.
    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    /// Number of tokens that fit beside those that are there, idle ones included.
    pub(crate) fn free(&self) -> usize {
        self.tree.borrow().free()
    }

    /// Number of tokens of the sequences that are [held](Sequence::hold), shared ones once.
    pub(crate) fn held(&self) -> usize {
        self.tree.borrow().held()
    }

    /// The longest prefix of `tokens` that is there or being computed, and its length.
    pub(crate) fn find(&self, space: Space, tokens: &[u32]) -> (Sequence, usize) {
        let mut tree = self.tree.borrow_mut();
        let root = tree.root(space);
        let (end, taken) = tree.descend(root, tokens);
        tree.unpin(root);
        (Sequence { tree: Rc::clone(&self.tree), end }, taken)
    }

    /// See [`PrefixTree::forget`].
    pub(crate) fn forget(&self, owner: u64) {
        self.tree.borrow_mut().forget(owner);
    }

    /// Frees everything that nobody uses.
    pub(crate) fn forget_all(&self) {
        while self.tree.borrow_mut().evict() {}
    }

    /// Counts what is there.
    pub(crate) fn holdings(&self) -> Holdings {
        self.tree.borrow().holdings()
    }

    /// Says that the keys and values of a stretch are there.
    pub(crate) fn computed(&self, stretch: &Stretch) {
        self.tree.borrow_mut().computed(stretch);
    }
}

/// Tokens in order and the slots of their keys and values; keeps them while it lives.
pub(crate) struct Sequence {
    tree: Rc<RefCell<PrefixTree>>,
    end: NodeId,
}

impl Sequence {
    /// Number of tokens.
    pub(crate) fn len(&self) -> usize {
        self.tree.borrow().len(self.end)
    }

    /// The longest continuation by `tokens` that is there or being computed, and how many of them it holds.
    pub(crate) fn descend(&self, tokens: &[u32]) -> (Sequence, usize) {
        let (end, taken) = self.tree.borrow_mut().descend(self.end, tokens);
        (Sequence { tree: Rc::clone(&self.tree), end }, taken)
    }

    /// Appends tokens, to be computed. `false`, with the sequence as it was, if there is no room.
    pub(crate) fn extend(&mut self, tokens: &[u32], role: Role, owner: Owner) -> bool {
        if tokens.is_empty() {
            return true;
        }
        match self.tree.borrow_mut().extend(self.end, tokens, role, owner) {
            Some(end) => self.end = end,
            None => return false,
        }
        true
    }

    /// Lets it stay for whoever asks next.
    pub(crate) fn keep(&self) {
        self.tree.borrow_mut().keep(self.end);
    }

    /// See [`PrefixTree::missing`].
    pub(crate) fn missing(&self) -> Vec<Stretch> {
        self.tree.borrow().missing(self.end, usize::MAX)
    }

    /// How many of its tokens are to be computed.
    pub(crate) fn lacks(&self) -> usize {
        self.tree.borrow().lacks(self.end)
    }

    /// The slots of the first `length` tokens, in order.
    pub(crate) fn slots(&self, length: usize) -> Vec<Held> {
        self.tree.borrow().slots(self.end, length)
    }

    /// The node that holds the token at `position`.
    pub(crate) fn node_at(&self, position: usize) -> Option<NodeId> {
        self.tree.borrow().node_at(self.end, position)
    }

    /// Counts its slots among those that are [held](KvStore::held), for as long as the hold lives.
    pub(crate) fn hold(&self) -> Hold {
        self.tree.borrow_mut().hold(self.end);
        Hold { sequence: self.clone() }
    }
}

impl Clone for Sequence {
    fn clone(&self) -> Sequence {
        self.tree.borrow_mut().pin(self.end);
        Sequence { tree: Rc::clone(&self.tree), end: self.end }
    }
}

impl Drop for Sequence {
    fn drop(&mut self) {
        self.tree.borrow_mut().unpin(self.end);
    }
}

/// A sequence whose slots are spoken for.
pub(crate) struct Hold {
    sequence: Sequence,
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.sequence.tree.borrow_mut().release(self.sequence.end);
    }
}
