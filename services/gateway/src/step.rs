//! Steps of the grammar in the contract's words.

use toolbeam_grammar::{Marker, Step};
use toolbeam_proto::v1;

/// A step as the contract has it.
pub(crate) fn to_proto(step: &Step) -> v1::Step {
    let mut proto = v1::Step { marker: marker(step.marker()).into(), ..v1::Step::default() };
    match step {
        Step::FuncName(name) => proto.name = name.to_string(),
        Step::ArgValue { key, value } => {
            proto.key = key.to_string();
            proto.value = value.as_str().to_owned();
        }
        Step::ParamFinish | Step::FuncFinish | Step::TotalFinish => {}
    }
    proto
}

/// Steps with their rewards, one of each.
pub(crate) fn judged(steps: &[Step], rewards: &[Option<f32>]) -> Vec<v1::JudgedStep> {
    let rewards = rewards.iter().copied().chain(std::iter::repeat(None));
    steps
        .iter()
        .zip(rewards)
        .map(|(step, reward)| v1::JudgedStep { step: Some(to_proto(step)), reward })
        .collect()
}

fn marker(marker: Marker) -> v1::Marker {
    match marker {
        Marker::FuncName => v1::Marker::FuncName,
        Marker::ArgValue => v1::Marker::ArgValue,
        Marker::ParamFinish => v1::Marker::ParamFinish,
        Marker::FuncFinish => v1::Marker::FuncFinish,
        Marker::TotalFinish => v1::Marker::TotalFinish,
    }
}
