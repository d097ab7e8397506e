//! Which calls an answer may make, and how policies of both layouts keep to it.

use toolbeam_proto::v1::tool_choice::{Choice, None as NoCall, Required};
use toolbeam_proto::v1::{
    Answer, AnswerLayout, SearchRequest, SearchResponse, StopReason, Strategy, StrategyKind, ToolChoice,
};

use crate::sandbox::{RIGHT, Sandbox, Setup, WRONG, request};
use crate::scorer::LIKED;

const HERMES: &str = "<think>\nThe weather.\n</think>\n\nI will look it up.\n<tool_call>\n{\"name\": \
    \"get_weather\", \"arguments\": {\"city\": \"Oslo\"}}\n</tool_call>\nJust a moment.";
const BLOCKS: &str = "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Oslo\"}}\n</tool_call>\n\
    <tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Bergen\"}}\n</tool_call>";
const TWO: &str = "[{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Oslo\"}}, \
    {\"name\": \"get_weather\", \"arguments\": {\"city\": \"Bergen\"}}]";

const KINDS: [StrategyKind; 2] = [StrategyKind::Greedy, StrategyKind::FineGrainedBeam];

fn sandbox(layout: AnswerLayout, answers: &[&'static str]) -> Sandbox {
    let mut setup = Setup::writing(answers);
    setup.policy.layout = layout;
    setup.start()
}

async fn search(
    sandbox: &Sandbox,
    kind: StrategyKind,
    choice: Option<Choice>,
    max_calls: u32,
) -> SearchResponse {
    let strategy = Some(Strategy { kind: kind.into(), ..Strategy::default() });
    let tool_choice = Some(ToolChoice { choice });
    let asked = SearchRequest { strategy, tool_choice, max_calls, ..request() };
    sandbox.search(asked).await.expect("a response")
}

fn named() -> Option<Choice> {
    Some(Choice::Named("get_weather".to_owned()))
}

fn required() -> Option<Choice> {
    Some(Choice::Required(Required {}))
}

fn no_call() -> Option<Choice> {
    Some(Choice::None(NoCall {}))
}

fn text(answer: &Answer) -> &str {
    std::str::from_utf8(&answer.text).expect("text")
}

fn cities(response: &SearchResponse) -> Vec<&str> {
    let best = response.answers.first().expect("an answer");
    best.calls.iter().map(|call| call.arguments.as_str()).collect()
}

#[tokio::test]
async fn blocks_are_calls_and_the_text_around_them_is_content() {
    let sandbox = sandbox(AnswerLayout::Hermes, &[HERMES]);
    for kind in KINDS {
        let response = search(&sandbox, kind, None, 0).await;
        assert_eq!(cities(&response), [r#"{"city": "Oslo"}"#]);
        let best = &response.answers[0];
        assert_eq!((text(best), best.reward), (HERMES, Some(LIKED)));
        assert_eq!(best.content, "I will look it up.\n\nJust a moment.");
    }
}

#[tokio::test]
async fn text_alone_makes_no_call() {
    let sandbox = sandbox(AnswerLayout::Hermes, &["Hello! How can I help?"]);
    for choice in [None, no_call()] {
        let response = search(&sandbox, StrategyKind::FineGrainedBeam, choice, 0).await;
        let best = &response.answers[0];
        assert_eq!((best.calls.len(), best.content.as_str()), (0, "Hello! How can I help?"));
    }
    // An open block is no answer.
    let open = self::sandbox(AnswerLayout::Hermes, &["<tool_call>\n{\"name\": \"get_weather\""]);
    let response = search(&open, StrategyKind::FineGrainedBeam, None, 0).await;
    assert_eq!(response.stop_reason(), StopReason::NoValidAnswer);
    let dropped = response.usage.and_then(|usage| usage.dropped).expect("told");
    assert!(dropped.ended > 0, "{dropped:?}");
}

#[tokio::test]
async fn where_no_call_may_be_made_a_list_costs_no_policy_token() {
    let sandbox = sandbox(AnswerLayout::JsonList, &[RIGHT]);
    for kind in KINDS {
        let mut asked = SearchRequest {
            strategy: Some(Strategy { kind: kind.into(), ..Strategy::default() }),
            tool_choice: Some(ToolChoice { choice: no_call() }),
            max_calls: 3,
            ..request()
        };
        // Tools may be left out.
        asked.prompt.as_mut().expect("a prompt").tools.clear();
        let response = sandbox.search(asked).await.expect("a response");
        assert_eq!(response.stop_reason(), StopReason::Finished);
        let best = &response.answers[0];
        assert_eq!((text(best), best.reward, best.steps.len()), ("[]", Some(LIKED), 1));
        let fingerprints = response.model_fingerprints.expect("told");
        assert_eq!((&*fingerprints.policy, &*fingerprints.scorer), ("", "scorer-1"));
    }
    assert_eq!((sandbox.policy.get().calls, sandbox.scorer.get().calls), (0, 2));
}

#[tokio::test]
async fn where_no_call_may_be_made_blocks_are_dropped() {
    let sandbox = sandbox(AnswerLayout::Hermes, &[BLOCKS, "Hello!"]);
    let response = search(&sandbox, StrategyKind::FineGrainedBeam, no_call(), 0).await;
    assert_eq!(response.answers[0].content, "Hello!");
    let dropped = response.usage.and_then(|usage| usage.dropped).expect("told");
    assert_eq!(dropped.not_allowed, 8);
}

#[tokio::test]
async fn dictated_text_begins_the_answer() {
    for kind in KINDS {
        for (layout, answers, expected) in [
            (AnswerLayout::JsonList, ["[]", RIGHT], RIGHT),
            (AnswerLayout::Hermes, ["Hello", BLOCKS], BLOCKS),
        ] {
            let sandbox = sandbox(layout, &answers);
            for choice in [required(), named()] {
                let response = search(&sandbox, kind, choice.clone(), 0).await;
                let best = &response.answers[0];
                assert_eq!(text(best), expected, "{choice:?}");
                let name = best.steps[0].step.clone().expect("a step").name;
                assert_eq!((name.as_str(), best.steps[0].reward), ("get_weather", Some(LIKED)));
            }
        }
    }
    // Where the policy decides, it says nothing.
    let sandbox = sandbox(AnswerLayout::JsonList, &["[]", RIGHT]);
    assert_eq!(text(&search(&sandbox, StrategyKind::Greedy, None, 0).await.answers[0]), "[]");
}

#[tokio::test]
async fn every_call_is_of_the_named_function() {
    let other = "[{\"name\": \"get_weather\", \"arguments\": {}}, {\"name\": \"wrong\", \"arguments\": {}}]";
    let sandbox = sandbox(AnswerLayout::JsonList, &[other, WRONG]);
    let response = search(&sandbox, StrategyKind::FineGrainedBeam, named(), 0).await;
    assert_eq!(text(&response.answers[0]), WRONG);
    let dropped = response.usage.and_then(|usage| usage.dropped).expect("told");
    assert!(dropped.not_allowed > 0, "{dropped:?}");
}

#[tokio::test]
async fn answers_are_closed_behind_their_last_call() {
    for kind in KINDS {
        for (layout, answer) in [(AnswerLayout::JsonList, TWO), (AnswerLayout::Hermes, BLOCKS)] {
            let sandbox = sandbox(layout, &[answer]);
            for choice in [None, required(), named()] {
                let (oslo, bergen) = (r#"{"city": "Oslo"}"#, r#"{"city": "Bergen"}"#);
                let one = search(&sandbox, kind, choice.clone(), 1).await;
                assert_eq!(cities(&one), [oslo], "{layout:?} {choice:?}");
                assert!(text(&one.answers[0]).ends_with(['>', ']']), "{layout:?} {choice:?}");
                for most in [0, 2, 3] {
                    assert_eq!(cities(&search(&sandbox, kind, choice.clone(), most).await), [oslo, bergen]);
                }
            }
        }
    }
}
