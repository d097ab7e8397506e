//! Where two searches first go apart.

use toolbeam_client::v1;

/// The first difference of two responses with rounds, in the order in which things happened: models, rounds,
/// answers, why they stopped. Numbers that are at most `tolerance` apart are equal.
pub(crate) fn first_difference(
    then: &v1::SearchResponse,
    now: &v1::SearchResponse,
    tolerance: f64,
) -> Option<String> {
    let models = |it: &v1::SearchResponse| it.model_fingerprints.clone().unwrap_or_default();
    let (old, new) = (models(then), models(now));
    same("policy's fingerprint", &old.policy, &new.policy)
        .or_else(|| same("reward model's fingerprint", &old.scorer, &new.scorer))
        .or_else(|| each("round", &then.rounds, &now.rounds, |a, b| round(a, b, tolerance)))
        .or_else(|| same("stop reason", &then.stop_reason().as_str_name(), &now.stop_reason().as_str_name()))
        .or_else(|| each("answer", &then.answers, &now.answers, |a, b| answer(a, b, tolerance)))
}

fn round(then: &v1::RoundTrace, now: &v1::RoundTrace, tolerance: f64) -> Option<String> {
    each("candidate", &then.candidates, &now.candidates, |a, b| {
        same("text", &text(&a.text), &text(&b.text))
            .or_else(|| same("parent", &a.parent, &b.parent))
            .or_else(|| same("count", &a.count, &b.count))
            .or_else(|| near("reward", a.reward, b.reward, tolerance))
            .or_else(|| same("fate", &a.fate().as_str_name(), &b.fate().as_str_name()))
    })
}

fn answer(then: &v1::Answer, now: &v1::Answer, tolerance: f64) -> Option<String> {
    let probability = |it: &v1::Answer| Some(it.log_probability as f32);
    same("text", &text(&then.text), &text(&now.text))
        .or_else(|| same("count", &then.count, &now.count))
        .or_else(|| near("reward", then.reward, now.reward, tolerance))
        .or_else(|| near("log-probability", probability(then), probability(now), tolerance))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The first of two lists' entries that differ, counted from 1, or their lengths.
fn each<T>(
    what: &str,
    then: &[T],
    now: &[T],
    difference: impl Fn(&T, &T) -> Option<String>,
) -> Option<String> {
    let mut pairs = then.iter().zip(now).enumerate();
    let found = pairs.find_map(|(at, (a, b))| Some(format!("{what} {}, {}", at + 1, difference(a, b)?)));
    found.or_else(|| same(&format!("number of {what}s"), &then.len(), &now.len()))
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, then: &T, now: &T) -> Option<String> {
    (then != now).then(|| format!("{what}: {then:?} then, {now:?} now"))
}

fn near(what: &str, then: Option<f32>, now: Option<f32>, tolerance: f64) -> Option<String> {
    match (then, now) {
        (Some(a), Some(b)) if (f64::from(a) - f64::from(b)).abs() <= tolerance => None,
        _ => same(what, &then, &now),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_is_told_with_its_place() {
        let candidate = |text: &str, reward| v1::CandidateTrace {
            text: text.into(),
            reward: Some(reward),
            ..Default::default()
        };
        let search = |rewards: &[f32], answers: usize| v1::SearchResponse {
            rounds: vec![v1::RoundTrace {
                round: 1,
                candidates: rewards.iter().map(|reward| candidate("a", *reward)).collect(),
            }],
            answers: vec![v1::Answer::default(); answers],
            ..Default::default()
        };
        let check = |then: &[f32], now: &[f32], answers, tolerance, expected: Option<&str>| {
            let found = first_difference(&search(then, 1), &search(now, answers), tolerance);
            assert_eq!(found.as_deref(), expected);
        };
        check(&[0.5, 0.25], &[0.5, 0.25], 1, 0.0, None);
        check(
            &[0.5, 0.25],
            &[0.5, 0.5],
            1,
            0.0,
            Some("round 1, candidate 2, reward: Some(0.25) then, Some(0.5) now"),
        );
        check(&[0.5, 0.25], &[0.5, 0.5], 1, 0.25, None);
        check(&[0.5], &[0.5, 0.5], 1, 0.0, Some("round 1, number of candidates: 1 then, 2 now"));
        check(&[0.5], &[0.5], 2, 0.0, Some("number of answers: 1 then, 2 now"));
        let other = v1::SearchResponse {
            model_fingerprints: Some(v1::ModelFingerprints { policy: "b".into(), ..Default::default() }),
            ..search(&[0.1], 1)
        };
        let found = first_difference(&search(&[0.5], 1), &other, 0.0);
        assert_eq!(found.as_deref(), Some("policy's fingerprint: \"\" then, \"b\" now"));
    }
}
