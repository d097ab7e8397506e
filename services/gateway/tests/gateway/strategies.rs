//! Every strategy over gRPC, how far its answers can be trusted, and when it abstains.

use tonic::Code;
use toolbeam_proto::v1::{
    Limits, RewardKind, SearchRequest, SearchResponse, StopReason, Strategy, StrategyKind,
};

use crate::sandbox::{RIGHT, Setup, WRONG, request};
use crate::scorer::{DISLIKED, LIKED};

fn by(kind: StrategyKind) -> SearchRequest {
    let strategy = Strategy { kind: kind.into(), ..Strategy::default() };
    SearchRequest { strategy: Some(strategy), trace: true, ..request() }
}

async fn search(setup: Setup, asked: SearchRequest) -> SearchResponse {
    setup.start().search(asked).await.expect("a response")
}

#[tokio::test]
async fn rewards_decide_in_all_that_use_them() {
    use StrategyKind::{Adaptive, BestOfN, DiverseBeam, FineGrainedBeam};
    for kind in [BestOfN, FineGrainedBeam, DiverseBeam, Adaptive] {
        // The policy prefers what is wrong.
        let response = search(Setup::writing(&[WRONG, WRONG, RIGHT]), by(kind)).await;
        assert_eq!(response.stop_reason(), StopReason::Finished, "{kind:?}");
        let best = &response.answers[0];
        assert_eq!((best.text.as_slice(), best.reward), (RIGHT.as_bytes(), Some(LIKED)), "{kind:?}");
        assert_eq!(
            (best.confidence, best.call_confidence.as_slice()),
            (Some(LIKED), &[LIKED][..]),
            "{kind:?}"
        );
    }
}

#[tokio::test]
async fn votes_decide_and_the_reward_is_told() {
    let sandbox = Setup::writing(&[WRONG, WRONG, RIGHT, WRONG]).start();
    let response = sandbox.search(by(StrategyKind::Majority)).await.expect("a response");
    let best = &response.answers[0];
    assert_eq!((best.text.as_slice(), best.reward), (WRONG.as_bytes(), Some(DISLIKED)));
    assert_eq!((best.count, best.confidence), (12, Some(0.75)), "of sixteen samples");
    assert_eq!(sandbox.scorer.get().calls, 1, "only what is returned is judged");
    let unjudged = response.rounds.iter().flat_map(|round| &round.candidates);
    assert!(unjudged.clone().count() > 0 && unjudged.clone().all(|it| it.reward.is_none()));
}

#[tokio::test]
async fn beams_over_tokens_ask_for_the_most_probable_one_by_one() {
    let sandbox = Setup::writing(&[RIGHT, WRONG]).start();
    let response = sandbox.search(by(StrategyKind::TokenBeam)).await.expect("a response");
    assert_eq!(response.stop_reason(), StopReason::Finished);
    assert!(response.answers[0].reward.is_some());
    assert_eq!(sandbox.scorer.get().calls, 1, "only what is returned is judged");
}

#[tokio::test]
async fn where_all_agree_the_scorer_is_asked_once() {
    let sandbox = Setup::writing(&[RIGHT]).start();
    let response = sandbox.search(by(StrategyKind::Adaptive)).await.expect("a response");
    assert_eq!(response.answers[0].text, RIGHT.as_bytes());
    assert!(response.answers[0].steps.iter().all(|step| step.reward == Some(LIKED)));
    assert_eq!(sandbox.scorer.get().calls, 1);
    // Four draws of each of the steps, and no more.
    let usage = response.usage.expect("told");
    assert_eq!(usage.expansions, u64::from(4 * usage.rounds));
}

#[tokio::test]
async fn who_demands_more_than_there_is_gets_candidates() {
    let check = async |kind: StrategyKind, abstain_below: f32, expected: bool| {
        let asked = SearchRequest { abstain_below: Some(abstain_below), ..by(kind) };
        let response = search(Setup::writing(&[WRONG, WRONG, RIGHT, WRONG]), asked).await;
        assert_eq!((response.abstained, response.answers.len()), (expected, 1), "{kind:?} {abstain_below}");
    };
    check(StrategyKind::FineGrainedBeam, 0.95, true).await;
    check(StrategyKind::FineGrainedBeam, LIKED, false).await;
    check(StrategyKind::Majority, 0.8, true).await;
    check(StrategyKind::Majority, 0.75, false).await;
    check(StrategyKind::Greedy, 0.5, true).await;
    check(StrategyKind::Greedy, 0.0, false).await;
}

#[tokio::test]
async fn rewards_that_are_no_probabilities_are_no_confidence() {
    let scalar = || {
        let mut setup = Setup::writing(&[RIGHT]);
        setup.scorer.kind = RewardKind::Toolrm;
        setup
    };
    let response = search(scalar(), by(StrategyKind::BestOfN)).await;
    let best = &response.answers[0];
    assert_eq!((best.reward, best.confidence), (Some(LIKED), None));
    assert!(best.call_confidence.is_empty());
    let demanding = |kind| SearchRequest { abstain_below: Some(0.5), ..by(kind) };
    let status = scalar().start().search(demanding(StrategyKind::BestOfN)).await.expect_err("refused");
    assert_eq!(status.code(), Code::FailedPrecondition, "{status:?}");
    let response = search(scalar(), demanding(StrategyKind::Majority)).await;
    assert_eq!((response.answers[0].confidence, response.abstained), (Some(1.0), false));
}

#[tokio::test]
async fn a_traced_response_carries_the_request_that_was_carried_out() {
    let sandbox = Setup::writing(&[WRONG, RIGHT]).start();
    let limits = Some(Limits { max_rounds: 9, ..Limits::default() });
    let asked = SearchRequest { limits, seed: 7, search_id: "kept".into(), ..by(StrategyKind::Adaptive) };
    let first = sandbox.search(asked.clone()).await.expect("a response");
    let kept = first.request.clone().expect("it was traced");
    let strategy = kept.strategy.unwrap_or_default();
    assert_eq!((strategy.num_beams, strategy.probe_expansions), (Some(4), Some(4)), "defaults are filled in");
    let limits = kept.limits.unwrap_or_default();
    assert!(limits.max_rounds == 9 && limits.max_policy_tokens > 0 && limits.max_duration.is_some());
    assert_eq!((kept.search_id.as_str(), &kept.prompt, kept.seed), ("", &asked.prompt, 7));
    let again = sandbox.search(kept).await.expect("a response");
    assert_eq!((again.answers, again.rounds, again.request), (first.answers, first.rounds, first.request));
    let untraced = SearchRequest { trace: false, ..asked };
    assert_eq!(sandbox.search(untraced).await.expect("a response").request, None);
}
