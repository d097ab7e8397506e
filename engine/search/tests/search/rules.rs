//! Tool choice and the most calls: how answers begin, what is dropped, and where they are closed.

use std::sync::Arc;

use toolbeam_grammar::{Layout, content};
use toolbeam_search::{
    Aggregation, Answer, Draw, Dropped, Event, Finish, Outcome, Rules, Scope, Settings, StrategyKind,
    ToolChoice, expand,
};

use crate::world::{END, F, Table, check, continuation, path, settings};

fn ruled(layout: Layout, tool_choice: ToolChoice, max_calls: u32) -> Settings {
    Settings { layout, rules: Arc::new(Rules { tool_choice, max_calls }), ..settings(2, 2) }
}

fn named(name: &str) -> ToolChoice {
    ToolChoice::Named(name.to_owned())
}

/// The text of each answer, best first.
fn texts(outcome: Option<Outcome>) -> Vec<String> {
    let answers = outcome.expect("an outcome").answers;
    answers.iter().map(|it| String::from_utf8_lossy(&it.answer.text).into_owned()).collect()
}

#[test]
fn answers_begin_as_the_choice_dictates() {
    use Layout::{Hermes, JsonList};
    for (layout, choice, text, steps) in [
        (JsonList, ToolChoice::Auto, "", ""),
        (JsonList, ToolChoice::None, "[]", "."),
        (JsonList, ToolChoice::Required, "[{\"name\": \"", ""),
        (JsonList, named("a\"b"), "[{\"name\": \"a\\\"b\", \"arguments\":", "a\"b"),
        (Hermes, ToolChoice::Auto, "", ""),
        (Hermes, ToolChoice::None, "", ""),
        (Hermes, ToolChoice::Required, "<tool_call>\n{\"name\": \"", ""),
        (Hermes, named("f"), "<tool_call>\n{\"name\": \"f\", \"arguments\":", "f"),
    ] {
        let rules = Rules { tool_choice: choice.clone(), max_calls: 0 };
        let root = Answer::root(layout, Arc::new(rules));
        assert_eq!(String::from_utf8_lossy(&root.text), text, "{choice:?}");
        assert_eq!((path(&root.steps).as_str(), root.rewards.len()), (steps, root.steps.len()), "{choice:?}");
        assert_eq!((root.dictated, root.token_ids.len(), root.scored), (text.len(), 0, 0), "{choice:?}");
        assert_eq!(root.is_complete(), text == "[]", "{choice:?}");
    }
}

#[test]
fn without_calls_a_list_is_scored_and_nothing_else_is_done() {
    let world = Table { policy: &[], rewards: &[(".", 0.2)] };
    for strategy in [StrategyKind::FineGrainedBeam, StrategyKind::Greedy] {
        let outcome = check(
            &world,
            Settings { strategy, ..ruled(Layout::JsonList, ToolChoice::None, 3) },
            vec![],
            "
            score 0: [.]
            finish Finished after 0: [.] 0.20
            ",
        )
        .expect("an outcome");
        assert_eq!(outcome.usage.expansions, 0);
    }
    // Late is better than never.
    check(
        &world,
        ruled(Layout::JsonList, ToolChoice::None, 0),
        vec![(0, Event::DeadlineReached)],
        "
        score 0: [.]
        finish Deadline after 0: [.] -
        ",
    );
}

#[test]
fn without_calls_hermes_writes_text() {
    let world = Table {
        policy: &[(
            "",
            &[
                ("<tool_call>{\"name\":\"f\"", 2, -0.1),
                ("Good morning.$", 1, -1.0),
                ("Hello.$", 1, -0.5),
                ("<tool_call>{\"arguments\":{}", 1, -2.0),
            ],
        )],
        rewards: &[(".", 0.3)],
    };
    let outcome = check(
        &world,
        ruled(Layout::Hermes, ToolChoice::None, 0),
        vec![],
        "
        expand 0 x4 after []
        score 0: [.] x2
        round 1: [.] x2 0.30 finished
        finish Finished after 1: [.] x2 0.30
        ",
    )
    .expect("an outcome");
    assert_eq!(outcome.dropped, Dropped { not_allowed: 3, ..Dropped::default() });
    let best = &outcome.answers[0].answer;
    assert_eq!(content(Layout::Hermes, &best.text), "Hello.", "the most probable text stands");
}

