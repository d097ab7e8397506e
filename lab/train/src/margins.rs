//! What a model says at the places at which it is trained, as rewards are made of it.

use toolbeam_lm::Head;

use crate::TrainError;
use crate::corpus::Corpus;
use crate::model::Model;
use crate::objective::numbers;
use crate::plan;

/// What becomes a reward at every target of a set, row by row: s+ - s-, the difference of the logits of the two
/// `labels`, or the number of a scalar head. The reward is its sigmoid.
///
/// # Errors
/// [`TrainError::Setting`] if the model has neither labels nor a scalar head, [`TrainError::Torch`].
pub(crate) fn margins(
    model: &Model,
    labels: Option<[u32; 2]>,
    corpus: &Corpus,
    batch_tokens: usize,
) -> Result<Vec<Vec<f32>>, TrainError> {
    let ids = match (labels, model.readout()) {
        (Some(labels), Head::Vocabulary) => labels.to_vec(),
        (_, Head::Scalar) => vec![0],
        (None, Head::Vocabulary) => return Err(TrainError::no_labels()),
    };
    let mut found = vec![Vec::new(); corpus.rows.len()];
    tch::no_grad(|| {
        for rows in plan::by_length(&corpus.lengths(), batch_tokens) {
            let batch = corpus.batch(&rows, None, model.options())?;
            let logits = numbers(&model.logits_of(&model.hidden(&batch)?, &ids)?)?; // W * 2, or W
            let mut margins = logits.chunks(ids.len()).map(|logits| match logits {
                [positive, negative] => positive - negative,
                other => other.iter().sum(),
            });
            for (row, count) in rows.iter().zip(&batch.per_row) {
                found[*row] = margins.by_ref().take(*count).collect();
            }
        }
        Ok(found)
    })
}
