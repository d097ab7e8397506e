//! Reading and checking an expand request.

use llguidance::Matcher;
use toolbeam_grammar::Layout;
use toolbeam_lm::{GenerateRequest, ModelInfo, Prompt, Sampling, Watch};
use toolbeam_proto::v1;
use toolbeam_serve::{Violation, check_search_id};

use crate::PolicyError;
use crate::constraint::Degree;
use crate::repetition::Repetition;
use crate::watch::{AnswerWatch, Stop};

/// As many as the root of the largest search gets: N x M.
const MAX_EXPANSIONS: u32 = 64 * 256;
const MAX_BEAMS: usize = 1024;
const DEFAULT_MAX_REPETITION_TOKENS: u32 = 64;

/// Everything about a request that can be checked without its prompt.
pub(crate) struct Checked {
    sampling: Sampling,
    stop: Stop,
    max_tokens: usize,
    repetition: Repetition,
    /// How far continuations are held to something; `None` is not at all.
    pub(crate) degree: Option<Degree>,
    /// Whether syntax will do where schemas cannot be had.
    pub(crate) falls_back: bool,
}

/// Checks a request's own fields.
///
/// # Errors
/// [`PolicyError::Invalid`] with every wrong field.
pub(crate) fn check(request: &v1::ExpandRequest, most_tokens: u32) -> Result<Checked, PolicyError> {
    let mut wrong: Vec<Violation> = check_search_id(&request.search_id).err().into_iter().collect();
    let mut refuse = |field: &str, description: String| {
        wrong.push(Violation { field: field.to_owned(), description });
    };
    if request.beams.is_empty() || request.beams.len() > MAX_BEAMS {
        refuse("beams", format!("{} given; give 1 to {MAX_BEAMS}", request.beams.len()));
    }
    if request.expansions_per_beam == 0 || request.expansions_per_beam > MAX_EXPANSIONS {
        let description = format!("is {}; must be 1 to {MAX_EXPANSIONS}", request.expansions_per_beam);
        refuse("expansions_per_beam", description);
    }
    let end = request.first_expansion.saturating_add(request.expansions_per_beam);
    if request.first_expansion > 0 && end > MAX_EXPANSIONS {
        let most = MAX_EXPANSIONS.saturating_sub(request.expansions_per_beam);
        refuse("first_expansion", format!("is {}; must be 0 to {most}", request.first_expansion));
    }
    if request.max_tokens > most_tokens {
        refuse("max_tokens", format!("is {}; this service's limit is {most_tokens}", request.max_tokens));
    }
    let given = request.sampling.unwrap_or_default();
    let temperature = given.temperature.unwrap_or(1.0);
    if !temperature.is_finite() || temperature < 0.0 {
        refuse("sampling.temperature", format!("is {temperature}; must be finite and not negative"));
    }
    let top_p = given.top_p.unwrap_or(1.0);
    if !(top_p > 0.0 && top_p <= 1.0) {
        refuse("sampling.top_p", format!("is {top_p}; must be above 0 and at most 1"));
    }
    if v1::Constraint::try_from(request.constraint).is_err() {
        refuse("constraint", "is not a known constraint".into());
    }
    let stop = match v1::StopAt::try_from(request.stop_at) {
        Ok(v1::StopAt::Unspecified | v1::StopAt::Step) => Stop::Step,
        Ok(v1::StopAt::Answer) => Stop::Answer,
        Err(_) => {
            refuse("stop_at", "is not a known place".into());
            Stop::Step
        }
    };
    if !wrong.is_empty() {
        return Err(PolicyError::Invalid(wrong));
    }
    let degree = match request.constraint() {
        v1::Constraint::Unspecified | v1::Constraint::Off => None,
        v1::Constraint::Syntax => Some(Degree::Syntax),
        v1::Constraint::Schema => Some(Degree::Schema),
    };
    let max_tokens = if request.max_tokens == 0 { most_tokens } else { request.max_tokens };
    let sampling =
        Sampling { temperature: f64::from(temperature), top_p: f64::from(top_p), top_k: given.top_k };
    let repetition =
        Repetition::at_most(given.max_repetition_tokens.unwrap_or(DEFAULT_MAX_REPETITION_TOKENS));
    let falls_back = request.constraint_fallback;
    Ok(Checked { sampling, stop, max_tokens: max_tokens as usize, repetition, degree, falls_back })
}