#[test]
fn a_required_call_goes_on_from_the_name() {
    const G: &str = "g\", \"arguments\": {}}]";
    let world = Table {
        policy: &[("", &[("f\"", 2, -0.1), (G, 1, -1.0), ("]", 1, -1.0)]), ("f", &[(END, 1, -1.0)])],
        rewards: &[("g ) ; .", 0.9), ("f ) ; .", 0.7)],
    };
    let outcome = check(
        &world,
        ruled(Layout::JsonList, ToolChoice::Required, 0),
        vec![],
        "
        expand 0 x4 after []
        score 0: [f] x2, [g ) ; .]
        round 1: [f] x2 0.50 -> 1, [g ) ; .] 0.50 finished
        prune 0
        expand 1 x2 after [f]
        score 1: [f ) ; .]
        round 2: [f ) ; .] 0.50 finished
        finish Finished after 2: [g ) ; .] 0.90, [f ) ; .] 0.70
        ",
    );
    let texts = texts(outcome);
    assert_eq!(texts[0], "[{\"name\": \"g\", \"arguments\": {}}]");
}

/// Two arguments of f, and a way out to g.
const NAMED: Table = Table {
    policy: &[(
        "f",
        &[
            (" {\"a\": \"1\"}}]", 1, -1.0),
            (" {\"a\": \"2\"}}]", 1, -1.0),
            (" {}}, {\"name\": \"g\"", 1, -0.1),
            (" {}}, {\"arguments\": {}, \"name\": \"f\"}]", 1, -0.1),
        ],
    )],
    rewards: &[("f", 0.1), ("f a=1 ) ; .", 0.4), ("f a=2 ) ; .", 0.8), ("f ) ; ) f ; .", 0.3)],
};

#[test]
fn a_named_function_is_the_only_one_and_its_name_is_scored_but_prunes_nothing() {
    let outcome = check(
        &NAMED,
        ruled(Layout::JsonList, named("f"), 0),
        vec![],
        "
        expand 0 x4 after [f]
        score 0: [f a=1 ) ; .], [f a=2 ) ; .], [f ) ; ) f ; .]
        round 1: [f a=2 ) ; .] 0.50 finished, [f a=1 ) ; .] 0.40 finished, [f ) ; ) f ; .] 0.30 finished
        finish Finished after 1: [f a=2 ) ; .] 0.80, [f a=1 ) ; .] 0.40, [f ) ; ) f ; .] 0.30
        ",
    )
    .expect("an outcome");
    assert_eq!(outcome.dropped, Dropped { not_allowed: 1, ..Dropped::default() });
    let best = &outcome.answers[0].answer;
    assert_eq!(best.rewards, [Some(0.1), Some(0.5), Some(0.5), Some(0.5), Some(0.8)]);
    assert_eq!(best.token_ids.len(), 1, "what was dictated is no token of the policy");

    // Over the whole path it counts.
    let path = Settings {
        scope: Scope::Path,
        aggregation: Aggregation::Min,
        ..ruled(Layout::JsonList, named("f"), 1)
    };
    check(
        &NAMED,
        path,
        vec![],
        "
        expand 0 x4 after [f]
        score 0: [f a=1 ) ; .], [f a=2 ) ; .], [f ) ; .] x2
        round 1: [f ) ; .] x2 0.10 finished, [f a=1 ) ; .] 0.10 finished, [f a=2 ) ; .] 0.10 finished
        finish Finished after 1: [f a=2 ) ; .] 0.80, [f ) ; .] x2 0.50, [f a=1 ) ; .] 0.40
        ",
    );
}

#[test]
fn greedy_follows_the_rules_and_scores_what_was_dictated() {
    let greedy = |choice, max_calls| Settings {
        strategy: StrategyKind::Greedy,
        ..ruled(Layout::JsonList, choice, max_calls)
    };
    let outcome = check(
        &NAMED,
        greedy(named("f"), 0),
        vec![],
        "
        expand 0 x1 greedily after [f]
        score 0: [f a=1 ) ; .]
        finish Finished after 1: [f a=1 ) ; .] 0.40
        ",
    );
    let rewards = outcome.expect("an outcome").answers[0].answer.rewards.clone();
    assert_eq!(rewards[..2], [Some(0.1), Some(0.5)]);
    let world =
        Table { policy: &[("", &[(F, 1, -1.0)]), ("f", &[(",\"arguments\":{}},", 1, -1.0)])], rewards: &[] };
    check(
        &world,
        greedy(ToolChoice::Auto, 1),
        vec![],
        "
        expand 0 x1 greedily after []
        commit from 0: f
        expand 0 x1 greedily after [f]
        score 0: [f ) ; .]
        finish Finished after 2: [f ) ; .] 0.50
        ",
    );
}

