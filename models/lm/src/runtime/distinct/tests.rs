use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn small(most: usize) -> Trie {
    Trie::new(Prefix(7), Rc::default(), most)
}

#[test]
fn nodes_are_counted_as_one_would_by_hand() {
    let trie = small(100);
    let check = |from: Prefix, tokens: &[u32], expected: u64| {
        let (end, new) = trie.walk(from, tokens);
        assert_eq!(new, expected, "{tokens:?}");
        end
    };
    // A prompt of three tokens, and three answers: 1 2 3 - 4 5, 4 6 and 9.
    let prompt = check(trie.root(), &[1, 2, 3], 3);
    check(prompt, &[4, 5], 2);
    check(prompt, &[4, 6], 1);
    check(prompt, &[9], 1);
    // Again, and only parts of it.
    assert_eq!(check(trie.root(), &[1, 2, 3], 0), prompt);
    check(prompt, &[4], 0);
    check(prompt, &[], 0);
    check(trie.root(), &[1, 2, 3, 4, 6, 7], 1);
    // The same tokens elsewhere are other nodes.
    check(trie.root(), &[4, 5], 2);
    check(prompt, &[5, 4], 2);
    assert_eq!(trie.nodes.get(), 12);
}

#[test]
fn a_full_trie_counts_nothing_and_stays_whole() {
    let trie = small(4);
    assert_eq!(trie.walk(trie.root(), &[1, 2]).1, 2);
    assert_eq!(trie.walk(trie.root(), &[1, 2, 3, 4, 5]).1, 2);
    assert_eq!(trie.walk(trie.root(), &[1, 2, 3, 4, 5]).1, 0);
    assert_eq!(trie.walk(trie.root(), &[6]).1, 0);
    assert_eq!(trie.walk(trie.root(), &[1, 2, 3, 4]).1, 0);
}

#[test]
fn owners_have_tries_of_their_own_until_they_are_forgotten() {
    let mut tries = Tries::new();
    let count = |tries: &mut Tries, owner: Owner| {
        let trie = tries.of(owner);
        trie.walk(trie.root(), &[1, 2, 3]).1
    };
    assert_eq!((count(&mut tries, Some(1)), count(&mut tries, Some(1))), (3, 0));
    assert_eq!(count(&mut tries, Some(2)), 3);
    assert_eq!((count(&mut tries, None), count(&mut tries, None)), (3, 3));
    assert_eq!(tries.nodes.get(), 6);
    tries.forget(1);
    // What was overtaken counts for itself, and leaves nothing.
    assert_eq!((count(&mut tries, Some(1)), count(&mut tries, Some(1))), (3, 3));
    assert_eq!((tries.nodes.get(), tries.owners.len()), (3, 1));
}

#[test]
fn the_owners_used_least_recently_go_first() {
    let mut tries = Tries::new();
    let large: Vec<u32> = (0..MOST_OF_ONE as u32).collect();
    for (owner, tokens) in [(1, &large[..]), (2, &large[..]), (3, &large[..5])] {
        let trie = tries.of(Some(owner));
        assert_eq!(trie.walk(trie.root(), tokens).1, tokens.len() as u64);
    }
    assert!(tries.nodes.get() > MOST);
    drop(tries.of(Some(2)));
    assert_eq!(tries.nodes.get(), MOST_OF_ONE + 5);
    let trie = tries.of(Some(2));
    assert_eq!(trie.walk(trie.root(), &large).1, 0);
}

proptest! {
    #[test]
    fn the_count_is_that_of_a_trie_of_sequences(
        // Few tokens, so that sequences share beginnings; in parts, as requests come.
        sequences in prop::collection::vec(
            (prop::collection::vec(0u32..3, 0..8), prop::collection::vec(0u32..3, 0..8)), 0..40)
    ) {
        let trie = small(usize::MAX);
        let mut real = BTreeSet::new();
        for (first, second) in sequences {
            let whole = [first.as_slice(), second.as_slice()].concat();
            let before = real.len();
            real.extend((1..=whole.len()).map(|length| whole[..length].to_vec()));
            let (middle, new) = trie.walk(trie.root(), &first);
            let (end, more) = trie.walk(middle, &second);
            prop_assert_eq!(new + more, (real.len() - before) as u64);
            prop_assert_eq!(trie.walk(trie.root(), &whole), (end, 0));
        }
    }
}
