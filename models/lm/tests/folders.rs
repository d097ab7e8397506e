//! Model folders: what is accepted, and what is refused by which words. No weights are loaded.

mod support;

use std::path::Path;

use serde_json::{Value, json};
use support::architectures;
use toolbeam_lm::{Inspection, ModelFiles};

/// The problems of a folder.
fn problems(folder: &Path) -> Vec<String> {
    let inspection = Inspection::of(&ModelFiles::Folder(folder.into()));
    inspection.problems.iter().map(ToString::to_string).collect()
}

/// `config.json` of a folder, with fields replaced; null removes.
fn edit_config(folder: &Path, changes: &Value) {
    let path = folder.join("config.json");
    let mut config: Value = serde_json::from_slice(&std::fs::read(&path).expect("there")).expect("JSON");
    let fields = config.as_object_mut().expect("an object");
    for (field, value) in changes.as_object().expect("changes are an object") {
        match value {
            Value::Null => drop(fields.remove(field)),
            value => drop(fields.insert(field.clone(), value.clone())),
        }
    }
    std::fs::write(path, config.to_string()).expect("written");
}

#[test]
fn every_problem_of_a_configuration_names_its_field() {
    let check = |model: &str, changes: Value, expected: &[&str]| {
        let (folder, _) = architectures::folder(model);
        edit_config(folder.path(), &changes);
        let problems: Vec<String> =
            problems(folder.path()).into_iter().filter(|text| text.starts_with("config.json: ")).collect();
        assert_eq!(problems.len(), expected.len(), "{changes}: {problems:#?}");
        for part in expected {
            assert!(problems.iter().any(|text| text.contains(part)), "{part}: {problems:#?}");
        }
    };
    check("qwen3_tied", json!({}), &[]);
    check(
        "qwen3_tied",
        json!({"architectures": ["LlamaForCausalLM"]}),
        &["LlamaForCausalLM; supported are Qwen2"],
    );
    check("qwen3_tied", json!({"architectures": null}), &["architectures names nothing"]);
    check("qwen3_tied", json!({"hidden_size": null}), &["missing field `hidden_size`"]);
    check("qwen3_tied", json!({"hidden_size": -32}), &["every size must be positive"]);
    check("qwen3_tied", json!({"num_hidden_layers": u64::MAX}), &["beyond that of any model"]);
    check("qwen3_tied", json!({"vocab_size": i64::MAX}), &["beyond that of any model"]);
    check("qwen3_tied", json!({"num_key_value_heads": 3}), &["multiple of num_key_value_heads"]);
    check("qwen3_tied", json!({"head_dim": 15}), &["head_dim must be even"]);
    check(
        "qwen3_tied",
        json!({"hidden_act": "gelu", "use_mrope": true, "quantization_config": {"bits": 4}}),
        &["hidden_act is gelu", "use_mrope", "quantised weights are not supported"],
    );
    check("qwen2_yarn", json!({"attention_bias": false}), &["Qwen2 always has biases"]);
    check("qwen3_tied", json!({"eos_token_id": 1000}), &["eos_token_id lies outside"]);
    check("qwen3_tied", json!({"eos_token_id": null}), &["no eos_token_id"]);
    check("qwen2_scalar", json!({"id2label": {"0": "a", "1": "b"}}), &["2 labels"]);
    check("qwen2_scalar", json!({"id2label": null}), &["2 labels"]);

    let window = |layers: usize| json!({"layer_types": null, "use_sliding_window": true, "sliding_window": 64, "max_window_layers": layers});
    check("qwen3_tied", window(1), &["layers from 1 on"]);
    check("qwen3_tied", window(2), &[]);
    check(
        "qwen3_tied",
        json!({"layer_types": ["full_attention", "sliding_attention"]}),
        &["sliding windows"],
    );
}

