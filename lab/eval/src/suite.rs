//! The sets, and one record of any of them.

use std::path::Path;

use toolbeam_client::v1;

use crate::error::EvalError;
use crate::gold::Gold;
use crate::{bfcl, hammer, seal_tools};

/// A public evaluation set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Suite {
    /// The Berkeley Function Calling Leaderboard's `simple_python` (v4): one tool, one call.
    ///
    /// Files: `BFCL_v4_simple_python.json` and `possible_answer/BFCL_v4_simple_python.json`, in `bfcl/`.
    SimplePython,
    /// Seal-Tools' in-domain test: one or several calls among up to five tools, or all the gold calls'
    /// tools if these are more.
    ///
    /// Files: `test_in_domain.jsonl` and `tool.jsonl`, in `seal-tools/`. The set leaves the candidate
    /// tools to its user. Here they are the tools of the gold calls and distractors up to five, chosen
    /// and put in order by a hash of the record's id and the tool's name (blake3 of the id, a zero
    /// byte and the name; the smallest first), so that every run asks the same. That such a distractor
    /// would also do what the query asks is possible, and counted against the answer.
    SealToolsInDomain,
    /// All of BFCL's single-turn Python categories that lie there, by its own AST checker:
    /// `BFCL_v4_<category>.json` and, but for irrelevance, `possible_answer/` beside it, in `bfcl/`.
    Bfcl,
    /// ToolAlpaca as Hammer publishes it: `toolalpaca.jsonl`, in `hammer/`.
    ToolAlpaca,
    /// API-Bank's levels 1 and 2 as Hammer publishes them: `apibank_l1.jsonl` and `apibank_l2.jsonl`, in
    /// `hammer/`.
    ApiBank,
    /// Seal-Tools as Hammer publishes it: `sealtool.jsonl`, in `hammer/`.
    SealTools,
}

/// One question of a set with its answer.
#[derive(Debug, Clone)]
pub struct Record {
    /// The record's id in its set.
    pub id: String,
    /// The part of the set that it belongs to, for counts by part.
    pub category: String,
    /// The conversation.
    pub messages: Vec<v1::Message>,
    /// The tools that may be called, each name once.
    pub tools: Vec<v1::Tool>,
    /// Which calls are right.
    pub gold: Gold,
    /// Which answers count while searching; `None` leaves it to the request.
    pub validation: Option<v1::Validation>,
}

impl Record {
    /// The request for this record: `template` with the record's prompt, and its validation if it has
    /// one, without a trace. The template's search id is not used: ids of running searches are unique.
    pub fn request(&self, template: &v1::SearchRequest) -> v1::SearchRequest {
        let prompt = v1::Prompt { messages: self.messages.clone(), tools: self.tools.clone() };
        let mut request = template.clone();
        request.search_id.clear();
        request.prompt = Some(prompt);
        request.trace = false;
        if let Some(validation) = self.validation {
            request.set_validation(validation);
        }
        request
    }
}

/// Reads a set, in its own order. `data` is the set's folder or the one that holds it, as said at
/// [`Suite`]'s variants.
///
/// # Errors
/// A file is not there or cannot be read, or a record is not what the set's format says. No record is
/// left out.
pub fn load(suite: Suite, data: &Path) -> Result<Vec<Record>, EvalError> {
    match suite {
        Suite::SimplePython => bfcl::load(data, "simple_python"),
        Suite::SealToolsInDomain => seal_tools::load(data, "test_in_domain"),
        Suite::Bfcl => bfcl::load_checked(data),
        Suite::ToolAlpaca => hammer::load(data, &["toolalpaca"]),
        Suite::ApiBank => hammer::load(data, &["apibank_l1", "apibank_l2"]),
        Suite::SealTools => hammer::load(data, &["sealtool"]),
    }
}

/// What the user says.
pub(crate) fn user(content: String) -> v1::Message {
    v1::Message { role: v1::Role::User.into(), content, ..Default::default() }
}

/// Leaves the first tool of each name.
pub(crate) fn unique(tools: impl IntoIterator<Item = v1::Tool>) -> Vec<v1::Tool> {
    let mut names = std::collections::HashSet::new();
    tools.into_iter().filter(|tool| names.insert(tool.name.clone())).collect()
}
