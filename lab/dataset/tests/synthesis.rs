//! Examples made from tools: they hold what they promise, whatever is drawn.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::sync::LazyLock;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;
use serde_json::value::RawValue;
use toolbeam_dataset::{
    Build, BuildSettings, DatasetError, Example, ExampleKind, PartFolder, PartReader, Queries, Shard,
    SynthesisSettings, Synthesiser, Synthetic, Tool, is_held, read_tools,
};
use toolbeam_grammar::Call;
use toolbeam_grammar::schema::{ToolDefinition, ToolSet};

const SEED: u64 = 11;

fn tool(name: &str, description: &str, parameters: &str) -> Tool {
    let parameters = RawValue::from_string(parameters.to_owned()).expect("JSON");
    Tool { name: name.into(), description: description.into(), parameters }
}

/// Tools in the dialects and shapes that sets have.
fn given() -> Vec<Tool> {
    vec![
        tool(
            "hotel_search",
            "hotel search",
            r#"{"Cost": {"type": "string", "enum": ["Cheap", "Moderate"], "required": true},
                "Rooms": {"type": "integer", "minimum": 2, "maximum": 4, "required": true}}"#,
        ),
        tool(
            "get_points",
            "Fetches the points along a route.",
            r#"{"corners": {"type": "List[Tuple[float, float]]", "description": "The corners of the route."},
                "mode": {"type": "str, optional", "description": "Either 'fast' or 'short'.", "default": "fast"}}"#,
        ),
        tool(
            "order.create",
            "Creates an order for a customer",
            r#"{"type": "dict", "required": ["customer", "lines"], "properties": {
                "customer": {"type": "dict", "required": ["name"], "properties": {
                    "name": {"type": "string"}, "age": {"type": "integer", "minimum": 18, "maximum": 99}}},
                "lines": {"type": "array", "items": {"type": "dict", "properties": {
                    "product": {"type": "string"}, "quantity": {"type": "integer"}},
                    "required": ["product", "quantity"]}},
                "express": {"type": "boolean", "default": false}}}"#,
        ),
        tool(
            "calendar_remove",
            "calendar remove",
            r#"{"event_name": {"type": "string", "description": "event name"}, "date": {"type": "string"}}"#,
        ),
        tool("ping", "Checks whether the server answers", "{}"),
        tool(
            "odd",
            "Has what nobody can give",
            r#"{"x": {"type": "object", "required": true, "description": "-"}}"#,
        ),
    ]
}

static TRAINING: LazyLock<Synthesiser> = LazyLock::new(|| synthesiser(false, &[]));
static VALIDATION: LazyLock<Synthesiser> = LazyLock::new(|| synthesiser(true, &[]));

fn synthesiser(held: bool, without: &[&str]) -> Synthesiser {
    let settings = SynthesisSettings {
        held,
        without: without.iter().map(|name| (*name).to_owned()).collect(),
        composed: 200,
        ..SynthesisSettings::default()
    };
    Synthesiser::new(vec![given()], settings).expect("functions")
}

fn call(answer: &toolbeam_dataset::Answer) -> Call {
    Call::from_json(answer.name.as_str(), answer.arguments.get()).expect("a call")
}

/// The tools as they are shown, compiled together: names differ, and every one is a schema.
fn compiled(example: &Example) -> ToolSet {
    let definition = |tool: &Tool| ToolDefinition {
        name: tool.name.clone(),
        description: tool.description.clone(),
        parameters: tool.parameters.get().to_owned(),
    };
    let tools: Vec<ToolDefinition> = example.tools.iter().map(definition).collect();
    ToolSet::compile(&tools).unwrap_or_else(|error| panic!("{}: {error}", example.id))
}

#[test]
fn right_calls_fit_the_tools_as_they_are_shown() {
    for synthesiser in [&TRAINING, &VALIDATION] {
        for index in 0..200 {
            let example = synthesiser.example(SEED, index);
            let tools = compiled(&example);
            for answer in &example.answers {
                let checked = tools.validate(&call(answer));
                assert!(checked.is_ok(), "{}: {} {checked:?}", example.id, answer.arguments);
            }
        }
    }
}

