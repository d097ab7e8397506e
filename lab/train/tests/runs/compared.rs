//! Kinds of reward models beside each other.

use std::ops::ControlFlow;

use toolbeam_reward::RewardKind;
use toolbeam_train::{COMPARED, Length, RunConfig, RunEvent, Settings, TrainError, compare};

use crate::place::{ANSWERS, Place, labelled, labels, settings};

#[test]
fn every_kind_is_trained_once_however_often_it_is_stopped() {
    let place = Place::new(labelled().take(6));
    let config = RunConfig { validate_every: 2, ..place.config("compared") };
    let settings = settings(labels(RewardKind::ToolPrm), 3);
    let mut steps: Vec<(RewardKind, u64)> = Vec::new();
    let mut go = |breaks: bool| {
        let compared = compare(&config, &settings, |kind, event| {
            let RunEvent::Stepped(step) = event else { return ControlFlow::Continue(()) };
            steps.push((kind, step.progress.step));
            if breaks && kind == RewardKind::CPrm {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        compared.expect("trained")
    };
    assert!(go(true).is_none());
    assert!(go(false).is_some());
    let comparison = go(false).expect("nothing is left to train");
    let expected: Vec<(RewardKind, u64)> =
        COMPARED.into_iter().flat_map(|kind| (1..=3).map(move |step| (kind, step))).collect();
    assert_eq!(steps, expected);
    for kind in COMPARED {
        assert!(place.path("compared-out").join(kind.name()).join("model.safetensors").exists());
        let curve = toolbeam_train::validations(&config.run.join(kind.name())).expect("a curve");
        assert_eq!(curve.iter().map(|validation| validation.step).collect::<Vec<_>>(), [2, 3]);
    }
    let markdown = comparison.markdown();
    // Six right answers of six steps and as many wrong ones.
    assert!(markdown.lines().any(|row| row.starts_with("| ToolPRM | 3 |") && row.contains("] of 72 |")));
    assert!(markdown.lines().any(|row| row.starts_with("| ORM | 3 | – |") && row.contains("] of 12 |")));
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let place = Place::new(labelled().take(1));
    let refused =
        |config: &RunConfig, settings: &Settings, flag: &str| match compare(config, settings, |_, _| {
            ControlFlow::Continue(())
        }) {
            Err(TrainError::Setting { setting, .. }) => assert_eq!(setting, flag),
            other => panic!("{other:?}"),
        };
    let config = place.config("run");
    let given = settings(labels(RewardKind::ToolPrm), 3);
    refused(&RunConfig { validation: None, ..config.clone() }, &given, "validation");
    refused(&config, &Settings { length: Length::Minutes(1.0), ..given }, "minutes");
    refused(&config, &settings(ANSWERS, 3), "kind");
}
