//! Requests that are refused before any work is spent, by code and field.

use prost_types::Duration;
use tonic::Code;
use toolbeam_proto::v1::tool_choice::{Choice, Required};
use toolbeam_proto::v1::{
    Constraint, FunctionCall, Limits, Message, Prompt, Role, Sampling, SearchRequest, Strategy, StrategyKind,
    Tool, ToolChoice,
};
use toolbeam_serve::violations;

use crate::sandbox::{RIGHT, Sandbox, Setup, request};

/// The request with one thing changed is refused with this code; INVALID_ARGUMENT
/// names exactly these fields.
async fn check(sandbox: &Sandbox, change: impl FnOnce(&mut SearchRequest), code: Code, fields: &[&str]) {
    let mut changed = request();
    change(&mut changed);
    let status = sandbox.search(changed).await.expect_err("it is refused");
    assert_eq!(status.code(), code, "{fields:?}: {status:?}");
    let named: Vec<String> = violations(&status).into_iter().map(|violation| violation.field).collect();
    assert_eq!(named, fields, "{status:?}");
    assert!(!status.message().is_empty());
}

fn prompt(request: &mut SearchRequest) -> &mut Prompt {
    request.prompt.as_mut().expect("the request has one")
}

fn message(role: Role, content: &str) -> Message {
    Message { role: role.into(), content: content.to_owned(), ..Message::default() }
}

#[tokio::test]
async fn prompts_are_checked() {
    let sandbox = Setup::writing(&[RIGHT]).start();
    let invalid = async |change: fn(&mut SearchRequest), fields: &[&str]| {
        check(&sandbox, change, Code::InvalidArgument, fields).await;
    };
    invalid(|request| request.search_id = "x".repeat(129), &["search_id"]).await;
    invalid(|request| request.search_id = "a\nb".to_owned(), &["search_id"]).await;
    invalid(|request| request.prompt = None, &["prompt"]).await;
    invalid(|request| prompt(request).messages.clear(), &["prompt.messages"]).await;
    invalid(|request| prompt(request).messages[0].role = 0, &["prompt.messages[0].role"]).await;
    invalid(|request| prompt(request).messages[0].role = 77, &["prompt.messages[0].role"]).await;
    for role in [Role::System, Role::User, Role::Assistant] {
        let change = |request: &mut SearchRequest| {
            prompt(request).messages.insert(0, message(role, ""));
        };
        check(&sandbox, change, Code::InvalidArgument, &["prompt.messages[0].content"]).await;
    }
    invalid(
        |request| {
            let call = FunctionCall { arguments: "{".to_owned(), ..FunctionCall::default() };
            let turn = message(Role::Assistant, "");
            prompt(request).messages.push(Message { tool_calls: vec![call], ..turn });
        },
        &["prompt.messages[1].tool_calls[0].name", "prompt.messages[1].tool_calls[0].arguments"],
    )
    .await;
    invalid(
        |request| {
            let call =
                FunctionCall { name: "f".to_owned(), arguments: "[]".to_owned(), ..Default::default() };
            let turn = &mut prompt(request).messages[0];
            turn.tool_calls.push(call);
            turn.tool_call_id = "1".to_owned();
            turn.name = "f".to_owned();
        },
        &[
            "prompt.messages[0].tool_calls",
            "prompt.messages[0].tool_call_id",
            "prompt.messages[0].name",
            "prompt.messages[0].tool_calls[0].arguments",
        ],
    )
    .await;
    invalid(|request| prompt(request).tools.clear(), &["prompt.tools"]).await;
    invalid(|request| prompt(request).tools[0].name.clear(), &["prompt.tools[0].name"]).await;
    invalid(
        |request| {
            let tools = &mut prompt(request).tools;
            tools.push(tools[0].clone());
        },
        &["prompt.tools[1].name"],
    )
    .await;
    for parameters in ["{", "7", r#"{"type": "object", "properties": {"a": {"$ref": "http://x/y"}}}"#] {
        let change = |request: &mut SearchRequest| {
            let parameters = parameters.to_owned();
            prompt(request).tools.push(Tool { name: "g".to_owned(), parameters, ..Tool::default() });
        };
        check(&sandbox, change, Code::InvalidArgument, &["prompt.tools[1].parameters"]).await;
    }
    assert_eq!(sandbox.policy.get().calls, 0, "work was spent on a refused request");
}

