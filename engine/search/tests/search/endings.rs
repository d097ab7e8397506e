//! Why searches end: the pool, limits, failures, cancellation, nothing valid; and what is returned.

use std::sync::Arc;

use toolbeam_grammar::schema::{ToolDefinition, ToolSet};
use toolbeam_search::{
    BeamId, DropKind, Dropped, Event, Failure, Judgement, Limits, RewardUsage, Settings, SettingsError,
    StopReason, StrategyKind, strategy,
};

use crate::world::{END, F, G, H, Run, Table, UNREAD, check, settings};

/// `[]` at once, and a call f.
const BOTH: Table = Table {
    policy: &[("", &[("[]", 1, -1.0), (F, 1, -1.0)]), ("f", &[(END, 1, -1.0)])],
    rewards: &[(".", 0.2), ("f", 0.9), ("f ) ; .", 0.7)],
};

/// Only a call f.
const CALL: Table =
    Table { policy: &[("", &[(F, 1, -1.0)]), ("f", &[(END, 1, -1.0)])], rewards: &[("f ) ; .", 0.7)] };

#[test]
fn a_full_pool_ends_the_search() {
    check(
        &BOTH,
        settings(1, 2),
        vec![],
        "
        expand 0 x2 after []
        score 0: [.], [f]
        round 1: [f] 0.90 pruned, [.] 0.20 finished
        finish Finished after 1: [.] 0.20
        ",
    );
}

#[test]
fn no_more_answers_than_asked_for() {
    let transcript = |answers: &str| {
        format!(
            "
            expand 0 x4 after []
            score 0: [.], [f]
            round 1: [f] 0.90 -> 1, [.] 0.20 finished
            prune 0
            expand 1 x2 after [f]
            score 1: [f ) ; .]
            round 2: [f ) ; .] 0.50 finished
            finish Finished after 2: {answers}
            "
        )
    };
    for (num_answers, answers) in
        [(1, "[f ) ; .] 0.70"), (2, "[f ) ; .] 0.70, [.] 0.20"), (9, "[f ) ; .] 0.70, [.] 0.20")]
    {
        let settings = Settings { num_answers, ..settings(2, 2) };
        check(&BOTH, settings, vec![], &transcript(answers));
    }
}

/// A limit stops the search after the first round; with an answer it says so, without one it is
/// "no valid answer".
#[track_caller]
fn check_limit(limits: Limits, reason: &str) {
    check(
        &BOTH,
        Settings { limits, ..settings(2, 2) },
        vec![],
        &format!(
            "
            expand 0 x4 after []
            score 0: [.], [f]
            round 1: [f] 0.90 pruned, [.] 0.20 finished
            finish {reason} after 1: [.] 0.20
            "
        ),
    );
    check(
        &CALL,
        Settings { limits, ..settings(2, 2) },
        vec![],
        "
        expand 0 x4 after []
        score 0: [f]
        round 1: [f] 0.50 pruned
        finish NoValidAnswer after 1:
        ",
    );
}

#[test]
fn limits_end_the_search() {
    let free = settings(2, 2).limits;
    check_limit(Limits { max_rounds: 1, ..free }, "MaxRounds");
    check_limit(Limits { max_policy_tokens: 10, ..free }, "MaxPolicyTokens");
    check_limit(Limits { max_reward_tokens: 1, ..free }, "MaxRewardTokens");
}

