//! Searches that go well.

use std::time::Duration;

use futures::future::join_all;
use toolbeam_proto::v1::{
    Fate, GetSearchModelsRequest, Limits, Marker, SearchRequest, SearchResponse, StopReason, Strategy,
    StrategyKind, Validation,
};

use crate::policy::PolicyScript;
use crate::sandbox::{RIGHT, Sandbox, Setup, WRONG, eventually, request};
use crate::scorer::{DISLIKED, LIKED};

fn greedy() -> SearchRequest {
    let kind = StrategyKind::Greedy.into();
    SearchRequest { strategy: Some(Strategy { kind, ..Strategy::default() }), ..request() }
}

/// The best answer as `name(arguments)` of each call.
fn best(response: &SearchResponse) -> Vec<String> {
    let calls = response.answers.first().map(|answer| &answer.calls[..]).unwrap_or_default();
    calls.iter().map(|call| format!("{}({})", call.name, call.arguments)).collect()
}

const BEST: &str = r#"get_weather({"city": "Oslo", "days": 2})"#;

#[tokio::test]
async fn the_liked_answer_wins_and_everything_is_told() {
    let sandbox = Setup::writing(&[WRONG, RIGHT]).start();
    let asked =
        SearchRequest { search_id: "weather".to_owned(), num_answers: Some(2), trace: true, ..request() };
    let response = sandbox.search(asked).await.expect("a response");

    assert_eq!(response.search_id, "weather");
    assert_eq!(response.stop_reason(), StopReason::Finished);
    assert_eq!(best(&response), [BEST]);
    let answer = &response.answers[0];
    assert_eq!(answer.text, RIGHT.as_bytes());
    assert_eq!(answer.reward, Some(LIKED));
    assert!(answer.log_probability < 0.0 && answer.count >= 1);
    let markers: Vec<Marker> =
        answer.steps.iter().filter_map(|judged| Some(judged.step.as_ref()?.marker())).collect();
    use Marker::{ArgValue, FuncFinish, FuncName, ParamFinish, TotalFinish};
    assert_eq!(markers, [FuncName, ArgValue, ArgValue, ParamFinish, FuncFinish, TotalFinish]);
    assert!(answer.steps.iter().all(|judged| judged.reward == Some(LIKED)), "{:?}", answer.steps);
    let days = answer.steps[2].step.clone().expect("a step");
    assert_eq!((days.key.as_str(), days.value.as_str()), ("days", "2"));

    let fingerprints = response.model_fingerprints.clone().expect("told");
    assert_eq!((&*fingerprints.policy, &*fingerprints.scorer), ("policy-1", "scorer-1"));
    let usage = response.usage.expect("told");
    let (policy, reward) = (usage.policy.expect("told"), usage.reward.expect("told"));
    assert!(policy.decode_tokens > 0 && policy.sampled_tokens > policy.decode_tokens);
    assert!(reward.answer_tokens > 0);
    assert!(policy.shared_rows > 0 && policy.cached_answer_tokens > 0);
    let computed = (policy.prompt_tokens + policy.decode_tokens) as f64;
    assert_eq!(usage.policy_waste_ratio, Some(computed / policy.distinct_tokens as f64));
    // The scripted scorer computes 17 tokens each time, and says that 16 are distinct.
    assert_eq!(usage.reward_waste_ratio, Some(17.0 / 16.0));
    assert!(usage.expansions >= 16 && usage.candidates >= 2 && usage.rounds >= 4, "{usage:?}");
    let time = |time: Option<prost_types::Duration>| Duration::try_from(time?).ok();
    assert!(time(usage.expand_time) <= time(usage.total_time), "{usage:?}");
    assert!(time(usage.score_time) > Some(Duration::ZERO), "{usage:?}");

    assert_eq!(response.rounds.len(), usage.rounds as usize);
    assert!(response.rounds.iter().zip(1..).all(|(round, number)| round.round == number));
    let candidates = || response.rounds.iter().flat_map(|round| &round.candidates);
    assert!(candidates().any(|candidate| candidate.fate() == Fate::Finished));
    let wrong = candidates().find(|candidate| candidate.text.ends_with(b"\"wrong\""));
    assert_eq!(wrong.expect("it was judged").reward, Some(DISLIKED));
}

#[tokio::test]
async fn prompts_travel_once_and_both_services_are_released() {
    let sandbox = Setup::writing(&[WRONG, RIGHT]).start();
    let asked = SearchRequest { search_id: "once".to_owned(), ..request() };
    sandbox.search(asked).await.expect("a response");
    for log in [&sandbox.policy, &sandbox.scorer] {
        let log = log.get();
        assert_eq!(log.inline, 1);
        assert!(log.by_digest >= 2, "{} by digest", log.by_digest);
    }
    for log in [&sandbox.policy, &sandbox.scorer] {
        eventually("the release", || log.get().released.len() == 1).await;
        assert!(log.get().released[0].starts_with("once/"), "{:?}", log.get().released);
    }
}