/// Checks what becomes of a continuation of `so_far` where two calls are allowed: the steps and the
/// text, or why it is dropped.
#[track_caller]
fn check_closing(layout: Layout, so_far: &str, piece: &str, expected: Result<(&str, &str), Dropped>) {
    let rules = Rules { tool_choice: ToolChoice::Auto, max_calls: 2 };
    let root = Answer::root(layout, Arc::new(rules));
    let parent = match so_far {
        "" => root,
        _ => Answer::clone(&expand(&root, vec![continuation(so_far, 0, 1, -1.0)], Draw::Sample).0[0].answer),
    };
    let mut continuation = continuation(piece, 0, 1, -1.0);
    if piece.ends_with('!') {
        continuation.finish = Finish::Invalid;
    }
    let (expansions, dropped) = expand(&parent, vec![continuation], Draw::Sample);
    match expected {
        Ok((steps, text)) => {
            let answer = &expansions.first().unwrap_or_else(|| panic!("{piece}: {dropped:?}")).answer;
            assert_eq!(path(&answer.steps), steps, "{piece}");
            assert_eq!(String::from_utf8_lossy(&answer.text), text, "{piece}");
            assert_eq!(
                (answer.log_probability, dropped),
                (-2.0 + f64::from(u8::from(so_far.is_empty())), Dropped::default())
            );
        }
        Err(expected) => assert_eq!((expansions.len(), dropped), (0, expected), "{piece}"),
    }
}

#[test]
fn an_answer_is_closed_behind_its_last_call() {
    let one = r#"[{"name":"f","arguments":{}}, {"name":"g""#;
    let two = r#"[{"name":"f","arguments":{}}, {"name":"g","arguments":{}}"#;
    let rest = r#","arguments":{}}"#;
    let closed = format!("{two}]");
    let list = |piece: &str| check_closing(Layout::JsonList, one, piece, Ok(("f ) ; g ) ; .", &closed)));
    list(rest);
    list(&format!("{rest}, {{\"name\":\"h\""));
    list(&format!("{rest}, {{\"na$"));
    list(&format!("{rest}, {{\"na~"));
    list(&format!("{rest} and!"));
    // What the policy ends by itself stays as it is.
    check_closing(Layout::JsonList, one, &format!("{rest} ]"), Ok(("f ) ; g ) ; .", &format!("{two} ]"))));
    let open = format!("{one},\"arguments\":{{}}");
    check_closing(Layout::JsonList, one, ",\"arguments\":{}", Ok(("f ) ; g )", &open)));
    let ended = Dropped { ended: 1, ..Dropped::default() };
    check_closing(Layout::JsonList, one, ",\"arguments\":{}$", Err(ended));

    let call = "<tool_call>\n{\"name\": \"f\", \"arguments\": {}}\n</tool_call>";
    let begun = format!("Two: {call} <tool_call>\n{{\"name\": \"g\"");
    let rest = ", \"arguments\": {}}";
    let closed = format!("{begun}{rest}\n</tool_call>");
    let hermes = |piece: &str, text: &str| {
        check_closing(Layout::Hermes, &begun, &format!("{rest}{piece}"), Ok(("f ) ; g ) ; .", text)));
    };
    hermes("", &closed);
    hermes(&format!("\n</tool_call>\n{call}"), &closed);
    hermes("$", &closed);
    hermes("\n</tool_call>\nDone.$", &format!("{closed}\nDone."));
    // A whole answer in one piece.
    check_closing(
        Layout::JsonList,
        "",
        r#"[{"name":"f","arguments":{}},{"name":"f","arguments":{}},{"name":"f","arguments":{}}]"#,
        Ok(("f ) ; f ) ; .", r#"[{"name":"f","arguments":{}},{"name":"f","arguments":{}}]"#)),
    );
}
