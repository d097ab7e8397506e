//! Records with noise: what is asked changes, what is right does not.

use std::collections::{HashMap, HashSet};

use toolbeam_eval::{Noise, NoiseSettings, Record, Suite, load};
use toolbeam_grammar::{Call, Layout, parse_calls};

use crate::{load_files, load_seal, one_bfcl, seal_query};

fn records() -> Vec<Record> {
    let query = |index: usize| {
        let name = ["a", "b", "c"][index % 3];
        seal_query(&format!("r{index}"), "go", &[(name, r#"{"size": "85", "kind": "x"}"#)])
    };
    load_seal(&(0..12).map(query).collect::<Vec<_>>()).expect("loads")
}

fn noisy(kinds: &[Noise], seed: u64, distractors: usize, records: &[Record]) -> Vec<Record> {
    NoiseSettings::new(kinds, seed, distractors).apply(records)
}

fn names(record: &Record) -> Vec<&str> {
    record.tools.iter().map(|tool| tool.name.as_str()).collect()
}

fn text(records: &[Record]) -> String {
    format!("{records:?}")
}

#[test]
fn noise_is_of_the_seed_and_the_record_alone() {
    let all = [Noise::Distractors, Noise::Rename, Noise::Truncate, Noise::ShuffleTools];
    for kinds in [&all[..1], &all[1..2], &all[3..], &all] {
        let whole = noisy(kinds, 1, 2, &records());
        assert_eq!(text(&whole), text(&noisy(kinds, 1, 2, &records())), "{kinds:?}");
        assert_ne!(text(&whole), text(&noisy(kinds, 2, 2, &records())), "{kinds:?}");
        assert_ne!(text(&whole), text(&records()), "{kinds:?}");
        let ids: Vec<&str> = whole.iter().map(|record| record.id.as_str()).collect();
        assert_eq!(ids[..3], ["r0", "r1", "r2"]);
    }
    // In whichever order they are given.
    let mut turned = all;
    turned.reverse();
    assert_eq!(NoiseSettings::new(&all, 1, 2), NoiseSettings::new(&turned, 1, 2));
    assert_eq!(NoiseSettings::new(&turned, 1, 2).label(), "distractors=2+rename+truncate+shuffle-tools");
    assert_eq!(NoiseSettings::new(&[Noise::Rename], 1, 2), NoiseSettings::new(&[Noise::Rename], 1, 9));
}

#[test]
fn shuffled_tools_are_the_same_tools() {
    let mut moved = 0;
    for (before, after) in records().iter().zip(noisy(&[Noise::ShuffleTools], 5, 0, &records())) {
        moved += usize::from(names(before) != names(&after));
        let sorted = |record: &Record| {
            let mut tools: Vec<String> = record.tools.iter().map(|tool| format!("{tool:?}")).collect();
            tools.sort();
            tools
        };
        assert_eq!(sorted(before), sorted(&after));
    }
    assert!(moved > 8, "{moved} of 12 are in another order");
}

#[test]
fn distractors_are_other_tools_of_the_set_between_a_records_own() {
    let pool: HashSet<String> = records().iter().flat_map(names).map(str::to_owned).collect();
    assert_eq!(pool.len(), 8, "{pool:?}");
    for count in [2, 50] {
        for (before, after) in records().iter().zip(noisy(&[Noise::Distractors], 5, count, &records())) {
            let all = names(&after);
            assert_eq!(all.len(), if count == 2 { 7 } else { 8 }, "no more than the set has: {all:?}");
            assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len(), "a name twice: {all:?}");
            assert!(all.iter().all(|name| pool.contains(*name)));
            let own: Vec<&str> = all.into_iter().filter(|name| names(before).contains(name)).collect();
            assert_eq!(own, names(before));
        }
    }
}

#[test]
fn truncated_descriptions_are_half_as_long_and_names_stay() {
    for (before, after) in records().iter().zip(noisy(&[Noise::Truncate], 5, 0, &records())) {
        assert_eq!(names(before), names(&after));
        for tool in &after.tools {
            assert_eq!(tool.description, "tool");
            assert!(tool.parameters.contains(r#""description": "its""#), "{}", tool.parameters);
        }
    }
}

#[test]
fn the_right_calls_have_the_new_names() {
    for (before, after) in records().iter().zip(noisy(&[Noise::Rename], 5, 0, &records())) {
        let [old, new] = [before, &after].map(|record| {
            parse_calls(Layout::JsonList, &record.gold.label().expect("named")).expect("calls")
        });
        assert_eq!((&old[0].name, old[0].arguments.len()), (&new[0].name, new[0].arguments.len()));
        let tool = after.tools.iter().find(|tool| tool.name == new[0].name).expect("the tool");
        for ((_, old), (name, new)) in old[0].arguments.iter().zip(&new[0].arguments) {
            assert!(old == new && tool.parameters.contains(name.as_str()), "{name} {tool:?}");
        }
        assert!(after.gold.accepts(&new) && !after.gold.accepts(&old) && !before.gold.accepts(&new));
    }
}

/// The new name of a record's parameter at this place.
fn parameter(record: &Record, place: usize) -> String {
    let parameters: serde_json::Value = serde_json::from_str(&record.tools[0].parameters).expect("JSON");
    let names = parameters["properties"].as_object().expect("properties");
    assert_eq!(parameters["required"][0].as_str(), names.keys().next().map(String::as_str));
    names.keys().nth(place).expect("a parameter").clone()
}

const PARAMETERS: &str = r#"{"type": "dict", "properties": {"n": {"type": "integer"},
    "deep": {"type": "dict", "properties": {"n": {"type": "integer"}}}}, "required": ["n"]}"#;

#[test]
fn options_and_bfcls_checker_judge_answers_with_new_names() {
    let options = one_bfcl(PARAMETERS, r#"{"n": [5], "deep": [{"n": [6]}, ""]}"#);
    let question = r#"{"id": "q0", "question": [[{"role": "user", "content": "do"}]], "function": [{"name": "lib.f", "description": "does", "parameters": PARAMETERS}]}"#;
    let question = question.replace("PARAMETERS", &PARAMETERS.replace('\n', " "));
    let answer = r#"{"id": "q0", "ground_truth": [{"lib.f": {"n": [5], "deep": [{"n": [6]}, ""]}}]}"#;
    let checked = load_files(
        Suite::Bfcl,
        &[
            ("bfcl/BFCL_v4_simple_python.json", &question),
            ("bfcl/possible_answer/BFCL_v4_simple_python.json", answer),
        ],
    );
    for record in [options, checked.expect("loads").remove(0)] {
        let renamed = noisy(&[Noise::Rename], 5, 0, std::slice::from_ref(&record)).remove(0);
        let (n, deep) = (parameter(&renamed, 0), parameter(&renamed, 1));
        let check = |arguments: String, right: bool| {
            let calls = [Call::from_json("lib.f", &arguments).expect("arguments")];
            assert_eq!(renamed.gold.accepts(&calls), right, "{arguments}");
            assert_eq!(renamed.gold.fault(Some(&calls)).is_none(), right, "{arguments}");
        };
        check(format!(r#"{{"{n}": 5}}"#), true);
        check(format!(r#"{{"{deep}": {{"n": 6}}, "{n}": 5}}"#), true);
        check(format!(r#"{{"{n}": 6}}"#), false);
        check(r#"{"n": 5}"#.to_owned(), false);
        check(format!(r#"{{"{n}": 5, "deep": {{"n": 6}}}}"#), false);
        assert!(renamed.gold.fault(None).is_some());
    }
}

/// Old and new names of the parameters of a record's tools, which keep their places.
fn parameters_by_place(before: &Record, after: &Record) -> HashMap<(String, String), String> {
    let names = |parameters: &str| -> Vec<String> {
        let parameters: serde_json::Value = serde_json::from_str(parameters).expect("JSON");
        let declared = parameters.get("properties").unwrap_or(&parameters).as_object();
        declared.expect("parameters").keys().cloned().collect()
    };
    let tools = before.tools.iter().zip(&after.tools);
    let pairs = tools.flat_map(|(old, new)| {
        let pairs = names(&old.parameters).into_iter().zip(names(&new.parameters));
        pairs.map(|(from, to)| ((old.name.clone(), from), to)).collect::<Vec<_>>()
    });
    pairs.collect()
}

#[test]
#[ignore = "needs TOOLBEAM_DATA, a folder with bfcl/ and its checker_vectors.jsonl, and hammer/"]
fn verdicts_on_the_public_sets_are_the_same_under_new_names() {
    let data = std::path::PathBuf::from(std::env::var_os("TOOLBEAM_DATA").expect("TOOLBEAM_DATA"));
    let (mut renamed, mut kept) = (0, 0);
    let mut checked = HashMap::new();
    for suite in [Suite::Bfcl, Suite::ToolAlpaca, Suite::ApiBank, Suite::SealTools] {
        let records = load(suite, &data).expect("loads");
        let noisy = noisy(&[Noise::Rename], 9, 0, &records);
        for (before, after) in records.into_iter().zip(noisy) {
            for ((_, old), new) in parameters_by_place(&before, &after) {
                let count = if old == new { &mut kept } else { &mut renamed };
                *count += 1;
            }
            if let Some(label) = after.gold.label() {
                assert!(after.gold.accepts(&parse_calls(Layout::JsonList, &label).expect("calls")));
            }
            checked.insert(before.id.clone(), (before, after));
        }
    }
    println!("{renamed} parameters have new names, {kept} have not");
    assert!(kept * 50 < renamed, "{renamed} {kept}");
    let vectors = std::fs::read_to_string(data.join("bfcl/checker_vectors.jsonl")).expect("vectors");
    let mut compared = 0;
    for vector in vectors.lines() {
        let vector: serde_json::Value = serde_json::from_str(vector).expect("JSON");
        let Some((before, after)) = checked.get(vector["id"].as_str().expect("an id")) else { continue };
        let Ok(calls) = parse_calls(Layout::JsonList, vector["output"].as_str().expect("text")) else {
            continue;
        };
        let names = parameters_by_place(before, after);
        let new = |call: &Call| {
            let new = |name: &String| names.get(&(call.name.clone(), name.clone())).unwrap_or(name).clone();
            let arguments = call.arguments.iter().map(|(name, value)| (new(name), value.clone()));
            Call { name: call.name.clone(), arguments: arguments.collect() }
        };
        let new: Vec<Call> = calls.iter().map(new).collect();
        assert_eq!(before.gold.fault(Some(&calls)), after.gold.fault(Some(&new)), "{vector}");
        compared += 1;
    }
    println!("{compared} outputs have the same verdict under new names");
    assert!(compared > 1000, "{compared}");
}
