//! From continuations to expansions: what is dropped, by kind, and what is kept.

use std::sync::Arc;

use toolbeam_grammar::Layout;
use toolbeam_search::{Answer, Continuation, Draw, Dropped, Finish, expand};

use crate::world::{END, F, continuation, path};

/// Expands the answer `so_far` and compares the paths with their counts, and what was dropped as
/// invalid, ended, length, repetition.
#[track_caller]
fn check(so_far: &str, continuations: Vec<Continuation>, expected: &[&str], dropped: [u64; 4]) {
    let mut answer = Answer::root(Layout::JsonList, Arc::default());
    if !so_far.is_empty() {
        let (before, _) = expand(&answer, vec![continuation(so_far, 0, 1, 0.0)], Draw::Sample);
        answer = Answer::clone(&before[0].answer);
        answer.scored = answer.steps.len();
    }
    let (expansions, counted) = expand(&answer, continuations, Draw::Sample);
    let seen: Vec<String> = expansions
        .iter()
        .map(|it| {
            let fresh = path(&it.answer.steps[it.new_steps.clone()]);
            format!("#{} {fresh} x{}", it.index, it.count)
        })
        .collect();
    assert_eq!(seen, expected);
    let [invalid, ended, length, repetition] = dropped;
    assert_eq!(counted, Dropped { invalid, ended, length, repetition, ..Dropped::default() });
    for it in &expansions {
        assert_eq!(it.answer.rewards, vec![None; it.answer.steps.len()]);
        assert_eq!(it.answer.text.len(), it.new_text.end);
        assert_eq!(it.new_text.start, so_far.len());
    }
}

#[test]
fn drops_are_counted_by_kind_and_draw() {
    let garbage = continuation("garbage", 0, 2, -1.0);
    let ended = continuation("[{$", 2, 3, -1.0);
    let length = continuation(r#"[{"name":"f~"#, 5, 4, -1.0);
    // It claims a step where the layout has none.
    let claimed = continuation("[{", 9, 5, -1.0);
    let told = Continuation { finish: Finish::Invalid, ..continuation(F, 14, 6, -1.0) };
    let good = continuation(F, 20, 7, -1.0);
    let nobody = continuation(F, 27, 0, -1.0);
    let endless = Continuation { finish: Finish::Repetition, ..continuation("[{\"aaaa", 27, 8, -1.0) };
    let all = vec![garbage, ended, length, claimed, told, good, nobody, endless];
    check("", all, &["#20 f x7"], [13, 3, 4, 8]);
}

#[test]
fn an_expansion_has_all_the_markers_it_crossed() {
    check(F, vec![continuation(END, 0, 1, -1.0)], &["#0 ) ; . x1"], [0; 4]);
    check("", vec![continuation("[]$", 0, 1, -1.0)], &["#0 . x1"], [0; 4]);
    // The turn ends although the answer does not.
    check("", vec![continuation(&format!("{F}$"), 0, 1, -1.0)], &[], [0, 1, 0, 0]);
    // The limit is reached, but a step was completed on the way.
    check("", vec![continuation(&format!("{F}~"), 0, 1, -1.0)], &["#0 f x1"], [0; 4]);
    // Closing a call alone decides nothing.
    let closed = r#"[{"name":"f","arguments":{}"#;
    check(closed, vec![continuation("},~", 0, 1, -1.0)], &[], [0, 0, 1, 0]);
    check(closed, vec![continuation("}]", 0, 1, -1.0)], &["#0 ; . x1"], [0; 4]);
}

#[test]
fn where_not_even_one_token_fits_nothing_goes_on() {
    let root = Answer::root(Layout::JsonList, Arc::default());
    for draw in [Draw::Sample, Draw::Greedy, Draw::Top] {
        let (expansions, dropped) = expand(&root, vec![continuation("~", 0, 3, 0.0)], draw);
        assert!(expansions.is_empty(), "{draw:?}: {expansions:?}");
        assert_eq!(dropped, Dropped { length: 3, ..Dropped::default() }, "{draw:?}");
    }
    let (expansions, _) = expand(&root, vec![continuation("[~", 0, 3, 0.0)], Draw::Top);
    assert_eq!(expansions.len(), 1, "a token that completes no step is one");
}

#[test]
fn arrival_order_does_not_matter_and_the_likeliest_spelling_stands() {
    let spellings = [(F, 0, -3.0), (r#"[{ "name":"f""#, 2, -1.0), (r#" [{"name":"f""#, 4, -2.0)];
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let continuations = order.map(|at| {
            let (text, index, log_probability) = spellings[at];
            continuation(text, index, 2, log_probability)
        });
        let root = Answer::root(Layout::JsonList, Arc::default());
        let (expansions, _) = expand(&root, continuations.to_vec(), Draw::Sample);
        assert_eq!(expansions.len(), 1);
        assert_eq!((expansions[0].index, expansions[0].count), (0, 6));
        assert_eq!(expansions[0].answer.text, spellings[1].0.as_bytes());
        assert_eq!(expansions[0].answer.log_probability, -1.0);
    }
}

#[test]
fn a_log_probability_that_is_no_number_is_the_least() {
    let root = Answer::root(Layout::JsonList, Arc::default());
    let (expansions, _) = expand(&root, vec![continuation(F, 0, 1, f64::NAN)], Draw::Sample);
    assert_eq!(expansions[0].answer.log_probability, f64::NEG_INFINITY);
}
