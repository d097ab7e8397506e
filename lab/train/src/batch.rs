//! Rows of one length side by side, as tensors.

use tch::{Device, Kind, Tensor};

use crate::TrainError;
use crate::draws::Draws;
use crate::sequence::{Part, Sequence, Target};

/// Rows are filled up to a multiple of this, so that there are few shapes, for each of which oneDNN makes code.
const STEP: usize = 16;

/// Rows and what is wanted of them. B rows of T tokens, W targets.
pub(crate) struct Batch {
    /// (B, T) int64
    pub(crate) tokens: Tensor,
    /// (B * T) int64
    pub(crate) positions: Tensor,
    /// (B, 1, T, T), 0 where a token may attend and -inf elsewhere; none where it may attend to all before it.
    pub(crate) mask: Option<Tensor>,
    /// (W) int64: the targets' tokens, as indices into B * T.
    pub(crate) wanted: Tensor,
    /// The targets, row after row.
    pub(crate) targets: Vec<Target>,
    /// How many of the targets each row has.
    pub(crate) per_row: Vec<usize>,
    /// How many tokens each answer has, row after row.
    pub(crate) per_answer: Vec<usize>,
    /// Tokens without padding.
    pub(crate) count: usize,
}

/// Which tokens of prompts are predicted too.
#[derive(Clone, Debug)]
pub(crate) struct PromptDraw {
    pub(crate) share: f64,
    pub(crate) seed: u64,
    pub(crate) epoch: u64,
}

/// How many tokens a row of this length takes in a batch.
pub(crate) fn padded(length: usize) -> usize {
    length.div_ceil(STEP) * STEP
}

impl Batch {
    /// A batch of these rows, by their numbers in the set. `kind` is the type in which is computed.
    ///
    /// # Errors
    /// [`TrainError::Torch`].
    pub(crate) fn of(
        rows: &[(usize, &Sequence)],
        draw: Option<&PromptDraw>,
        (kind, device): (Kind, Device),
    ) -> Result<Batch, TrainError> {
        let length = padded(rows.iter().map(|(_, row)| row.tokens.len()).max().unwrap_or(0));
        let size = rows.len() * length;
        let (mut tokens, mut positions, mut segments) =
            (vec![0i64; size], vec![0i64; size], vec![-1i64; size]);
        let (mut targets, mut per_row, mut wanted) = (Vec::new(), Vec::new(), Vec::new());
        for (index, (number, row)) in rows.iter().enumerate() {
            let start = index * length;
            for (offset, (token, (segment, position))) in row.tokens.iter().zip(row.places()).enumerate() {
                tokens[start + offset] = i64::from(*token);
                positions[start + offset] = position;
                segments[start + offset] = segment;
            }
            let before = targets.len();
            targets.extend(&row.targets);
            targets.extend(draw.into_iter().flat_map(|draw| prompt_targets(row, *number as u64, draw)));
            wanted
                .extend(targets[before..].iter().map(|target: &Target| (start + target.at as usize) as i64));
            per_row.push(targets.len() - before);
        }
        let shape = [rows.len() as i64, length as i64];
        let is_causal = rows.iter().all(|(_, row)| row.segments.len() <= 1);
        let segments_of_all = rows.iter().flat_map(|(_, row)| &row.segments);
        let segments = Tensor::f_from_slice(&segments)?.f_view(shape)?;
        Ok(Batch {
            tokens: Tensor::f_from_slice(&tokens)?.f_view(shape)?.f_to_device(device)?,
            positions: Tensor::f_from_slice(&positions)?.f_to_device(device)?,
            mask: if is_causal { None } else { Some(mask(&segments, kind)?.f_to_device(device)?) },
            wanted: Tensor::f_from_slice(&wanted)?.f_to_device(device)?,
            targets,
            per_row,
            per_answer: segments_of_all.map(|segment| segment.end - segment.answer).collect(),
            count: rows.iter().map(|(_, row)| row.tokens.len()).sum(),
        })
    }

    /// How many targets are about something.
    pub(crate) fn about(&self, part: Part) -> usize {
        self.targets.iter().filter(|target| target.part == part).count()
    }

    /// The targets of each row.
    pub(crate) fn rows(&self) -> impl Iterator<Item = std::ops::Range<usize>> {
        self.per_row.iter().scan(0, |start, count| {
            let range = *start..*start + count;
            *start = range.end;
            Some(range)
        })
    }
}

/// Segments (B, T) -> (B, 1, T, T): a token attends to what stands before it in the prompt and in its own segment.
fn mask(segments: &Tensor, kind: Kind) -> Result<Tensor, TrainError> {
    let length = segments.size()[1];
    let (queries, keys) = (segments.f_unsqueeze(2)?, segments.f_unsqueeze(1)?);
    let own = queries.f_eq_tensor(&keys)?; // (B, T, T)
    let reached = own.f_logical_or(&keys.f_eq(0)?)?;
    let causal = Tensor::f_ones([length, length], (Kind::Bool, Device::Cpu))?.f_tril(0)?;
    let closed = reached.f_logical_and(&causal)?.f_logical_not()?.f_unsqueeze(1)?;
    let open = Tensor::f_zeros(closed.size(), (kind, Device::Cpu))?;
    Ok(open.f_masked_fill(&closed, f64::NEG_INFINITY)?)
}

/// The tokens of a row's prompts that are predicted, drawn anew in each epoch, and for each answer: a token that
/// several prompts share may be drawn several times, as if it stood in several rows.
fn prompt_targets(row: &Sequence, number: u64, draw: &PromptDraw) -> Vec<Target> {
    let mut draws = Draws::of(draw.seed, &[draw.epoch, number]);
    row.prompt_targets().filter(|_| draws.happens(draw.share)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_attends_to_the_prompt_and_to_its_own_answer() {
        let mut row = Sequence::of_prompt(&[1, 2]);
        row.add(&[3, 4], []);
        row.add(&[5], []);
        let batch = Batch::of(&[(0, &row)], None, (Kind::Float, Device::Cpu)).expect("a batch");
        let mask = batch.mask.expect("two answers need a mask").view([16, 16]);
        let seen = |query: i64| -> Vec<i64> {
            (0..16).filter(|key| mask.double_value(&[query, *key]) == 0.0).collect()
        };
        assert_eq!((seen(0), seen(1)), (vec![0], vec![0, 1]));
        assert_eq!((seen(3), seen(4)), (vec![0, 1, 2, 3], vec![0, 1, 4]));
        assert!((5..16).all(|padding| !seen(padding).is_empty()), "a softmax over nothing is no number");
    }

    #[test]
    fn prompts_are_predicted_in_part_and_alike_in_equal_epochs() {
        let mut row = Sequence::of_prompt(&(0..1000).collect::<Vec<u32>>());
        row.add_predicted(&[], &[7, 8]);
        let batch = |epoch| {
            let draw = PromptDraw { share: 0.1, seed: 3, epoch };
            Batch::of(&[(0, &row)], Some(&draw), (Kind::Float, Device::Cpu)).expect("a batch")
        };
        let first = batch(0);
        assert!((50..200).contains(&first.about(Part::Prompt)), "{}", first.about(Part::Prompt));
        assert!(first.mask.is_none() && first.about(Part::Answer) == 2);
        assert!(first.targets.iter().all(|t| t.part == Part::Answer || t.class == t.at + 1));
        assert_eq!(first.targets, batch(0).targets);
        assert_ne!(first.targets, batch(1).targets);
    }
}
