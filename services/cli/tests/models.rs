//! Model folders through the real binary: what `models check` says, and what a service does with them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// A copy of the files of folders of the repository.
fn copy(from: &[&str]) -> tempfile::TempDir {
    let whole = tempfile::tempdir().expect("a temporary folder");
    for folder in from {
        for entry in std::fs::read_dir(repository(folder)).expect("part of the repository") {
            let file = entry.expect("readable").path();
            std::fs::copy(&file, whole.path().join(file.file_name().expect("a name"))).expect("copied");
        }
    }
    whole
}

fn small(name: &str) -> tempfile::TempDir {
    const FIXTURES: &str = "models/lm/tests/fixtures/architectures";
    copy(&[&format!("{FIXTURES}/{name}"), &format!("{FIXTURES}/tokenizer")])
}

fn toolbeam(args: &[&str], folder: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_toolbeam"));
    command.args(args).arg(folder).output().expect("it runs")
}

/// Replaces a part of a file, which must be there.
fn replace(folder: &Path, file: &str, from: &str, to: &str) {
    let path = folder.join(file);
    let text = std::fs::read_to_string(&path).expect("it is text");
    assert!(text.contains(from), "{file} has no {from}");
    std::fs::write(path, text.replace(from, to)).expect("written");
}

#[test]
fn a_folder_is_said_to_serve_as_what_it_can() {
    let check = |folder: tempfile::TempDir, toolbeam_json: Option<Value>, expected: &[(&str, Value)]| {
        if let Some(content) = toolbeam_json {
            std::fs::write(folder.path().join("toolbeam.json"), content.to_string()).expect("written");
        }
        let output = toolbeam(&["models", "check", "--json"], folder.path());
        assert!(output.status.success(), "{output:?}");
        let report: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
        for (pointer, value) in expected {
            assert_eq!(report.pointer(pointer), Some(value), "{pointer}: {report:#}");
        }
        let person = toolbeam(&["models", "check"], folder.path());
        let person = String::from_utf8(person.stdout).expect("text");
        assert!(person.contains("\narchitecture ") && !person.contains("\nproblem "), "{person}");
    };
    check(
        copy(&["models/reference/policy"]),
        None,
        &[
            ("/policy/yes/answer_layout", json!("json_list")),
            ("/policy/yes/end_tokens/0/text", json!("<|im_end|>")),
            ("/scorer/yes/reward_kind", json!("toolprm")),
            ("/shape/parameters", json!(8_001_792)),
            ("/shape/context_length", json!(2048)),
            ("/shape/kv_bytes_per_token", json!(6 * 2 * 2 * 64 * 4)),
            ("/weights/dtypes", json!(["BF16"])),
            ("/chat_template/shows_tools", json!(true)),
            ("/warnings", json!([])),
            ("/problems", json!([])),
        ],
    );
    check(
        copy(&["models/reference/toolprm"]),
        Some(json!({"reward": {"kind": "c_prm"}})),
        &[
            ("/scorer/yes/reward_kind", json!("c_prm")),
            ("/scorer/yes/markers/0/text", json!("<FUNC_FINISH>")),
            ("/scorer/yes/labels/1/text", json!("-")),
            ("/warnings", json!([])),
        ],
    );
    let no_markers = "tokenizer.json has no special token <FUNC_NAME>; a reward model needs one for every \
                      marker, name others under reward.markers in toolbeam.json";
    let no_tools = "the chat template does not print the tools, so the model cannot know them; use the template \
                    of a model made for tools";
    check(
        small("qwen2_sharded"),
        Some(json!({"answer_layout": "json_list"})),
        &[
            ("/scorer/no", json!(no_markers)),
            ("/weights/files/1", json!("model-00002-of-00002.safetensors")),
            ("/warnings", json!([no_tools])),
        ],
    );
    let writes_nothing = "config.json: architectures names Qwen3ForSequenceClassification, whose scalar head \
                          writes nothing; serve it as a scorer";
    check(
        small("qwen3_scalar"),
        None,
        &[
            ("/scorer/yes/reward_kind", json!("toolrm")),
            ("/scorer/yes/markers/0/text", json!("<|im_end|>")),
            ("/policy/no", json!(writes_nothing)),
        ],
    );
}

