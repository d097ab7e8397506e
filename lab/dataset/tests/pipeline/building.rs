//! Folders of parts: what is in them, and that nothing about how they are made changes that.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::TempDir;
use toolbeam_dataset::{
    Build, BuildSettings, DatasetError, Example, Manifest, PartFolder, PartReader, PartWriter, Queries,
    Shard, SynthesisSettings, Synthetic, part_name, shared_prompts,
};

use crate::toys::{example, user, weather};

fn examples() -> Vec<Example> {
    (0..23).map(|number| example(&number.to_string(), vec![weather("Oslo")])).collect()
}

fn settings() -> BuildSettings {
    BuildSettings { mask_rate: 0.5, seed: 7, part_size: 5, share_tools: 1 }
}

fn build() -> Build {
    Build::new(examples(), None, settings(), Queries::default(), false).expect("nothing is shared")
}

fn open(folder: &Path, build: &Build) -> PartFolder {
    PartFolder::open(folder, "dataset build", build.plan(), build.parts()).expect("it opens")
}

/// Makes at most so many parts of a share.
fn make(folder: &Path, shard: Shard, at_most: usize) -> PartFolder {
    let build = build();
    let parts = open(folder, &build);
    for number in parts.missing(shard).into_iter().take(at_most) {
        let mut part = parts.part(number).expect("a part");
        let contents = build.write(number, &mut part, || ()).expect("it is written");
        parts.put(number, part, contents).expect("it is put");
    }
    parts.manifest().expect("its contents are read");
    parts
}

/// All files by name.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry"));
    let mut files: Vec<(String, Vec<u8>)> = entries
        .map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            (name, fs::read(entry.path()).expect("a file"))
        })
        .collect();
    files.sort();
    files
}

#[test]
fn in_one_go_or_resumed_or_in_shares_the_bytes_are_the_same() {
    let folders = [(); 3].map(|()| TempDir::new().expect("a folder"));
    make(folders[0].path(), Shard::WHOLE, usize::MAX);
    for at_most in [2, 0, 1, usize::MAX] {
        make(folders[1].path(), Shard::WHOLE, at_most);
    }
    for index in [2, 3, 1] {
        assert!(Manifest::read(folders[2].path()).is_err(), "it is not complete");
        make(folders[2].path(), Shard { index, count: 3 }, usize::MAX);
    }
    let whole = files(folders[0].path());
    assert_eq!(whole.len(), 5 + 5 + 2, "parts, what they hold, settings and manifest");
    assert!(whole == files(folders[1].path()) && whole == files(folders[2].path()));

    let manifest = Manifest::read(folders[0].path()).expect("it is complete");
    assert_eq!((manifest.contents.lines, manifest.parts.len()), (23, 5));
    assert_eq!(manifest.contents.number("source", "toy"), 23);
    let masked = manifest.contents.number("masked", "yes");
    assert!((1..23).contains(&masked) && masked + manifest.contents.number("masked", "no") == 23);
    let read =
        PartReader::<Example>::open(folders[0].path()).expect("parts").map(|line| line.expect("a line"));
    let ids: BTreeSet<String> = read.map(|example| example.id).collect();
    assert_eq!(ids, examples().into_iter().map(|example| example.id).collect());
}

#[test]
fn a_part_is_there_as_a_whole_or_not_at_all() {
    let folder = TempDir::new().expect("a folder");
    let mut part = PartWriter::create(folder.path(), 3).expect("a part");
    part.add(&"a line").expect("it is added");
    drop(part);
    assert!(files(folder.path()).is_empty());

    // What was put in its place, but not written down, is made again.
    let whole = TempDir::new().expect("a folder");
    make(whole.path(), Shard::WHOLE, usize::MAX);
    let parts = make(folder.path(), Shard::WHOLE, 2);
    fs::remove_file(folder.path().join("part-00001.json")).expect("it was there");
    fs::write(folder.path().join(part_name(1)), b"half a part").expect("it is written");
    assert_eq!(parts.missing(Shard::WHOLE), [1, 2, 3, 4]);
    make(folder.path(), Shard::WHOLE, usize::MAX);
    assert!(files(folder.path()) == files(whole.path()));

    let mode = |name: &str| fs::metadata(folder.path().join(name)).expect("a file").permissions().mode();
    fs::write(folder.path().join("any"), b"").expect("it is written");
    assert_eq!(mode(&part_name(0)), mode("any"), "as any file");
}