#[tokio::test]
async fn settings_are_checked() {
    let sandbox = Setup::writing(&[RIGHT]).start();
    let strategy = async |strategy: Strategy, field: &str| {
        let change = |request: &mut SearchRequest| request.strategy = Some(strategy);
        check(&sandbox, change, Code::InvalidArgument, &[field]).await;
    };
    for num_beams in [0, 65, u32::MAX] {
        let num_beams = Some(num_beams);
        strategy(Strategy { num_beams, ..Strategy::default() }, "strategy.num_beams").await;
    }
    for expansions in [0, 257] {
        let expansions_per_beam = Some(expansions);
        let wrong = Strategy { expansions_per_beam, ..Strategy::default() };
        strategy(wrong, "strategy.expansions_per_beam").await;
    }
    for probe in [0, 257] {
        let wrong = Strategy { probe_expansions: Some(probe), ..Strategy::default() };
        strategy(wrong, "strategy.probe_expansions").await;
    }
    for share in [-0.1, 1.1, f32::NAN] {
        let weight = Strategy { log_probability_weight: Some(share), ..Strategy::default() };
        strategy(weight, "strategy.log_probability_weight").await;
        let margin = Strategy { reward_margin: Some(share), ..Strategy::default() };
        strategy(margin, "strategy.reward_margin").await;
        let change = |request: &mut SearchRequest| request.abstain_below = Some(share);
        check(&sandbox, change, Code::InvalidArgument, &["abstain_below"]).await;
    }
    let many = |kind: StrategyKind| Strategy {
        kind: kind.into(),
        num_beams: Some(64),
        expansions_per_beam: Some(17),
        ..Strategy::default()
    };
    for kind in [StrategyKind::Majority, StrategyKind::BestOfN] {
        strategy(many(kind), "strategy.expansions_per_beam").await;
    }
    strategy(Strategy { kind: 9, ..Strategy::default() }, "strategy.kind").await;
    strategy(Strategy { aggregation: -1, ..Strategy::default() }, "strategy.aggregation").await;
    strategy(Strategy { scope: 9, ..Strategy::default() }, "strategy.scope").await;

    let sampling = async |sampling: Sampling, field: &str| {
        let change = |request: &mut SearchRequest| request.sampling = Some(sampling);
        check(&sandbox, change, Code::InvalidArgument, &[field]).await;
    };
    for temperature in [-0.1, f32::NAN, f32::INFINITY] {
        let temperature = Some(temperature);
        sampling(Sampling { temperature, ..Sampling::default() }, "sampling.temperature").await;
    }
    for top_p in [0.0, -1.0, 1.1, f32::NAN] {
        sampling(Sampling { top_p: Some(top_p), ..Sampling::default() }, "sampling.top_p").await;
    }

    let invalid = async |change: fn(&mut SearchRequest), fields: &[&str]| {
        check(&sandbox, change, Code::InvalidArgument, fields).await;
    };
    invalid(|request| request.num_answers = Some(0), &["num_answers"]).await;
    invalid(|request| request.num_answers = Some(65), &["num_answers"]).await;
    invalid(|request| request.validation = 9, &["validation"]).await;
    invalid(|request| request.constraint = 9, &["constraint"]).await;
    invalid(|request| request.model = "another".to_owned(), &["model"]).await;
    for (seconds, nanos) in [(-1, 0), (0, -1), (1, -1), (1, i32::MAX), (i64::MIN, i32::MIN), (i64::MAX, -1)] {
        let change = |request: &mut SearchRequest| {
            let max_duration = Some(Duration { seconds, nanos });
            request.limits = Some(Limits { max_duration, ..Limits::default() });
        };
        check(&sandbox, change, Code::InvalidArgument, &["limits.max_duration"]).await;
    }
    let many = |request: &mut SearchRequest| {
        request.num_answers = Some(0);
        prompt(request).messages.clear();
        request.sampling = Some(Sampling { temperature: Some(-1.0), ..Sampling::default() });
    };
    invalid(many, &["prompt.messages", "num_answers", "sampling.temperature"]).await;

    let choice = async |choice: Choice, tools: bool, fields: &[&str]| {
        let change = |request: &mut SearchRequest| {
            request.tool_choice = Some(ToolChoice { choice: Some(choice) });
            if !tools {
                prompt(request).tools.clear();
            }
        };
        check(&sandbox, change, Code::InvalidArgument, fields).await;
    };
    for name in ["f", "", "get_weather "] {
        choice(Choice::Named(name.to_owned()), true, &["tool_choice.named"]).await;
    }
    choice(Choice::Named("f".to_owned()), false, &["prompt.tools", "tool_choice.named"]).await;
    choice(Choice::Required(Required {}), false, &["prompt.tools"]).await;

    check(&sandbox, |request| request.constraint = 9, Code::InvalidArgument, &["constraint"]).await;
    assert_eq!(sandbox.policy.get().calls, 0, "work was spent on a refused request");
}

#[tokio::test]
async fn legal_conversations_are_accepted() {
    let sandbox = Setup::writing(&[RIGHT]).start();
    let mut asked = request();
    let call = FunctionCall {
        name: "get_weather".to_owned(),
        arguments: r#"{"city": "Bergen"}"#.to_owned(),
        id: "call-1".to_owned(),
    };
    let calling = Message { tool_calls: vec![call], ..message(Role::Assistant, "") };
    let result = Message {
        tool_call_id: "call-1".to_owned(),
        name: "get_weather".to_owned(),
        ..message(Role::Tool, "")
    };
    prompt(&mut asked).messages.insert(0, message(Role::System, "Be brief."));
    prompt(&mut asked).messages.extend([calling, result, message(Role::User, "And in Oslo?")]);
    asked.model = "fake-policy".to_owned();
    asked.constraint = Constraint::Schema.into();
    asked.tool_choice = Some(ToolChoice { choice: None });
    let response = sandbox.search(asked).await.expect("a response");
    assert_eq!(response.answers.len(), 1);
}

#[tokio::test]
async fn a_message_above_the_limit_is_refused_with_the_remedy() {
    let sandbox = Setup::writing(&[RIGHT]).start();
    let mut asked = request();
    prompt(&mut asked).messages[0].content = "x".repeat(17 << 20);
    let status = sandbox.search(asked).await.expect_err("it is too large");
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    assert_eq!(violations(&status)[0].field, "request");
    assert!(status.message().contains("--max-message-bytes"), "{status:?}");
}
