//! Rotary embeddings as `config.json` describes them, in the fields of transformers 4 (`rope_theta`,
//! `rope_scaling`) and 5 (`rope_parameters`, possibly one for each type of layer). The meaning of the
//! fields is that of transformers' `modeling_rope_utils.py`.

use serde_json::{Map, Value};

use super::raw::RawConfig;

/// How positions turn queries and keys.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rope {
    /// The base of the wavelengths.
    pub(crate) theta: f64,
    pub(crate) scaling: Scaling,
}

/// How the wavelengths are stretched for longer contexts.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Scaling {
    Default,
    Linear { factor: f64 },
    Yarn(Yarn),
}

/// YaRN (arXiv 2309.00071), with the names of transformers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Yarn {
    pub(crate) factor: f64,
    pub(crate) original_max_position_embeddings: f64,
    /// What cosines and sines are multiplied by.
    pub(crate) attention_factor: f64,
    pub(crate) beta_fast: f64,
    pub(crate) beta_slow: f64,
    pub(crate) truncate: bool,
}

const DEFAULT_THETA: f64 = 10_000.0;
const YARN: [&str; 8] = [
    "factor",
    "original_max_position_embeddings",
    "attention_factor",
    "beta_fast",
    "beta_slow",
    "mscale",
    "mscale_all_dim",
    "truncate",
];

impl Rope {
    /// The longest sequence. Transformers does not bound it; the rule is vLLM's: linear scaling
    /// stretches `max_position_embeddings` and YaRN the length that the model was trained with.
    pub(super) fn context_length(&self, max_position_embeddings: usize) -> usize {
        match &self.scaling {
            Scaling::Default => max_position_embeddings,
            Scaling::Linear { factor } => (max_position_embeddings as f64 * factor) as usize,
            Scaling::Yarn(yarn) => {
                let stretched = (yarn.original_max_position_embeddings * yarn.factor) as usize;
                stretched.max(max_position_embeddings)
            }
        }
    }
}

/// Reads the rotary embedding. The error says which field is wrong.
pub(super) fn read(config: &RawConfig) -> Result<Rope, String> {
    let given = [("rope_parameters", &config.rope_parameters), ("rope_scaling", &config.rope_scaling)];
    let mut read = Vec::new();
    for (field, entries) in given {
        if let Some(entries) = entries {
            read.push(Fields::new(field, entries, config)?.rope()?);
        }
    }
    match read.as_slice() {
        [] => Fields { name: "config.json".into(), entries: Map::new(), config }.rope(),
        [first, rest @ ..] if rest.iter().all(|rope| rope == first) => Ok(first.clone()),
        _ => Err("rope_parameters and rope_scaling differ; keep one of them".to_owned()),
    }
}

/// The entries of `rope_parameters` or `rope_scaling` that are not null.
struct Fields<'a> {
    name: String,
    entries: Map<String, Value>,
    config: &'a RawConfig,
}

