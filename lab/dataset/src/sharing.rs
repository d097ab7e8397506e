//! Prompts that show the same tools, so that a trainer reads these once for all of them.
//!
//! Prompts of one source that call few functions between them are put into a bundle, and each of the bundle
//! shows every tool that one of them calls, and some that none calls. A prompt without calls keeps its own
//! tools, because a tool of another prompt may be the one that it lacks.

use std::collections::{BTreeMap, BTreeSet};

use crate::draws::Draws;
use crate::example::Example;
use crate::masking::mask;
use crate::set::Tool;

/// How often the prompts of a bundle call 1, 2, 3 functions and so on, where there are as many.
const FUNCTIONS: [f64; 6] = [6.0, 16.0, 24.0, 26.0, 18.0, 10.0];
/// How often 0, 1, 2 tools and so on stand beside those that are called.
const BESIDE: [f64; 4] = [35.0, 30.0, 20.0, 15.0];

/// Puts prompts into bundles of at most `size`, by their places. Every prompt is in one.
pub(crate) fn bundles(examples: &[Example], size: usize, seed: u64) -> Vec<Vec<usize>> {
    let mut sources: BTreeMap<&str, Queues> = BTreeMap::new();
    let mut bundles = Vec::new();
    for (place, example) in examples.iter().enumerate() {
        if size < 2 || example.answers.is_empty() || example.masked {
            bundles.push(vec![place]);
            continue;
        }
        let called: BTreeSet<&str> = example.answers.iter().map(|answer| answer.name.as_str()).collect();
        sources.entry(&example.source).or_default().entry(called).or_default().push(place);
    }
    for (source, mut queues) in sources {
        let mut draws = Draws::of(seed, &["bundles", source]);
        queues.values_mut().for_each(|places| draws.shuffle(places));
        while !queues.is_empty() {
            bundles.push(bundle(&mut queues, examples, size, &mut draws));
        }
    }
    bundles
}

/// Prompts by the functions that they call.
type Queues<'a> = BTreeMap<BTreeSet<&'a str>, Vec<usize>>;

/// Takes a bundle's prompts out of the queues: first one for each set of functions, then of these by chance.
fn bundle(queues: &mut Queues<'_>, examples: &[Example], size: usize, draws: &mut Draws) -> Vec<usize> {
    let most = 1 + draws.weighted(&FUNCTIONS);
    let mut chosen: Vec<BTreeSet<&str>> = Vec::new();
    let mut functions = BTreeSet::new();
    let mut bundle: Vec<usize> = Vec::new();
    for _ in 0..4 * most {
        let Some(key) = queues.keys().nth(draws.below(queues.len())) else { break };
        let together: BTreeSet<&str> = functions.union(key).copied().collect();
        let fits = together.len() <= most && !chosen.contains(key);
        let next = queues[key].last().copied().filter(|next| fits && agree(&bundle, *next, examples));
        if bundle.is_empty() || next.is_some() {
            chosen.push(key.clone());
            functions = together;
            bundle.extend(queues.get_mut(&chosen[chosen.len() - 1]).and_then(Vec::pop));
        }
        if functions.len() >= most || bundle.len() >= size {
            break;
        }
    }
    while bundle.len() < size {
        let left: Vec<&BTreeSet<&str>> =
            chosen.iter().filter(|key| queues.get(*key).is_some_and(|places| !places.is_empty())).collect();
        let Some(key) = draws.pick(&left).map(|key| (*key).clone()) else { break };
        match queues.get_mut(&key).and_then(Vec::pop) {
            Some(place) if agree(&bundle, place, examples) => bundle.push(place),
            // A tool of the same name that is another: it waits for the next bundle.
            Some(place) => {
                queues.entry(key).or_default().insert(0, place);
                break;
            }
            None => break,
        }
    }
    queues.retain(|_, places| !places.is_empty());
    bundle
}

/// Whether what a prompt calls is the same tool wherever the bundle has one of its name.
fn agree(bundle: &[usize], next: usize, examples: &[Example]) -> bool {
    let all = |place: usize| called(&examples[place]);
    all(next).all(|tool| {
        let mut others = bundle.iter().flat_map(|place| all(*place)).filter(|other| other.name == tool.name);
        others.all(|other| same(other, tool))
    })
}

fn same(one: &Tool, other: &Tool) -> bool {
    one.description == other.description && one.parameters.get() == other.parameters.get()
}

/// The tools that a prompt calls.
fn called(example: &Example) -> impl Iterator<Item = &Tool> {
    let calls = |tool: &&Tool| example.answers.iter().any(|answer| answer.name == tool.name);
    example.tools.iter().filter(calls)
}

/// The prompts of a bundle with the tools that all of them show.
pub(crate) fn shared(members: &[&Example], draws: &mut Draws) -> Vec<Example> {
    let mut tools: Vec<Tool> = Vec::new();
    let add = |tool: &Tool, tools: &mut Vec<Tool>| {
        if !tools.iter().any(|other| other.name == tool.name) {
            tools.push(tool.clone());
        }
    };
    members.iter().flat_map(|member| called(member)).for_each(|tool| add(tool, &mut tools));
    let mut others: Vec<&Tool> = members.iter().flat_map(|member| &member.tools).collect();
    draws.shuffle(&mut others);
    let wanted = tools.len() + draws.weighted(&BESIDE);
    for tool in others {
        if tools.len() < wanted {
            add(tool, &mut tools);
        }
    }
    draws.shuffle(&mut tools);
    members.iter().map(|member| Example { tools: tools.clone(), ..(*member).clone() }).collect()
}

