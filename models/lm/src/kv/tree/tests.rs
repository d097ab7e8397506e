use proptest::prelude::*;

use super::*;

/// Someone who uses a sequence.
struct User {
    end: NodeId,
    tokens: Vec<u32>,
    space: Space,
}

/// A tree and the memory that its slots stand for: each slot names the prefix that was computed there.
struct World {
    tree: PrefixTree,
    memory: HashMap<usize, (Space, Vec<u32>)>,
    users: Vec<User>,
    capacity: usize,
}

impl World {
    fn new(capacity: usize) -> World {
        World { tree: PrefixTree::new(1..capacity + 1), memory: HashMap::new(), users: Vec::new(), capacity }
    }

    /// Uses `tokens`: finds what is there and reserves the rest.
    fn begin(&mut self, space: Space, tokens: &[u32], role: Role) -> bool {
        let root = self.tree.root(space);
        let (found, taken) = self.tree.descend(root, tokens);
        self.tree.unpin(root);
        match self.tree.extend(found, &tokens[taken..], role, None) {
            Some(end) => self.users.push(User { end, tokens: tokens.to_vec(), space }),
            None => {
                self.tree.unpin(found);
                return false;
            }
        }
        true
    }

    fn append(&mut self, user: usize, tokens: &[u32], role: Role) -> bool {
        let User { end, tokens: before, .. } = &mut self.users[user];
        let Some(grown) = self.tree.extend(*end, tokens, role, None) else { return false };
        *end = grown;
        before.extend_from_slice(tokens);
        true
    }

    fn fork(&mut self, user: usize) {
        let User { end, tokens, space } = &self.users[user];
        self.tree.pin(*end);
        self.users.push(User { end: *end, tokens: tokens.clone(), space: *space });
    }

    fn compute(&mut self, user: usize, most: usize) {
        let User { end, tokens, space } = &self.users[user];
        for stretch in self.tree.missing(*end, most) {
            let range = stretch.position..stretch.position + stretch.tokens.len();
            assert_eq!(stretch.tokens, tokens[range.clone()], "a stretch is of the sequence");
            for (slot, position) in stretch.slots.clone().zip(range) {
                self.memory.insert(slot, (*space, tokens[..=position].to_vec()));
            }
            self.tree.computed(&stretch);
        }
    }

    fn end(&mut self, user: usize) {
        let user = self.users.swap_remove(user);
        if user.tokens.len().is_multiple_of(2) {
            self.tree.keep(user.end);
        }
        self.tree.unpin(user.end);
    }

    /// Every sequence reads what was computed for it, and no slot is lost or owned twice.
    fn check(&self) {
        for User { end, tokens, space } in &self.users {
            assert_eq!(self.tree.len(*end), tokens.len());
            let slots: Vec<usize> =
                self.tree.slots(*end, tokens.len()).into_iter().flat_map(|held| held.slots).collect();
            assert_eq!(slots.len(), tokens.len());
            let missing = self.tree.missing(*end, usize::MAX);
            for (position, slot) in slots.iter().enumerate() {
                let is_missing = missing.iter().any(|it| it.slots.contains(slot));
                let there = self.memory.get(slot) == Some(&(*space, tokens[..=position].to_vec()));
                assert!(is_missing || there, "slot {slot} holds another sequence's keys");
            }
        }
        let mut owned: Vec<usize> =
            self.tree.nodes.iter().flatten().flat_map(|node| node.slots.clone()).collect();
        let count = owned.len();
        owned.sort_unstable();
        owned.dedup();
        assert_eq!((owned.len(), count + self.tree.free()), (count, self.capacity));
    }

    fn finish(mut self) {
        while !self.users.is_empty() {
            self.end(0);
        }
        while self.tree.evict() {}
        assert_eq!((self.tree.free(), self.tree.roots.len(), self.tree.held()), (self.capacity, 0, 0));
        assert!(self.tree.nodes.iter().all(Option::is_none), "no node is left");
    }
}

#[derive(Clone, Debug)]
enum Action {
    Begin { space: bool, tokens: Vec<u32>, role: Role },
    Append { user: usize, tokens: Vec<u32>, role: Role },
    Fork { user: usize },
    Compute { user: usize, most: usize },
    End { user: usize },
    Evict,
}

fn role() -> impl Strategy<Value = Role> {
    prop_oneof![2 => Just(Role::Prompt), 3 => Just(Role::Answer), 1 => Just(Role::Private)]
}

fn actions() -> impl Strategy<Value = Vec<Action>> {
    let tokens = |most| prop::collection::vec(0u32..3, 1..most);
    let action = prop_oneof![
        3 => (prop::bool::weighted(0.1), tokens(20), role())
            .prop_map(|(space, tokens, role)| Action::Begin { space, tokens, role }),
        4 => (0usize..8, tokens(5), role())
            .prop_map(|(user, tokens, role)| Action::Append { user, tokens, role }),
        2 => (0usize..8).prop_map(|user| Action::Fork { user }),
        6 => (0usize..8, 1usize..12).prop_map(|(user, most)| Action::Compute { user, most }),
        3 => (0usize..8).prop_map(|user| Action::End { user }),
        1 => Just(Action::Evict),
    ];
    prop::collection::vec(action, 1..80)
}