#[test]
fn nothing_valid_is_an_ending_and_is_counted() {
    let world = Table {
        policy: &[("", &[("Sorry, I cannot", 3, -1.0), (r#"[{"na$"#, 1, -1.0), ("[~", 2, -1.0)])],
        rewards: &[],
    };
    let outcome = check(
        &world,
        settings(2, 3),
        vec![],
        "
        expand 0 x6 after []
        round 1:
        finish NoValidAnswer after 1:
        ",
    )
    .expect("an outcome");
    assert_eq!(outcome.dropped, Dropped { invalid: 3, ended: 1, length: 2, ..Dropped::default() });
    assert_eq!((outcome.usage.expansions, outcome.usage.candidates), (6, 0));
    assert_eq!(outcome.usage.policy.decode_tokens, 10);
}

fn tools() -> Option<Arc<ToolSet>> {
    let tool = ToolDefinition {
        name: "f".into(),
        description: String::new(),
        parameters: r#"{"type":"object","properties":{},"additionalProperties":false}"#.into(),
    };
    Some(Arc::new(ToolSet::compile(&[tool]).expect("a tool")))
}

#[test]
fn answers_that_the_schemas_refuse_are_dropped() {
    let world = Table {
        policy: &[(
            "",
            &[
                (r#"[{"name":"g","arguments":{}}]"#, 2, -1.0),
                (r#"[{"name":"f","arguments":{"a":1}}]"#, 3, -1.0),
                (r#"[{"name":"f","arguments":{}}]"#, 1, -1.0),
            ],
        )],
        rewards: &[("f ) ; .", 0.3), ("g ) ; .", 0.9)],
    };
    let outcome = check(
        &world,
        Settings { tools: tools(), ..settings(2, 3) },
        vec![],
        "
        expand 0 x6 after []
        score 0: [g ) ; .] x2, [f a=1 ) ; .] x3, [f ) ; .]
        round 1: [f a=1 ) ; .] x3 0.50 refused, [g ) ; .] x2 0.50 refused, [f ) ; .] 0.30 finished
        finish Finished after 1: [f ) ; .] 0.30
        ",
    )
    .expect("an outcome");
    let mut dropped = Dropped::default();
    dropped.add(DropKind::SchemaInvalid, 5);
    assert_eq!(outcome.dropped, dropped);
    assert_eq!(outcome.dropped.total(), 5);
}

#[test]
fn a_failure_ends_the_search_with_its_kind() {
    let failure = Failure::ResourceExhausted { retry_after: None };
    let (lines, outcome) = Run {
        interrupts: vec![(3, Event::Failed { beam: BeamId(1), failure: failure.clone() })],
        ..Run::new(&BOTH, settings(2, 2))
    }
    .play();
    let outcome = outcome.expect("an outcome");
    assert_eq!(outcome.stop_reason, StopReason::Failed(failure));
    assert_eq!(outcome.answers.len(), 1, "{lines:?}");
}

#[test]
fn what_belongs_to_no_beam_is_ignored() {
    let failure = Failure::Internal("late".into());
    let late = |beam| Event::Failed { beam: BeamId(beam), failure: failure.clone() };
    let usage = RewardUsage { answer_tokens: 1000, ..RewardUsage::default() };
    // Beam 0 is gone by then, beam 7 never was, and beam 1 has not been asked for rewards.
    let early = Event::Scored { beam: BeamId(1), judgements: vec![], usage };
    let interrupts = vec![(2, late(0)), (2, late(7)), (2, early)];
    let (lines, outcome) = Run { interrupts, ..Run::new(&BOTH, settings(2, 2)) }.play();
    assert_eq!(lines, Run::new(&BOTH, settings(2, 2)).play().0);
    assert_eq!(outcome.expect("an outcome").usage.reward.answer_tokens, 3);
}

#[test]
fn what_the_reward_model_cannot_read_is_dropped_alone() {
    // f is judged, and grows beyond the reward model's context with its end; g goes on.
    let world = Table {
        policy: &[("", &[(F, 2, -1.0), (G, 1, -2.0)]), ("f", &[(END, 3, -1.0)]), ("g", &[(END, 1, -1.0)])],
        rewards: &[("f", 0.9), ("g", 0.4), ("f ) ; .", UNREAD), ("g ) ; .", 0.6)],
    };
    let (_, outcome) = Run::new(&world, settings(2, 2)).play();
    let outcome = outcome.expect("an outcome");
    assert_eq!(outcome.stop_reason, StopReason::Finished);
    assert_eq!(outcome.dropped, Dropped { length: 3, ..Dropped::default() });
    let names: Vec<_> = outcome.answers.iter().map(|it| it.calls[0].name.clone()).collect();
    assert_eq!(names, ["g"]);
}