#[test]
fn given_tools_of_every_shape_are_asked_for_within_their_schemas() {
    let settings = SynthesisSettings { composed: 0, ..SynthesisSettings::default() };
    let tools: Vec<Tool> = given().into_iter().map(not_held).collect();
    let synthesiser = Synthesiser::new(vec![tools], settings).expect("functions");
    assert_eq!(synthesiser.functions(), 5, "what no value is known for is left out");
    let mut values: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut without_mode = 0;
    for index in 0..400 {
        let example = synthesiser.example(SEED, index);
        let tools = compiled(&example);
        for call in example.answers.iter().map(call) {
            assert!(tools.validate(&call).is_ok(), "{}: {call:?}", example.id);
            let names: Vec<&str> = call.arguments.iter().map(|(name, _)| name.as_str()).collect();
            without_mode += usize::from(names == ["corners"]);
            for (name, value) in &call.arguments {
                values.entry(name.clone()).or_default().insert(value.as_str().to_owned());
            }
        }
    }
    assert_eq!(values["Cost"], BTreeSet::from(["\"Cheap\"".to_owned(), "\"Moderate\"".to_owned()]));
    assert_eq!(values["Rooms"], ["2", "3", "4"].map(str::to_owned).into());
    assert!(values["mode"].contains("\"short\""), "{:?}", values["mode"]);
    assert!(without_mode > 20, "what may be left out is in all but {without_mode} calls");
    assert!(values["corners"].iter().all(|value| value.starts_with("[[")), "{:?}", values["corners"]);
    assert!(values["customer"].iter().any(|value| value.contains("\"age\"")), "{:?}", values["customer"]);
    assert!(values["customer"].iter().any(|value| !value.contains("\"age\"")), "{:?}", values["customer"]);
}

/// The tool under a name that training may have.
fn not_held(tool: Tool) -> Tool {
    let mut names = (0..).map(|number| format!("{}{}", tool.name, "_x".repeat(number)));
    let name = names.find(|name| !is_held(name)).expect("a name");
    Tool { name, ..tool }
}

#[test]
fn kinds_come_as_often_as_set_and_are_what_they_are_called() {
    let synthesiser = &TRAINING;
    let count = 1500;
    let mut counts: BTreeMap<ExampleKind, usize> = BTreeMap::new();
    for index in 0..count {
        let kind = synthesiser.kind(SEED, index);
        *counts.entry(kind).or_default() += 1;
        if index % 5 != 0 {
            continue;
        }
        let example = synthesiser.example(SEED, index);
        let functions: BTreeSet<&str> = example.answers.iter().map(|answer| answer.name.as_str()).collect();
        let calls = example.answers.len();
        let fits = match kind {
            ExampleKind::Single => calls == 1,
            ExampleKind::Parallel => (2..=4).contains(&calls) && functions.len() == 1,
            ExampleKind::Several => (2..=4).contains(&calls) && functions.len() == calls,
            ExampleKind::Unsupported | ExampleKind::WrongAction | ExampleKind::Talk => calls == 0,
        };
        assert!(fits, "{} is no {kind:?}", example.id);
        assert!(!example.tools.is_empty() && !example.messages[0].content.is_empty(), "{}", example.id);
    }
    for (kind, share) in SynthesisSettings::default().shares.all() {
        let found = counts.get(&kind).copied().unwrap_or(0) as f64 / count as f64;
        assert!((found - share).abs() < 0.03, "{kind:?}: {found}, not {share}");
    }
}

#[test]
fn an_example_is_a_function_of_seed_and_index() {
    let text = |example: &Example| serde_json::to_string(example).expect("JSON");
    let (one, other) = (&TRAINING, synthesiser(false, &[]));
    let all: Vec<String> = (0..60).map(|index| text(&one.example(SEED, index))).collect();
    for index in (0..60).rev() {
        assert_eq!(text(&other.example(SEED, index)), all[index as usize]);
    }
    let queries = |seed| (0..60).map(move |index| (seed, index));
    let query = |(seed, index)| one.example(seed, index).messages[0].content.clone();
    let first: BTreeSet<String> = queries(SEED).map(query).collect();
    let shared = queries(SEED + 1).map(query).filter(|query| first.contains(query)).count();
    assert!(first.len() > 50 && shared < 6, "{} different, {shared} shared", first.len());
}

