//! The deadline: what is done with the reserve.

use toolbeam_search::{Event, Settings, StrategyKind};

use crate::world::{END, F, G, Table, check, settings};

const CLOSED: &str = r#","arguments":{}"#;

/// g is better than f; each needs two more expansions. An empty answer is found late.
const WORLD: Table = Table {
    policy: &[
        ("", &[(F, 1, -1.0), (G, 1, -1.0)]),
        ("f", &[(END, 1, -1.0)]),
        ("g", &[(CLOSED, 1, -1.0)]),
        ("g )", &[("}]", 1, -1.0)]),
    ],
    rewards: &[("f", 0.6), ("g", 0.9), ("f ) ; .", 0.7), ("g ) ; .", 0.8)],
};

#[test]
fn the_best_beam_is_completed_greedily() {
    let outcome = check(
        &WORLD,
        settings(2, 2),
        vec![(2, Event::DeadlineNear), (2, Event::DeadlineNear)],
        "
        expand 0 x4 after []
        score 0: [f], [g]
        round 1: [g] 0.90 -> 1, [f] 0.60 -> 2
        prune 0
        expand 1 x2 after [g]
        expand 2 x2 after [f]
        prune 1, 2
        expand 3 x1 greedily after [g]
        commit from 0: g )
        expand 3 x1 greedily after [g )]
        score 3: [g ) ; .]
        finish Deadline after 3: [g ) ; .] 0.80
        ",
    )
    .expect("an outcome");
    let rewards = &outcome.answers[0].answer.rewards;
    assert_eq!(rewards, &[Some(0.9), Some(0.5), Some(0.5), Some(0.8)]);
}

#[test]
fn before_the_first_reply_the_root_is_completed() {
    check(
        &WORLD,
        settings(2, 2),
        vec![(0, Event::DeadlineNear)],
        "
        expand 0 x4 after []
        prune 0
        expand 1 x1 greedily after []
        commit from 0: f
        expand 1 x1 greedily after [f]
        score 1: [f ) ; .]
        finish Deadline after 2: [f ) ; .] 0.70
        ",
    );
}

#[test]
fn a_scored_candidate_of_the_round_is_further_than_its_parent() {
    // Beam 1 was expanded and scored, beam 2 was not: replies 0 and 1 are the root's.
    check(
        &WORLD,
        settings(2, 2),
        vec![(5, Event::DeadlineNear)],
        "
        expand 0 x4 after []
        score 0: [f], [g]
        round 1: [g] 0.90 -> 1, [f] 0.60 -> 2
        prune 0
        expand 1 x2 after [g]
        expand 2 x2 after [f]
        score 1: [g )]
        score 2: [f ) ; .]
        prune 1, 2
        expand 3 x1 greedily after [g )]
        score 3: [g ) ; .]
        finish Deadline after 2: [g ) ; .] 0.80
        ",
    );
}

#[test]
fn an_answer_in_the_pool_ends_the_search_at_once() {
    let world = Table {
        policy: &[("", &[("[]", 1, -1.0), (F, 1, -1.0)]), ("f", &[(END, 1, -1.0)])],
        rewards: &[(".", 0.2)],
    };
    for event in [Event::DeadlineNear, Event::DeadlineReached] {
        check(
            &world,
            settings(2, 2),
            vec![(2, event)],
            "
            expand 0 x4 after []
            score 0: [.], [f]
            round 1: [f] 0.50 -> 1, [.] 0.20 finished
            prune 0
            expand 1 x2 after [f]
            finish Deadline after 1: [.] 0.20
            ",
        );
    }
}

#[test]
fn an_answer_that_waits_for_its_rewards_is_returned_without_them() {
    let greedy = Settings { strategy: StrategyKind::Greedy, ..settings(1, 1) };
    check(
        &WORLD,
        greedy.clone(),
        vec![(2, Event::DeadlineReached)],
        "
        expand 0 x1 greedily after []
        commit from 0: f
        expand 0 x1 greedily after [f]
        score 0: [f ) ; .]
        finish Deadline after 2: [f ) ; .] -
        ",
    );
    // An unfinished one is not.
    check(
        &WORLD,
        greedy,
        vec![(1, Event::DeadlineReached)],
        "
        expand 0 x1 greedily after []
        commit from 0: f
        expand 0 x1 greedily after [f]
        finish Deadline after 1:
        ",
    );
}

#[test]
fn a_completion_that_comes_to_nothing_is_still_the_deadline() {
    let world = Table { policy: &[("", &[("nonsense", 1, -1.0)])], rewards: &[] };
    check(
        &world,
        settings(2, 2),
        vec![(0, Event::DeadlineNear)],
        "
        expand 0 x4 after []
        prune 0
        expand 1 x1 greedily after []
        finish Deadline after 1:
        ",
    );
}