#[test]
fn rotary_embeddings_are_read_whole_or_refused_by_field() {
    let check = |changes: Value, expected: Result<usize, &str>| {
        let (folder, _) = architectures::folder("qwen3_tied");
        edit_config(folder.path(), &json!({"rope_parameters": null}));
        edit_config(folder.path(), &changes);
        let inspection = Inspection::of(&ModelFiles::Folder(folder.path().into()));
        let problems: Vec<String> = inspection.problems.iter().map(ToString::to_string).collect();
        match (inspection.config, expected) {
            (Some(config), Ok(context)) => assert_eq!(config.context_length, context, "{changes}"),
            (None, Err(part)) => {
                assert!(problems.len() == 1 && problems[0].contains(part), "{changes}: {problems:?}");
            }
            (config, expected) => panic!("{changes}: {config:?} {problems:?}, expected {expected:?}"),
        }
    };
    let yarn = |more: Value| {
        let mut fields = json!({"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 128});
        fields.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        json!({"rope_scaling": fields})
    };
    check(json!({}), Ok(256));
    check(json!({"rope_theta": 1e6, "rope_scaling": {}}), Ok(256));
    check(json!({"rope_scaling": {"type": "linear", "factor": 2}}), Ok(512));
    check(yarn(json!({})), Ok(512));
    // Without the original length, transformers takes the configured one.
    check(yarn(json!({"original_max_position_embeddings": null})), Ok(1024));
    check(yarn(json!({"factor": null})), Ok(256));
    check(yarn(json!({"factor": 1.5})), Ok(256));
    let both = |scaled: f64| {
        json!({"rope_scaling": {"rope_type": "linear", "factor": 2.0},
               "rope_parameters": {"rope_type": "linear", "factor": scaled, "rope_theta": 1e4}})
    };
    check(both(2.0), Ok(512));
    check(both(3.0), Err("rope_parameters and rope_scaling differ"));
    let nested = json!({"full_attention": {"rope_type": "linear", "factor": 2.0}, "sliding_attention": {}});
    check(json!({"rope_parameters": nested}), Ok(512));
    check(json!({"rope_parameters": {"sliding_attention": {}}}), Err("has no full_attention"));

    for kind in ["dynamic", "longrope", "llama3"] {
        let named = json!({"rope_scaling": {"rope_type": kind, "factor": 2.0}});
        check(
            named,
            Err(&format!("rope_scaling.rope_type is \"{kind}\"; supported are default, linear and yarn")),
        );
    }
    check(yarn(json!({"finetuned": true})), Err("rope_scaling.finetuned is not known for rope_type yarn"));
    check(
        json!({"rope_scaling": {"factor": 2.0}}),
        Err("rope_scaling.factor is not known for rope_type default"),
    );
    check(json!({"rope_scaling": {"type": "linear"}}), Err("rope_scaling has no factor"));
    check(json!({"rope_scaling": {"type": "linear", "factor": 0.5}}), Err("must be at least 1"));
    check(yarn(json!({"factor": 1e300})), Err("correct max_position_embeddings"));
    check(yarn(json!({"factor": "4"})), Err("factor is \"4\"; it must be a number"));
    check(yarn(json!({"truncate": 1})), Err("truncate is 1"));
    check(yarn(json!({"original_max_position_embeddings": 0})), Err("must be positive"));
    check(json!({"rope_theta": 0.0}), Err("rope_theta is 0"));
    check(json!({"partial_rotary_factor": 0.5}), Err("partial_rotary_factor is 0.5; supported is 1"));
}

#[test]
fn broken_weights_are_refused_by_file_and_tensor() {
    let check = |model: &str, damage: &dyn Fn(&Path), expected: &[&str]| {
        let (folder, _) = architectures::folder(model);
        damage(folder.path());
        let problems = problems(folder.path());
        assert_eq!(problems.len(), expected.len(), "{problems:#?}");
        for (problem, part) in problems.iter().zip(expected) {
            assert!(problem.contains(part), "{part}: {problem}");
        }
    };
    const WEIGHTS: &str = "model.safetensors";
    const INDEX: &str = "model.safetensors.index.json";
    const SECOND: &str = "model-00002-of-00002.safetensors";
    let change = |file: &'static str, change: fn(Vec<u8>) -> Vec<u8>| {
        move |folder: &Path| {
            let path = folder.join(file);
            std::fs::write(&path, change(std::fs::read(&path).expect("there"))).expect("written");
        }
    };
    let replaced = |file: &'static str, from: &'static str, to: &'static str| {
        move |folder: &Path| {
            let path = folder.join(file);
            let bytes = std::fs::read(&path).expect("there");
            let at = bytes.windows(from.len()).position(|part| part == from.as_bytes()).expect("it is there");
            assert_eq!(from.len(), to.len());
            let changed = [&bytes[..at], to.as_bytes(), &bytes[at + from.len()..]].concat();
            std::fs::write(&path, changed).expect("written");
        }
    };
    let without =
        |file: &'static str| move |folder: &Path| std::fs::remove_file(folder.join(file)).expect("there");

    check(
        "qwen3_tied",
        &without(WEIGHTS),
        &["model.safetensors: is missing, and so is model.safetensors.index.json"],
    );
    check("qwen3_tied", &change(WEIGHTS, |_| Vec::new()), &["not a safetensors file"]);
    check("qwen3_tied", &change(WEIGHTS, |bytes| vec![0xff; bytes.len()]), &["not a safetensors file"]);
    check("qwen3_tied", &change(WEIGHTS, |bytes| bytes[..100].to_vec()), &["not a safetensors file"]);
    check("qwen3_tied", &change(WEIGHTS, |bytes| bytes[..bytes.len() - 4].to_vec()), &["truncated: it has"]);
    check("qwen3_tied", &change(WEIGHTS, |bytes| [bytes, vec![0; 4]].concat()), &["too long: it has"]);
    check("qwen3_tied", &replaced(WEIGHTS, "\"dtype\"", "\"d?ype\""), &["header is corrupt"]);
    check("qwen3_tied", &replaced(WEIGHTS, "[264,32]", "[26 ,32]"), &["header is corrupt"]);
    check(
        "qwen3_tied",
        &replaced(WEIGHTS, "[264,32]", "[32,264]"),
        &["tensor model.embed_tokens.weight has shape [32, 264]"],
    );
    check(
        "qwen3_tied",
        &replaced(WEIGHTS, "1.self_attn.k_norm", "1.self_attn.k_gnom"),
        &["tensor model.layers.1.self_attn.k_norm.weight is missing"],
    );
    let base = |folder: &Path| {
        let path = folder.join(WEIGHTS);
        let bytes = std::fs::read(&path).expect("there");
        let header = u64::from_le_bytes(bytes[..8].try_into().expect("eight")) as usize;
        let text = std::str::from_utf8(&bytes[8..8 + header]).expect("JSON").replace("\"model.", "\"");
        let length = (text.len() as u64).to_le_bytes();
        std::fs::write(&path, [&length, text.as_bytes(), &bytes[8 + header..]].concat()).expect("written");
    };
    check("qwen3_tied", &base, &["tensors lack the prefix model."]);
    let narrow =
        |folder: &Path| edit_config(folder, &json!({"intermediate_size": 47, "num_hidden_layers": 1}));
    check("qwen3_tied", &narrow, &["mlp.down_proj.weight", "mlp.gate_proj.weight", "mlp.up_proj.weight"]);
    let smaller = |folder: &Path| edit_config(folder, &json!({"hidden_size": 16}));
    let hidden = "has shape";
    check("qwen3_tied", &smaller, &[hidden, hidden, hidden, hidden, hidden, "15 more tensors do not fit"]);
    let doubles = |folder: &Path| {
        let values = vec![0u8; 8 * 32];
        let norm =
            safetensors::tensor::TensorView::new(safetensors::Dtype::F64, vec![32], &values).expect("fits");
        let bytes = std::fs::read(folder.join(WEIGHTS)).expect("there");
        let whole = safetensors::SafeTensors::deserialize(&bytes).expect("whole");
        let mut tensors = whole.tensors();
        tensors.iter_mut().find(|(name, _)| name == "model.norm.weight").expect("there").1 = norm;
        std::fs::write(folder.join(WEIGHTS), safetensors::serialize(tensors, None).expect("bytes"))
            .expect("written");
    };
    check(
        "qwen3_tied",
        &doubles,
        &["tensor model.norm.weight is F64; convert the weights to BF16, F16 or F32"],
    );

    check("qwen2_sharded", &|_| (), &[]);
    check("qwen2_sharded", &without(SECOND), &[SECOND]);
    check(
        "qwen2_sharded",
        &change(SECOND, |bytes| bytes[..bytes.len() / 2].to_vec()),
        &["00002-of-00002.safetensors: truncated"],
    );
    check("qwen2_sharded", &change(INDEX, |_| b"{}".to_vec()), &["missing field `weight_map`"]);
    let moved = |folder: &Path| {
        let text = std::fs::read_to_string(folder.join(INDEX)).expect("there");
        let name = "\"model.norm.weight\": \"";
        assert!(text.contains(name));
        std::fs::write(folder.join(INDEX), text.replace(name, "\"model.gnorm.weight\": \""))
            .expect("written");
    };
    check(
        "qwen2_sharded",
        &moved,
        &["has no tensor model.gnorm.weight, which model.safetensors.index.json places there"],
    );
    let outside = |folder: &Path| {
        std::fs::write(folder.join(INDEX), r#"{"weight_map": {"a": "../secret"}}"#).expect("written");
    };
    check("qwen2_sharded", &outside, &["the shard ../secret, which is no file of the folder"]);
}

#[test]
fn tokenizers_and_templates_must_fit() {
    let check = |file: &str, content: Option<&str>, expected: &str| {
        let (folder, _) = architectures::folder("qwen3_tied");
        let path = folder.path().join(file);
        match content {
            Some(content) => std::fs::write(path, content).expect("written"),
            None => std::fs::remove_file(path).expect("there"),
        }
        let problems = problems(folder.path());
        assert!(problems.len() == 1 && problems[0].contains(expected), "{expected}: {problems:#?}");
    };
    check("config.json", None, "config.json");
    check("tokenizer.json", None, "tokenizer.json");
    check("tokenizer.json", Some("[]"), "tokenizer.json");
    check("tokenizer_config.json", Some("{}"), "tokenizer_config.json: chat_template is missing");
    check("tokenizer_config.json", Some(r#"{"chat_template": "{% if"}"#), "chat_template");
    check("generation_config.json", Some("{"), "generation_config.json");
    check("toolbeam.json", Some(r#"{"answer_layuot": "hermes"}"#), "unknown field `answer_layuot`");
    check("toolbeam.json", Some(r#"{"preset": "gpt"}"#), "preset is gpt; known are hammer2.1");
    check("toolbeam.json", Some(r#"{"end_tokens": ["<end>"]}"#), "<end>, which is no special token");

    let (folder, _) = architectures::folder("qwen3_tied");
    edit_config(folder.path(), &json!({"vocab_size": 258, "eos_token_id": 257}));
    let problems = problems(folder.path());
    assert!(problems[0].contains("has 259 tokens, but vocab_size in config.json is 258"), "{problems:#?}");
    assert!(problems.len() == 2 && problems[1].contains("[264, 32]"), "{problems:#?}");
}
