//! Labels of answers, and what is counted of them.

use toolbeam_dataset::{
    AnnotationSettings, Contents, LabelledPrompt, Origin, Rollouts, Sample, Statistics, annotate,
};
use toolbeam_grammar::Layout;

use crate::toys::{example, weather};

const RIGHT: &str = r#"[{"name": "get_weather", "arguments": {"city_name": "Oslo", "days": 2}}]"#;
const WRONG: &str = r#"[{"name": "get_weather", "arguments": {"city_name": "Oslo", "days": 3}}]"#;

fn settings(most: usize) -> AnnotationSettings {
    AnnotationSettings { most, corruptions: 0, seed: 0, rollouts: String::new() }
}

fn labelled(samples: &[(&str, u32, bool)], most: usize) -> (LabelledPrompt, Contents) {
    let sample = |(text, count, complete): &(&str, u32, bool)| Sample {
        text: (*text).to_owned(),
        count: *count,
        log_probability: -1.0,
        complete: *complete,
    };
    let prompt = example("a", vec![weather("Oslo")]);
    let mut contents = Contents::default();
    let rollouts = Rollouts { prompt, samples: samples.iter().map(sample).collect() };
    let labelled = annotate(rollouts, Layout::JsonList, &settings(most), &mut contents);
    (labelled.expect("the right answer is one"), contents)
}

/// Labels, count and origin of each trajectory.
fn found(labelled: &LabelledPrompt) -> Vec<(&str, u32, Origin)> {
    labelled.trajectories.iter().map(|found| (found.labels.as_str(), found.count, found.origin)).collect()
}

#[test]
fn equal_decisions_are_one_trajectory_and_what_is_no_answer_is_none() {
    let compact = RIGHT.replace(": ", ":").replace(", ", " , ");
    let two = format!("{}, {}", &RIGHT[..RIGHT.len() - 1], &WRONG[1..]);
    let repeated = WRONG.replace("\"days\": 3", "\"days\": 2, \"days\": 2");
    let samples = [
        (WRONG, 3, true),
        (RIGHT, 2, true),
        (compact.as_str(), 1, true),
        (two.as_str(), 1, true),
        ("[]", 1, true),
        (repeated.as_str(), 1, true),
        ("[{\"name\": \"get", 1, false),
        ("[hello", 2, false),
    ];
    let (labelled, contents) = labelled(&samples, 8);
    let expected = [
        ("++----".to_owned(), 3),
        ("++++++".to_owned(), 3),
        ("+++++------".to_owned(), 1),
        ("-".to_owned(), 1),
    ];
    let found: Vec<(String, u32)> =
        found(&labelled).into_iter().map(|(labels, count, _)| (labels.to_owned(), count)).collect();
    assert_eq!(found, expected);
    assert!(labelled.trajectories.iter().all(|found| found.origin == Origin::Rollout));
    let counted = |name: &str| contents.number("samples", name);
    let counts = ["labelled", "incomplete", "invalid", "repeated argument"].map(counted);
    assert_eq!(counts, [8, 1, 2, 1]);
}

#[test]
fn the_right_answer_is_always_there_and_the_most_frequent_stay() {
    let (none, contents) = labelled(&[("[]", 4, true), (WRONG, 4, true)], 2);
    assert_eq!(found(&none), [("-", 4, Origin::Rollout), ("++++++", 1, Origin::Gold)]);
    assert_eq!(contents.number("trajectories", "gold"), 1);
    let (rare, _) = labelled(&[("[]", 4, true), (WRONG, 3, true), (RIGHT, 1, true)], 2);
    assert_eq!(found(&rare), [("-", 4, Origin::Rollout), ("++++++", 1, Origin::Rollout)]);
    let (nothing, _) = labelled(&[("[x", 8, false)], 1);
    assert_eq!(found(&nothing), [("++++++", 1, Origin::Gold)]);
}

#[test]
fn an_empty_answer_is_right_where_no_call_fits() {
    let sample = |text: &str| Sample { text: text.into(), count: 4, log_probability: -1.0, complete: true };
    let prompt = example("a", vec![]);
    let rollouts = Rollouts { prompt, samples: vec![sample("[]"), sample(RIGHT)] };
    let labelled = annotate(rollouts, Layout::JsonList, &settings(8), &mut Contents::default());
    let labelled = labelled.expect("the right answer is one");
    assert_eq!(found(&labelled), [("+", 4, Origin::Rollout), ("------", 4, Origin::Rollout)]);
}

#[test]
fn statistics_count_steps_and_trajectories_by_marker_and_origin() {
    let mut statistics = Statistics::default();
    statistics.add(&labelled(&[(WRONG, 7, true), ("[]", 1, true)], 8).0).expect("labels fit");
    statistics.add(&labelled(&[(RIGHT, 8, true)], 8).0).expect("labels fit");
    let of = |labels: toolbeam_dataset::Labels| (labels.positive, labels.negative);
    assert_eq!((statistics.prompts, statistics.prompts_with_both, statistics.samples), (2, 1, 16));
    assert_eq!((of(statistics.trajectories), of(statistics.steps)), ((2, 2), (14, 5)));
    assert_eq!(of(statistics.markers["<ARG_VALUE>"]), (5, 1));
    assert_eq!(of(statistics.markers["<TOTAL_FINISH>"]), (2, 2));
    assert_eq!((of(statistics.origins["rollout"]), of(statistics.origins["gold"])), ((1, 2), (1, 0)));
    let text = statistics.markdown();
    assert!(text.contains("| steps | 14 | 5 | 19 | 73.7 |\n"), "{text}");
    let mut wrong = labelled(&[(RIGHT, 8, true)], 8).0;
    wrong.trajectories[0].labels.pop();
    assert!(statistics.add(&wrong).expect_err("a label lacks").to_string().contains("5 labels for 6 steps"));
}

#[test]
fn corruptions_are_wrong_new_and_the_same_every_time() {
    let labelled = |corruptions, most| {
        let settings = AnnotationSettings { corruptions, ..settings(most) };
        let sample = Sample { text: RIGHT.into(), count: 1, log_probability: -1.0, complete: true };
        let rollouts = Rollouts { prompt: example("a", vec![weather("Oslo")]), samples: vec![sample] };
        let labelled = annotate(rollouts, Layout::JsonList, &settings, &mut Contents::default());
        labelled.expect("the right answer is one").trajectories
    };
    let trajectories = labelled(6, 8);
    assert_eq!(trajectories[0].origin, Origin::Rollout);
    let (added, texts): (Vec<_>, Vec<String>) = trajectories[1..]
        .iter()
        .map(|found| ((found.origin, found.is_right()), serde_json::to_string(&found.calls).expect("JSON")))
        .unzip();
    assert!(added.len() > 1 && added.iter().all(|found| *found == (Origin::Corruption, false)), "{texts:?}");
    assert_eq!(texts.iter().collect::<std::collections::HashSet<_>>().len(), texts.len(), "{texts:?}");
    let again = serde_json::to_string(&labelled(6, 8)).expect("JSON");
    assert_eq!(again, serde_json::to_string(&trajectories).expect("JSON"));
    assert_eq!(labelled(6, 2).len(), 2);
}