#[test]
fn no_tool_is_of_the_other_part_or_left_out() {
    for held in [false, true] {
        let all: &Synthesiser = if held { &VALIDATION } else { &TRAINING };
        let named: BTreeMap<String, usize> = (0..150).flat_map(|index| all.example(SEED, index).tools).fold(
            BTreeMap::new(),
            |mut names, tool| {
                *names.entry(tool.name).or_default() += 1;
                names
            },
        );
        assert!(named.keys().all(|name| is_held(name) == held));
        let (most, _) = named.iter().max_by_key(|(_, count)| **count).expect("tools");
        let others = synthesiser(held, &[most]);
        let left: Vec<Tool> = (0..150).flat_map(|index| others.example(SEED, index).tools).collect();
        assert!(left.iter().all(|tool| tool.name != *most && is_held(&tool.name) == held));
    }
}

/// Texts of a value, at any depth.
fn texts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(list) => list.iter().for_each(|value| texts(value, found)),
        Value::Object(members) => members.values().for_each(|value| texts(value, found)),
        _ => {}
    }
}

#[test]
fn text_values_are_spans_of_the_query() {
    let synthesiser = &TRAINING;
    let (mut verbatim, mut all) = (0, 0);
    for index in 0..300 {
        let example = synthesiser.example(SEED, index);
        let mut found = Vec::new();
        for answer in &example.answers {
            texts(&serde_json::from_str(answer.arguments.get()).expect("JSON"), &mut found);
        }
        all += found.len();
        verbatim += found.iter().filter(|text| example.messages[0].content.contains(*text)).count();
    }
    // The others are choices in another case, and dates said in another way than their parameter wants.
    assert!(verbatim * 100 > all * 88, "{verbatim} of {all}");
    assert!(verbatim < all, "all {all} verbatim");
}

#[test]
fn queries_and_tools_vary() {
    let synthesiser = &TRAINING;
    let examples: Vec<Example> = (0..300).map(|index| synthesiser.example(SEED, index)).collect();
    let share = |fits: &dyn Fn(&Example) -> bool| {
        examples.iter().filter(|example| fits(example)).count() as f64 / examples.len() as f64
    };
    let query = |example: &Example| example.messages[0].content.clone();
    let lower = share(&|example| query(example).to_lowercase() == query(example));
    let ended = share(&|example| query(example).ends_with(['.', '?', '!']));
    let short = share(&|example| query(example).split(' ').count() < 8);
    let tree = share(&|example| example.tools[0].parameters.get().contains("\"properties\": {"));
    let named = share(&|example| example.tools.iter().any(|tool| tool.parameters.get().contains("\"str\"")));
    let wakes = ["alexa", "hey", "olly", "ok google", "siri", "computer", "echo", "assistant"];
    let spoken = share(&|example| {
        let query = query(example).to_lowercase();
        wakes.iter().any(|wake| query.starts_with(wake))
    });
    let several = share(&|example| example.tools.len() > 2);
    for (what, share, low, high) in [
        ("lower case", lower, 0.25, 0.6),
        ("with an end", ended, 0.4, 0.75),
        ("spoken to an assistant", spoken, 0.04, 0.25),
        ("short", short, 0.1, 0.45),
        ("object schemas", tree, 0.1, 0.35),
        ("short type names", named, 0.2, 0.6),
        ("three tools and more", several, 0.5, 0.9),
    ] {
        assert!((low..high).contains(&share), "{what}: {share}");
    }
}

