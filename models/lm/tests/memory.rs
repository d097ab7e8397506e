//! Loading needs the memory of the weights and a fixed margin. Alone in its process, whose peak it reads.

mod support;

use std::io::Write;

use support::{architectures, config};
use toolbeam_lm::{Runtime, RuntimeConfig};

/// What README.md promises beside the weights themselves.
const MARGIN: u64 = 64 << 20;

/// Hammer2.1-0.5b's configuration, with two of its 24 layers.
const CONFIG: &str = r#"{
    "architectures": ["Qwen2ForCausalLM"], "attention_dropout": 0.0, "bos_token_id": 151643,
    "eos_token_id": 258, "hidden_act": "silu", "hidden_size": 896, "initializer_range": 0.02,
    "intermediate_size": 4864, "max_position_embeddings": 32768, "max_window_layers": 24,
    "model_type": "qwen2", "num_attention_heads": 14, "num_hidden_layers": 2, "num_key_value_heads": 2,
    "rms_norm_eps": 1e-06, "rope_theta": 1000000.0, "sliding_window": null, "tie_word_embeddings": true,
    "torch_dtype": "bfloat16", "transformers_version": "4.46.1", "use_cache": true,
    "use_sliding_window": false, "vocab_size": 151936
}"#;

/// Writes bfloat16 tensors of noise; returns the number of parameters.
fn write_weights(path: &std::path::Path) -> u64 {
    let (hidden, wide, kv, vocabulary) = (896u64, 4864u64, 128u64, 151936u64);
    let mut tensors = vec![
        ("model.embed_tokens".to_owned(), vec![vocabulary, hidden]),
        ("model.norm".into(), vec![hidden]),
    ];
    for layer in 0..2 {
        let mut add =
            |name: &str, shape: Vec<u64>| tensors.push((format!("model.layers.{layer}.{name}"), shape));
        add("input_layernorm", vec![hidden]);
        add("post_attention_layernorm", vec![hidden]);
        add("self_attn.q_proj", vec![hidden, hidden]);
        add("self_attn.k_proj", vec![kv, hidden]);
        add("self_attn.v_proj", vec![kv, hidden]);
        add("self_attn.o_proj", vec![hidden, hidden]);
        add("mlp.gate_proj", vec![wide, hidden]);
        add("mlp.up_proj", vec![wide, hidden]);
        add("mlp.down_proj", vec![hidden, wide]);
    }
    let mut tensors: Vec<_> = tensors.into_iter().map(|(name, shape)| (name + ".weight", shape)).collect();
    for layer in 0..2 {
        for (p, size) in [("q", hidden), ("k", kv), ("v", kv)] {
            tensors.push((format!("model.layers.{layer}.self_attn.{p}_proj.bias"), vec![size]));
        }
    }
    let mut end = 0;
    let mut header = serde_json::Map::new();
    for (name, shape) in &tensors {
        let start = end;
        end += 2 * shape.iter().product::<u64>();
        let entry = serde_json::json!({"dtype": "BF16", "shape": shape, "data_offsets": [start, end]});
        header.insert(name.clone(), entry);
    }
    let header = serde_json::to_vec(&header).expect("JSON");
    let mut file = std::io::BufWriter::new(std::fs::File::create(path).expect("created"));
    file.write_all(&(header.len() as u64).to_le_bytes()).expect("written");
    file.write_all(&header).expect("written");
    // Finite numbers of every kind: the exponent's highest bit stays zero.
    let noise: Vec<u8> = (0..1u32 << 16)
        .flat_map(|i| ((i.wrapping_mul(2_654_435_761) >> 16) as u16 & 0xbfff).to_le_bytes())
        .collect();
    let mut left = end as usize;
    while left > 0 {
        let length = left.min(noise.len());
        file.write_all(&noise[..length]).expect("written");
        left -= length;
    }
    file.flush().expect("written");
    end / 2
}

/// The largest resident memory so far, in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("the peak is there");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).expect("a number") << 10
}

#[cfg(target_os = "linux")]
#[test]
fn loading_needs_the_weights_and_a_fixed_margin() {
    // A first model brings in what libtorch itself needs.
    let (_small, small) = architectures::folder("qwen2_yarn");
    let runtime = || RuntimeConfig { kv_bytes: 4 << 20, ..config() };
    drop(Runtime::start(runtime(), vec![small]).expect("it loads"));
    let (folder, files) = architectures::folder("qwen2_yarn");
    std::fs::write(folder.path().join("config.json"), CONFIG).expect("written");
    let parameters = write_weights(&folder.path().join("model.safetensors"));
    let before = peak();
    let model = Runtime::start(runtime(), vec![files]).expect("it loads").remove(0);
    assert_eq!(model.info().parameters, parameters);
    let weights = 4 * parameters;
    let margin = (peak() - before).saturating_sub(weights);
    let mib = |bytes: u64| bytes >> 20;
    println!("weights {} MiB in float32, beside them {} MiB at the peak", mib(weights), mib(margin));
    assert!(peak() - before >= weights * 9 / 10, "the weights are in memory");
    assert!(margin <= MARGIN, "{} MiB beside the weights", mib(margin));
}
