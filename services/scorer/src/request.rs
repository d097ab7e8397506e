//! Reading and checking a score request.

use toolbeam_grammar::{Step, Value, first_misplaced};
use toolbeam_proto::v1;
use toolbeam_serve::{Violation, check_search_id};

use crate::ScorerError;

const MAX_ANSWERS: usize = 1024;

/// The answers of a request for this search: steps from the start, and the first whose reward is wanted.
///
/// # Errors
/// [`ScorerError::Invalid`] with every wrong field.
pub(crate) fn answers(
    search_id: &str,
    request: Vec<v1::ParsedAnswer>,
) -> Result<Vec<(Vec<Step>, usize)>, ScorerError> {
    let mut wrong: Vec<Violation> = check_search_id(search_id).err().into_iter().collect();
    if request.is_empty() || request.len() > MAX_ANSWERS {
        let description = format!("{} given; give 1 to {MAX_ANSWERS}", request.len());
        wrong.push(Violation { field: "answers".into(), description });
    }
    let mut answers = Vec::with_capacity(request.len());
    for (index, answer) in request.into_iter().enumerate() {
        let path = format!("answers[{index}]");
        let first = answer.first_step as usize;
        if first > answer.steps.len() {
            let description = format!("is {first}, but the answer has {} steps", answer.steps.len());
            wrong.push(Violation { field: format!("{path}.first_step"), description });
        }
        let mut steps = Vec::with_capacity(answer.steps.len());
        for (number, step) in answer.steps.into_iter().enumerate() {
            match read_step(step) {
                Ok(step) => steps.push(step),
                Err((field, description)) => {
                    wrong.push(Violation { field: format!("{path}.steps[{number}].{field}"), description });
                    break;
                }
            }
        }
        if let Some(number) = first_misplaced(&steps) {
            let description = "cannot follow the steps before it".to_owned();
            wrong.push(Violation { field: format!("{path}.steps[{number}].marker"), description });
        }
        answers.push((steps, first));
    }
    if wrong.is_empty() { Ok(answers) } else { Err(ScorerError::Invalid(wrong)) }
}

fn read_step(step: v1::Step) -> Result<Step, (&'static str, String)> {
    match step.marker() {
        v1::Marker::FuncName => Ok(Step::FuncName(step.name.into())),
        v1::Marker::ArgValue => match Value::parse(&step.value) {
            Ok(value) => Ok(Step::ArgValue { key: step.key.into(), value }),
            Err(error) => Err(("value", format!("is not JSON: {error}"))),
        },
        v1::Marker::ParamFinish => Ok(Step::ParamFinish),
        v1::Marker::FuncFinish => Ok(Step::FuncFinish),
        v1::Marker::TotalFinish => Ok(Step::TotalFinish),
        v1::Marker::Unspecified => Err(("marker", "unspecified; give the kind of the step".into())),
    }
}