/// Masks prompts that show the same tools alike. None if one cannot be masked.
pub(crate) fn mask_alike(examples: &[Example], draws: &mut Draws) -> Option<Vec<Example>> {
    let first = examples.first()?;
    let whole = Example {
        messages: examples.iter().flat_map(|example| example.messages.clone()).collect(),
        answers: examples.iter().flat_map(|example| example.answers.clone()).collect(),
        ..first.clone()
    };
    let (masked, _) = mask(&whole, draws)?;
    let (mut messages, mut answers) = (masked.messages.into_iter(), masked.answers.into_iter());
    let split = |example: &Example| Example {
        masked: true,
        messages: messages.by_ref().take(example.messages.len()).collect(),
        tools: masked.tools.clone(),
        answers: answers.by_ref().take(example.answers.len()).collect(),
        ..example.clone()
    };
    Some(examples.iter().map(split).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::set::Message;

    fn raw(text: &str) -> Box<serde_json::value::RawValue> {
        serde_json::value::RawValue::from_string(text.to_owned()).expect("JSON")
    }

    /// A prompt that calls one function, beside another.
    fn example(number: usize, source: &str, name: &str, description: &str) -> Example {
        let tool = |name: &str, description: &str| Tool {
            name: name.to_owned(),
            description: description.to_owned(),
            parameters: raw(r#"{"city": {"type": "string", "description": "where"}}"#),
        };
        let calls = if name.is_empty() { vec![] } else { vec![name] };
        Example {
            id: format!("{source}-{number}"),
            source: source.to_owned(),
            masked: false,
            messages: vec![Message { role: "user".to_owned(), content: format!("query {number}") }],
            tools: calls.iter().map(|name| tool(name, description)).chain([tool("beside", "")]).collect(),
            answers: calls
                .iter()
                .map(|name| crate::set::Answer {
                    name: (*name).to_owned(),
                    arguments: raw(&format!(r#"{{"city": "Rome {number}"}}"#)),
                })
                .collect(),
        }
    }

    fn examples() -> Vec<Example> {
        let names = ["alarm_set", "music_play", "light_off", ""];
        (0..40).map(|number| example(number, ["a", "b"][number % 2], names[number % 4], "does it")).collect()
    }

    #[test]
    fn every_prompt_is_in_one_bundle_of_its_source() {
        let examples = examples();
        let found = bundles(&examples, 4, 1);
        let mut seen: Vec<usize> = found.iter().flatten().copied().collect();
        seen.sort_unstable();
        assert_eq!(seen, (0..40).collect::<Vec<_>>());
        assert!(found.iter().all(|bundle| bundle.len() <= 4));
        assert!(found.iter().any(|bundle| bundle.len() == 4));
        for bundle in &found {
            let sources: BTreeSet<&str> = bundle.iter().map(|at| examples[*at].source.as_str()).collect();
            assert_eq!(sources.len(), 1);
            assert!(bundle.len() == 1 || bundle.iter().all(|at| !examples[*at].answers.is_empty()));
        }
        assert_eq!(found, bundles(&examples, 4, 1));
        assert!(bundles(&examples, 1, 1).iter().all(|bundle| bundle.len() == 1));
    }

    #[test]
    fn a_bundle_shows_what_each_of_it_calls() {
        let examples = examples();
        let members = [&examples[0], &examples[2], &examples[4]];
        let shown = shared(&members, &mut Draws::of(1, &[]));
        for example in &shown {
            let names: Vec<&str> = example.tools.iter().map(|tool| tool.name.as_str()).collect();
            assert!(names.contains(&"alarm_set") && names.contains(&"light_off"), "{names:?}");
            assert_eq!(names.len(), names.iter().collect::<BTreeSet<_>>().len());
        }
        assert_eq!(shown[0].answers[0].name, "alarm_set");
        let masked = mask_alike(&shown, &mut Draws::of(2, &[])).expect("it can be masked");
        for (masked, shown) in masked.iter().zip(&shown) {
            assert_eq!((masked.id.as_str(), masked.tools.len()), (shown.id.as_str(), shown.tools.len()));
            assert!(masked.tools.iter().any(|tool| tool.name == masked.answers[0].name));
            assert_eq!(masked.messages[0].content, shown.messages[0].content);
            assert_eq!(masked.answers.len(), 1);
        }
        assert_eq!(masked[0].answers[0].name, masked[2].answers[0].name);
        assert_ne!(masked[0].answers[0].name, masked[1].answers[0].name);
    }

    #[test]
    fn tools_of_one_name_that_differ_are_not_shown_together() {
        let examples = [
            example(0, "a", "search", "finds songs"),
            example(1, "a", "search", "finds flights"),
            example(2, "a", "search", "finds songs"),
        ];
        for seed in 0..20 {
            for bundle in bundles(&examples, 3, seed) {
                let kinds: BTreeSet<&str> =
                    bundle.iter().map(|at| examples[*at].tools[0].description.as_str()).collect();
                assert_eq!(kinds.len(), 1);
            }
        }
    }
}
