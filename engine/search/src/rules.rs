//! Which calls an answer may make. What follows from that for an answer's text is dictated: how it
//! begins, and where it is closed.

use toolbeam_grammar::render::{opening, segments};
use toolbeam_grammar::{Boundary, Layout, Step};

/// Whether calls are to be made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ToolChoice {
    /// The policy decides.
    #[default]
    Auto,
    /// No call. A list is empty then and nothing is left to the policy; in a layout with text, the
    /// policy writes text.
    None,
    /// At least one call.
    Required,
    /// At least one call, and every call is of this function.
    Named(String),
}

/// Which calls an answer may make.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rules {
    /// Whether calls are to be made.
    pub tool_choice: ToolChoice,
    /// The most calls; 0 is no limit. An answer is closed behind its last call that is allowed.
    pub max_calls: u32,
}

impl Rules {
    /// How every answer begins.
    pub(crate) fn beginning(&self, layout: Layout) -> String {
        let canonical = |step| segments(layout, &[step]).into_iter().map(|segment| segment.text).collect();
        match &self.tool_choice {
            ToolChoice::Auto => String::new(),
            ToolChoice::None => canonical(Step::TotalFinish),
            ToolChoice::Required => opening(layout),
            ToolChoice::Named(name) => {
                let named: String = canonical(Step::FuncName(name.as_str().into()));
                named + ", \"arguments\":"
            }
        }
    }

    /// Whether an answer may take this step.
    pub(crate) fn allow(&self, step: &Step) -> bool {
        match (&self.tool_choice, step) {
            (ToolChoice::None, step) => matches!(step, Step::TotalFinish),
            (ToolChoice::Named(name), Step::FuncName(given)) => **given == **name,
            (ToolChoice::Auto | ToolChoice::Required | ToolChoice::Named(_), _) => true,
        }
    }

    /// Where an answer with these steps is to be closed after it took `fresh` ones: behind the last
    /// call that is allowed, unless the policy ends the answer there itself.
    pub(crate) fn cut(&self, steps: &[Step], fresh: &[Boundary]) -> Option<usize> {
        let before = steps.iter().filter(|step| matches!(step, Step::FuncFinish)).count();
        let left = usize::try_from(self.max_calls).ok()?.checked_sub(before + 1)?;
        let mut closed = fresh.iter().enumerate().filter(|(_, it)| matches!(it.step, Step::FuncFinish));
        let (index, last) = closed.nth(left)?;
        let ends = fresh.get(index + 1).is_some_and(|next| matches!(next.step, Step::TotalFinish));
        (!ends).then_some(last.offset)
    }
}
