//! The cases of `toolbeam bench`: what is asked of the model, and what of it is timed.

use std::time::Instant;

use anyhow::{Error, Result};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use tokio::sync::mpsc::Receiver;
use toolbeam_lm::{
    GenerateEvent, GenerateRequest, LmError, ModelHandle, Prompt, ReadRequest, ReadSequence, Sampling,
    Verdict, Watch,
};

use super::{Case, Run, Shape};
use crate::exit::WrongFile;

/// A model under test.
pub(super) struct Bench {
    model: ModelHandle,
    shape: Shape,
    /// The tokens of which prompts are made: those that are text.
    text: Vec<u32>,
    random: StdRng,
}

impl Bench {
    pub(super) fn new(model: ModelHandle, shape: Shape, seed: u64) -> Result<Bench> {
        let tokenizer = &model.info().tokenizer;
        let ids = 0..tokenizer.size().min(model.info().config.vocab_size as usize) as u32;
        let text: Vec<u32> = ids.filter(|id| tokenizer.bytes(*id).is_some()).collect();
        if shape.case == Case::SharedPrompt && shape.batch > text.len() {
            let said = format!("--batch is {}, but only {} tokens differ", shape.batch, text.len());
            return Err(Error::msg(WrongFile(said)));
        }
        Ok(Bench { model, shape, text, random: StdRng::seed_from_u64(seed) })
    }

    /// Runs the case once with new prompts, of which nothing is left afterwards.
    pub(super) async fn measure(&mut self) -> Result<Run> {
        let (tokens, seconds) = match self.shape.case {
            Case::Decode => self.decode().await?,
            Case::SharedPrompt => self.shared_prompt().await?,
            Case::Prefill => self.prefill().await?,
        };
        self.model.forget_all()?;
        Ok(Run { tokens, seconds, tokens_per_second: tokens as f64 / seconds })
    }

    async fn decode(&mut self) -> Result<(usize, f64), LmError> {
        let Shape { batch, prompt_tokens, tokens, .. } = self.shape;
        let prompts: Vec<Prompt> =
            (0..batch).map(|_| Prompt::new(self.random_tokens(prompt_tokens))).collect();
        let requests = prompts.into_iter().map(|prompt| request(prompt, vec![Vec::new()], tokens));
        let requests: Vec<GenerateRequest> = requests.collect();
        let start = Instant::now();
        let all: Vec<_> = requests.into_iter().map(|it| self.model.generate(it)).collect::<Result<_, _>>()?;
        let mut decoded = 0;
        for events in all {
            decoded += count(events).await?;
        }
        Ok((decoded, start.elapsed().as_secs_f64()))
    }

    async fn shared_prompt(&mut self) -> Result<(usize, f64), LmError> {
        let Shape { batch, prompt_tokens, tokens, .. } = self.shape;
        let prompt = Prompt::new(self.random_tokens(prompt_tokens));
        let begin = request(prompt.clone(), vec![Vec::new()], 1);
        count(self.model.generate(begin)?).await?;
        let first = self.text.choose_multiple(&mut self.random, batch);
        let request = request(prompt, first.map(|token| vec![*token]).collect(), tokens);
        let start = Instant::now();
        let decoded = count(self.model.generate(request)?).await?;
        Ok((decoded, start.elapsed().as_secs_f64()))
    }

    async fn prefill(&mut self) -> Result<(usize, f64), LmError> {
        let Shape { batch, prompt_tokens, .. } = self.shape;
        let requests: Vec<ReadRequest> = (0..batch).map(|_| self.reading(prompt_tokens)).collect();
        let start = Instant::now();
        let running: Vec<_> = requests
            .into_iter()
            .map(|request| {
                let model = self.model.clone();
                tokio::spawn(async move { model.read(request).await })
            })
            .collect();
        for read in running {
            read.await.unwrap_or(Err(LmError::Stopped))?;
        }
        Ok((batch * prompt_tokens, start.elapsed().as_secs_f64()))
    }

    /// Asks for all logits after the last of so many new tokens.
    fn reading(&mut self, tokens: usize) -> ReadRequest {
        let mut prompt = self.random_tokens(tokens);
        // What is read are tokens behind a prompt.
        let last = prompt.split_off(prompt.len() - 1);
        ReadRequest {
            owner: String::new(),
            prompt: Prompt::new(prompt),
            sequences: vec![ReadSequence { tokens: last, positions: vec![0] }],
            ids: (0..self.model.info().config.vocab_size as u32).collect(),
            deterministic: false,
        }
    }

    fn random_tokens(&mut self, count: usize) -> Vec<u32> {
        (0..count).filter_map(|_| self.text.choose(&mut self.random).copied()).collect()
    }
}

/// Asks for the most probable continuation of each beam.
fn request(prompt: Prompt, beams: Vec<Vec<u32>>, max_tokens: usize) -> GenerateRequest {
    let watched = |tokens| -> (Vec<u32>, Box<dyn Watch>) { (tokens, Box::new(Endless)) };
    GenerateRequest {
        owner: String::new(),
        prompt,
        beams: beams.into_iter().map(watched).collect(),
        first_expansion: 0,
        expansions: 1,
        most_probable: false,
        sampling: Sampling::GREEDY,
        seed: 0,
        max_tokens,
        deterministic: false,
    }
}

/// How many tokens a request's continuations have, once all have ended.
async fn count(mut events: Receiver<GenerateEvent>) -> Result<usize, LmError> {
    let mut tokens = 0;
    loop {
        match events.recv().await.ok_or(LmError::Stopped)? {
            GenerateEvent::Continuation(continuation) => tokens += continuation.token_ids.len(),
            GenerateEvent::Done(_) => return Ok(tokens),
            GenerateEvent::Failed(error) => return Err(error),
        }
    }
}

/// Never stops a continuation.
struct Endless;

impl Watch for Endless {
    fn push(&mut self, _: u32, _: &[u8]) -> Verdict {
        Verdict::Continue
    }

    fn fork(&self) -> Box<dyn Watch> {
        Box::new(Endless)
    }
}
