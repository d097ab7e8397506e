//! The order of replies does not matter.

use std::ops::Range;

use toolbeam_grammar::Step;
use toolbeam_search::{Answer, Continuation, Draw, StrategyKind};

use crate::mechanism::Random;
use crate::world::{END, Run, World, continuation, path, settings};

/// A world made up by a seed: names and arguments in several spellings, some nonsense, some ends.
struct Forest(u64);

impl World for Forest {
    fn continuations(&self, answer: &Answer, _: Range<u32>, _: Draw) -> Vec<Continuation> {
        let here = path(&answer.steps);
        let mut random = Random::keyed(self.0, &[&here, &answer.text.len().to_string()]);
        let (mut index, mut continuations) = (0, Vec::new());
        for _ in 0..1 + random.below(5) {
            let count = 1 + random.below(3) as u32;
            let piece = match (answer.steps.is_empty(), random.below(6)) {
                (true, 0) => "[]".into(),
                (_, 1) => "nonsense".into(),
                (true, _) => format!(r#"[{{"name":"{}""#, ["f", "g", "h"][random.below(3)]),
                (false, 2) if answer.steps.len() == 1 => END.into(),
                (false, 3) if answer.steps.len() > 1 => "}}]".into(),
                (false, spelling) => {
                    let space = " ".repeat(spelling % 2);
                    let key = answer.steps.len();
                    let value = random.below(3);
                    let open = if key == 1 { r#","arguments":{"# } else { "," };
                    format!(r#"{open}{space}"k{key}":"{value}""#)
                }
            };
            continuations.push(continuation(&piece, index, count, -(random.below(9) as f64)));
            index += count;
        }
        continuations
    }

    fn reward(&self, steps: &[Step]) -> Option<f32> {
        // Few values, so that there are ties.
        let mut random = Random::keyed(self.0, &["reward", &path(steps)]);
        (random.below(8) > 0).then(|| random.below(4) as f32 / 4.0)
    }
}

/// The transcript, with the lines of each round that answer one reply in order of their beams: those alone
/// come as their beam's reply comes.
fn transcript(kind: StrategyKind, seed: u64, choose: Box<dyn FnMut(usize) -> usize>) -> Vec<String> {
    let world = Forest(seed);
    let mut settings = settings(4, 3);
    settings.strategy = kind;
    settings.limits.max_rounds = 8;
    let (mut lines, outcome) = Run { choose, ..Run::new(&world, settings) }.play();
    let outcome = outcome.expect("an outcome");
    lines.push(format!("{:?} {:?}", outcome.usage, outcome.dropped));
    let answers_one = |line: &String| line.starts_with("score") || line.contains(" from ");
    for block in lines.split_mut(|line| !answers_one(line)) {
        block.sort();
    }
    lines
}

#[test]
fn permuted_replies_give_the_same_commands() {
    use StrategyKind::{Adaptive, BestOfN, DiverseBeam, FineGrainedBeam, Majority};
    [FineGrainedBeam, DiverseBeam, Adaptive, BestOfN, Majority].into_iter().for_each(check);
}

fn check(kind: StrategyKind) {
    let (mut answered, mut widest) = (0, 0);
    for seed in 0..60 {
        let in_order = transcript(kind, seed, Box::new(|_| 0));
        for shuffle in 0..10 {
            let mut random = Random::keyed(seed, &["shuffle", &shuffle.to_string()]);
            let shuffled = transcript(kind, seed, Box::new(move |waiting| random.below(waiting)));
            assert_eq!(shuffled, in_order, "{kind:?}, seed {seed}, shuffle {shuffle}");
        }
        answered += usize::from(in_order.iter().any(|line| line.starts_with("finish Finished")));
        widest = widest.max(in_order.iter().filter(|line| line.starts_with("expand")).count());
    }
    // The forest has something to find and something to permute.
    assert!(answered > 5 && widest > 10, "{kind:?}: {answered} answered, {widest} expansions");
}
