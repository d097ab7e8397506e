//! Corruptions of examples as the synthesiser makes them: never right, and of every kind.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::value::RawValue;

use super::mistake::{Mistake, Situation};
use super::{corrupt, mistaken, same};
use crate::calls::calls_of;
use crate::draws::Draws;
use crate::example::Example;
use crate::set::{Answer, Message};
use crate::synthesis::{SynthesisSettings, Synthesiser};

fn examples(count: u64) -> Vec<Example> {
    static SYNTHESISER: LazyLock<Synthesiser> = LazyLock::new(|| {
        let settings = SynthesisSettings { composed: 150, ..SynthesisSettings::default() };
        Synthesiser::new(Vec::new(), settings).expect("functions")
    });
    (0..count).map(|index| SYNTHESISER.example(3, index)).collect()
}

#[test]
fn a_corruption_is_never_right_and_nearly_always_found() {
    let examples = examples(300);
    let mut found = 0;
    for example in &examples {
        let right = calls_of(&example.answers).expect("calls");
        for draw in 0..4 {
            let mut draws = Draws::of(draw, &[&example.id]);
            let Some(wrong) = corrupt(example, &mut draws) else { continue };
            found += 1;
            let wrong = calls_of(&wrong).expect("calls");
            assert!(!same(&wrong, &right), "{}: {wrong:?}", example.id);
        }
    }
    assert!(found > 1190, "{found} of 1200");
}

#[test]
fn every_kind_of_mistake_is_drawn_and_can_be_made() {
    let (mut drawn, mut made) = (BTreeMap::new(), BTreeMap::new());
    for example in examples(400) {
        let situation = Situation::of(&example).expect("calls");
        let mut draws = Draws::of(1, &[&example.id]);
        for _ in 0..6 {
            let mistake = Mistake::draw(&situation, &mut draws).expect("a mistake");
            *drawn.entry(mistake).or_insert(0) += 1;
            if mistaken(&situation, mistake, &mut draws).is_some() {
                *made.entry(mistake).or_insert(0) += 1;
            }
        }
    }
    for (mistake, _) in Mistake::ALL {
        let (drawn, made) =
            (drawn.get(&mistake).copied().unwrap_or(0), made.get(&mistake).copied().unwrap_or(0));
        println!("{mistake:?}: {made} of {drawn}");
        assert!(made > 10 && made * 10 > drawn, "{mistake:?}: {made} of {drawn}");
    }
}

#[test]
fn one_decision_is_wrong() {
    for example in examples(200) {
        let situation = Situation::of(&example).expect("calls");
        let mut draws = Draws::of(2, &[&example.id]);
        for mistake in
            [Mistake::MissingArgument, Mistake::NearMiss, Mistake::OtherName, Mistake::ExtraArgument]
        {
            if example.answers.is_empty() {
                continue;
            }
            let Some(wrong) = mistaken(&situation, mistake, &mut draws) else { continue };
            let wrong = calls_of(&wrong).expect("calls");
            let differing = wrong.iter().zip(&situation.right).filter(|(one, other)| one != other).count();
            assert_eq!((wrong.len(), differing), (situation.right.len(), 1), "{mistake:?} {}", example.id);
        }
    }
}

#[test]
fn order_and_spelling_do_not_make_calls_different() {
    let calls = |texts: &[(&str, &str)]| {
        let answers = texts.iter().map(|(name, arguments)| Answer {
            name: (*name).into(),
            arguments: RawValue::from_string((*arguments).into()).expect("JSON"),
        });
        calls_of(&answers.collect::<Vec<_>>()).expect("calls")
    };
    let right = calls(&[("f", r#"{"a": 1, "b": 2.0}"#), ("g", "{}")]);
    for (texts, expected) in [
        (vec![("g", "{}"), ("f", r#"{"b":2e0,"a":1}"#)], true),
        (vec![("g", "{}"), ("f", r#"{"b":2,"a":1}"#)], false),
        (vec![("g", "{}"), ("g", "{}")], false),
        (vec![("f", r#"{"a": 1, "b": 2.0}"#)], false),
    ] {
        assert_eq!(same(&calls(&texts), &right), expected, "{texts:?}");
    }
}

#[test]
fn without_a_right_call_the_mistake_is_a_call() {
    let mut example = examples(1).remove(0);
    example.answers.clear();
    example.messages = vec![Message { role: "user".into(), content: "thanks".into() }];
    let wrong = corrupt(&example, &mut Draws::of(1, &[])).expect("a mistake");
    assert_eq!(wrong.len(), 1);
    assert!(example.tools.iter().any(|tool| tool.name == wrong[0].name));
}