impl Checked {
    /// The runtime's request. `matcher` stands at the beginning of an answer.
    ///
    /// # Errors
    /// [`PolicyError::Invalid`] if a beam is malformed or complete, names unknown tokens, or is not what the
    /// matcher allows.
    pub(crate) fn generate(
        self,
        request: v1::ExpandRequest,
        prompt: Prompt,
        layout: Layout,
        info: &ModelInfo,
        matcher: Option<&Matcher>,
    ) -> Result<GenerateRequest, PolicyError> {
        let mut beams: Vec<(Vec<u32>, Box<dyn Watch>)> = Vec::with_capacity(request.beams.len());
        for (index, beam) in request.beams.into_iter().enumerate() {
            let (tokens, text) = tokens_and_text(beam, index, info)?;
            let watch = AnswerWatch::after(layout, &text, self.stop, self.repetition.clone())
                .ok_or_else(|| refuse_beam(index, "text", "is no unfinished answer of the model's layout"))?;
            let watch = match matcher {
                None => watch,
                Some(matcher) => {
                    let mut matcher = matcher.clone();
                    let unfit = |_| refuse_beam(index, "text", "is not what the constraint allows");
                    matcher.consume_tokens(&tokens).map_err(unfit)?;
                    watch.held_to(matcher)
                }
            };
            beams.push((tokens, Box::new(watch)));
        }
        Ok(GenerateRequest {
            owner: request.search_id,
            prompt,
            beams,
            first_expansion: request.first_expansion,
            expansions: request.expansions_per_beam,
            most_probable: request.most_probable,
            sampling: self.sampling,
            seed: request.seed,
            max_tokens: self.max_tokens,
            deterministic: request.deterministic,
        })
    }
}

/// A beam's tokens and bytes; what was dictated is encoded, and tokens that are given are never
/// re-tokenised.
fn tokens_and_text(
    beam: v1::PartialAnswer,
    index: usize,
    info: &ModelInfo,
) -> Result<(Vec<u32>, Vec<u8>), PolicyError> {
    let Some(dictated) = beam.text.get(..beam.dictated_bytes as usize) else {
        let description = format!("is {}, but text has {} bytes", beam.dictated_bytes, beam.text.len());
        return Err(refuse_beam(index, "dictated_bytes", &description));
    };
    let encode = |field: &str, text: &[u8]| -> Result<Vec<u32>, PolicyError> {
        let text = std::str::from_utf8(text).map_err(|_| refuse_beam(index, field, "is not UTF-8"))?;
        Ok(info.tokenizer.encode(text)?)
    };
    if beam.token_ids.is_empty() && dictated.is_empty() {
        return Ok((encode("text", &beam.text)?, beam.text));
    }
    let (mut tokens, mut text) = (encode("dictated_bytes", dictated)?, dictated.to_vec());
    for id in &beam.token_ids {
        let bytes = info.tokenizer.bytes(*id).ok_or_else(|| {
            refuse_beam(index, "token_ids", &format!("holds {id}, which is no token of text of this model"))
        })?;
        text.extend_from_slice(bytes);
    }
    tokens.extend(&beam.token_ids);
    if !beam.text.is_empty() && beam.text != text {
        let description = "is not what was dictated and the text of token_ids; give either, or both alike";
        return Err(refuse_beam(index, "text", description));
    }
    Ok((tokens, text))
}

fn refuse_beam(index: usize, field: &str, description: &str) -> PolicyError {
    let field = format!("beams[{index}].{field}");
    PolicyError::Invalid(vec![Violation { field, description: description.to_owned() }])
}
