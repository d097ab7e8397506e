//! What a search decides, without models: rounds per second of N = 4 beams with M = 8 expansions each.
//!
//! A round is what `engine/actors` does in it: continuations are parsed and merged, scored by a script,
//! and pruned.

use std::collections::VecDeque;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use toolbeam_search::{
    Answer, Command, Continuation, Draw, Dropped, Event, Finish, Judgement, Limits, PolicyUsage, RewardUsage,
    Settings, expand, strategy,
};

const ARGUMENTS: usize = 16;

fn rounds(criterion: &mut Criterion) {
    let count = search(settings());
    assert!(count > ARGUMENTS as u32, "the search ended after {count} rounds");
    let mut group = criterion.benchmark_group("rounds");
    group.throughput(Throughput::Elements(count.into()));
    group.bench_function("fine_grained_beam_4_x_8", |bencher| bencher.iter(|| search(settings())));
    group.finish();
}

/// Runs a search to its end; its rounds.
fn search(settings: Settings) -> u32 {
    let mut machine = strategy(settings).expect("valid settings");
    let mut waiting = VecDeque::from(machine.start());
    while let Some(command) = waiting.pop_front() {
        let event = match command {
            Command::Expand { beam, answer, expansions, .. } => {
                let (expansions, dropped): (_, Dropped) =
                    expand(&answer, continuations(&answer, expansions), Draw::Sample);
                Event::Expanded { beam, expansions, dropped, usage: PolicyUsage::default() }
            }
            Command::Score { beam, candidates } => {
                let judgements = candidates.iter().map(|it| {
                    let last = it.answer.text.iter().map(|byte| u32::from(*byte)).sum::<u32>();
                    let reward = Some((last % 997) as f32 / 997.0);
                    Judgement::Rewards(vec![reward; it.new_steps.len()])
                });
                Event::Scored { beam, judgements: judgements.collect(), usage: RewardUsage::default() }
            }
            Command::Finish(outcome) => return outcome.rounds,
            Command::Prune { .. } | Command::Note(_) => continue,
        };
        waiting.extend(machine.on_event(event));
    }
    0
}

/// What a policy writes: a name, arguments with one of six values each, drawn once or twice, the end.
fn continuations(answer: &Answer, expansions: u32) -> Vec<Continuation> {
    let text = |value: u32| match answer.steps.len() {
        0 => format!(r#"[{{"name": "function_{value}""#),
        1 => format!(r#", "arguments": {{"argument_0": "value {value}""#),
        step if step <= ARGUMENTS => format!(r#", "argument_{step}": "value {value}""#),
        step if step == ARGUMENTS + 1 => "}".to_owned(),
        _ => "}]".to_owned(),
    };
    let continuation = |index: u32| Continuation {
        token_ids: (0..8).collect(),
        text: text(index % 6).into_bytes(),
        index,
        count: 1,
        log_probability: -f64::from(index),
        finish: Finish::Step,
    };
    (0..expansions).map(continuation).collect()
}

fn settings() -> Settings {
    let limits = Limits { max_rounds: 100, max_policy_tokens: u64::MAX, max_reward_tokens: u64::MAX };
    Settings { num_beams: 4, expansions_per_beam: 8, limits, ..Settings::default() }
}

criterion_group!(benches, rounds);
criterion_main!(benches);
