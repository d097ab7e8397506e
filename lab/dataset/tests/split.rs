//! Splits of small sets that have one of everything.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::value::RawValue;
use toolbeam_dataset::{
    Answer, Dataset, DatasetError, Message, Queries, Record, SplitSettings, Tool, is_held, split, tenth_of,
};

/// Names of functions, held or not.
fn names(held: bool) -> Vec<String> {
    let all = (0..).map(|number| format!("function_{number}"));
    all.filter(|name| is_held(name) == held).take(6).collect()
}

fn raw(json: &str) -> Box<RawValue> {
    RawValue::from_string(json.to_owned()).expect("JSON")
}

fn set() -> Dataset {
    let tool = |name: String| {
        (format!("key of {name}"), Tool { name, description: String::new(), parameters: raw("{}") })
    };
    let tools: BTreeMap<String, Tool> = names(true).into_iter().chain(names(false)).map(tool).collect();
    Dataset { name: "toy".into(), records: Vec::new(), tools }
}

fn record(id: &str, query: &str, called: &[&String], offered: &[&String]) -> Record {
    let answers =
        called.iter().map(|name| Answer { name: (*name).clone(), arguments: raw(r#"{"x": 1.50}"#) });
    Record {
        id: id.into(),
        split: None,
        messages: vec![Message { role: "user".into(), content: query.into() }],
        answers: answers.collect(),
        tool_keys: offered.iter().map(|name| format!("key of {name}")).collect(),
    }
}

fn settings() -> SplitSettings {
    SplitSettings { at_least: 1, ..SplitSettings::default() }
}

fn ids(sets: &[Dataset]) -> BTreeSet<&str> {
    sets.iter().flat_map(|set| &set.records).map(|record| record.id.as_str()).collect()
}

#[test]
fn parts_share_no_function_and_no_query() {
    let (held, open) = (names(true), names(false));
    let mut set = set();
    let named = |kind: &str, held: bool| {
        (0..).map(|n| format!("{kind} {n}")).find(|id| is_held(id) == held).expect("there is one")
    };
    let (asked_for_nothing, other, toolless) =
        (named("idle", true), named("idle", false), named("bare", false));
    set.records = vec![
        record("held", "a question to a held function", &[&held[0]], &[&open[0], &held[0], &open[1]]),
        record("open", "a question to an open function", &[&open[0]], &[&open[0], &held[1]]),
        record("both", "a question to two functions", &[&open[0], &held[0]], &[&open[0], &held[0]]),
        record("evaluated", "Where is the next bakery, please?", &[&open[0]], &[&open[0]]),
        record("asked twice", "A question, to a HELD function!", &[&open[1]], &[&open[1]]),
        record("no such tool", "another question", &[&open[1]], &[&open[0]]),
        record(&toolless, "a question that needs nothing", &[], &[&held[0]]),
        record(&asked_for_nothing, "how do you do today, my friend", &[], &[&open[2], &open[3]]),
        record(&other, "and how is your family these days", &[], &[&open[2], &held[3]]),
    ];
    let mut evaluation = Queries::default();
    evaluation.add(["where is the next bakery please"]);
    let found = split(&[set], &evaluation, &settings()).expect("a split");
    assert_eq!(ids(&found.validation), BTreeSet::from(["held", asked_for_nothing.as_str()]));
    assert_eq!(ids(&found.train), BTreeSet::from(["open", other.as_str()]));
    let left_out = &found.summary.left_out;
    for reason in ["mixed_functions", "evaluation_query", "validation_query", "calls_no_tool", "no_tool"] {
        assert_eq!(left_out.get(reason), Some(&1), "{left_out:?}");
    }
    assert_eq!(found.summary.shared, Default::default());
    // As many tools as before, all of them held, and the right one where it was.
    let held_record = &found.validation[0].records[0];
    assert_eq!((held_record.tool_keys.len(), &held_record.tool_keys[1]), (3, &format!("key of {}", held[0])));
    assert!(held_record.tool_keys.iter().all(|key| is_held(key.trim_start_matches("key of "))));
    let different: BTreeSet<&String> = held_record.tool_keys.iter().collect();
    assert_eq!(different.len(), 3);
}

#[test]
fn at_most_so_many_of_a_function_and_none_of_what_is_left_out() {
    let (held, open) = (names(true), names(false));
    let mut set = set();
    set.records = (0..20)
        .map(|n| record(&format!("r{n}"), &format!("question number {n}"), &[&held[n % 2]], &[&held[n % 2]]))
        .collect();
    set.records.push(record("open", "a question", &[&open[0]], &[&open[0]]));
    let settings = SplitSettings {
        per_function: 4,
        without: BTreeSet::from([held[0].clone(), open[0].clone()]),
        ..settings()
    };
    let found = split(&[set.clone()], &Queries::default(), &settings).expect("a split");
    assert_eq!(found.summary.validation.records, 4);
    assert!(found.validation[0].records.iter().all(|record| record.answers[0].name == held[1]));
    assert!(found.train.is_empty());
    let wanted = SplitSettings { at_least: 5, ..settings };
    let short = split(&[set], &Queries::default(), &wanted).expect_err("four are not five");
    assert!(matches!(short, DatasetError::TooFew { found: 4, wanted: 5 }), "{short}");
}

#[test]
fn functions_are_kept_apart_a_second_time_by_other_tenths() {
    let open = names(false);
    let mut set = set();
    set.records = open
        .iter()
        .enumerate()
        .map(|(n, name)| record(&format!("r{n}"), &format!("question number {n}"), &[name], &[name]))
        .collect();
    let tenths = BTreeSet::from([tenth_of(&open[0])]);
    let found = split(&[set], &Queries::default(), &SplitSettings { tenths: tenths.clone(), ..settings() })
        .expect("a split");
    let called = |sets: &[Dataset]| -> BTreeSet<String> {
        sets[0].records.iter().map(|record| record.answers[0].name.clone()).collect()
    };
    let holds = |name: &String| tenths.contains(&tenth_of(name));
    assert!(called(&found.validation).iter().all(holds) && called(&found.validation).contains(&open[0]));
    assert!(!called(&found.train).iter().any(holds));
    assert_eq!(called(&found.train).len() + called(&found.validation).len(), open.len());
}

#[test]
fn what_is_written_is_read_again_as_it_was() {
    let held = names(true);
    let mut set = set();
    set.records = vec![record("held", "a question", &[&held[0]], &[&held[0]])];
    let found = split(&[set], &Queries::default(), &settings()).expect("a split");
    let folder = tempfile::tempdir().expect("a folder");
    found.write(folder.path()).expect("written");
    let again = Dataset::read_all(&folder.path().join("validation")).expect("read");
    assert_eq!(again[0].records[0].answers[0].arguments.get(), r#"{"x": 1.50}"#, "numbers keep their text");
    assert_eq!(again[0].tools.len(), 1, "only tools that records name are written");
    let mut twice = again[0].clone();
    twice.records.push(twice.records[0].clone());
    twice.write(folder.path()).expect("written");
    let ids: Vec<String> = Dataset::read(folder.path(), "toy")
        .expect("read")
        .records
        .into_iter()
        .map(|record| record.id)
        .collect();
    assert_eq!(ids, ["held", "held#2"]);
    let first = std::fs::read(folder.path().join("validation/toy.jsonl.gz")).expect("bytes");
    let again = found.write(folder.path()).expect_err("what lies there is not written over");
    assert!(matches!(again, DatasetError::Exists { .. }), "{again}");
    let other = tempfile::tempdir().expect("a folder");
    found.write(other.path()).expect("written again");
    assert_eq!(first, std::fs::read(other.path().join("validation/toy.jsonl.gz")).expect("bytes"));
    let broken = folder.path().join("validation/toy.tools.json.gz");
    std::fs::write(&broken, "no gzip").expect("written");
    let error = Dataset::read_all(&folder.path().join("validation")).expect_err("broken");
    assert!(error.to_string().contains("toy.tools.json.gz"), "{error}");
}
