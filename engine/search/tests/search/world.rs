//! Worlds that answer commands, and the transcript of a search in one.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use toolbeam_grammar::Step;
use toolbeam_search::{
    Answer, BeamId, Command, Continuation, Draw, Event, Expansion, Fate, Finish, Judgement, Limits, Note,
    Outcome, PolicyUsage, RewardUsage, RoundTrace, Settings, expand, strategy,
};

/// In a table of rewards: the model has no such marker.
pub(crate) const NONE: f32 = -1.0;

/// In a table of rewards: the answer does not fit the model's context.
pub(crate) const UNREAD: f32 = 2.0;

/// A function name, and the rest of a call without arguments together with the list's end.
pub(crate) const F: &str = r#"[{"name":"f""#;
pub(crate) const G: &str = r#"[{"name":"g""#;
pub(crate) const H: &str = r#"[{"name":"h""#;
pub(crate) const END: &str = r#","arguments":{}}]"#;

/// Answers commands.
pub(crate) trait World {
    /// What the policy writes after `answer` in the draws of these indices.
    fn continuations(&self, answer: &Answer, drawn: Range<u32>, draw: Draw) -> Vec<Continuation>;
    /// The reward at the last of `steps`.
    fn reward(&self, steps: &[Step]) -> Option<f32>;
}

/// Text, count, log-probability. A text that ends in `$` ends the turn, in `~` it hits the limit.
type Piece = (&'static str, u32, f64);

/// A world as a table.
pub(crate) struct Table {
    /// What may follow an answer, which is named by its exact text or by its path.
    pub(crate) policy: &'static [(&'static str, &'static [Piece])],
    /// The reward at the end of a path; 0.5 if absent.
    pub(crate) rewards: &'static [(&'static str, f32)],
}

/// A table of which only the draws that are asked for are given, and not all that it has.
pub(crate) struct Counted(pub(crate) Table);

impl World for Counted {
    fn continuations(&self, answer: &Answer, drawn: Range<u32>, draw: Draw) -> Vec<Continuation> {
        let all = self.0.continuations(answer, drawn.clone(), draw).into_iter();
        let own = all.filter_map(|it| {
            let (from, end) = (it.index.max(drawn.start), (it.index + it.count).min(drawn.end));
            (from < end).then(|| Continuation { index: from, count: end - from, ..it })
        });
        own.collect()
    }

    fn reward(&self, steps: &[Step]) -> Option<f32> {
        self.0.reward(steps)
    }
}

impl World for Table {
    fn continuations(&self, answer: &Answer, _: Range<u32>, draw: Draw) -> Vec<Continuation> {
        let text = String::from_utf8_lossy(&answer.text).into_owned();
        let path = path(&answer.steps);
        let find = |key: &str| self.policy.iter().find(|(it, _)| *it == key);
        let (_, pieces) = find(&text).or_else(|| find(&path)).unwrap_or(&("", &[]));
        let mut index = 0;
        let mut continuations = Vec::new();
        for &(piece, count, log_probability) in *pieces {
            continuations.push(continuation(piece, index, count, log_probability));
            index += count;
        }
        if draw == Draw::Greedy {
            continuations.truncate(1);
            continuations.iter_mut().for_each(|it| it.count = 1);
        }
        continuations
    }

    fn reward(&self, steps: &[Step]) -> Option<f32> {
        let path = path(steps);
        let reward = self.rewards.iter().find(|(it, _)| *it == path).map_or(0.5, |(_, it)| *it);
        (reward != NONE).then_some(reward)
    }
}

pub(crate) fn continuation(piece: &str, index: u32, count: u32, log_probability: f64) -> Continuation {
    let (text, finish) = match (piece.strip_suffix('$'), piece.strip_suffix('~')) {
        (Some(text), _) => (text, Finish::EndOfSequence),
        (None, Some(text)) => (text, Finish::Length),
        (None, None) => (piece, Finish::Step),
    };
    Continuation {
        token_ids: vec![text.len() as u32],
        text: text.as_bytes().to_vec(),
        index,
        count,
        log_probability,
        finish,
    }
}

/// Steps in a line: `f a=1 ) ; .`
pub(crate) fn path(steps: &[Step]) -> String {
    let words = steps.iter().map(|step| match step {
        Step::FuncName(name) => name.to_string(),
        Step::ArgValue { key, value } => format!("{key}={}", value.as_str().trim_matches('"')),
        Step::ParamFinish => ")".into(),
        Step::FuncFinish => ";".into(),
        Step::TotalFinish => ".".into(),
    });
    words.collect::<Vec<String>>().join(" ")
}

/// Fine-grained beams, minimum over the expansion, every answer returned, no limits.
pub(crate) fn settings(num_beams: u32, expansions_per_beam: u32) -> Settings {
    Settings {
        num_beams,
        expansions_per_beam,
        num_answers: 100,
        limits: Limits { max_rounds: 100, max_policy_tokens: 1_000_000, max_reward_tokens: 1_000_000 },
        ..Settings::default()
    }
}

/// Runs a search to its end, or until nothing is left to answer, and tells it line by line.
pub(crate) struct Run<'a> {
    pub(crate) world: &'a dyn World,
    pub(crate) settings: Settings,
    /// Events that come in before the reply of this number, counted from 0.
    pub(crate) interrupts: Vec<(usize, Event)>,
    /// Which of the waiting replies comes next.
    pub(crate) choose: Box<dyn FnMut(usize) -> usize>,
}

