//! The layout hermes: case by case, and what holds of every document.

use proptest::collection::vec;
use proptest::prelude::*;
use toolbeam_grammar::render::{closing, opening, segments};
use toolbeam_grammar::{
    InvalidReason, Layout, Limits, Parser, State, Status, Step, content, first_misplaced, parse_calls,
};

use crate::oracle::{agrees, read_blocks};
use crate::spelling::{call, edited, space};
use crate::{check_marked, parse_in, steps};

fn check(marked: &str, expected: &str) {
    check_marked(Layout::Hermes, marked, expected);
}

const CALL: &str = "<tool_call>\n{\"name\": \"f\"¦, \"arguments\": {\"a\": 1¦}¦}¦\n</tool_call>";

#[test]
fn text_alone_is_the_empty_answer() {
    for text in ["", " \n", "I cannot help.", "<", "<thin", "<tool_call", "<tool_calls>", "</tool_call>"] {
        check(&format!("{text}¦"), "total | complete");
    }
    check("a <think>b</think> c¦", "total | complete");
    check("{\"name\": \"f\"}[]¦", "total | complete");
}

#[test]
fn calls_stand_in_blocks() {
    let call = "name f | a=1 | arguments | call";
    check(&format!("{CALL}¦"), &format!("{call} | total | complete"));
    check(
        &format!("See: <tool_ca<{CALL}, then\n{CALL} done¦"),
        &format!("{call} | {call} | total | complete"),
    );
    check(
        "<tool_call>\t{\"arguments\":{}¦,\"name\":\"g.h\"¦}¦ \r\n </tool_call>¦",
        "arguments | name g.h | call | total | complete",
    );
    check(
        "<tool_call>{\"name\":\"f\"¦,\"arguments\":{\"a\":\"</tool_call><tool_call>\"¦}¦}¦</tool_call>¦",
        "name f | a=\"</tool_call><tool_call>\" | arguments | call | total | complete",
    );
}

#[test]
fn one_thought_may_lead() {
    let call = "name f | a=1 | arguments | call | total | complete";
    check(&format!("\n<think>no <tool_call> yet </thin</think>{CALL}¦"), call);
    check("<think></think>¦", "total | complete");
    check("<think>a</think><think>b¦", "total | complete");
    check("<<think>¦", "total | complete");
}

#[test]
fn what_is_open_at_the_end_is_unfinished() {
    for open in ["<think>hm", "<tool_call>", "<tool_call>\n{\"name\": \"f", "<think>x</think <tool_call>"] {
        let (parser, boundaries) = parse_in(Layout::Hermes, open.as_bytes());
        assert_eq!((parser.status(), boundaries.len()), (Status::Unfinished, 0), "{open}");
    }
    let closed = "<tool_call>{\"name\":\"f\"¦,\"arguments\":{}¦}¦";
    for end in ["", "\n", "</tool_call"] {
        check(&format!("{closed}{end}"), "name f | arguments | call | unfinished");
    }
}

#[test]
fn what_is_no_block_is_refused() {
    check("<tool_call>✗[", "unexpected byte '[': expected '{' after <tool_call>");
    check("<tool_call>\n✗</tool_call>", "unexpected byte '<': expected '{' after <tool_call>");
    let steps = "name f | a=1 | arguments | call";
    let open = CALL.trim_end_matches("\n</tool_call>");
    check(
        &format!("{open}✗}}"),
        &format!("{steps} | unexpected byte '}}': expected </tool_call> after the call"),
    );
    check(
        &format!("{open}</tool✗>"),
        &format!("{steps} | unexpected byte '>': expected </tool_call> after the call"),
    );
    check(
        "<tool_call>{\"id✗\":1}",
        "unknown key \"id\" in a call: only \"name\" and \"arguments\" may stand there",
    );
}