#[test]
fn a_greedy_answer_needs_no_rewards() {
    let world =
        Table { policy: &[("", &[(F, 1, -1.0)]), ("f", &[(END, 1, -1.0)])], rewards: &[("f ) ; .", UNREAD)] };
    let greedy = Settings { strategy: StrategyKind::Greedy, ..settings(1, 1) };
    let (_, outcome) = Run::new(&world, greedy).play();
    let outcome = outcome.expect("an outcome");
    assert_eq!((outcome.answers.len(), outcome.stop_reason), (1, StopReason::Finished));
}

#[test]
fn replies_that_do_not_fit_are_failures() {
    for rewards in
        [vec![], vec![vec![Some(0.5)]], vec![vec![], vec![]], vec![vec![Some(f32::NAN)], vec![Some(0.5)]]]
    {
        let usage = RewardUsage::default();
        let judgements = rewards.into_iter().map(Judgement::Rewards).collect();
        let interrupts = vec![(1, Event::Scored { beam: BeamId(0), judgements, usage })];
        let (_, outcome) = Run { interrupts, ..Run::new(&BOTH, settings(2, 2)) }.play();
        let reason = outcome.expect("an outcome").stop_reason;
        assert!(matches!(reason, StopReason::Failed(Failure::Internal(_))), "{reason:?}");
    }
}

#[test]
fn cancellation_ends_the_search_and_nothing_follows() {
    let interrupts = vec![(2, Event::Cancelled), (2, Event::Cancelled), (2, Event::DeadlineNear)];
    check(
        &BOTH,
        settings(2, 2),
        interrupts,
        "
        expand 0 x4 after []
        score 0: [.], [f]
        round 1: [f] 0.90 -> 1, [.] 0.20 finished
        prune 0
        expand 1 x2 after [f]
        finish Cancelled after 1: [.] 0.20
        ",
    );
}

#[test]
fn greedy_takes_the_first_and_scores_the_whole_answer_once() {
    let world = Table {
        policy: &[("", &[(H, 3, -0.1), (G, 1, -1.0)]), ("h", &[(END, 3, -0.1)])],
        rewards: &[("h", 0.1), ("h ) ; .", 0.4)],
    };
    let settings = Settings { strategy: StrategyKind::Greedy, ..settings(4, 4) };
    let outcome = check(
        &world,
        settings.clone(),
        vec![(1, Event::DeadlineNear)],
        "
        expand 0 x1 greedily after []
        commit from 0: h
        expand 0 x1 greedily after [h]
        score 0: [h ) ; .]
        finish Finished after 2: [h ) ; .] 0.40
        ",
    )
    .expect("an outcome");
    let rewards = &outcome.answers[0].answer.rewards;
    assert_eq!(rewards, &[Some(0.1), Some(0.5), Some(0.5), Some(0.4)]);
    // What the schemas refuse is not worth a score.
    check(
        &world,
        Settings { tools: tools(), ..settings },
        vec![],
        "
        expand 0 x1 greedily after []
        commit from 0: h
        expand 0 x1 greedily after [h]
        finish NoValidAnswer after 2:
        ",
    );
}

#[test]
fn settings_out_of_range_are_refused_by_name() {
    let free = settings(1, 1);
    let limits = free.limits;
    for (settings, field) in [
        (Settings { num_beams: 0, ..free.clone() }, "num_beams"),
        (Settings { num_beams: 65, ..free.clone() }, "num_beams"),
        (Settings { expansions_per_beam: 257, ..free.clone() }, "expansions_per_beam"),
        (Settings { num_answers: 0, ..free.clone() }, "num_answers"),
        (Settings { limits: Limits { max_rounds: 0, ..limits }, ..free }, "limits.max_rounds"),
    ] {
        let Err(SettingsError::OutOfRange { field: named, .. }) = strategy(settings) else {
            panic!("{field} was accepted");
        };
        assert_eq!(named, field);
    }
}