#[test]
fn parts_hold_every_example_once_and_masked_ones_still_fit() {
    let settings = SynthesisSettings { composed: 60, ..SynthesisSettings::default() };
    let synthetic = Synthetic::new(vec![given()], settings, 50).expect("functions");
    let settings = BuildSettings { mask_rate: 0.5, seed: SEED, part_size: 20, share_tools: 1 };
    let build =
        Build::new(Vec::new(), Some(synthetic), settings, Queries::default(), false).expect("a build");
    let folder = tempfile::tempdir().expect("a folder");
    let parts = PartFolder::open(folder.path(), "test", build.plan(), build.parts()).expect("a folder");
    for number in parts.missing(Shard::WHOLE) {
        let mut part = parts.part(number).expect("a part");
        let contents = build.write(number, &mut part, || {}).expect("written");
        parts.put(number, part, contents).expect("placed");
    }
    let read: Vec<Example> =
        PartReader::open(folder.path()).expect("parts").collect::<Result<_, _>>().expect("examples");
    let ids: BTreeSet<&str> = read.iter().map(|example| example.id.as_str()).collect();
    let masked = read.iter().filter(|example| example.masked).count();
    assert!(ids.len() == 50 && (15..35).contains(&masked), "{} ids, {masked} masked", ids.len());
    for example in &read {
        let tools = compiled(example);
        assert!(example.answers.iter().all(|answer| tools.validate(&call(answer)).is_ok()), "{}", example.id);
    }
}

#[test]
fn without_functions_there_is_nothing_to_make() {
    let settings = SynthesisSettings { composed: 0, ..SynthesisSettings::default() };
    let error = Synthesiser::new(Vec::new(), settings).expect_err("nothing");
    assert!(matches!(error, DatasetError::NoFunction), "{error}");
}

#[test]
fn files_of_tools_are_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    let mut file =
        GzEncoder::new(File::create(path("a.tools.json.gz")).expect("a file"), Compression::default());
    let set = r#"{"key": {"name": "f", "description": "d", "parameters": {"x": {"type": "str"}}}}"#;
    file.write_all(set.as_bytes()).expect("written");
    file.finish().expect("written");
    let line = r#"{"api_name": "g", "api_description": "e", "field": "A/B", "parameters":
        {"y": {"type": "int", "description": "z"}}, "required": ["y"], "responses": {}}"#;
    std::fs::write(path("b.jsonl"), line.replace('\n', " ") + "\n\n").expect("written");
    let sets = read_tools(&[folder.path().to_owned()]).expect("two sets");
    let names: Vec<&str> = sets.iter().flatten().map(|tool| tool.name.as_str()).collect();
    assert_eq!(names, ["f", "g"]);
    assert_eq!(sets[1][0].parameters.get(), r#"{"y":{"type":"int","description":"z","required":true}}"#);
    std::fs::write(path("b.jsonl"), "{\"api_name\": 3}\n").expect("written");
    let error = read_tools(&[path("b.jsonl")]).expect_err("no tool").to_string();
    assert!(error.contains("b.jsonl line 1"), "{error}");
    let empty = tempfile::tempdir().expect("a folder");
    let error = read_tools(&[PathBuf::from(empty.path())]).expect_err("no file").to_string();
    assert!(error.contains("give files of tools"), "{error}");
}

#[test]
fn a_bundle_shows_the_same_tools_and_calls_only_these() {
    let (mut all, mut unanswered, mut kinds) = (0, 0, BTreeSet::new());
    for number in 0..60 {
        let bundle = TRAINING.bundle(SEED, number, 8);
        all += bundle.len();
        for example in &bundle {
            let tools = |example: &Example| serde_json::to_string(&example.tools).expect("JSON");
            assert_eq!(tools(example), tools(&bundle[0]));
            let names: Vec<&str> = example.tools.iter().map(|tool| tool.name.as_str()).collect();
            assert!(
                example.answers.iter().all(|answer| names.contains(&answer.name.as_str())),
                "{example:?}"
            );
            unanswered += usize::from(example.answers.is_empty());
            kinds.insert(example.answers.len().min(2));
        }
        let ids: BTreeSet<&str> = bundle.iter().map(|example| example.id.as_str()).collect();
        assert_eq!(ids.len(), bundle.len());
        let again = TRAINING.bundle(SEED, number, 8);
        assert_eq!(
            serde_json::to_string(&again).expect("JSON"),
            serde_json::to_string(&bundle).expect("JSON")
        );
    }
    assert_eq!(kinds, BTreeSet::from([0, 1, 2]));
    // Single functions have no examples of several.
    assert!(all > 60 * 8 * 7 / 10, "{all} of {}", 60 * 8);
    assert!(unanswered * 5 < all, "{unanswered} of {all} call nothing");
}

