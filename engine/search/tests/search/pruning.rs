//! Who lives on: rewards, ties, merging, the pool's slots, scopes and aggregations.

use toolbeam_search::{Aggregation, Scope, Settings};

use crate::world::{END, F, G, H, NONE, Table, check, settings};

const A1: &str = r#","arguments":{"a":"1""#;
const A2: &str = r#","arguments":{"a":"2""#;
const CLOSE: &str = "}}]";

#[test]
fn root_gets_all_expansions_and_the_best_are_retained() {
    let world = Table {
        policy: &[
            ("", &[(F, 1, -1.0), (G, 1, -1.0), (H, 1, -1.0)]),
            ("f", &[(END, 3, -1.0)]),
            ("g", &[(END, 3, -1.0)]),
        ],
        rewards: &[("f", 0.6), ("g", 0.8), ("h", 0.3)],
    };
    check(
        &world,
        settings(2, 3),
        vec![],
        "
        expand 0 x6 after []
        score 0: [f], [g], [h]
        round 1: [g] 0.80 -> 1, [f] 0.60 -> 2, [h] 0.30 pruned
        prune 0
        expand 1 x3 after [g]
        expand 2 x3 after [f]
        score 1: [g ) ; .] x3
        score 2: [f ) ; .] x3
        round 2: [g ) ; .] x3 0.50 finished, [f ) ; .] x3 0.50 finished
        finish Finished after 2: [g ) ; .] x3 0.50, [f ) ; .] x3 0.50
        ",
    );
}

#[test]
fn the_least_reward_of_several_markers_counts() {
    // After f one token crosses three markers; after g each is good.
    let world = Table {
        policy: &[("", &[(F, 1, -1.0), (G, 1, -1.0)]), ("f", &[(END, 1, -1.0)]), ("g", &[(A1, 1, -1.0)])],
        rewards: &[("f )", 0.2), ("f ) ;", 0.9), ("f ) ; .", 0.8), ("g a=1", 0.3)],
    };
    let mut settings = settings(2, 1);
    settings.limits.max_rounds = 2;
    check(
        &world,
        settings,
        vec![],
        "
        expand 0 x2 after []
        score 0: [f], [g]
        round 1: [f] 0.50 -> 1, [g] 0.50 -> 2
        prune 0
        expand 1 x1 after [f]
        expand 2 x1 after [g]
        score 1: [f ) ; .]
        score 2: [g a=1]
        round 2: [g a=1] 0.30 pruned, [f ) ; .] 0.20 finished
        finish MaxRounds after 2: [f ) ; .] 0.80
        ",
    );
}

/// Three names of equal reward, each with a count and a log-probability: the order of the round.
#[track_caller]
fn check_tie(world: Table, scored: &str, ranked: [&str; 3]) {
    let mut settings = settings(1, 9);
    settings.limits.max_rounds = 1;
    let [first, second, third] = ranked;
    check(
        &world,
        settings,
        vec![],
        &format!(
            "
            expand 0 x9 after []
            score 0: {scored}
            round 1: {first} 0.50 pruned, {second} 0.50 pruned, {third} 0.50 pruned
            finish NoValidAnswer after 1:
            "
        ),
    );
}

#[test]
fn ties_go_to_count_then_log_probability_then_index() {
    let by_count = Table { policy: &[("", &[(F, 1, -0.1), (G, 3, -9.0), (H, 2, -0.1)])], rewards: &[] };
    check_tie(by_count, "[f], [g] x3, [h] x2", ["[g] x3", "[h] x2", "[f]"]);
    let by_log_probability =
        Table { policy: &[("", &[(F, 2, -3.0), (G, 2, -2.0), (H, 2, -1.0)])], rewards: &[] };
    check_tie(by_log_probability, "[f] x2, [g] x2, [h] x2", ["[h] x2", "[g] x2", "[f] x2"]);
    let by_index = Table { policy: &[("", &[(H, 1, -1.0), (F, 1, -1.0), (G, 1, -1.0)])], rewards: &[] };
    check_tie(by_index, "[h], [f], [g]", ["[h]", "[f]", "[g]"]);
}

