//! What is trained is what is served: rewards of a trained folder, and of a calibrated one.

use toolbeam_dataset::{LabelledPrompt, PartReader};
use toolbeam_lm::{DeviceChoice, DtypeChoice, ModelFiles, ModelFolder, Runtime, RuntimeConfig};
use toolbeam_reward::{
    AnswerCall, Calibration, JudgedAnswers, RewardKind, RewardModel, RewardTokens, answer_steps,
};
use toolbeam_train::{CalibrationConfig, Corpus, Task, Trainer, calibrate, conversation};

use crate::place::{Place, labelled, labels, settings};
use crate::run_until;

const TOLERANCE: f64 = 1e-5;

/// Rewards of all labelled answers as a scorer gives them, in their order.
async fn served(files: &ModelFiles, place: &Place) -> Vec<f64> {
    let config = RuntimeConfig {
        device: DeviceChoice::Cpu,
        dtype: DtypeChoice::Float32,
        threads: Some(1),
        kv_bytes: 16 << 20,
        queue: 64,
        running: None,
    };
    let handle = Runtime::start(config, vec![files.clone()]).expect("it loads").remove(0);
    let model = RewardModel::new(handle, files).expect("a reward model");
    let mut rewards = Vec::new();
    for record in PartReader::<LabelledPrompt>::open(&place.path("data")).expect("parts") {
        let LabelledPrompt { prompt, trajectories } = record.expect("a record");
        let (messages, tools) = conversation(&prompt).expect("a conversation");
        let prompt = model.handle().info().prompts.prompt(&messages, tools.as_ref()).expect("renders");
        for trajectory in &trajectories {
            let calls = trajectory.calls.iter();
            let calls: Vec<AnswerCall> =
                calls.map(|call| AnswerCall { name: &call.name, arguments: call.arguments.get() }).collect();
            let request = JudgedAnswers {
                owner: "served".into(),
                prompt: prompt.clone(),
                answers: vec![(answer_steps(&calls).expect("calls"), 0)],
                deterministic: false,
            };
            let judged = model.judge(request).await.expect("judges");
            rewards.extend(judged.rewards[0].iter().flatten().map(|reward| f64::from(*reward)));
        }
    }
    rewards
}

/// s+ - s- of the same, as the trainer computes them.
fn trained(files: &ModelFiles, place: &Place, task: Task) -> Vec<f64> {
    let ModelFiles::Folder(path) = files else { unreachable!("a folder") };
    let settings = settings(task, 1);
    let corpus = Corpus::read(&place.path("data"), path, &settings).expect("records");
    let folder = ModelFolder::read(files).expect("a model");
    let tokens = RewardTokens::find(files, &folder.config, &folder.tokenizer).expect("a reward model");
    let labels = <[u32; 2]>::try_from(tokens.labels().collect::<Vec<_>>()).ok();
    let weights = folder.load_parameters(files, tch::Device::Cpu).expect("weights");
    let options = (tch::Kind::Float, tch::Device::Cpu);
    let trainer = Trainer::new(&settings, &corpus, (&folder.config, labels), &weights, options);
    let margins = trainer.expect("a trainer").margins(&corpus).expect("margins");
    margins.into_iter().flatten().map(f64::from).collect()
}

/// Fails unless rewards are the sigmoids of margins over temperatures.
fn check(name: &str, rewards: &[f64], margins: &[f64], temperature: f64) {
    assert_eq!(rewards.len(), margins.len(), "{name}");
    let spread =
        rewards.iter().fold((1f64, 0f64), |(low, high), reward| (low.min(*reward), high.max(*reward)));
    assert!(spread.1 - spread.0 > 0.01, "{name}: rewards that are all alike prove little, {spread:?}");
    for (reward, margin) in rewards.iter().zip(margins) {
        let expected = 1.0 / (1.0 + (-margin / temperature).exp());
        assert!((reward - expected).abs() < TOLERANCE, "{name}: {reward} and not {expected}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rewards_are_what_the_trainer_computes() {
    let place = Place::new(labelled().take(8));
    for (task, kind) in [
        (labels(RewardKind::ToolPrm), RewardKind::ToolPrm),
        (labels(RewardKind::CPrm), RewardKind::CPrm),
        (Task::Preferences { centring: 0.01 }, RewardKind::ToolRm),
    ] {
        let config = place.config(kind.name());
        run_until(&config, &settings(task.clone(), 6), 99).expect("a run");
        let files = ModelFiles::Folder(config.out.expect("a place"));
        let margins = trained(&files, &place, task);
        check(kind.name(), &served(&files, &place).await, &margins, 1.0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_calibrated_folder_serves_calibrated_rewards() {
    let place = Place::new(labelled().take(8));
    let task = labels(RewardKind::ToolPrm);
    let config = place.config("run");
    run_until(&config, &settings(task.clone(), 6), 99).expect("a run");
    let model = config.out.expect("a place");
    let calibration = CalibrationConfig {
        model: model.clone(),
        validation: place.path("data"),
        holdout: None,
        per_marker: false,
        out: Some(place.path("calibrated")),
        longest: 256,
        device: DeviceChoice::Cpu,
        dtype: DtypeChoice::Float32,
        threads: Some(1),
    };
    let found = calibrate(&calibration).expect("temperatures");
    let labels: usize = found.fitted.iter().map(|(_, labels)| labels).sum();
    assert_eq!((labels, found.after.labels), (48, 48), "every second prompt, of 12 steps each");
    assert_ne!(found.calibration, Calibration::NONE);
    let margins = trained(&ModelFiles::Folder(model.clone()), &place, task);
    let files = ModelFiles::Folder(place.path("calibrated"));
    check("calibrated", &served(&files, &place).await, &margins, found.calibration.temperature);

    // What lies there is not written over, and what a folder had before does not matter.
    let message = calibrate(&calibration).expect_err("it is taken").to_string();
    assert!(message.contains("it is not empty"), "{message}");
    let same = CalibrationConfig { holdout: Some(place.path("data")), ..calibration.clone() };
    let message = calibrate(&same).expect_err("nothing is held out").to_string();
    assert!(message.contains("--holdout: is what is fitted to"), "{message}");
    let again = CalibrationConfig { model: place.path("calibrated"), out: None, ..calibration };
    assert_eq!(calibrate(&again).expect("in place").calibration, found.calibration);
}