impl<'a> Fields<'a> {
    /// The entries, or those for the layers that attend to everything where each type has its own.
    fn new(name: &str, entries: &Map<String, Value>, config: &'a RawConfig) -> Result<Fields<'a>, String> {
        let nested = entries.values().any(Value::is_object);
        let (name, entries) = match entries.get("full_attention").and_then(Value::as_object) {
            Some(entries) => (format!("{name}.full_attention"), entries),
            None if nested => {
                return Err(format!("{name} has no full_attention; the model's layers need it"));
            }
            None => (name.to_owned(), entries),
        };
        let given = entries.iter().filter(|(_, value)| !value.is_null());
        Ok(Fields { name, entries: given.map(|(key, value)| (key.clone(), value.clone())).collect(), config })
    }

    fn rope(&self) -> Result<Rope, String> {
        let theta = self.number("rope_theta")?.or(self.config.rope_theta).unwrap_or(DEFAULT_THETA);
        if !(theta.is_finite() && theta > 1.0) {
            return Err(format!("rope_theta is {theta}; it must be above 1"));
        }
        let partial = self.number("partial_rotary_factor")?.or(self.config.partial_rotary_factor);
        if let Some(part) = partial.filter(|part| *part != 1.0) {
            return Err(format!("partial_rotary_factor is {part}; supported is 1"));
        }
        let kind = self.entries.get("rope_type").or(self.entries.get("type"));
        let scaling = match kind.map_or(Some("default"), Value::as_str) {
            Some("default") => {
                self.refuse_others("default", &[])?;
                Scaling::Default
            }
            Some("linear") => {
                self.refuse_others("linear", &["factor"])?;
                Scaling::Linear { factor: self.factor()?.ok_or_else(|| self.missing("factor"))? }
            }
            Some("yarn") => {
                self.refuse_others("yarn", &YARN)?;
                Scaling::Yarn(self.yarn()?)
            }
            _ => {
                let kind = kind.map(Value::to_string).unwrap_or_default();
                return Err(format!(
                    "{}.rope_type is {kind}; supported are default, linear and yarn",
                    self.name
                ));
            }
        };
        Ok(Rope { theta, scaling })
    }

    fn yarn(&self) -> Result<Yarn, String> {
        let longest = self.config.max_position_embeddings as f64;
        let original = self.positive("original_max_position_embeddings")?;
        let factor = match (self.factor()?, original) {
            (Some(factor), _) => factor,
            (None, Some(original)) => longest / original,
            (None, None) => return Err(self.missing("factor")),
        };
        // Zero counts as absent, as in Python.
        let given = |key| Ok::<_, String>(self.number(key)?.filter(|number| *number != 0.0));
        let magnitude = |scale: f64| if factor <= 1.0 { 1.0 } else { 0.1 * scale * factor.ln() + 1.0 };
        let inferred = match (given("mscale")?, given("mscale_all_dim")?) {
            (Some(scale), Some(all)) => magnitude(scale) / magnitude(all),
            _ => magnitude(1.0),
        };
        let truncate = match self.entries.get("truncate") {
            None => true,
            Some(Value::Bool(truncate)) => *truncate,
            Some(other) => {
                return Err(format!("{}.truncate is {other}; it must be true or false", self.name));
            }
        };
        Ok(Yarn {
            factor,
            original_max_position_embeddings: original.unwrap_or(longest),
            attention_factor: self.number("attention_factor")?.unwrap_or(inferred),
            beta_fast: given("beta_fast")?.unwrap_or(32.0),
            beta_slow: given("beta_slow")?.unwrap_or(1.0),
            truncate,
        })
    }

    fn factor(&self) -> Result<Option<f64>, String> {
        match self.positive("factor")? {
            Some(factor) if factor < 1.0 => {
                Err(format!("{}.factor is {factor}; it must be at least 1", self.name))
            }
            factor => Ok(factor),
        }
    }

    fn positive(&self, key: &str) -> Result<Option<f64>, String> {
        match self.number(key)? {
            Some(number) if number <= 0.0 => {
                Err(format!("{}.{key} is {number}; it must be positive", self.name))
            }
            number => Ok(number),
        }
    }

    fn number(&self, key: &str) -> Result<Option<f64>, String> {
        let Some(value) = self.entries.get(key) else { return Ok(None) };
        let refuse = || format!("{}.{key} is {value}; it must be a number", self.name);
        value.as_f64().map(Some).ok_or_else(refuse)
    }

    fn missing(&self, key: &str) -> String {
        format!("{} has no {key}; add it", self.name)
    }

    /// Refuses entries that would change the embedding without being read.
    fn refuse_others(&self, kind: &str, known: &[&str]) -> Result<(), String> {
        let always = ["rope_type", "type", "rope_theta", "partial_rotary_factor"];
        match self
            .entries
            .keys()
            .find(|key| !known.contains(&key.as_str()) && !always.contains(&key.as_str()))
        {
            Some(key) => Err(format!("{}.{key} is not known for rope_type {kind}; remove it", self.name)),
            None => Ok(()),
        }
    }
}
