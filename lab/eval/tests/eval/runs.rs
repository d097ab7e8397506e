//! Runs that survive: what a folder keeps, and how a run goes on.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::num::NonZeroUsize;
use std::path::Path;

use tempfile::TempDir;
use toolbeam_client::{Client, ClientConfig, v1};
use toolbeam_eval::{
    Comparison, EvalError, GivenAnswer, Noise, NoiseSettings, Outcome, Record, RunFolder, RunSettings, Shard,
    Tally, export_predictions, f1, go_on, read_run, reward_pairs,
};

use crate::running::{Scripted, start};
use crate::{load_seal, seal_query};

const QUERIES: [&str; 7] = ["right", "as text", "wrong", "nothing", "right", "refused", "right"];

fn records() -> Vec<Record> {
    let query = |(index, query): (usize, &&str)| {
        seal_query(&format!("r{index}"), query, &[("a", r#"{"size": "85"}"#)])
    };
    load_seal(&QUERIES.iter().enumerate().map(query).collect::<Vec<_>>()).expect("loads")
}

fn settings(records: &[Record], seed: u64) -> RunSettings {
    let sampling = v1::Sampling { temperature: Some(0.3), ..Default::default() };
    let template = v1::SearchRequest { seed, sampling: Some(sampling), ..Default::default() };
    RunSettings::new("scripted", records, &template, v1::GetSearchModelsResponse::default())
}

fn open(folder: &Path, shard: Shard) -> RunFolder {
    RunFolder::open(folder, &settings(&records(), 1), shard, false).expect("opens")
}

/// Goes on with a shard; the ids that were searched.
async fn continued(run: &mut RunFolder, shard: Shard) -> Vec<String> {
    let client = Client::over(start(Scripted::default()).await, ClientConfig::default());
    let template = v1::SearchRequest { seed: 1, ..Default::default() };
    let mut seen = Vec::new();
    let each = |outcome: &Outcome| seen.push(outcome.id.clone());
    let records = records();
    go_on(run, &client, (&records, shard), &template, NonZeroUsize::MIN, each).await.expect("written");
    seen
}

/// Every record once, in the outcomes of a folder.
fn whole(folder: &Path) -> Vec<Outcome> {
    let (_, outcomes) = read_run(folder).expect("a run");
    let mut ids: Vec<&str> = outcomes.iter().map(|outcome| outcome.id.as_str()).collect();
    ids.sort();
    assert_eq!(ids, ["r0", "r1", "r2", "r3", "r4", "r5", "r6"]);
    outcomes
}

#[tokio::test]
async fn a_killed_run_goes_on_where_it_was() {
    let folder = TempDir::new().expect("a folder");
    let mut run = open(folder.path(), Shard::WHOLE);
    assert_eq!(continued(&mut run, Shard::WHOLE).await.len(), 7);
    drop(run);
    let file = folder.path().join("results-1-of-1.jsonl");
    let text = fs::read_to_string(&file).expect("results");
    let after_three: usize = text.split_inclusive('\n').take(3).map(str::len).sum();
    // Wherever a process is killed, the lines before the one that it writes are whole.
    for cut in [after_three, after_three + 1, after_three + 40, text.len() - 1] {
        fs::write(&file, &text[..cut]).expect("written");
        let mut run = open(folder.path(), Shard::WHOLE);
        let had = if cut == text.len() - 1 { 6 } else { 3 };
        assert_eq!((run.len(), run.is_empty(), run.has("r2"), run.has("r6")), (had, false, true, false));
        assert_eq!(continued(&mut run, Shard::WHOLE).await.len(), 7 - had);
        drop(run);
        whole(folder.path());
    }
    // Within a character, too, and for a report while the run goes on.
    let mut file = OpenOptions::new().append(true).open(&file).expect("opens");
    file.write_all(b"{\"id\": \"\xc3").expect("written");
    whole(folder.path());
    assert_eq!(open(folder.path(), Shard::WHOLE).len(), 7);
}

#[tokio::test]
async fn outcomes_say_what_is_right_and_why_not() {
    let folder = TempDir::new().expect("a folder");
    continued(&mut open(folder.path(), Shard::WHOLE), Shard::WHOLE).await;
    let tally = Tally::of(&whole(folder.path()));
    assert_eq!((tally.all.right, tally.all.total, tally.all.policy_tokens), (3, 7, 60));
    let faults: Vec<(&str, usize)> =
        tally.faults.iter().map(|(fault, count)| (fault.as_str(), *count)).collect();
    let expected = [("failed", 1), ("no_valid_answer", 1), ("wrong_arguments", 1), ("wrong_function", 1)];
    assert_eq!(faults, expected);
    assert_eq!(tally.failed, [("r5".to_owned(), "ResourceExhausted: full; try again".to_owned())]);

    let (_, outcomes) = read_run(folder.path()).expect("a run");
    let file = export_predictions(&outcomes, &records(), folder.path().join("out").as_path());
    let report = f1(&file.expect("written")).expect("predictions");
    // No answer and no reply are no list of calls.
    assert_eq!((report.records, report.format_errors, report.strict.names.correct), (7, 2, 4));
    assert_eq!(report.strict.arguments.correct, 4, "85 is \"85\" by Python's str");
}

#[tokio::test]
async fn runs_of_the_same_records_are_compared() {
    let folder = TempDir::new().expect("a folder");
    let [one, other, strange] = ["one", "other", "strange"].map(|name| folder.path().join(name));
    continued(&mut open(&one, Shard::WHOLE), Shard::WHOLE).await;
    let mut wider = settings(&records(), 1);
    wider.search.num_beams = Some(4);
    let wide = RunFolder::open(&other, &wider, Shard::WHOLE, false);
    continued(&mut wide.expect("opens"), Shard::WHOLE).await;
    let text = fs::read_to_string(other.join("results-1-of-1.jsonl")).expect("results");
    // The second run got one more right.
    let better = text.replace(r#""fault":"wrong_function""#, r#""fault":null"#);
    fs::write(other.join("results-1-of-1.jsonl"), better).expect("written");
    let comparison = Comparison::read(&[one.clone(), other]).expect("runs");
    let markdown = comparison.markdown();
    assert!(markdown.contains("| 42.9 |") && markdown.contains("| 57.1 |"), "{markdown}");
    assert!(markdown.contains("+14.3 (+0.0 to +42.9)"), "{markdown}");
    assert!(
        markdown.contains("| run | failed | no_valid_answer | wrong_arguments | wrong_function |"),
        "{markdown}"
    );
    let [_, html] = comparison.write(&folder.path().join("report")).expect("written");
    let html = fs::read_to_string(html).expect("a page");
    assert!(html.contains("<table>") && html.matches("<svg").count() == 2, "{html}");

    // Another seed of the first: one run, with the means of both.
    let seeded = folder.path().join("seeded");
    drop(RunFolder::open(&seeded, &settings(&records(), 2), Shard::WHOLE, false).expect("opens"));
    fs::copy(folder.path().join("other/results-1-of-1.jsonl"), seeded.join("results-1-of-1.jsonl"))
        .expect("copied");
    let markdown = Comparison::read(&[one.clone(), seeded]).expect("runs").markdown();
    assert!(markdown.contains(", 2 seeds | 14 |") && markdown.contains("| 50.0 |"), "{markdown}");

    // Noise: other runs of the same records, under a name of their own.
    let noisy = |seed| {
        let noise = NoiseSettings::new(&[Noise::ShuffleTools, Noise::Distractors], seed, 2);
        let folder = folder.path().join(format!("noisy-{seed}"));
        let settings = RunSettings { noise: Some(noise), ..settings(&records(), 1) };
        drop(RunFolder::open(&folder, &settings, Shard::WHOLE, false).expect("opens"));
        fs::copy(one.join("results-1-of-1.jsonl"), folder.join("results-1-of-1.jsonl")).expect("copied");
        folder
    };
    let markdown = Comparison::read(&[one.clone(), noisy(1), noisy(2)]).expect("runs").markdown();
    assert!(markdown.contains(", distractors=2+shuffle-tools, 2 seeds | 14 |"), "{markdown}");
    assert!(markdown.contains("+0.0 (+0.0 to +0.0)"), "{markdown}");

    drop(RunFolder::open(&strange, &settings(&records()[..3], 1), Shard::WHOLE, false).expect("opens"));
    let refused = Comparison::read(&[one, strange]);
    assert!(matches!(refused, Err(EvalError::OtherRun { .. })), "{refused:?}");
}

#[tokio::test]
async fn failed_records_are_searched_again_only_when_asked() {
    let folder = TempDir::new().expect("a folder");
    continued(&mut open(folder.path(), Shard::WHOLE), Shard::WHOLE).await;
    assert_eq!(continued(&mut open(folder.path(), Shard::WHOLE), Shard::WHOLE).await, Vec::<String>::new());
    let again = RunFolder::open(folder.path(), &settings(&records(), 1), Shard::WHOLE, true);
    let mut again = again.expect("opens");
    assert_eq!(continued(&mut again, Shard::WHOLE).await, ["r5"]);
    drop(again);
    whole(folder.path());
}

#[tokio::test]
async fn shards_make_a_whole_and_exclude_each_other() {
    let folder = TempDir::new().expect("a folder");
    let shards = [Shard { index: 1, count: 2 }, Shard { index: 2, count: 2 }];
    let mut runs = shards.map(|shard| open(folder.path(), shard));
    let second = RunFolder::open(folder.path(), &settings(&records(), 1), shards[0], false);
    assert!(matches!(second, Err(EvalError::InUse { .. })), "{second:?}");
    assert_eq!(continued(&mut runs[0], shards[0]).await, ["r0", "r2", "r4", "r6"]);
    assert_eq!(continued(&mut runs[1], shards[1]).await, ["r1", "r3", "r5"]);
    whole(folder.path());
}

#[test]
fn a_folder_of_another_run_is_refused() {
    let folder = TempDir::new().expect("a folder");
    drop(open(folder.path(), Shard::WHOLE));
    let refused = |settings: &RunSettings, expected: &str| match RunFolder::open(
        folder.path(),
        settings,
        Shard::WHOLE,
        false,
    ) {
        Err(EvalError::OtherRun { field, .. }) => assert_eq!(field, expected),
        other => panic!("{other:?}"),
    };
    refused(&settings(&records(), 2), "search");
    refused(&settings(&records()[..3], 1), "records");
    let mut changed = records();
    changed[0].messages[0].content.push('!');
    refused(&settings(&changed, 1), "records_digest");
    let noise = |kind| Some(NoiseSettings::new(&[kind], 0, 3));
    let noisy = |kind| RunSettings { noise: noise(kind), ..settings(&records(), 1) };
    refused(&noisy(Noise::Rename), "noise");
    let other = folder.path().join("noisy");
    drop(RunFolder::open(&other, &noisy(Noise::Rename), Shard::WHOLE, false).expect("opens"));
    for others in [settings(&records(), 1), noisy(Noise::Truncate)] {
        let found = RunFolder::open(&other, &others, Shard::WHOLE, false);
        assert!(matches!(&found, Err(EvalError::OtherRun { field, .. }) if field == "noise"), "{found:?}");
    }
    assert!(matches!(read_run(&folder.path().join("none")), Err(EvalError::NoRun { .. })));
    let mut file = OpenOptions::new().append(true).open(folder.path().join("results-1-of-1.jsonl"));
    file.as_mut().expect("opens").write_all(b"{\"id\": 7}\n").expect("written");
    let broken = RunFolder::open(folder.path(), &settings(&records(), 1), Shard::WHOLE, false);
    assert!(matches!(broken, Err(EvalError::Line { line: 1, .. })), "{broken:?}");
}

#[tokio::test]
async fn wrong_answers_of_runs_make_pairs_with_the_right_ones() {
    let folder = TempDir::new().expect("a folder");
    let mut run = open(folder.path(), Shard::WHOLE);
    continued(&mut run, Shard::WHOLE).await;
    let (settings, outcomes) = read_run(folder.path()).expect("a run");
    let given = GivenAnswer::of_run(&settings, &outcomes);
    assert_eq!(given.len(), 5, "no answer and no reply are none");
    // The second run's wrong answers are the first's, and count once.
    let pairs = reward_pairs(&records(), &[given.clone(), given].concat()).expect("pairs");
    let named: Vec<(&str, &str)> =
        pairs.iter().map(|pair| (pair.test_id.as_str(), pair.error_type.as_str())).collect();
    assert_eq!(named, [("r1", "Parameter value type error"), ("r2", "Incorrect function name")]);
    let rejected = pairs[1].rejected.as_ref().expect("calls");
    assert_eq!((pairs[1].chosen[0].name.as_str(), rejected[0].name.as_str()), ("a", "b"));
}
