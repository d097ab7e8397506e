//! What requests cost, counted: computed, found, shared and distinct tokens.

mod support;

use support::{Endless, config, folder};
use toolbeam_lm::{
    Continuation, GenerateEvent, GenerateRequest, GenerateUsage, ModelFiles, ModelHandle, Prompt,
    ReadRequest, ReadSequence, ReadUsage, Runtime, Sampling, Verdict, Watch,
};

const GREEDY: Sampling = Sampling { temperature: 0.0, top_p: 1.0, top_k: 0 };
const WILD: Sampling = Sampling { temperature: 1.5, top_p: 1.0, top_k: 0 };

fn load() -> ModelHandle {
    Runtime::start(config(), vec![ModelFiles::Folder(folder("policy"))]).expect("it loads").remove(0)
}

fn prompt(length: u32, salt: u32) -> Prompt {
    Prompt::new((0..length).map(|token| 300 + (token * 37 + salt * 101) % 5000).collect())
}

/// A prompt that the model, drawing greedily, goes on from by six tokens. Leaves nothing.
async fn lengthy(model: &ModelHandle, length: u32) -> Prompt {
    for salt in 0..200 {
        let beams: Vec<(Vec<u32>, Box<dyn Watch>)> = vec![(Vec::new(), Box::new(After(6)))];
        let request = GenerateRequest { beams, ..ask("", &prompt(length, salt), &[], GREEDY) };
        let (found, _) = generate(model, request).await;
        if found[0].token_ids.len() == 6 {
            model.forget_all().expect("accepted");
            return prompt(length, salt);
        }
    }
    panic!("the model ends its turn after every prompt");
}

/// Stops after some tokens, so that the answer is kept for whoever continues it.
struct After(u32);

impl Watch for After {
    fn push(&mut self, _: u32, _: &[u8]) -> Verdict {
        self.0 -= 1;
        if self.0 == 0 { Verdict::Stop } else { Verdict::Continue }
    }

    fn fork(&self) -> Box<dyn Watch> {
        Box::new(After(self.0))
    }
}

/// Four expansions of three tokens each of an answer.
fn ask(owner: &str, prompt: &Prompt, answer: &[u32], sampling: Sampling) -> GenerateRequest {
    GenerateRequest {
        owner: owner.into(),
        prompt: prompt.clone(),
        beams: vec![(answer.to_vec(), Box::new(After(3)))],
        first_expansion: 0,
        expansions: 4,
        most_probable: false,
        sampling,
        seed: 5,
        max_tokens: 100,
        deterministic: false,
    }
}

