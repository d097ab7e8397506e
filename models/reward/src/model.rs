//! Judging answers.

use toolbeam_grammar::Step;
use toolbeam_lm::{ModelFiles, ModelHandle, Prompt, ReadRequest, ReadSequence, ReadUsage};

use crate::input::Readout;
use crate::{RewardError, RewardKind, RewardTokens};

/// A reward model that is loaded. Cheap to clone.
#[derive(Clone)]
pub struct RewardModel {
    handle: ModelHandle,
    tokens: RewardTokens,
}

/// Answers to be judged.
pub struct JudgedAnswers {
    /// Whose work it is.
    pub owner: String,
    /// The prompt, rendered by the reward model's own template.
    pub prompt: Prompt,
    /// Steps of each answer from its start, and the first whose reward is wanted.
    pub answers: Vec<(Vec<Step>, usize)>,
    /// Compute in fixed shapes, batched with nothing else.
    pub deterministic: bool,
}

/// Rewards.
#[derive(Clone, Debug)]
pub struct Judged {
    /// Per answer, per step from the first wanted one: in [0, 1], or `None` where the model is coarser, and
    /// throughout an answer that does not fit.
    pub rewards: Vec<Vec<Option<f32>>>,
    /// Per answer, whether it does not fit the model's context behind the prompt, so that nothing was read.
    pub over_context: Vec<bool>,
    /// What was computed.
    pub usage: ReadUsage,
}

impl RewardModel {
    /// A reward model over a loaded model and its folder.
    ///
    /// # Errors
    /// [`RewardError`] naming the file, if the folder is no reward model.
    pub fn new(handle: ModelHandle, files: &ModelFiles) -> Result<RewardModel, RewardError> {
        let tokens = RewardTokens::find(files, &handle.info().config, &handle.info().tokenizer)?;
        Ok(RewardModel { handle, tokens })
    }

    /// The loaded model.
    pub fn handle(&self) -> &ModelHandle {
        &self.handle
    }

    /// What it judges.
    pub fn kind(&self) -> RewardKind {
        self.tokens.kind
    }

    /// Computes rewards: one forward pass over what is not known yet of each answer.
    ///
    /// # Errors
    /// [`RewardError::Model`] if the prompt alone does not fit or the runtime fails.
    pub async fn judge(&self, request: JudgedAnswers) -> Result<Judged, RewardError> {
        let info = self.handle.info();
        let (tokenizer, context) = (&info.tokenizer, info.config.context_length);
        // A prompt that does not fit alone is refused below, with its length.
        let room = context.checked_sub(request.prompt.tokens.len() + 1);
        let mut over_context = Vec::with_capacity(request.answers.len());
        let mut wanted = Vec::with_capacity(request.answers.len());
        let mut sequences = Vec::with_capacity(request.answers.len());
        for (steps, first) in &request.answers {
            let input = self.tokens.input(tokenizer, steps)?;
            let mut markers = input.markers.get(*first..).unwrap_or_default().to_vec();
            over_context.push(room.is_some_and(|room| input.tokens.len() > room));
            if over_context.last() == Some(&true) {
                markers.fill(None);
                wanted.push(markers);
                continue;
            }
            let positions = markers.iter().flatten().copied().collect();
            sequences.push(ReadSequence { tokens: input.tokens, positions });
            wanted.push(markers);
        }
        if wanted.iter().flatten().all(Option::is_none) {
            let rewards = wanted.iter().map(|markers| vec![None; markers.len()]).collect();
            return Ok(Judged { rewards, over_context, usage: ReadUsage::default() });
        }
        let read = ReadRequest {
            owner: request.owner,
            prompt: request.prompt,
            sequences,
            ids: match self.tokens.readout {
                Readout::Labels { positive, negative } => vec![positive, negative],
                Readout::Scalar => vec![0],
            },
            deterministic: request.deterministic,
        };
        let reply = self.handle.read(read).await?;
        let mut read = reply.logits.iter();
        let given = request.answers.iter().zip(&wanted).zip(&over_context);
        let rewards = given.map(|(((steps, first), markers), over)| {
            let logits = if *over { None } else { read.next() };
            let mut logits = logits.into_iter().flatten();
            let steps = steps.iter().skip(*first).zip(markers);
            steps.map(|(step, at)| at.and_then(|_| Some(self.reward(step, logits.next()?)))).collect()
        });
        Ok(Judged { rewards: rewards.collect(), over_context, usage: reply.usage })
    }

    fn reward(&self, step: &Step, logits: &[f32]) -> f32 {
        reward(logits, self.tokens.calibration.at(step.marker().token()) as f32)
    }
}

/// p(+) from the logits of the positive and the negative label, divided by T: exp(s+) / (exp(s+) + exp(s-)); the
/// sigmoid of a number, which is the same with s- = 0.
fn reward(logits: &[f32], temperature: f32) -> f32 {
    let (positive, negative) = match logits {
        [positive, negative] => (positive, negative),
        [number] => (number, &0.0),
        _ => return f32::NAN,
    };
    1.0 / (1.0 + ((negative - positive) / temperature).exp())
}
