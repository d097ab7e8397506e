//! Pairs in which names say nothing and schemas are written in another order, so that a reward model has to
//! read instead of remembering (ToolRM, arXiv 2509.11963).

use serde_json::{Map, Value};
use toolbeam_client::v1;

use super::pair::RewardPair;
use crate::draws::Draws;
use crate::renaming::Renaming;

/// How pairs are disguised. Equal pairs become equal ones, and all of a prompt have the same names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Disguise {
    /// The keys of tools' schemas stand in another order, at every depth.
    pub shuffle_keys: bool,
    /// Functions and parameters have random names, in tools, conversation and both answers alike.
    pub mask: bool,
    /// What is drawn by, with the prompt's id.
    pub seed: u64,
}

impl Disguise {
    /// A pair, disguised.
    pub fn apply(&self, pair: RewardPair) -> RewardPair {
        let pair = if self.mask { masked(pair, self.seed) } else { pair };
        match self.shuffle_keys {
            true => {
                let id = pair.test_id.clone();
                let tools = pair.tools.into_iter().map(|tool| shuffled(tool, &id, self.seed));
                RewardPair { tools: tools.collect(), ..pair }
            }
            false => pair,
        }
    }
}

fn masked(pair: RewardPair, seed: u64) -> RewardPair {
    let renaming = Renaming::of_all(seed, &pair.test_id, &pair.tools);
    let renamed = |calls: &[toolbeam_grammar::Call]| calls.iter().map(|call| renaming.call(call)).collect();
    RewardPair {
        tools: pair.tools.iter().map(|tool| renaming.tool(tool)).collect(),
        conversation: pair.conversation.iter().map(|message| renaming.message(message)).collect(),
        chosen: renamed(&pair.chosen),
        rejected: pair.rejected.as_deref().map(renamed),
        ..pair
    }
}

/// A tool with the keys of its parameters in another order; as it is if these are no JSON.
fn shuffled(tool: v1::Tool, id: &str, seed: u64) -> v1::Tool {
    let mut draws = Draws::of(seed, &["shuffle-keys", id, &tool.name]);
    let parameters = serde_json::from_str(&tool.parameters).ok();
    let parameters = parameters.map(|value| reordered(value, &mut draws).to_string());
    let canonical = parameters.and_then(|text| toolbeam_grammar::Value::parse(&text).ok());
    match canonical {
        Some(canonical) => v1::Tool { parameters: canonical.as_str().to_owned(), ..tool },
        None => tool,
    }
}

fn reordered(value: Value, draws: &mut Draws) -> Value {
    match value {
        Value::Object(map) => {
            let mut members: Vec<(String, Value)> = map.into_iter().collect();
            draws.shuffle(&mut members);
            let members: Map<String, Value> =
                members.into_iter().map(|(key, value)| (key, reordered(value, draws))).collect();
            Value::Object(members)
        }
        Value::Array(list) => list.into_iter().map(|value| reordered(value, draws)).collect(),
        value => value,
    }
}

#[cfg(test)]
mod tests {
    use toolbeam_grammar::Call;

    use super::*;

    fn pair() -> RewardPair {
        let parameters = r#"{"from_city": {"type": "str", "description": "x", "required": true},
            "days": {"type": "int", "description": "y", "default": 1}, "unit": {"type": "str"}}"#;
        let tool =
            v1::Tool { name: "find".into(), description: "finds".into(), parameters: parameters.into() };
        let calls = |arguments: &str| vec![Call::from_json("find", arguments).expect("arguments")];
        RewardPair {
            tools: vec![tool],
            conversation: vec![v1::Message { role: v1::Role::User.into(), ..Default::default() }],
            chosen: calls(r#"{"from_city": "Oslo", "days": 2}"#),
            rejected: Some(calls(r#"{"from_city": "Oslo", "hours": 2}"#)),
            error_type: String::new(),
            model_name: String::new(),
            test_category: String::new(),
            test_id: "q1".into(),
        }
    }

    #[test]
    fn masked_pairs_differ_where_they_differed_and_nowhere_else() {
        let disguise = Disguise { mask: true, seed: 3, ..Disguise::default() };
        let masked = disguise.apply(pair());
        let rejected = &masked.rejected.as_ref().expect("calls")[0];
        let chosen = &masked.chosen[0];
        assert_eq!((&chosen.name, &rejected.name), (&masked.tools[0].name, &masked.tools[0].name));
        assert_eq!(chosen.arguments[0], rejected.arguments[0]);
        assert_ne!(chosen.arguments[1].0, rejected.arguments[1].0);
        let text = format!("{masked:?}");
        for old in ["find\"", "from_city", "days", "hours"] {
            assert!(!text.contains(old), "{old}: {text}");
        }
        assert_eq!(format!("{:?}", disguise.apply(pair())), text);
        assert_ne!(format!("{:?}", Disguise { seed: 4, ..disguise }.apply(pair())), text);
    }

    #[test]
    fn schemas_with_other_orders_say_the_same() {
        let orders: std::collections::HashSet<String> = (0..20)
            .map(|seed| {
                let disguise = Disguise { shuffle_keys: true, seed, ..Disguise::default() };
                let tool = disguise.apply(pair()).tools.remove(0);
                let [one, other]: [Value; 2] = [&tool.parameters, &pair().tools[0].parameters]
                    .map(|text| serde_json::from_str(text).expect("JSON"));
                assert_eq!(one, other);
                tool.parameters
            })
            .collect();
        assert!(orders.len() > 10, "{orders:?}");
    }

    #[test]
    fn without_a_disguise_a_pair_is_what_it_was() {
        let plain = format!("{:?}", pair());
        assert_eq!(format!("{:?}", Disguise::default().apply(pair())), plain);
    }
}
