//! What each strategy by steps draws, judges and retains.

use toolbeam_search::{Event, Settings, StrategyKind};

use crate::world::{Counted, END, F, G, H, Table, check, settings};

fn by(strategy: StrategyKind, num_beams: u32, expansions_per_beam: u32) -> Settings {
    Settings { strategy, ..settings(num_beams, expansions_per_beam) }
}

const ARGUMENT: &str = r#","arguments":{"a":"1""#;
const OTHER: &str = r#","arguments":{"a":"2""#;

#[test]
fn what_all_draws_decide_is_not_judged_alone() {
    let world = Counted(Table {
        policy: &[
            ("", &[(F, 4, -0.1)]),
            ("f", &[(ARGUMENT, 1, -1.0), (OTHER, 3, -1.0)]),
            ("f a=1", &[("}", 4, -0.1)]),
            ("f a=1 )", &[("}]", 4, -0.1)]),
        ],
        rewards: &[("f a=1", 0.9), ("f a=2", 0.7), ("f a=1 ) ; .", 0.8)],
    });
    check(
        &world,
        Settings { probe_expansions: 2, ..by(StrategyKind::Adaptive, 2, 4) },
        vec![],
        "expand 0 x2 after []
        round 1: [f] x2 1.00 -> 1
        commit from 0: f
        prune 0
        expand 1 x2 after [f]
        expand 1 x2 from 2 after [f]
        score 1: [f a=1], [f a=2] x3
        round 2: [f a=2] x3 0.50 -> 2, [f a=1] 0.50 -> 3
        prune 1
        expand 2 x2 after [f a=2]
        expand 3 x2 after [f a=1]
        expand 2 x2 from 2 after [f a=2]
        round 3: [f a=1 )] x2 0.50 -> 4
        commit from 1: a=1 )
        prune 2, 3
        expand 4 x2 after [f a=1 )]
        score 4: [f a=1 ) ; .] x2
        round 4: [f a=1 ) ; .] x2 0.50 finished
        finish Finished after 4: [f a=1 ) ; .] x2 0.80",
    );
}

#[test]
fn what_is_far_behind_the_best_does_not_live_on() {
    let world = Counted(Table {
        policy: &[("", &[(F, 1, -1.0), (G, 1, -1.0), (H, 2, -1.0)]), ("g", &[(END, 4, -0.1)])],
        rewards: &[("f", 0.5), ("g", 0.9), ("h", 0.79), ("g ) ; .", 0.95)],
    });
    let settings = Settings { probe_expansions: 2, ..by(StrategyKind::Adaptive, 2, 4) };
    check(
        &world,
        settings,
        vec![],
        "expand 0 x2 after []
        expand 0 x2 from 2 after []
        expand 0 x2 from 4 after []
        score 0: [f], [g], [h] x2
        round 1: [g] 0.90 -> 1, [h] x2 0.79 pruned, [f] 0.50 pruned
        commit from 0: g
        prune 0
        expand 1 x2 after [g]
        score 1: [g ) ; .] x2
        round 2: [g ) ; .] x2 0.50 finished
        finish Finished after 2: [g ) ; .] x2 0.95",
    );
}

#[test]
fn subtrees_do_not_compete() {
    // Everything behind f is better than everything behind g.
    let world = Table {
        policy: &[
            ("", &[(F, 1, -1.0), (G, 1, -1.0), (H, 1, -1.0)]),
            ("f", &[(ARGUMENT, 1, -1.0), (OTHER, 1, -1.0)]),
            ("g", &[(ARGUMENT, 1, -1.0), (OTHER, 1, -1.0)]),
            ("f a=1", &[("}}]", 1, -1.0)]),
            ("g a=2", &[("}}]", 1, -1.0)]),
        ],
        rewards: &[
            ("f", 0.9),
            ("g", 0.4),
            ("h", 0.3),
            ("f a=1", 0.9),
            ("f a=2", 0.8),
            ("g a=1", 0.1),
            ("g a=2", 0.2),
            ("f a=1 ) ; .", 0.6),
            ("g a=2 ) ; .", 0.7),
        ],
    };
    check(
        &world,
        by(StrategyKind::DiverseBeam, 2, 2),
        vec![],
        "expand 0 x4 after []
        score 0: [f], [g], [h]
        round 1: [f] 0.90 -> 1, [g] 0.40 -> 2, [h] 0.30 pruned
        prune 0
        expand 1 x2 after [f]
        expand 2 x2 after [g]
        score 1: [f a=1], [f a=2]
        score 2: [g a=1], [g a=2]
        round 2: [f a=1] 0.90 -> 3, [f a=2] 0.80 pruned, [g a=2] 0.20 -> 4, [g a=1] 0.10 pruned
        prune 1, 2
        expand 3 x2 after [f a=1]
        expand 4 x2 after [g a=2]
        score 3: [f a=1 ) ; .]
        score 4: [g a=2 ) ; .]
        round 3: [f a=1 ) ; .] 0.50 finished, [g a=2 ) ; .] 0.50 finished
        finish Finished after 3: [g a=2 ) ; .] 0.70, [f a=1 ) ; .] 0.60",
    );
}

