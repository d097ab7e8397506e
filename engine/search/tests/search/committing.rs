//! Steps that a search commits to.

use crate::world::{END, F, Table, check, settings};

const ARGUMENT: &str = r#","arguments":{"a":"1""#;
const CLOSE: &str = "}}]";

#[test]
fn a_step_is_committed_only_if_the_pool_agrees() {
    let world = Table {
        policy: &[
            ("", &[(F, 2, -1.0)]),
            ("f", &[(END, 1, -1.0), (ARGUMENT, 1, -1.0)]),
            ("f a=1", &[(CLOSE, 2, -1.0)]),
        ],
        rewards: &[],
    };
    check(
        &world,
        settings(2, 2),
        vec![],
        "
        expand 0 x4 after []
        score 0: [f] x2
        round 1: [f] x2 0.50 -> 1
        commit from 0: f
        prune 0
        expand 1 x2 after [f]
        score 1: [f ) ; .], [f a=1]
        round 2: [f ) ; .] 0.50 finished, [f a=1] 0.50 -> 2
        prune 1
        expand 2 x2 after [f a=1]
        score 2: [f a=1 ) ; .] x2
        round 3: [f a=1 ) ; .] x2 0.50 finished
        finish Finished after 3: [f a=1 ) ; .] x2 0.50, [f ) ; .] 0.50
        ",
    );
}