#[tokio::test]
async fn an_unknown_prompt_is_sent_again() {
    let mut setup = Setup::writing(&[WRONG, RIGHT]);
    (setup.policy.forgetful, setup.scorer.forgetful) = (true, true);
    let sandbox = setup.start();
    assert_eq!(best(&sandbox.search(request()).await.expect("a response")), [BEST]);
    for log in [&sandbox.policy, &sandbox.scorer] {
        let log = log.get();
        assert_eq!(log.by_digest, 0);
        assert!(log.inline >= 3, "{} inline", log.inline);
    }
}

#[tokio::test]
async fn greedy_reports_rewards() {
    let sandbox = Setup::writing(&[WRONG, RIGHT]).start();
    let response = sandbox.search(greedy()).await.expect("a response");
    assert_eq!(best(&response), [r#"get_weather({"city": "wrong", "days": 2})"#]);
    assert_eq!(response.answers[0].reward, Some(DISLIKED));
    assert_eq!(sandbox.scorer.get().calls, 1);
}

#[tokio::test]
async fn an_empty_answer_is_an_answer() {
    let sandbox = Setup::writing(&["[]"]).start();
    let response = sandbox.search(request()).await.expect("a response");
    assert_eq!(response.stop_reason(), StopReason::Finished);
    assert_eq!((response.answers.len(), response.answers[0].calls.len()), (1, 0));
}

#[tokio::test]
async fn no_valid_answer_is_a_normal_reply() {
    let check = async |text: &'static str, validation: Validation, counted: fn(&Counts) -> u64| {
        let sandbox = Setup::writing(&[text]).start();
        let asked = SearchRequest { validation: validation.into(), ..request() };
        let response = sandbox.search(asked).await.expect("a response");
        let usage = response.usage.expect("told");
        let dropped = usage.dropped.expect("told");
        assert!(counted(&dropped) > 0, "{text}: {dropped:?}");
        assert_eq!(response.stop_reason(), StopReason::NoValidAnswer, "{text}");
        assert!(response.answers.is_empty(), "{text}");
    };
    type Counts = toolbeam_proto::v1::DroppedExpansions;
    check("I cannot help.", Validation::Syntax, |dropped| dropped.invalid).await;
    check("[{\"name\": \"get_wea", Validation::Syntax, |dropped| dropped.ended).await;
    let unknown = r#"[{"name": "get_time", "arguments": {}}]"#;
    check(unknown, Validation::Schema, |dropped| dropped.schema_invalid).await;

    // What the schema forbids is an answer where only syntax counts.
    let sandbox = Setup::writing(&[unknown]).start();
    let asked = SearchRequest { validation: Validation::Syntax.into(), ..request() };
    assert_eq!(best(&sandbox.search(asked).await.expect("a response")), ["get_time({})"]);
}

#[tokio::test]
async fn limits_stop_a_search() {
    let sandbox = Setup::writing(&[RIGHT]).start();
    let limits = Limits { max_rounds: 2, ..Limits::default() };
    let response =
        sandbox.search(SearchRequest { limits: Some(limits), ..request() }).await.expect("a response");
    assert_eq!(response.usage.expect("told").rounds, 2);
    // Two rounds end inside the call.
    assert_eq!(response.stop_reason, i32::from(StopReason::NoValidAnswer));
}

#[tokio::test]
async fn what_is_complete_is_returned_at_the_deadline() {
    let mut setup = Setup::writing(&["[]", RIGHT]);
    setup.policy.delay = Duration::from_millis(150);
    let sandbox = setup.start();
    let response = sandbox.search_within(request(), Duration::from_millis(400)).await.expect("a response");
    assert_eq!(response.stop_reason(), StopReason::Deadline);
    assert_eq!(response.answers[0].text, b"[]");
}

#[tokio::test]
async fn many_search_side_by_side() {
    let mut setup = Setup::writing(&[WRONG, RIGHT]);
    setup.policy.delay = Duration::from_millis(5);
    let sandbox = setup.start();
    let searches = (0..64)
        .map(|index| sandbox.search(SearchRequest { search_id: format!("search {index}"), ..request() }));
    for (index, response) in join_all(searches).await.into_iter().enumerate() {
        let response = response.expect("a response");
        assert_eq!(response.search_id, format!("search {index}"));
        assert_eq!(best(&response), [BEST]);
    }
}

#[tokio::test]
async fn a_search_without_an_id_gets_one() {
    let sandbox = Setup::writing(&["[]"]).start();
    let ids = join_all((0..4).map(|_| async { id_of(&sandbox).await })).await;
    let distinct: std::collections::HashSet<_> = ids.iter().collect();
    assert!(distinct.len() == 4 && ids.iter().all(|id| !id.is_empty()), "{ids:?}");
}

async fn id_of(sandbox: &Sandbox) -> String {
    sandbox.search(request()).await.expect("a response").search_id
}

#[tokio::test]
async fn models_are_told() {
    let sandbox = Setup { policy: PolicyScript::writing(&["[]"]), ..Setup::writing(&[]) }.start();
    let mut client = sandbox.client.clone();
    let models = client.get_model_info(GetSearchModelsRequest {}).await.expect("both").into_inner();
    assert_eq!(models.policy.map(|info| info.model).as_deref(), Some("fake-policy"));
    assert_eq!(models.scorer.map(|info| info.model).as_deref(), Some("fake-scorer"));
}