proptest! {
    #[test]
    fn every_sequence_reads_its_own_keys_and_no_slot_is_lost(actions in actions(), capacity in 20usize..120) {
        let mut world = World::new(capacity);
        for action in actions {
            let users = world.users.len();
            match action {
                Action::Begin { space, tokens, role } => {
                    let space = if space { Space::Deterministic([7; 32]) } else { Space::Shared };
                    world.begin(space, &tokens, role);
                }
                Action::Append { user, tokens, role } if users > 0 => {
                    world.append(user % users, &tokens, role);
                }
                Action::Fork { user } if users > 0 => world.fork(user % users),
                Action::Compute { user, most } if users > 0 => world.compute(user % users, most),
                Action::End { user } if users > 0 => world.end(user % users),
                Action::Evict => {
                    world.tree.evict();
                }
                _ => {}
            }
            world.check();
        }
        world.finish();
    }
}

fn tokens(text: &str) -> Vec<u32> {
    text.bytes().map(u32::from).collect()
}

#[test]
fn a_shared_prefix_is_computed_once_to_the_token() {
    let mut world = World::new(100);
    world.begin(Space::Shared, &tokens("tools. first question"), Role::Prompt);
    world.compute(0, usize::MAX);
    world.begin(Space::Shared, &tokens("tools. fine question"), Role::Prompt);
    let missing = world.tree.missing(world.users[1].end, usize::MAX);
    assert_eq!(missing.iter().map(|it| it.tokens.len()).sum::<usize>(), "ne question".len());
    assert_eq!(world.tree.free(), 100 - "tools. first question".len() - "ne question".len());
    world.check();
    world.finish();
}

#[test]
fn what_someone_computes_already_is_not_missing_twice() {
    let mut world = World::new(100);
    world.begin(Space::Shared, &tokens("abcdef"), Role::Prompt);
    world.begin(Space::Shared, &tokens("abcxyz"), Role::Prompt);
    world.compute(0, 2);
    let missing = world.tree.missing(world.users[1].end, usize::MAX);
    assert_eq!(missing.iter().map(|it| it.position).collect::<Vec<_>>(), [2, 3]);
    world.compute(1, usize::MAX);
    world.check();
    assert_eq!(world.tree.missing(world.users[0].end, usize::MAX)[0].position, 3);
    world.finish();
}

#[test]
fn a_row_grows_in_place_until_it_is_shared() {
    let mut world = World::new(100);
    world.begin(Space::Shared, &tokens("prompt"), Role::Prompt);
    world.begin(Space::Shared, &tokens("prompt"), Role::Prompt);
    assert!(world.append(0, &tokens("a"), Role::Answer));
    let nodes = |world: &World| world.tree.nodes.iter().flatten().count();
    let before = nodes(&world);
    assert!(world.append(0, &tokens("bc"), Role::Answer));
    assert_eq!(nodes(&world), before, "the spare slots are used");
    world.fork(0);
    assert!(world.append(0, &tokens("d"), Role::Answer));
    let fork = world.users.len() - 1;
    assert!(world.append(fork, &tokens("e"), Role::Answer));
    assert_eq!(nodes(&world), before + 2);
    world.check();
    world.finish();
}

#[test]
fn the_least_recently_used_goes_first_and_pinned_nodes_stay() {
    let mut world = World::new(12);
    for text in ["aaaa", "bbbb", "cccc"] {
        world.begin(Space::Shared, &tokens(text), Role::Prompt);
        world.compute(world.users.len() - 1, usize::MAX);
    }
    world.end(1); // "bbbb"; the last of the others takes its place in the list
    world.end(1); // "cccc"
    assert!(world.begin(Space::Shared, &tokens("dddd"), Role::Prompt), "the idle ones go");
    assert_eq!(world.tree.missing(world.users[0].end, usize::MAX), []);
    let root = world.tree.root(Space::Shared);
    let (found, taken) = world.tree.descend(root, &tokens("cccc"));
    assert_eq!(taken, 4, "what was used later is still there");
    world.tree.unpin(found);
    world.tree.unpin(root);
    assert!(!world.begin(Space::Shared, &tokens("eeeeeeeee"), Role::Prompt), "more than is not pinned");
    world.check();
    world.finish();
}

#[test]
fn held_slots_count_once_however_many_hold_them() {
    let mut world = World::new(100);
    world.begin(Space::Shared, &tokens("tools. one"), Role::Prompt);
    world.tree.hold(world.users[0].end);
    assert_eq!(world.tree.held(), 10);
    world.begin(Space::Shared, &tokens("tools. two"), Role::Prompt);
    world.tree.hold(world.users[1].end);
    assert_eq!(world.tree.held(), 13);
    world.tree.release(world.users[0].end);
    assert_eq!(world.tree.held(), 10);
    world.tree.release(world.users[1].end);
    world.finish();
}