/// Every kind of bad folder: `models check` lists all that is wrong and exits with 1, and a service
/// that is started with it says the first and exits with 1.
#[test]
fn a_bad_folder_is_refused_by_file_and_remedy() {
    let check = |damage: &dyn Fn(&Path), expected: &[&str]| {
        let folder = copy(&["models/reference/policy"]);
        damage(folder.path());
        let checked = toolbeam(&["models", "check"], folder.path());
        let report = String::from_utf8_lossy(&checked.stdout).into_owned();
        assert_eq!(checked.status.code(), Some(1), "{report}");
        for problem in expected {
            let listed = report.lines().any(|line| line.starts_with("problem ") && line.contains(problem));
            assert!(listed, "{problem}: {report}");
        }
        assert_refused("policy", folder.path(), expected[0]);
    };
    let cut = |folder: &Path| {
        let path = folder.join("model.safetensors");
        let bytes = std::fs::read(&path).expect("there");
        std::fs::write(path, &bytes[..bytes.len() / 2]).expect("written");
    };
    let garbled = |folder: &Path| {
        std::fs::write(folder.join("model.safetensors"), [0x41; 4096]).expect("written");
    };
    let remove =
        |file: &'static str| move |folder: &Path| std::fs::remove_file(folder.join(file)).expect("there");
    let config =
        |from: &'static str, to: &'static str| move |folder: &Path| replace(folder, "config.json", from, to);

    check(&cut, &["model.safetensors: truncated: it has 8", "download or copy it again"]);
    check(&garbled, &["model.safetensors: not a safetensors file", "download or copy it again"]);
    check(
        &remove("model.safetensors"),
        &["model.safetensors: is missing, and so is model.safetensors.index.json"],
    );
    check(
        &remove("tokenizer.json"),
        &["tokenizer.json: No such file", "check that the model folder is complete"],
    );
    check(&remove("config.json"), &["config.json: No such file"]);
    let bigger = config("\"vocab_size\": 8192", "\"vocab_size\": 8190");
    check(
        &bigger,
        &["tokenizer.json: has 8192 tokens, but vocab_size in config.json is 8190; use the tokenizer"],
    );
    let untold = |folder: &Path| {
        remove("chat_template.jinja")(folder);
        std::fs::write(folder.join("tokenizer_config.json"), "{}").expect("written");
    };
    check(&untold, &["tokenizer_config.json: chat_template is missing; add one or a chat_template.jinja"]);
    check(
        &config("Qwen2ForCausalLM", "LlamaForCausalLM"),
        &["architectures names LlamaForCausalLM; supported are Qwen2ForCausalLM"],
    );
    let rope = config("\"rope_type\": \"default\"", "\"rope_type\": \"llama3\"");
    check(
        &rope,
        &["config.json: rope_parameters.rope_type is \"llama3\"; supported are default, linear and yarn"],
    );
    let several = |folder: &Path| {
        replace(folder, "config.json", "\"silu\"", "\"gelu\"");
        remove("tokenizer.json")(folder);
        cut(folder);
    };
    check(
        &several,
        &["config.json: hidden_act is gelu; supported is silu", "tokenizer.json: No such file", "truncated"],
    );
}

#[test]
fn a_folder_that_lacks_what_a_role_needs_is_refused_by_that_role() {
    assert_refused("scorer", small("qwen2_sharded").path(), "no special token <FUNC_NAME>");
    assert_refused("policy", small("qwen2_scalar").path(), "writes nothing; serve it as a scorer");
    let folder = small("qwen2_sharded");
    std::fs::write(folder.path().join("toolbeam.json"), r#"{"answer_layout": "xml"}"#).expect("written");
    assert_refused("policy", folder.path(), "toolbeam.json: answer_layout is xml; supported");
    let nowhere = toolbeam(&["models", "check"], Path::new("no-such-folder"));
    let error = String::from_utf8_lossy(&nowhere.stderr).into_owned();
    assert!(nowhere.status.code() == Some(2) && error.contains("no-such-folder is no folder"), "{error}");
}

/// A role that is started with a bad folder exits with 2 and one line that says why.
fn assert_refused(role: &str, folder: &Path, expected: &str) {
    let output =
        toolbeam(&[role, "--listen", "127.0.0.1:0", "--threads", "1", "--device", "cpu", "--model"], folder);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{error}");
    let said = error.lines().any(|line| line.starts_with("toolbeam: ") && line.contains(expected));
    assert!(said && !error.contains("panicked"), "{expected}: {error}");
}