#[test]
fn merging_needs_equal_decisions_and_equal_states() {
    // Two spellings of one decision are one candidate; a comma that was already written is not.
    let world = Table {
        policy: &[
            ("", &[(F, 1, -1.0), (r#"[ {"name" : "\u0066""#, 2, -0.5), (r#"[{"name":"f","#, 1, -1.0)]),
            (r#"[{"name":"f","#, &[(r#""arguments":{"a":"1""#, 2, -1.0)]),
            ("f", &[(A1, 1, -1.0), (A2, 1, -1.0)]),
            ("f a=1", &[(CLOSE, 1, -1.0)]),
        ],
        rewards: &[("f a=1", 0.9), ("f a=2", 0.1)],
    };
    check(
        &world,
        settings(2, 2),
        vec![],
        "
        expand 0 x4 after []
        score 0: [f] x3, [f]
        round 1: [f] x3 0.50 -> 1, [f] 0.50 -> 2
        commit from 0: f
        prune 0
        expand 1 x2 after [f]
        expand 2 x2 after [f]
        score 1: [f a=1], [f a=2]
        score 2: [f a=1] x2
        round 2: [f a=1] x3 0.90 -> 3, [f a=2] 0.10 -> 4
        prune 1, 2
        expand 3 x2 after [f a=1]
        expand 4 x2 after [f a=2]
        score 3: [f a=1 ) ; .]
        round 3: [f a=1 ) ; .] 0.50 finished
        finish Finished after 3: [f a=1 ) ; .] 0.50
        ",
    );
}

#[test]
fn finished_answers_take_no_slot() {
    let world = Table {
        policy: &[("", &[("[]", 1, -1.0), (F, 1, -1.0), (G, 1, -1.0), (H, 1, -1.0)])],
        rewards: &[(".", 0.9), ("f", 0.8), ("g", 0.7), ("h", 0.6)],
    };
    check(
        &world,
        settings(2, 2),
        vec![],
        "
        expand 0 x4 after []
        score 0: [.], [f], [g], [h]
        round 1: [.] 0.90 finished, [f] 0.80 -> 1, [g] 0.70 -> 2, [h] 0.60 pruned
        prune 0
        expand 1 x2 after [f]
        expand 2 x2 after [g]
        round 2:
        finish Finished after 2: [.] 0.90
        ",
    );
}

#[test]
fn the_pool_is_ranked_by_the_last_marker() {
    // Pruning would prefer g; the whole answer f is better.
    let world = Table {
        policy: &[(
            "",
            &[(r#"[{"name":"f","arguments":{}}]"#, 1, -1.0), (r#"[{"name":"g","arguments":{}}]"#, 1, -1.0)],
        )],
        rewards: &[("f", 0.1), ("f ) ; .", 0.95), ("g ) ; .", 0.6)],
    };
    check(
        &world,
        settings(2, 1),
        vec![],
        "
        expand 0 x2 after []
        score 0: [f ) ; .], [g ) ; .]
        round 1: [g ) ; .] 0.50 finished, [f ) ; .] 0.10 finished
        finish Finished after 1: [f ) ; .] 0.95, [g ) ; .] 0.60
        ",
    );
}

#[test]
fn spellings_of_a_finished_answer_are_one() {
    // A closed fence is a state of its own, but a finished answer has no future.
    let world =
        Table { policy: &[("", &[("[]", 1, -1.0), ("[]\n```", 2, -1.0), (F, 1, -1.0)])], rewards: &[] };
    check(
        &world,
        settings(2, 2),
        vec![],
        "
        expand 0 x4 after []
        score 0: [.], [.] x2, [f]
        round 1: [.] x2 0.50 finished, [.] 0.50 finished, [f] 0.50 -> 1
        prune 0
        expand 1 x2 after [f]
        round 2:
        finish Finished after 2: [.] x3 0.50
        ",
    );
}

#[test]
fn an_expansion_without_a_marker_of_the_model_inherits() {
    // A model that judges whole calls only: names inherit the root's reward, the next name that of
    // the call before it.
    let world = Table {
        policy: &[
            ("", &[(F, 1, -1.0), (r#"[{"name":"g","arguments":{}},{"name":"g""#, 1, -1.0)]),
            ("f", &[(r#","arguments":{}},{"name":"f""#, 1, -1.0)]),
            ("g ) ; g", &[(A1, 1, -1.0)]),
        ],
        rewards: &[
            ("f", NONE),
            ("f )", NONE),
            ("f ) ;", 0.3),
            ("f ) ; f", NONE),
            ("g", NONE),
            ("g )", NONE),
            ("g ) ;", 0.4),
            ("g ) ; g", NONE),
            ("g ) ; g a=1", NONE),
        ],
    };
    let mut settings = settings(2, 1);
    settings.limits.max_rounds = 2;
    check(
        &world,
        settings,
        vec![],
        "
        expand 0 x2 after []
        score 0: [f], [g ) ; g]
        round 1: [f] 1.00 -> 1, [g ) ; g] 0.40 -> 2
        prune 0
        expand 1 x1 after [f]
        expand 2 x1 after [g ) ; g]
        score 1: [f ) ; f]
        score 2: [g ) ; g a=1]
        round 2: [g ) ; g a=1] 0.40 pruned, [f ) ; f] 0.30 pruned
        finish NoValidAnswer after 2:
        ",
    );
}

#[test]
fn aggregations_and_scopes() {
    // First f at 0.5, then three markers at 0.9, 0.6, 0.8.
    let world = Table {
        policy: &[("", &[(F, 1, -1.0)]), ("f", &[(END, 1, -1.0)])],
        rewards: &[("f )", 0.9), ("f ) ;", 0.6), ("f ) ; .", 0.8)],
    };
    for (aggregation, scope, reward) in [
        (Aggregation::Min, Scope::Expansion, "0.60"),
        (Aggregation::Last, Scope::Expansion, "0.80"),
        (Aggregation::Product, Scope::Expansion, "0.43"),
        (Aggregation::Mean, Scope::Expansion, "0.77"),
        (Aggregation::Min, Scope::Path, "0.50"),
        (Aggregation::Last, Scope::Path, "0.80"),
        (Aggregation::Product, Scope::Path, "0.22"),
        (Aggregation::Mean, Scope::Path, "0.70"),
    ] {
        check(
            &world,
            Settings { aggregation, scope, ..settings(1, 1) },
            vec![],
            &format!(
                "
                expand 0 x1 after []
                score 0: [f]
                round 1: [f] 0.50 -> 1
                commit from 0: f
                prune 0
                expand 1 x1 after [f]
                score 1: [f ) ; .]
                round 2: [f ) ; .] {reward} finished
                finish Finished after 2: [f ) ; .] 0.80
                "
            ),
        );
    }
}
