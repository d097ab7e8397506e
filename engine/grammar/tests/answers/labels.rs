//! The label rules, case by case, and what holds of all of them.

use proptest::prelude::*;
use toolbeam_grammar::label::{Labeler, annotate};
use toolbeam_grammar::{Call, Layout, Step, parse_calls, steps_of};

use crate::steps_in;

/// Checks the labels of an answer against ground truths, each a list of calls as JSON.
fn check(truths: &[&str], answer: &str, expected: &str) {
    let truths: Vec<Vec<Call>> =
        truths.iter().map(|truth| parse_calls(Layout::JsonList, truth).expect(truth)).collect();
    let labels: String = annotate(&steps_in(answer), &truths)
        .into_iter()
        .map(|positive| if positive { '+' } else { '-' })
        .collect();
    assert_eq!(labels, expected.replace(' ', ""), "{answer} against {truths:?}");
}

const ONE: &str = r#"[{"name":"f","arguments":{"a":1,"b":"x"}}]"#;
const TWO: &str = r#"[{"name":"f","arguments":{"a":1,"b":2}},{"name":"f","arguments":{"a":3,"b":4}}]"#;

#[test]
fn every_marker_has_its_rule() {
    check(&[ONE], ONE, "+ ++ + + +");
    // A wrong name leaves no gold call possible: everything in its call is wrong.
    check(&[ONE], r#"[{"name":"g","arguments":{"a":1,"b":"x"}}]"#, "- -- - - -");
    check(&[ONE], r#"[{"name":"g","arguments":{}}]"#, "- - - -");
    check(&[ONE], r#"[{"name":"f","arguments":{"a":1}}]"#, "+ + - - -");
    check(&[ONE], r#"[{"name":"f","arguments":{}}]"#, "+ - - -");
    check(&[ONE], r#"[{"name":"f","arguments":{"a":1,"b":"x","c":0}}]"#, "+ ++- - - -");
    check(&[ONE], r#"[{"name":"f","arguments":{"b":1,"a":"x"}}]"#, "+ -- - - -");
    // The order of arguments does not count.
    check(&[ONE], r#"[{"name":"f","arguments":{"b":"x","a":1}}]"#, "+ ++ + + +");
}

#[test]
fn a_wrong_pair_does_not_narrow() {
    // Had `"a":9` emptied the set, `"b":"x"` would be wrong too.
    check(&[ONE], r#"[{"name":"f","arguments":{"a":9,"b":"x"}}]"#, "+ -+ - - -");
    // After `"a":9` either value of `b` is still possible.
    check(&[TWO], r#"[{"name":"f","arguments":{"a":9,"b":4}}]"#, "+ -+ - - -");
}

#[test]
fn a_right_pair_narrows() {
    check(&[TWO], r#"[{"name":"f","arguments":{"a":1,"b":4}}]"#, "+ +- - - -");
    check(&[TWO], r#"[{"name":"f","arguments":{"a":1,"b":2}}]"#, "+ ++ + + -");
    // So does the name: `g` has no `"a":1`.
    check(
        &[r#"[{"name":"f","arguments":{"a":1}},{"name":"g","arguments":{"a":2}}]"#],
        r#"[{"name":"g","arguments":{"a":1}}]"#,
        "+ - - - -",
    );
}

#[test]
fn a_repeated_argument_is_wrong() {
    check(&[ONE], r#"[{"name":"f","arguments":{"a":1,"a":1,"b":"x"}}]"#, "+ +-+ - - -");
    // Also where the repetition puts right what was wrong.
    check(&[ONE], r#"[{"name":"f","arguments":{"a":9,"a":1,"b":"x"}}]"#, "+ --+ - - -");
    // It is one in its call only.
    check(&[TWO], TWO, "+ ++ + + + ++ + + +");
}

#[test]
fn a_gold_call_is_consumed_by_the_call_that_equals_it() {
    let twice = r#"[{"name":"f","arguments":{"a":1}},{"name":"f","arguments":{"a":1}}]"#;
    let once = r#"[{"name":"f","arguments":{"a":1}}]"#;
    check(&[once], twice, "+ + + +  - - - -  -");
    check(&[twice], twice, "+ + + +  + + + +  +");
    check(&[twice], once, "+ + + +  -");
    // A call that equals none consumes none.
    check(
        &[once],
        r#"[{"name":"f","arguments":{"a":2}},{"name":"f","arguments":{"a":1}}]"#,
        "+ - - -  + + + +  -",
    );
    let three = r#"[{"name":"f","arguments":{"a":1}},{"name":"f","arguments":{"a":1}},
        {"name":"f","arguments":{"a":1}}]"#;
    check(&[twice], three, "+ + + +  + + + +  - - - -  -");
}

#[test]
fn the_order_of_calls_does_not_count() {
    let gold = r#"[{"name":"f","arguments":{"a":1}},{"name":"g","arguments":{}}]"#;
    let swapped = r#"[{"name":"g","arguments":{}},{"name":"f","arguments":{"a":1}}]"#;
    check(&[gold], swapped, "+ + +  + + + +  +");
    check(&[gold], r#"[{"name":"g","arguments":{}}]"#, "+ + +  -");
}

#[test]
fn arguments_may_come_before_the_name() {
    let gold = r#"[{"name":"f","arguments":{"a":1}},{"name":"g","arguments":{"a":1,"b":2}}]"#;
    check(&[gold], r#"[{"arguments":{"a":1},"name":"f"}]"#, "+ + + + -");
    // Before the name is known, all gold calls are possible.
    check(&[gold], r#"[{"arguments":{"b":2,"a":1},"name":"g"}]"#, "++ + + + -");
    // The name is consistent with the pairs, the call is not complete.
    check(&[gold], r#"[{"arguments":{"a":1},"name":"g"}]"#, "+ + + - -");
    // The pair has narrowed the set to g.
    check(&[gold], r#"[{"arguments":{"b":2},"name":"f"}]"#, "+ - - - -");
    check(&[gold], r#"[{"arguments":{"c":2},"name":"f"}]"#, "- - + - -");
}

#[test]
fn the_empty_list_is_an_answer() {
    check(&["[]"], "[]", "+");
    check(&[ONE], "[]", "-");
    check(&["[]"], r#"[{"name":"f","arguments":{"a":1}}]"#, "- - - - -");
    check(&["[]", ONE], "[]", "+");
    check(&[], "[]", "-");
    check(&[], ONE, "- -- - - -");
}

#[test]
fn several_ground_truths_are_alternatives() {
    let other = r#"[{"name":"f","arguments":{"a":1,"c":true}}]"#;
    check(&[ONE, other], ONE, "+ ++ + + +");
    check(&[ONE, other], r#"[{"name":"f","arguments":{"c":true,"a":1}}]"#, "+ ++ + + +");
    // Each pair is right for one of them, the whole for none.
    check(&[ONE, other], r#"[{"name":"f","arguments":{"b":"x","c":true}}]"#, "+ ++ - - -");
    // A label - for one does not end what is right for another.
    check(
        &[r#"[{"name":"f","arguments":{}}]"#, r#"[{"name":"g","arguments":{}}]"#],
        r#"[{"name":"f","arguments":{}},{"name":"g","arguments":{}}]"#,
        "+ + +  + + +  -",
    );
}

#[test]
fn values_are_equal_as_decisions() {
    for (gold, value, label) in [
        ("5", "5", '+'),
        ("5", "5.0", '-'),
        ("5.0", "5", '-'),
        ("100.0", "1e2", '+'),
        ("\"é\"", r#""\u00e9""#, '+'),
        (r#"{"x":1,"y":[2]}"#, r#"{"y":[2],"x":1}"#, '+'),
        ("[1,2]", "[2,1]", '-'),
        ("true", "\"true\"", '-'),
    ] {
        let of = |value| format!(r#"[{{"name":"f","arguments":{{"a":{value}}}}}]"#);
        let expected: String = ['+', label, label, label, label].into_iter().collect();
        check(&[&of(gold)], &of(value), &expected);
    }
}

#[test]
fn a_call_without_a_name_equals_none() {
    // No parser emits these steps; a caller may.
    let gold = parse_calls(Layout::JsonList, r#"[{"name":"f","arguments":{}}]"#).expect("valid");
    let steps = [Step::ParamFinish, Step::FuncFinish, Step::TotalFinish];
    assert_eq!(annotate(&steps, &[gold]), [true, false, false]);
}

fn calls() -> impl Strategy<Value = Vec<Call>> {
    let arguments = prop::collection::btree_map("[ab]", 0..2_u8, 0..3);
    let call = ("[fg]", arguments).prop_map(|(name, arguments)| {
        let members: Vec<String> =
            arguments.iter().map(|(key, value)| format!("\"{key}\": {value}")).collect();
        Call::from_json(name, &format!("{{{}}}", members.join(", "))).expect("an object")
    });
    prop::collection::vec(call, 0..4)
}

proptest! {
    /// A gold list in any order is right in every step, whatever the other ground truths say.
    #[test]
    fn a_permuted_gold_list_is_right(
        (gold, answer) in calls().prop_flat_map(|gold| (Just(gold.clone()), Just(gold).prop_shuffle())),
        others in prop::collection::vec(calls(), 0..3),
        place in any::<prop::sample::Index>(),
    ) {
        let mut truths = others;
        truths.insert(place.index(truths.len() + 1), gold);
        prop_assert!(annotate(&steps_of(&answer), &truths).into_iter().all(|positive| positive));
    }

    /// The last label says whether the answer is one of the ground truths in some order; a clone
    /// of a labeler goes on as the labeler does.
    #[test]
    fn the_last_label_is_equality_of_lists(answer in calls(), truths in prop::collection::vec(calls(), 0..3)) {
        let equal = truths.iter().any(|truth| {
            let mut left = truth.clone();
            answer.iter().all(|call| {
                left.iter().position(|gold| gold == call).map(|at| left.remove(at)).is_some()
            }) && left.is_empty()
        });
        let mut labeler = Labeler::new(truths);
        let mut last = false;
        for step in &steps_of(&answer) {
            let expected = labeler.clone().label(step);
            last = labeler.label(step);
            prop_assert_eq!(last, expected);
        }
        prop_assert_eq!(last, equal);
    }
}