/// Invented functions beside the given ones, whose words they are made of.
fn invented(invented_parameters: usize) -> Synthesiser {
    let settings = SynthesisSettings {
        composed: 100,
        invented: 300,
        invented_parameters,
        ..SynthesisSettings::default()
    };
    Synthesiser::new(vec![given()], settings).expect("functions")
}

#[test]
fn invented_functions_are_found_by_their_words_alone() {
    let synthesiser = invented(5);
    assert_eq!(synthesiser.functions(), invented(0).functions());
    let known = |name: &str| TRAINING_NAMES.contains(name);
    let (mut calls, mut found, mut alone) = (0, 0, 0);
    for number in 0..120 {
        for example in synthesiser.bundle(SEED, number, 6).iter().filter(|example| example.answers.len() == 1)
        {
            let right = &example.answers[0].name;
            if example.tools.len() < 2 || known(right) {
                continue;
            }
            let tools = compiled(example);
            assert!(tools.validate(&call(&example.answers[0])).is_ok(), "{}", example.id);
            let query = example.messages[0].content.to_lowercase();
            // Words of four letters, which queries also have in other forms.
            let shared = |tool: &Tool| {
                let text = format!("{} {}", tool.name, tool.description).to_lowercase();
                let words =
                    text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| word.len() > 3);
                words.filter(|word| query.contains(&word[..4])).count()
            };
            let best = example.tools.iter().map(shared).max().unwrap_or(0);
            let meant = example.tools.iter().find(|tool| tool.name == *right).expect("the tool");
            calls += 1;
            found += usize::from(best > 0 && shared(meant) == best);
            alone += usize::from(example.answers[0].arguments.get() == "{}");
        }
    }
    assert!(calls > 100 && found * 10 >= calls * 9, "{found} of {calls} share most words with their query");
    assert!(alone * 2 < calls, "{alone} of {calls} without arguments");
}

static TRAINING_NAMES: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let settings = SynthesisSettings { composed: 100, ..SynthesisSettings::default() };
    let without = Synthesiser::new(vec![given()], settings).expect("functions");
    (0..2000).flat_map(|index| without.example(SEED, index).tools).map(|tool| tool.name).collect()
});

#[test]
fn without_parameters_there_is_only_the_function_to_choose() {
    let synthesiser = invented(0);
    let examples = (0..400).map(|index| synthesiser.example(SEED, index));
    let tools: Vec<Tool> = examples.flat_map(|example| example.tools).collect();
    let (own, others): (Vec<&Tool>, Vec<&Tool>) =
        tools.iter().partition(|tool| !TRAINING_NAMES.contains(&tool.name));
    let empty = |tool: &&&Tool| !tool.parameters.get().contains("description");
    assert!(own.len() > 300 && others.len() > 100, "{} and {}", own.len(), others.len());
    assert!(own.iter().all(|tool| empty(&tool)), "an invented function has parameters");
    let different: BTreeSet<&str> = own.iter().map(|tool| tool.name.as_str()).collect();
    assert!(different.len() > 100, "{} different", different.len());
    assert!(own.iter().all(|tool| !is_held(&tool.name)));
}

#[test]
fn prompts_that_share_tools_are_never_more_than_were_asked_for() {
    let settings = BuildSettings { mask_rate: 0.5, seed: SEED, part_size: 20, share_tools: 8 };
    for prompts in [1, 3, 9, 50] {
        let synthetic = SynthesisSettings { composed: 200, ..SynthesisSettings::default() };
        let synthetic = Synthetic::new(vec![given()], synthetic, prompts).expect("functions");
        let build = Build::new(Vec::new(), Some(synthetic), settings.clone(), Queries::default(), false);
        let build = build.expect("a build");
        let folder = tempfile::tempdir().expect("a folder");
        let made = PartFolder::open(folder.path(), "test", build.plan(), build.parts()).expect("opened");
        for number in made.missing(Shard::WHOLE) {
            let mut part = made.part(number).expect("a part");
            let contents = build.write(number, &mut part, || {}).expect("made");
            made.put(number, part, contents).expect("placed");
        }
        let lines = made.manifest().expect("a manifest").contents.lines;
        assert!(lines <= prompts, "{lines} of {prompts}");
        assert!(lines * 2 >= prompts || prompts < 9, "{lines} of {prompts}");
    }
}