#[test]
fn calls_are_bounded_and_text_is_not() {
    let limits = Limits { calls: 1, ..Limits::default() };
    let call = CALL.replace('¦', "");
    let status = |text: String| {
        let mut parser = Parser::with_limits(Layout::Hermes, limits);
        parser.feed(text.as_bytes());
        parser.end();
        parser.status()
    };
    assert_eq!(status("x".repeat(1 << 20) + &call), Status::Complete);
    let Status::Invalid { reason, .. } = status(format!("{call}{call}")) else { panic!("too many calls") };
    assert_eq!(reason, InvalidReason::TooManyCalls(1));
}

#[test]
fn nothing_follows_the_end() {
    let (mut parser, _) = parse_in(Layout::Hermes, b"Hello");
    assert!(parser.end().is_empty(), "the end comes once");
    assert_eq!(parser.status(), Status::Complete);
    parser.feed(b" ");
    assert!(matches!(parser.status(), Status::Invalid { offset: 5, .. }));
}

#[test]
fn states_are_those_of_the_paper() {
    let mut parser = Parser::new(Layout::Hermes);
    for (text, state) in [
        ("<think>hm</think> Well", State::Initial),
        ("<tool_call>", State::FunctionName),
        ("{\"name\": \"f", State::FunctionName),
        ("\", \"arguments\": {", State::ParameterName),
        ("\"a\": ", State::Value),
        ("1}}", State::FunctionName),
        ("</tool_call> and", State::FunctionName),
    ] {
        parser.feed(text.as_bytes());
        assert_eq!(parser.state(), state, "after {text}");
    }
    parser.end();
    assert_eq!(parser.state(), State::Terminated);
}

#[test]
fn parsers_are_equal_if_they_behave_alike() {
    let at = |text: &str| {
        let mut parser = Parser::new(Layout::Hermes);
        parser.feed(text.as_bytes());
        parser
    };
    for (left, right, equal) in [
        ("Hello", "Good morning, ", true),
        ("<think>a</think>", "x", true),
        ("Hello<tool_call> {", "<think></think><tool_call>{", true),
        ("a<tool", "b <tool", true),
        ("a<tool", "a<too", false),
        ("", "a", false),
        ("<t", "a<t", false),
        ("<th", "a", false),
        ("<think>", "a", false),
    ] {
        assert_eq!(at(left) == at(right), equal, "{left} and {right}");
    }
    assert_ne!(at("<tool_call>{"), Parser::new(Layout::JsonList));
}

#[test]
fn content_is_what_a_chat_would_show() {
    let call = CALL.replace('¦', "");
    for (answer, expected) in [
        (" Hello <tool \n".to_owned(), "Hello <tool"),
        ("<think>hidden</think>\n\nShown".to_owned(), "Shown"),
        (format!("\n one <{call}\n{call} two\n lines {call} "), "one <\n\ntwo\n lines"),
        (call.clone(), ""),
        ("<think>open".to_owned(), ""),
        ("said <tool_call>{\"name\": \"f".to_owned(), "said"),
    ] {
        assert_eq!(content(Layout::Hermes, answer.as_bytes()), expected, "{answer}");
    }
    assert_eq!(content(Layout::Hermes, b"caf\xc3\xa9 \xff!"), "café \u{fffd}!");
    assert_eq!(content(Layout::JsonList, b" [] "), "");
}

#[test]
fn dictated_text_is_the_canonical_text() {
    for layout in [Layout::JsonList, Layout::Hermes] {
        let steps = [Step::FuncName("f".into()), Step::ParamFinish, Step::FuncFinish, Step::TotalFinish];
        let text: Vec<String> = segments(layout, &steps).into_iter().map(|segment| segment.text).collect();
        assert_eq!(text[0], opening(layout) + "f\"");
        assert_eq!(text[3], closing(layout));
        assert_eq!(parse_calls(layout, &text.concat()).expect("an answer")[0].name, "f");
    }
}

