//! What a synthesiser is asked for.

use std::collections::BTreeSet;

use serde::Serialize;

/// What decides, with the tools, which examples there are.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SynthesisSettings {
    /// Functions of validation only ([`is_held`](crate::is_held)), and not those of training only.
    pub held: bool,
    /// Functions that no example has.
    pub without: BTreeSet<String>,
    /// How many functions are composed beside those that are given.
    pub composed: usize,
    /// How many functions are invented: of words at random, so that nothing can be remembered of them.
    pub invented: usize,
    /// The most parameters that an invented function has; without any, all that is to be learned is the choice.
    pub invented_parameters: usize,
    /// How often each kind of example comes.
    pub shares: Shares,
}

impl Default for SynthesisSettings {
    fn default() -> SynthesisSettings {
        SynthesisSettings {
            held: false,
            without: BTreeSet::new(),
            composed: 5000,
            invented: 0,
            invented_parameters: 5,
            shares: Shares::default(),
        }
    }
}

/// How often each kind of example comes, in parts of their sum.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Shares {
    /// One call.
    pub single: f64,
    /// Several calls of one function.
    pub parallel: f64,
    /// Calls of several functions, one of each.
    pub several: f64,
    /// No call: a request that no tool is for.
    pub unsupported: f64,
    /// No call: a request for which there is a tool of the right field, but of another action.
    pub wrong_action: f64,
    /// No call: small talk, feedback, or a question that no tool answers.
    pub talk: f64,
}

impl Default for Shares {
    fn default() -> Shares {
        Shares {
            single: 0.56,
            parallel: 0.14,
            several: 0.16,
            unsupported: 0.06,
            wrong_action: 0.03,
            talk: 0.05,
        }
    }
}

impl Shares {
    /// The kinds with their shares.
    pub fn all(&self) -> [(ExampleKind, f64); 6] {
        [
            (ExampleKind::Single, self.single),
            (ExampleKind::Parallel, self.parallel),
            (ExampleKind::Several, self.several),
            (ExampleKind::Unsupported, self.unsupported),
            (ExampleKind::WrongAction, self.wrong_action),
            (ExampleKind::Talk, self.talk),
        ]
    }
}

/// What an example is of; see [`Shares`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ExampleKind {
    /// One call.
    Single,
    /// Several calls of one function.
    Parallel,
    /// Calls of several functions.
    Several,
    /// No call, because no tool is for it.
    Unsupported,
    /// No call, because the tool does something else.
    WrongAction,
    /// No call, because nothing is asked for that a tool could do.
    Talk,
}

impl ExampleKind {
    /// Its name in counts.
    pub fn name(self) -> &'static str {
        match self {
            ExampleKind::Single => "single",
            ExampleKind::Parallel => "parallel",
            ExampleKind::Several => "several",
            ExampleKind::Unsupported => "unsupported",
            ExampleKind::WrongAction => "wrong_action",
            ExampleKind::Talk => "talk",
        }
    }
}
