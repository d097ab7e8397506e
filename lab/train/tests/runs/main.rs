//! Whole runs of a tiny model on examples that are written here: going on, refusing, and what comes out.

mod compared;
mod place;
mod served;

use std::ops::ControlFlow;

use toolbeam_lm::{ModelFiles, ModelFolder};
use toolbeam_reward::{RewardKind, RewardTokens};
use toolbeam_train::{
    ACCURACY, Ending, LOSS, RunConfig, RunEvent, Settings, TRAJECTORIES, Task, TrainError, train, validations,
};

use place::{ANSWERS, Place, examples, labelled, labels, settings};

/// Runs until a step, or until the end.
fn run_until(config: &RunConfig, settings: &Settings, last: u64) -> Result<Ending, TrainError> {
    train(config, settings, |event| match event {
        RunEvent::Stepped(step) if step.progress.step == last => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    })
}

#[test]
fn a_run_that_was_stopped_ends_with_the_same_bits() {
    let place = Place::new(examples());
    let muon = Some(toolbeam_train::MuonSettings { rate: 0.01, momentum: 0.95, decay: 0.01 });
    for (name, muon) in [("adamw", None), ("muon", muon)] {
        let mut settings = settings(ANSWERS, 6);
        settings.optimizer.muon = muon;
        let (whole, parts) = (format!("{name}-whole"), format!("{name}-parts"));
        assert!(run_until(&place.config(&whole), &settings, 99).expect("a run").is_over);
        let config = place.config(&parts);
        assert!(!run_until(&config, &settings, 3).expect("a part").is_over);
        assert!(!config.out.as_ref().expect("a place").exists(), "nothing comes out before the end");
        let ending = run_until(&config, &settings, 99).expect("the rest");
        assert!(ending.is_over && ending.validation.is_some());
        let found = [&whole, &parts].map(|run| validations(&place.path(run)).expect("curves"));
        assert!(found[0].len() == 1 && found[0] == found[1], "{name}");
        assert_eq!(place.weights(&whole), place.weights(&parts), "{name}");
    }
}

#[test]
fn a_run_of_something_else_is_refused() {
    let place = Place::new(examples());
    let config = RunConfig { out: None, ..place.config("run") };
    run_until(&config, &settings(ANSWERS, 2), 1).expect("a part");
    let refused = |settings: &Settings, field: &str| match run_until(&config, settings, 9) {
        Err(TrainError::OtherRun { field: found, .. }) => assert_eq!(found, field),
        other => panic!("{other:?}"),
    };
    refused(&settings(ANSWERS, 3), "length");
    refused(&Settings { seed: 2, ..settings(ANSWERS, 2) }, "seed");
    refused(&Settings { longest: 250, ..settings(ANSWERS, 2) }, "longest");
    assert!(run_until(&config, &settings(ANSWERS, 2), 9).expect("the rest").is_over);
}

#[test]
fn every_kind_learns_and_gives_a_folder_that_loads() {
    let kinds = [
        (labels(RewardKind::ToolPrm), RewardKind::ToolPrm),
        (labels(RewardKind::CPrm), RewardKind::CPrm),
        (labels(RewardKind::Orm), RewardKind::Orm),
        (Task::Preferences { centring: 0.01 }, RewardKind::ToolRm),
    ];
    let place = Place::new(labelled());
    for (task, kind) in kinds {
        let config = place.config(kind.name());
        let mut losses = Vec::new();
        let ending = train(&config, &settings(task, 24), |event| {
            if let RunEvent::Stepped(step) = event {
                losses.extend(step.figures.get(LOSS));
            }
            ControlFlow::Continue(())
        });
        let found = ending.expect("a run").validation.expect("a validation");
        let (first, last) = (losses[0], found.get(LOSS).expect("a loss"));
        assert!(last < 0.7 * first, "{}: the loss went from {first} to {last}", kind.name());
        assert!(found.get(ACCURACY).expect("an accuracy") > 0.7 && found.balanced().is_some());
        let files = ModelFiles::Folder(config.out.expect("a place"));
        let folder = ModelFolder::read(&files).expect("a folder that loads");
        assert!(folder.profile.judges);
        let tokens = RewardTokens::find(&files, &folder.config, &folder.tokenizer).expect("a reward model");
        assert_eq!(tokens.kind, kind);
    }
}

#[test]
fn a_policy_learns_from_shared_prompts() {
    let place = Place::new(examples().map(|mut example| {
        let system = "Call a tool that gives the weather of a place by its name, in one of two units.";
        let messages = example["messages"].as_array_mut().expect("messages");
        messages.insert(0, serde_json::json!({ "role": "system", "content": system }));
        example
    }));
    let config = place.config("run");
    let mut counts = None;
    let ending = train(&config, &settings(ANSWERS, 24), |event| {
        if let RunEvent::Read { train, .. } = event {
            counts = Some(train);
        }
        ControlFlow::Continue(())
    });
    let found = ending.expect("a run").validation.expect("a validation");
    assert!(found.get(LOSS).expect("a loss") < 3.0, "{found:?}");
    assert_eq!(found.count(TRAJECTORIES), 24.0, "every answer by itself");
    let counts = counts.expect("it was read");
    assert!(counts.saved > counts.tokens / 4, "all begin alike: {counts:?}");
    let folder = ModelFolder::read(&ModelFiles::Folder(config.out.expect("a place"))).expect("it loads");
    assert!(!folder.profile.judges);
}

#[test]
fn records_that_cannot_be_used_are_named() {
    let mut short = labelled().next().expect("one");
    short["trajectories"][0]["labels"] = "++".into();
    let place = Place::new([short]);
    let found = run_until(&place.config("run"), &settings(labels(RewardKind::ToolPrm), 2), 9);
    let message = found.expect_err("labels are missing").to_string();
    assert!(message.contains("record e0: 2 labels for 6 steps"), "{message}");
    let place = Place::new(examples());
    let tight = Settings { longest: 10, ..settings(ANSWERS, 2) };
    let message = run_until(&place.config("run"), &tight, 9).expect_err("nothing fits").to_string();
    assert!(message.contains("24 answers are beyond --longest"), "{message}");
}