/// Three of four answers call f, in two orders of their arguments; one calls g, which is judged better.
const VOTES: Table = Table {
    policy: &[
        ("", &[(F, 3, -1.0), ("[]", 1, -1.0)]),
        (
            "f",
            &[
                (r#","arguments":{"a":1,"b":2}}]"#, 1, -1.0),
                (r#","arguments":{"b":2,"a":1}}]"#, 1, -2.0),
                (END, 1, -1.0),
            ],
        ),
    ],
    rewards: &[(".", 0.9), ("f a=1 b=2 ) ; .", 0.3), ("f ) ; .", 0.4)],
};

#[test]
fn votes_are_for_calls_and_rewards_come_last() {
    let outcome = check(
        &VOTES,
        Settings { num_answers: 2, ..by(StrategyKind::Majority, 1, 4) },
        vec![],
        "expand 0 x4 after []
        round 1: [f] x3 1.00 -> 1, [.] 1.00 finished
        prune 0
        expand 1 x3 after [f]
        round 2: [f a=1 b=2 ) ; .] 1.00 finished, [f ) ; .] 1.00 finished, [f b=2 a=1 ) ; .] 1.00 finished
        score 2: [f a=1 b=2 ) ; .], [.]
        finish Finished after 2: [f a=1 b=2 ) ; .] x2 0.30, [.] 0.90",
    );
    let answers = outcome.expect("an outcome").answers;
    assert_eq!(answers.iter().map(|it| it.vote_share).collect::<Vec<_>>(), [Some(0.5), Some(0.25)]);
}

#[test]
fn the_deadline_ends_the_votes_and_leaves_time_for_rewards() {
    check(
        &VOTES,
        Settings { num_answers: 1, ..by(StrategyKind::Majority, 1, 4) },
        vec![(1, Event::DeadlineNear)],
        "expand 0 x4 after []
        round 1: [f] x3 1.00 -> 1, [.] 1.00 finished
        prune 0
        expand 1 x3 after [f]
        prune 1
        score 2: [.]
        finish Deadline after 1: [.] 0.90",
    );
    check(
        &VOTES,
        Settings { num_answers: 1, ..by(StrategyKind::Majority, 1, 4) },
        vec![(1, Event::DeadlineNear), (1, Event::DeadlineReached)],
        "expand 0 x4 after []
        round 1: [f] x3 1.00 -> 1, [.] 1.00 finished
        prune 0
        expand 1 x3 after [f]
        prune 1
        score 2: [.]
        finish Deadline after 1: [.] -",
    );
}

#[test]
fn only_whole_answers_are_judged_and_the_best_is_returned() {
    check(
        &VOTES,
        Settings { num_answers: 1, ..by(StrategyKind::BestOfN, 2, 2) },
        vec![],
        "expand 0 x4 after []
        score 0: [.]
        round 1: [f] x3 1.00 -> 1, [.] 0.90 finished
        prune 0
        expand 1 x3 after [f]
        score 1: [f a=1 b=2 ) ; .], [f b=2 a=1 ) ; .], [f ) ; .]
        round 2: [f b=2 a=1 ) ; .] 0.50 finished, [f ) ; .] 0.40 finished, [f a=1 b=2 ) ; .] 0.30 finished
        finish Finished after 2: [.] 0.90",
    );
}

#[test]
fn the_policys_opinion_counts_as_much_as_it_is_given() {
    // One token each: the mean probabilities are 0.9 and 0.1.
    let world =
        Table { policy: &[("", &[(F, 1, -0.105), (G, 1, -2.303)])], rewards: &[("f", 0.2), ("g", 0.6)] };
    for (weight, told) in [
        (0.0, "round 1: [g] 0.60 -> 1, [f] 0.20 pruned"),
        (0.5, "round 1: [f] 0.55 -> 1, [g] 0.35 pruned"),
        (1.0, "round 1: [f] 0.90 -> 1, [g] 0.10 pruned"),
    ] {
        let settings = Settings { log_probability_weight: weight, ..settings(1, 2) };
        let (lines, _) = crate::world::Run::new(&world, settings).play();
        assert!(lines.iter().any(|line| line == told), "{weight}: {lines:?}");
    }
}

#[test]
fn tokens_are_steps_and_the_most_probable_answers_are_found() {
    let world = Table {
        policy: &[
            ("", &[("[~", 1, -0.1), ("[]", 1, -2.0)]),
            ("[", &[(r#"{"name":"f""#, 1, -0.5), (r#"{"name":"g""#, 1, -0.2)]),
            ("g", &[(END, 1, -0.3)]),
            ("f", &[(END, 1, -3.0)]),
        ],
        rewards: &[(".", 0.9), ("f ) ; .", 0.8), ("g ) ; .", 0.1)],
    };
    let settings = by(StrategyKind::TokenBeam, 2, 2);
    let limits = toolbeam_search::Limits { max_rounds: 1, ..settings.limits };
    check(
        &world,
        Settings { limits, ..settings },
        vec![],
        "expand 0 x4 by token after []
        round 1: [] 0.90 -> 1, [.] 0.14 finished
        prune 0
        expand 1 x2 by token after []
        round 2: [g] 0.86 -> 2, [f] 0.74 -> 3
        prune 1
        expand 2 x2 by token after [g]
        expand 3 x2 by token after [f]
        round 3: [g ) ; .] 0.82 finished, [f ) ; .] 0.30 finished
        score 4: [g ) ; .], [f ) ; .], [.]
        finish Finished after 3: [g ) ; .] 0.10, [f ) ; .] 0.80, [.] 0.90",
    );
}