async fn generate(model: &ModelHandle, request: GenerateRequest) -> (Vec<Continuation>, GenerateUsage) {
    let mut events = model.generate(request).expect("accepted");
    let mut found = Vec::new();
    loop {
        match events.recv().await.expect("the last event says that it is the last") {
            GenerateEvent::Continuation(continuation) => found.push(continuation),
            GenerateEvent::Done(usage) => return (found, usage),
            GenerateEvent::Failed(error) => panic!("{error}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_counts_every_token_once() {
    let model = load();
    let prompt = lengthy(&model, 50).await;
    let (first, usage) = generate(&model, ask("search", &prompt, &[], GREEDY)).await;
    let answer = &first[0].token_ids;
    // The prompt's last token and two drawn ones are computed; the third is only drawn.
    let expected = GenerateUsage {
        prompt_tokens: 49,
        cached_prompt_tokens: 0,
        decode_tokens: 3,
        cached_answer_tokens: 0,
        sampled_tokens: 12,
        shared_rows: 9,
        distinct_tokens: 53,
    };
    assert_eq!(usage, expected);
    // What continues the answer computes its last token, and finds the others.
    let (_, usage) = generate(&model, ask("search", &prompt, answer, GREEDY)).await;
    let expected = GenerateUsage {
        prompt_tokens: 0,
        cached_prompt_tokens: 49,
        decode_tokens: 3,
        cached_answer_tokens: 3,
        sampled_tokens: 12,
        shared_rows: 9,
        distinct_tokens: 3,
    };
    assert_eq!(usage, expected);
    // Another search finds the prompt, and counts its own distinct tokens.
    let (_, usage) = generate(&model, ask("another", &prompt, answer, GREEDY)).await;
    assert_eq!((usage.cached_prompt_tokens, usage.distinct_tokens), (49, 56));
    // So does one that was forgotten.
    model.forget("search").expect("accepted");
    let (_, usage) = generate(&model, ask("search", &prompt, answer, GREEDY)).await;
    assert_eq!(usage.distinct_tokens, 56);
}

#[tokio::test(flavor = "multi_thread")]
async fn draws_that_differ_are_rows_and_nodes() {
    let (found, usage) = generate(&load(), ask("search", &prompt(50, 0), &[], WILD)).await;
    let mut nodes: Vec<&[u32]> =
        found.iter().flat_map(|c| (1..=c.token_ids.len()).map(|length| &c.token_ids[..length])).collect();
    nodes.sort_unstable();
    nodes.dedup();
    assert!(found.len() > 1 && found.iter().all(|c| c.token_ids.len() == 3), "{found:?}");
    assert_eq!((usage.sampled_tokens, usage.distinct_tokens), (12, 50 + nodes.len() as u64));
    let inner = nodes.iter().filter(|node| node.len() < 3).count() as u64;
    assert_eq!((usage.decode_tokens, usage.shared_rows), (1 + inner, 12 - 1 - inner));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stretch_that_two_miss_counts_for_one() {
    let model = load();
    let prompt = lengthy(&model, 700).await;
    let ask = |owner: &str| ask(owner, &prompt, &[], GREEDY);
    let ((_, one), (_, two)) = tokio::join!(generate(&model, ask("one")), generate(&model, ask("two")));
    assert_eq!(one.prompt_tokens + two.prompt_tokens, 699, "{one:?} {two:?}");
    assert_eq!(one.cached_prompt_tokens + two.cached_prompt_tokens, 699, "{one:?} {two:?}");
    assert_eq!((one.distinct_tokens, two.distinct_tokens), (703, 703));
}

/// The one who began to compute a prompt goes; the other computes the rest, and counts it.
#[tokio::test(flavor = "multi_thread")]
async fn what_another_left_behind_counts_for_who_computes_it() {
    let model = load();
    let long = |owner: &str| ask(owner, &prompt(2000, 0), &[], GREEDY);
    let goes = GenerateRequest { beams: vec![(Vec::new(), Box::new(Endless))], ..long("goes") };
    let goes = model.generate(goes).expect("accepted");
    let mut stays = model.generate(long("stays")).expect("accepted");
    drop(goes);
    let usage = loop {
        match stays.recv().await.expect("the last event says that it is the last") {
            GenerateEvent::Continuation(_) => {}
            GenerateEvent::Done(usage) => break usage,
            GenerateEvent::Failed(error) => panic!("{error}"),
        }
    };
    // The other had at most the passes before the next step.
    assert!(usage.prompt_tokens >= 1999 - 2 * 512, "{usage:?}");
    assert_eq!(usage.prompt_tokens + usage.cached_prompt_tokens, 1999, "{usage:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn deterministic_requests_show_what_they_cost() {
    let model = load();
    let prompt = lengthy(&model, 50).await;
    let ask = || GenerateRequest { deterministic: true, ..ask("search", &prompt, &[], GREEDY) };
    let (first, again) = (generate(&model, ask()).await.1, generate(&model, ask()).await.1);
    assert_eq!((first.prompt_tokens, first.decode_tokens, first.distinct_tokens), (49, 3, 53));
    assert_eq!((again.cached_prompt_tokens, again.decode_tokens, again.distinct_tokens), (49, 3, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_read_again_is_computed_again() {
    let model = load();
    // Ten tokens in common, two apart.
    let sequence =
        |last: u32| ReadSequence { tokens: (400..410).chain([last, last]).collect(), positions: vec![11] };
    let ask = || ReadRequest {
        owner: "search".into(),
        prompt: prompt(50, 0),
        sequences: vec![sequence(500), sequence(600)],
        ids: vec![1, 2],
        deterministic: false,
    };
    let usage = model.read(ask()).await.expect("reads").usage;
    // The prompt's last token counts among those behind it: 1 + 10 + 2 + 2.
    let expected =
        ReadUsage { prompt_tokens: 49, cached_tokens: 11, computed_tokens: 15, distinct_tokens: 64 };
    assert_eq!(usage, expected);
    // The logits are wanted anew, and with them their tokens.
    let usage = model.read(ask()).await.expect("reads").usage;
    let expected =
        ReadUsage { prompt_tokens: 0, cached_tokens: 49 + 24, computed_tokens: 2, distinct_tokens: 0 };
    assert_eq!(usage, expected);
}
