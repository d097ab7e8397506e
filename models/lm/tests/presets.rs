//! Folders as they were published: what presets add to them, and the prompts that they give.

mod support;

use std::path::Path;

use serde_json::{Value, json};
use support::architectures;
use toolbeam_lm::{Inspection, ModelConfig, ModelFiles, ModelFolder, Tokenizer};

/// Templates with the marks of published ones.
const HAMMER: &str = "{% for m in messages %}{{ m.content }}{% endfor %}\
    [BEGIN OF AVAILABLE_TOOLS]\n{{- tools|string }}\n[END OF AVAILABLE_TOOLS] else directly output an empty list";
const HAMMER_CORRECT: &str =
    "[BEGIN OF AVAILABLE TOOLS]\n{{ tools | tojson }} or directly output an empty list";
const QWEN: &str = "<tools>{{ tools | tojson }}</tools> <tool_call>\
    {% if enable_thinking is defined %} thinking {{ enable_thinking }}{% endif %}";

/// A folder with this template, and with this `toolbeam.json` if there is one.
fn folder(model: &str, template: &str, toolbeam: Option<&Value>) -> (tempfile::TempDir, ModelFiles) {
    let (folder, files) = architectures::folder(model);
    std::fs::write(folder.path().join("chat_template.jinja"), template).expect("written");
    if let Some(toolbeam) = toolbeam {
        std::fs::write(folder.path().join("toolbeam.json"), toolbeam.to_string()).expect("written");
    }
    (folder, files)
}

/// The text that tokens stand for, special ones included.
fn text(tokenizer: &Tokenizer, tokens: &[u32]) -> String {
    let special =
        |id| tokenizer.specials().find(|(_, known)| *known == id).map(|(token, _)| token.as_bytes());
    let bytes = tokens.iter().flat_map(|id| tokenizer.bytes(*id).or(special(*id)).expect("a token")).copied();
    String::from_utf8(bytes.collect()).expect("prompts are UTF-8")
}

#[test]
fn a_folder_is_recognised_by_its_own_files_and_toolbeam_json_comes_first() {
    let check =
        |model, template, toolbeam: Option<Value>, expected: (Option<&str>, Option<&str>), prompt: &str| {
            let (_folder, files) = folder(model, template, toolbeam.as_ref());
            let folder = ModelFolder::read(&files).expect("it is whole");
            assert_eq!((folder.profile.preset, folder.profile.answer_layout.as_deref()), expected);
            let messages = json!([{"role": "user", "content": "hello"}]);
            let tokens =
                folder.prompts.prompt(&messages, Some(&json!([{"name": "f"}]))).expect("it renders").tokens;
            let rendered = text(&folder.tokenizer, &tokens);
            assert!(rendered.contains(prompt), "{prompt}: {rendered}");
        };
    let toolbeam = |value: Value| Some(value);
    let hammer = (Some("hammer2.1"), Some("json_list"));
    check("qwen2_sharded", HAMMER, None, hammer, "[BEGIN OF AVAILABLE TOOLS]\n[{\"name\": \"f\"}]\n");
    check("qwen2_sharded", HAMMER, toolbeam(json!({"preset": "none"})), (None, None), "[{'name': 'f'}]");
    check("qwen2_sharded", HAMMER_CORRECT, None, (Some("hammer"), Some("json_list")), "or directly");
    // Salesforce's xLAM has the same headings and writes another layout.
    let other = "[BEGIN OF AVAILABLE TOOLS]\n{{ tools | tojson }} make tool_calls an empty list";
    check("qwen2_sharded", other, None, (None, None), "make tool_calls");
    check("qwen2_sharded", QWEN, None, (Some("qwen2.5"), Some("hermes")), "<tool_call>");
    let qwen3 = (Some("qwen3"), Some("hermes"));
    check("qwen3_tied", QWEN, None, qwen3, "thinking False");
    let thinking = json!({"template_variables": {"enable_thinking": true}});
    check("qwen3_tied", QWEN, toolbeam(thinking), qwen3, "thinking True");
    let listed = json!({"answer_layout": "json_list"});
    check("qwen3_tied", QWEN, toolbeam(listed), (Some("qwen3"), Some("json_list")), "thinking False");
    check("qwen3_tied", "{{ messages[0].content }}", None, (None, None), "hello");
    let named = json!({"preset": "qwen2.5"});
    check(
        "qwen3_tied",
        "{{ messages[0].content }}",
        toolbeam(named),
        (Some("qwen2.5"), Some("hermes")),
        "hello",
    );
}

#[test]
fn the_end_of_a_turn_comes_before_other_ends() {
    let check = |template: &str, toolbeam: Option<Value>, generation: Option<Value>, expected: &[u32]| {
        let (folder, files) = folder("qwen2_sharded", template, toolbeam.as_ref());
        if let Some(generation) = generation {
            std::fs::write(folder.path().join("generation_config.json"), generation.to_string())
                .expect("written");
        }
        let config = Inspection::of(&files).config.expect("it is supported");
        assert_eq!(config.end_tokens, expected);
    };
    // <|endoftext|> is 256, <|im_start|> 257, <|im_end|> 258, which config.json names.
    let ends = |ids: Value| Some(json!({"eos_token_id": ids}));
    check("plain", None, None, &[258]);
    check("plain", None, ends(json!([256, 258])), &[256, 258]);
    check(HAMMER, None, ends(json!(256)), &[258, 256]);
    check(QWEN, Some(json!({"end_tokens": ["<|im_start|>"]})), ends(json!(256)), &[257, 256, 258]);
}