/// Text in which tags are often begun and sometimes whole.
fn prose() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "Hello ",
        "<",
        "<t",
        "<think>",
        "</think>",
        "<tool",
        "_call>",
        "</tool_call>",
        "</",
        "é",
        "\n",
        "{",
        "\"",
    ]);
    vec(pieces, 0..5).prop_map(|pieces| pieces.concat())
}

/// An answer, if its prose does not happen to spell a tag.
fn answer() -> impl Strategy<Value = String> {
    let block = (space(), call(), space(), prose())
        .prop_map(|(a, call, b, prose)| format!("<tool_call>{a}{call}{b}</tool_call>{prose}"));
    let thought =
        prop_oneof![2 => Just(String::new()), 1 => prose().prop_map(|it| format!("\n<think>{it}</think>"))];
    (thought, prose(), vec(block, 0..3))
        .prop_map(|(thought, prose, blocks)| thought + &prose + &blocks.concat())
}

fn document() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![1 => answer().prop_map(String::into_bytes), 1 => edited(answer()), 1 => vec(any::<u8>(), 0..16)]
}

proptest! {
    /// A document is complete exactly if the oracle finds an answer in it, and then both find the
    /// same steps and content.
    #[test]
    fn answers_are_those_of_the_oracle(bytes in document()) {
        let (parser, boundaries) = parse_in(Layout::Hermes, &bytes);
        let expected = read_blocks(&bytes);
        prop_assert_eq!(parser.status() == Status::Complete, expected.is_some());
        prop_assert_eq!(first_misplaced(&steps(&boundaries)), None);
        if let Some((expected, text)) = expected {
            prop_assert_eq!(boundaries.len(), expected.len());
            for (boundary, expected) in boundaries.iter().zip(&expected) {
                prop_assert!(agrees(&boundary.step, expected), "{boundary:?}, {expected:?}");
            }
            prop_assert_eq!(content(Layout::Hermes, &bytes), text);
        }
    }

    /// However a document is cut, the steps, the parser and its status are the same.
    #[test]
    fn cuts_change_nothing(bytes in document(), at in any::<prop::sample::Index>()) {
        let (whole, boundaries) = parse_in(Layout::Hermes, &bytes);
        for size in [1, 1 + at.index(9)] {
            let mut parser = Parser::new(Layout::Hermes);
            let mut found = Vec::new();
            for piece in bytes.chunks(size) {
                found.extend(parser.clone().feed(piece));
                parser.feed(piece);
            }
            found.extend(parser.end());
            prop_assert_eq!(&found, &boundaries);
            prop_assert_eq!(&parser, &whole);
            prop_assert_eq!((parser.status(), parser.offset()), (whole.status(), whole.offset()));
        }
    }

    /// Parsers that are equal after different beginnings go on alike.
    #[test]
    fn equal_parsers_go_on_alike(left in document(), right in document(), rest in document()) {
        let at = |bytes: &[u8]| {
            let mut parser = Parser::new(Layout::Hermes);
            parser.feed(bytes);
            parser
        };
        let (mut left, mut right) = (at(&left), at(&right));
        if left == right {
            let steps = |parser: &mut Parser| {
                let mut boundaries = parser.feed(&rest);
                boundaries.extend(parser.end());
                steps(&boundaries)
            };
            prop_assert_eq!(steps(&mut left), steps(&mut right));
            prop_assert_eq!(left, right);
        }
    }

    /// The canonical text says what the answer says, in the same steps.
    #[test]
    fn canonical_text_has_the_same_steps(text in answer()) {
        let (parser, boundaries) = parse_in(Layout::Hermes, text.as_bytes());
        prop_assume!(parser.status() == Status::Complete);
        let rendered: String =
            segments(Layout::Hermes, &steps(&boundaries)).into_iter().map(|segment| segment.text).collect();
        let (_, found) = parse_in(Layout::Hermes, rendered.as_bytes());
        prop_assert_eq!(steps(&found), steps(&boundaries));
        prop_assert_eq!(content(Layout::Hermes, rendered.as_bytes()), "");
    }
}