#[test]
fn json_of_several_lines_is_one_line_of_a_part() {
    let folder = TempDir::new().expect("a folder");
    let mut example = examples().remove(0);
    let text = "{\n  \"city\": {\"type\": \"string\",\r\n \"description\": \"a\\nb\"}\n}";
    example.tools[0].parameters = serde_json::value::RawValue::from_string(text.to_owned()).expect("JSON");
    let mut part = PartWriter::create(folder.path(), 0).expect("a part");
    part.add(&example).and_then(|()| part.add(&example)).expect("they are added");
    assert_eq!(part.finish().expect("it is written"), 2);
    let read: Vec<Example> =
        PartReader::open(folder.path()).expect("parts").collect::<Result<_, _>>().expect("whole lines");
    let parameters = |example: &Example| -> serde_json::Value {
        serde_json::from_str(example.tools[0].parameters.get()).expect("JSON")
    };
    assert_eq!(read.len(), 2);
    assert_eq!(parameters(&read[1]), parameters(&example));
}

#[test]
fn a_folder_of_other_settings_is_refused() {
    let folder = TempDir::new().expect("a folder");
    make(folder.path(), Shard::WHOLE, 1);
    let check = |examples: Vec<Example>, settings: BuildSettings, differs: &str| {
        let other =
            Build::new(examples, None, settings, Queries::default(), false).expect("nothing is shared");
        let refused = PartFolder::open(folder.path(), "dataset build", other.plan(), other.parts());
        match refused.map(drop) {
            Err(DatasetError::OtherSettings { field, .. }) => assert_eq!(field, differs),
            other => panic!("{other:?}"),
        }
    };
    check(examples(), BuildSettings { seed: 8, ..settings() }, "seed");
    check(examples(), BuildSettings { mask_rate: 0.1, ..settings() }, "mask_rate");
    let mut others = examples();
    others[3].answers.clear();
    check(others, settings(), "sources_digest");
}

#[test]
fn the_gate_refuses_what_evaluation_asks_or_leaves_it_out() {
    let mut evaluation = Queries::default();
    evaluation.add(["Question 4, about the WEATHER of Oslo?"]);
    match Build::new(examples(), None, settings(), evaluation.clone(), false).map(drop) {
        Err(DatasetError::Shared { id, number }) => assert_eq!((id.as_str(), number), ("4", 1)),
        other => panic!("{other:?}"),
    }
    let build = Build::new(examples(), None, settings(), evaluation.clone(), true).expect("it is left out");
    assert_eq!((build.plan().dropped, build.plan().sources["toy"]), (1, 22));

    let folder = TempDir::new().expect("a folder");
    make(folder.path(), Shard::WHOLE, usize::MAX);
    let (shared, prompts) = shared_prompts(folder.path(), &evaluation).expect("it is read");
    assert_eq!((shared, prompts), (vec!["4".to_owned()], 23));
    let labelled = TempDir::new().expect("a folder");
    let mut part = PartWriter::create(labelled.path(), 0).expect("a part");
    let mut prompt = example("x", vec![]);
    prompt.messages = vec![user("question 4 about the weather of Oslo")];
    part.add(&serde_json::json!({"prompt": prompt, "trajectories": []})).expect("it is added");
    part.finish().expect("it is put");
    assert_eq!(shared_prompts(labelled.path(), &evaluation).expect("it is read").0, ["x"]);
}

#[test]
fn synthetic_prompts_are_mixed_in_and_are_a_function_of_their_number() {
    let tools = || vec![example("a", vec![]).tools];
    let settings = |part_size| BuildSettings { mask_rate: 0.5, seed: 7, part_size, share_tools: 1 };
    let lines = |part_size| {
        let synthetic = SynthesisSettings { composed: 50, ..SynthesisSettings::default() };
        let synthetic = Synthetic::new(tools(), synthetic, 40).expect("functions");
        let build = Build::new(examples(), Some(synthetic), settings(part_size), Queries::default(), false);
        let build = build.expect("nothing is shared");
        let folder = TempDir::new().expect("a folder");
        for number in 0..build.parts() {
            let mut part = PartWriter::create(folder.path(), number).expect("a part");
            build.write(number, &mut part, || ()).expect("it is written");
            part.finish().expect("it is put");
        }
        let read =
            PartReader::<Example>::open(folder.path()).expect("parts").map(|line| line.expect("a line"));
        read.map(|example| serde_json::to_string(&example).expect("JSON")).collect::<Vec<_>>()
    };
    let whole = lines(1000);
    assert_eq!(whole.len(), 63);
    assert!(whole == lines(10), "the parts' size changes no prompt");
    let synthetic = whole.iter().map(|line| line.contains(r#""source":"synthetic""#));
    let first: Vec<bool> = synthetic.take(23).collect();
    assert!(first.contains(&true) && first.contains(&false), "they are mixed");
}