/// The configurations of published models, and the numbers of parameters that are published with them.
#[test]
fn published_configurations_have_the_published_number_of_parameters() {
    let check = |architecture: &str, sizes: [i64; 6], tied: bool, head_dim: Option<i64>, expected: u64| {
        let [hidden, wide, layers, heads, kv, vocabulary] = sizes;
        let (folder, _) = architectures::folder("qwen3_tied");
        let config = json!({
            "architectures": [architecture], "hidden_act": "silu", "hidden_size": hidden, "head_dim": head_dim,
            "intermediate_size": wide, "num_hidden_layers": layers, "num_attention_heads": heads,
            "num_key_value_heads": kv, "vocab_size": vocabulary, "tie_word_embeddings": tied,
            "max_position_embeddings": 32768, "max_window_layers": layers, "rms_norm_eps": 1e-6,
            "rope_theta": 1e6, "sliding_window": 131072, "use_sliding_window": false, "eos_token_id": 151645,
            "torch_dtype": "bfloat16", "transformers_version": "4.46.1", "model_type": "qwen2",
        });
        std::fs::write(folder.path().join("config.json"), config.to_string()).expect("written");
        let config: Option<ModelConfig> = Inspection::of(&ModelFiles::Folder(folder.path().into())).config;
        let config = config.expect("it is supported");
        assert_eq!((config.parameter_count(), config.context_length), (expected, 32768));
    };
    // Hammer2.1 has the shapes of Qwen2.5: 0.5b, 1.5b, 3b, 7b.
    let qwen2 = |sizes, tied, expected| check("Qwen2ForCausalLM", sizes, tied, None, expected);
    qwen2([896, 4864, 24, 14, 2, 151_936], true, 494_032_768);
    qwen2([1536, 8960, 28, 12, 2, 151_936], true, 1_543_714_304);
    qwen2([2048, 11008, 36, 16, 2, 151_936], true, 3_085_938_688);
    qwen2([3584, 18944, 28, 28, 4, 152_064], false, 7_615_616_512);
    // Qwen3: 0.6B, 8B.
    let qwen3 = |sizes, tied, expected| check("Qwen3ForCausalLM", sizes, tied, Some(128), expected);
    qwen3([1024, 3072, 28, 16, 8, 151_936], true, 596_049_920);
    qwen3([4096, 12288, 36, 32, 8, 151_936], false, 8_190_735_360);
}

/// Messages and tools of one of Hammer's prompts.
fn read(instruction: &str) -> (Value, Value) {
    let (_, rest) = instruction.split_once("[BEGIN OF AVAILABLE TOOLS]\n").expect("tools begin");
    let (tools, rest) = rest.split_once("\n[END OF AVAILABLE TOOLS]").expect("tools end");
    let (_, mut rest) = rest.split_once("[END OF FORMAT INSTRUCTION]\n\n<|im_end|>\n").expect("a format");
    let mut messages = Vec::new();
    while let Some(turn) = rest.strip_prefix("<|im_start|>") {
        let (role, turn) = turn.split_once('\n').expect("a role");
        let (content, after) = turn.split_once("<|im_end|>\n").expect("the end of the turn");
        messages.push(json!({"role": role, "content": content}));
        rest = after;
    }
    assert!(rest.is_empty(), "{rest}");
    (Value::Array(messages), serde_json::from_str(tools).expect("tools are JSON"))
}

/// How many of a file's prompts a Hammer2.1 folder renders and encodes byte for byte, and of how many.
fn equal_prompts(file: &Path) -> (usize, usize) {
    let (_folder, files) = folder("qwen2_sharded", HAMMER, None);
    let folder = ModelFolder::read(&files).expect("it is whole");
    let records = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let mut equal = 0;
    for record in records.lines() {
        let record: Value = serde_json::from_str(record).expect("JSON");
        let instruction = record["instruction"].as_str().expect("text");
        let (messages, tools) = read(instruction);
        let prompt = folder.prompts.prompt(&messages, Some(&tools)).expect("it renders");
        let rendered = text(&folder.tokenizer, &prompt.tokens);
        equal += usize::from(rendered == format!("{instruction}<|im_start|>assistant\n"));
    }
    (equal, records.lines().count())
}

#[test]
fn hammer_prompts_of_the_published_form_are_equal_byte_for_byte() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/inputs/hammer.jsonl");
    let (equal, all) = equal_prompts(&file);
    assert!(equal == all && all >= 4, "{equal} of {all}");
}

#[test]
#[ignore = "needs Hammer's published prompts in the folder that TOOLBEAM_DATA names"]
fn hammers_own_prompts_are_equal_byte_for_byte() {
    let data = std::env::var("TOOLBEAM_DATA").expect("set TOOLBEAM_DATA to a folder with hammer/*.jsonl");
    for name in ["apibank_l1", "apibank_l2", "sealtool", "toolalpaca"] {
        let (equal, all) = equal_prompts(&Path::new(&data).join("hammer").join(name).with_extension("jsonl"));
        println!("{name}: {equal} of {all}");
        assert_eq!(equal, all, "{name}");
    }
}
