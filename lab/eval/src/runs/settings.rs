//! What a run is of: everything that decides its results.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use toolbeam_client::v1;

use crate::noise::NoiseSettings;
use crate::suite::Record;

/// A run's settings, which its folder keeps. A run goes on only under the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunSettings {
    /// The set's name.
    pub suite: String,
    /// What was done to its records before they were searched; nothing if they are as they are published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noise: Option<NoiseSettings>,
    /// Number of its records.
    pub records: usize,
    /// A hash of their ids, prompts and order, as they are published: runs of other noise are of the same
    /// records.
    pub records_digest: String,
    /// How every record is searched.
    pub search: SearchSettings,
    /// The policy: its name and what identifies it.
    pub policy: ModelName,
    /// The same of the reward model.
    pub scorer: ModelName,
    /// The version of Toolbeam that asks.
    pub toolbeam: String,
}

/// How a record is searched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SearchSettings {
    /// The strategy, as the contract names it.
    pub strategy: String,
    /// The paper's N.
    pub num_beams: Option<u32>,
    /// The paper's M.
    pub expansions_per_beam: Option<u32>,
    /// The policy's own share in what answers are ranked by; absent if it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_probability_weight: Option<f32>,
    /// Draws that a beam makes first; absent where the strategy makes all at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe_expansions: Option<u32>,
    /// How far behind the best a candidate may live on; absent where the strategy has no margin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reward_margin: Option<f32>,
    /// What of an expansion's rewards counts, as the contract names it.
    pub aggregation: String,
    /// Over which part of an answer, as the contract names it.
    pub scope: String,
    /// The policy's temperature.
    pub temperature: Option<f32>,
    /// Of how probable tokens the policy draws; absent for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f32>,
    /// Of how many tokens the policy draws; absent for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top_k: Option<u32>,
    /// After how many tokens of repetition a draw is given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_repetition_tokens: Option<u32>,
    /// What every record's seed is made of, with its id.
    pub seed: u64,
    /// Whether shapes are fixed.
    pub deterministic: bool,
    /// What the policy may write, as the contract names it; absent if it may write anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub constraint: Option<String>,
    /// Which answers count, as the contract names it, where the set does not say.
    pub validation: String,
}

/// Which model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelName {
    /// Its name.
    pub name: String,
    /// Identifies weights, tokenizer, template and reading rules.
    pub fingerprint: String,
    /// What it computes in.
    pub dtype: String,
}

impl RunSettings {
    /// Of a set that is searched as it is published, by a template at a Toolbeam with these models.
    pub fn new(
        suite: &str,
        records: &[Record],
        template: &v1::SearchRequest,
        models: v1::GetSearchModelsResponse,
    ) -> RunSettings {
        let strategy = template.strategy.unwrap_or_default();
        let sampling = template.sampling.unwrap_or_default();
        let free = [v1::Constraint::Unspecified, v1::Constraint::Off];
        let constraint = Some(template.constraint()).filter(|constraint| !free.contains(constraint));
        let adaptive = strategy.kind() == v1::StrategyKind::Adaptive;
        RunSettings {
            suite: suite.to_owned(),
            noise: None,
            records: records.len(),
            records_digest: digest(records),
            search: SearchSettings {
                strategy: strategy.kind().as_str_name().to_owned(),
                num_beams: strategy.num_beams,
                expansions_per_beam: strategy.expansions_per_beam,
                log_probability_weight: strategy.log_probability_weight.filter(|weight| *weight > 0.0),
                probe_expansions: strategy.probe_expansions.filter(|_| adaptive),
                reward_margin: strategy.reward_margin.filter(|_| adaptive),
                aggregation: strategy.aggregation().as_str_name().to_owned(),
                scope: strategy.scope().as_str_name().to_owned(),
                temperature: sampling.temperature,
                top_p: sampling.top_p.filter(|top_p| *top_p < 1.0),
                top_k: Some(sampling.top_k).filter(|top_k| *top_k > 0),
                max_repetition_tokens: sampling.max_repetition_tokens,
                seed: template.seed,
                deterministic: template.deterministic,
                constraint: constraint.map(|it| it.as_str_name().to_owned()),
                validation: template.validation().as_str_name().to_owned(),
            },
            policy: ModelName::of(models.policy.unwrap_or_default()),
            scorer: ModelName::of(models.scorer.unwrap_or_default()),
            toolbeam: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    /// The first field, by its name, in which written settings are others.
    pub(super) fn differs_from(&self, written: &str) -> Option<String> {
        // Through text, as the written ones came, so that numbers are alike.
        let read = |text: &str| serde_json::from_str::<Map<String, Value>>(text).ok();
        let here = serde_json::to_string(self).ok().and_then(|text| read(&text));
        let Some((here, there)) = here.zip(read(written)) else { return Some("everything".to_owned()) };
        let mut different = here.iter().filter(|(key, value)| Some(*value) != there.get(*key));
        let mut missing = there.keys().filter(|key| !here.contains_key(*key));
        different.next().map(|(key, _)| key).or_else(|| missing.next()).cloned()
    }
}

impl ModelName {
    fn of(model: v1::GetModelInfoResponse) -> ModelName {
        ModelName { name: model.model, fingerprint: model.model_fingerprint, dtype: model.dtype }
    }
}

fn digest(records: &[Record]) -> String {
    let mut hasher = blake3::Hasher::new();
    let mut add = |text: &str| {
        hasher.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
    };
    for record in records {
        add(&record.id);
        record.messages.iter().for_each(|message| add(&message.content));
        for tool in &record.tools {
            [&tool.name, &tool.description, &tool.parameters].into_iter().for_each(|text| add(text));
        }
    }
    hasher.finalize().to_hex()[..32].to_owned()
}
