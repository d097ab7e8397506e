//! The sets, and one record of any of them.

use std::collections::HashMap;
use std::path::Path;

use toolbeam_client::v1;
use toolbeam_grammar::Call;

use crate::error::EvalError;
use crate::gold::Gold;
use crate::{bfcl, hammer, jsonl, seal_tools};

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
    /// Records in the project's own shape: lines of `id`, `messages`, `answers` (the right calls) and
    /// `tool_keys`, in files `<name>.jsonl.gz` or `<name>.jsonl`, with the tools of those keys in
    /// `<name>.tools.json.gz` or `<name>.tools.json`. The data is such a file, or a folder of them.
    Jsonl,
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
    /// A record whose right calls are named. `messages` are roles (`user`, `assistant`, `tool`, `system`) with
    /// what is said; of several tools with one name the first stays.
    ///
    /// # Errors
    /// A role is none, in the words of a reason.
    pub fn new(
        id: String,
        category: String,
        messages: Vec<(String, String)>,
        tools: Vec<v1::Tool>,
        right: Vec<Call>,
    ) -> Result<Record, String> {
        let message = |(role, content): (String, String)| {
            let role = role_of(&role).map_err(|reason| format!("messages: {reason}"))?;
            Ok(v1::Message { role: role.into(), ..user(content) })
        };
        Ok(Record {
            id,
            category,
            messages: messages.into_iter().map(message).collect::<Result<_, String>>()?,
            tools: unique(tools),
            gold: Gold::calls(right),
            // Gold values are not always of the type that the tool declares.
            validation: Some(v1::Validation::Syntax),
        })
    }

    /// The conversation with its tools.
    pub fn prompt(&self) -> v1::Prompt {
        v1::Prompt { messages: self.messages.clone(), tools: self.tools.clone() }
    }

    fn user_turns(&self) -> Vec<String> {
        let user = self.messages.iter().filter(|message| message.role() == v1::Role::User);
        user.map(|message| message.content.clone()).collect()
    }

    /// The request for this record: `template` with the record's prompt, and its validation if it has
    /// one, without a trace. The template's search id is not used: ids of running searches are unique.
    pub fn request(&self, template: &v1::SearchRequest) -> v1::SearchRequest {
        let mut request = template.clone();
        request.search_id.clear();
        request.prompt = Some(self.prompt());
        request.trace = false;
        if let Some(validation) = self.validation {
            request.set_validation(validation);
        }
        request
    }
}

/// Reads a set, in its own order. `data` is the set's folder or the one that holds it, as said at
/// [`Suite`]'s variants. An id that comes again gets its count behind it (`id#2`), so that ids are unique.
///
/// # Errors
/// A file is not there or cannot be read, or a record is not what the set's format says. No record is
/// left out.
pub fn load(suite: Suite, data: &Path) -> Result<Vec<Record>, EvalError> {
    let mut records = match suite {
        Suite::SimplePython => bfcl::load(data, "simple_python"),
        Suite::SealToolsInDomain => seal_tools::load(data, "test_in_domain"),
        Suite::Bfcl => bfcl::load_checked(data),
        Suite::ToolAlpaca => hammer::load(data, &["toolalpaca"]),
        Suite::ApiBank => hammer::load(data, &["apibank_l1", "apibank_l2"]),
        Suite::SealTools => hammer::load(data, &["sealtool"]),
        Suite::Jsonl => jsonl::load(data),
    }?;
    let mut seen: HashMap<String, usize> = HashMap::new();
    for record in &mut records {
        let count = seen.entry(record.id.clone()).or_default();
        *count += 1;
        if *count > 1 {
            record.id = format!("{}#{count}", record.id);
        }
    }
    Ok(records)
}

/// What users ask in all sets that lie in a folder, conversation by conversation and turn by turn, so that
/// training can be kept apart from it. Questions to which there is no answer here count, too.
///
/// # Errors
/// None of the sets is there, or one is not what its format says.
pub fn user_turns(data: &Path) -> Result<Vec<Vec<String>>, EvalError> {
    let sets = [Suite::Bfcl, Suite::ToolAlpaca, Suite::ApiBank, Suite::SealTools, Suite::SealToolsInDomain];
    let sets = sets.map(|suite| load(suite, data)).into_iter();
    let sets = sets.chain([seal_tools::load(data, "test_out_domain")]);
    let mut turns = Vec::new();
    let mut missing = None;
    for set in sets {
        match set {
            Ok(records) => turns.extend(records.iter().map(Record::user_turns)),
            Err(error @ EvalError::Missing { .. }) => missing = Some(error),
            Err(error) => return Err(error),
        }
    }
    match missing {
        Some(error) if turns.is_empty() => Err(error),
        _ => Ok(turns),
    }
}

/// What the user says.
pub(crate) fn user(content: String) -> v1::Message {
    v1::Message { role: v1::Role::User.into(), content, ..Default::default() }
}

/// `agent` is the assistant that asks back, which the contract does not tell from the one that calls.
pub(crate) fn role_of(name: &str) -> Result<v1::Role, String> {
    match name {
        "user" => Ok(v1::Role::User),
        "agent" | "assistant" => Ok(v1::Role::Assistant),
        "tool" => Ok(v1::Role::Tool),
        "system" => Ok(v1::Role::System),
        other => Err(format!("the role {other}")),
    }
}

/// The name by which [`role_of`] knows a role.
pub(crate) fn role_name(role: v1::Role) -> &'static str {
    match role {
        v1::Role::User | v1::Role::Unspecified => "user",
        v1::Role::Assistant => "assistant",
        v1::Role::Tool => "tool",
        v1::Role::System => "system",
    }
}

/// Leaves the first tool of each name.
pub(crate) fn unique(tools: impl IntoIterator<Item = v1::Tool>) -> Vec<v1::Tool> {
    let mut names = std::collections::HashSet::new();
    tools.into_iter().filter(|tool| names.insert(tool.name.clone())).collect()
}