impl<'a> Run<'a> {
    pub(crate) fn new(world: &'a dyn World, settings: Settings) -> Run<'a> {
        Run { world, settings, interrupts: Vec::new(), choose: Box::new(|_| 0) }
    }

    pub(crate) fn play(mut self) -> (Vec<String>, Option<Outcome>) {
        let mut machine = strategy(self.settings.clone()).expect("valid settings");
        let mut waiting: VecDeque<Event> = VecDeque::new();
        let (mut lines, mut outcome, mut replies) = (Vec::new(), None, 0);
        let mut commands = machine.start();
        loop {
            for command in commands {
                assert!(outcome.is_none(), "a command after the end: {command:?}");
                lines.extend(line(&command));
                match command {
                    Command::Expand { .. } | Command::Score { .. } => {
                        waiting.push_back(self.reply(command));
                    }
                    Command::Prune { beams } => {
                        waiting.retain(|event| !beams.contains(&beam_of(event)));
                    }
                    Command::Note(_) => {}
                    Command::Finish(it) => outcome = Some(it),
                }
            }
            let due = self.interrupts.iter().position(|(at, _)| *at <= replies);
            let event = match due {
                Some(due) => Some(self.interrupts.remove(due).1),
                None if waiting.is_empty() => None,
                None => {
                    replies += 1;
                    waiting.remove((self.choose)(waiting.len()))
                }
            };
            let Some(event) = event else { return (lines, outcome) };
            commands = machine.on_event(event);
        }
    }

    fn reply(&self, command: Command) -> Event {
        match command {
            Command::Expand { beam, answer, first, expansions, draw } => {
                let continuations = self.world.continuations(&answer, first..first + expansions, draw);
                let (expansions, dropped) = expand(&answer, continuations, draw);
                let usage = PolicyUsage { decode_tokens: 10, ..PolicyUsage::default() };
                Event::Expanded { beam, expansions, dropped, usage }
            }
            Command::Score { beam, candidates } => {
                let judgements = candidates.iter().map(|it| self.judgement_of(it)).collect();
                let answer_tokens = candidates.len() as u64;
                let usage = RewardUsage { answer_tokens, ..RewardUsage::default() };
                Event::Scored { beam, judgements, usage }
            }
            other => panic!("nothing replies to {other:?}"),
        }
    }

    fn judgement_of(&self, candidate: &Expansion) -> Judgement {
        let steps = &candidate.answer.steps;
        let rewards: Vec<_> =
            candidate.new_steps.clone().map(|at| self.world.reward(&steps[..=at])).collect();
        let is_unread = rewards.contains(&Some(UNREAD));
        if is_unread { Judgement::OverContext } else { Judgement::Rewards(rewards) }
    }
}

fn beam_of(event: &Event) -> BeamId {
    match event {
        Event::Expanded { beam, .. } | Event::Scored { beam, .. } | Event::Failed { beam, .. } => *beam,
        other => panic!("{other:?} has no beam"),
    }
}

fn line(command: &Command) -> Option<String> {
    Some(match command {
        Command::Expand { beam, answer, first, expansions, draw } => {
            let greedy = match draw {
                Draw::Sample => "",
                Draw::Greedy => " greedily",
                Draw::Top => " by token",
            };
            let from = if *first == 0 { String::new() } else { format!(" from {first}") };
            format!("expand {beam} x{expansions}{from}{greedy} after [{}]", path(&answer.steps))
        }
        Command::Score { beam, candidates } => {
            let candidates = candidates.iter().map(|it| counted(&it.answer, it.count));
            format!("score {beam}: {}", join(candidates))
        }
        Command::Prune { beams } => format!("prune {}", join(beams.iter().map(BeamId::to_string))),
        Command::Note(Note::Pruned(RoundTrace { round, candidates })) => {
            let candidates = candidates.iter().map(|it| {
                let fate = match it.fate.expect("pruned candidates have a fate") {
                    Fate::Retained => format!("-> {}", it.beam.expect("retained as a beam")),
                    Fate::Pruned => "pruned".into(),
                    Fate::Finished => "finished".into(),
                    Fate::SchemaInvalid => "refused".into(),
                };
                format!("{} {:.2} {fate}", counted(&it.answer, it.count), it.reward)
            });
            format!("round {round}: {}", join(candidates))
        }
        Command::Note(Note::Committed { first_step, steps, .. }) => {
            format!("commit from {first_step}: {}", path(steps))
        }
        Command::Note(Note::Expanded { .. } | Note::Scored { .. }) => return None,
        Command::Finish(outcome) => {
            let answers = outcome.answers.iter().map(|it| {
                let reward = it.reward.map_or("-".into(), |reward| format!("{reward:.2}"));
                format!("{} {reward}", counted(&it.answer, it.count))
            });
            let reason = &outcome.stop_reason;
            format!("finish {reason:?} after {}: {}", outcome.rounds, join(answers))
        }
    })
}

fn counted(answer: &Arc<Answer>, count: u32) -> String {
    let times = if count == 1 { String::new() } else { format!(" x{count}") };
    format!("[{}]{times}", path(&answer.steps))
}

fn join(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<String>>().join(", ")
}

/// Plays `settings` in `world` with `interrupts` and compares the transcript, line by line.
#[track_caller]
pub(crate) fn check(
    world: &dyn World,
    settings: Settings,
    interrupts: Vec<(usize, Event)>,
    expected: &str,
) -> Option<Outcome> {
    let run = Run { interrupts, ..Run::new(world, settings) };
    let (lines, outcome) = run.play();
    let lines: Vec<&str> = lines.iter().map(|line| line.trim_end()).collect();
    let expected: Vec<&str> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    assert_eq!(lines, expected, "the transcript was\n{}\n", lines.join("\n"));
    outcome
}
