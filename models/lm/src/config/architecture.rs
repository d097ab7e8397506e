//! The architectures that one forward pass computes, and in what they differ.

/// What the last hidden state is turned into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Head {
    /// Logits over the vocabulary.
    Vocabulary,
    /// One number, as of a sequence classifier with one label.
    Scalar,
}

/// An architecture, as its `modeling_*.py` in transformers has it.
pub(super) struct Architecture {
    /// The name in `config.json`.
    pub(super) name: &'static str,
    pub(super) head: Head,
    /// Whether queries and keys are normed per head.
    pub(super) head_norm: bool,
    /// Whether queries, keys and values have a bias where `attention_bias` does not say.
    pub(super) qkv_bias: bool,
    /// Whether `attention_bias` is read, and is about the output as well.
    pub(super) output_bias: bool,
    /// The width of a head where `head_dim` does not say; `None`: `hidden_size` over the heads.
    pub(super) head_dim: Option<i64>,
}

const fn qwen2(name: &'static str, head: Head) -> Architecture {
    Architecture { name, head, head_norm: false, qkv_bias: true, output_bias: false, head_dim: None }
}

const fn qwen3(name: &'static str, head: Head) -> Architecture {
    Architecture { name, head, head_norm: true, qkv_bias: false, output_bias: true, head_dim: Some(128) }
}

/// All of them.
pub(super) const ARCHITECTURES: [Architecture; 4] = [
    qwen2("Qwen2ForCausalLM", Head::Vocabulary),
    qwen3("Qwen3ForCausalLM", Head::Vocabulary),
    qwen2("Qwen2ForSequenceClassification", Head::Scalar),
    qwen3("Qwen3ForSequenceClassification", Head::Scalar),
];
