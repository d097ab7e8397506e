//! Cross-entropy over the whole vocabulary, in parts where its logits are many: 8,000 tokens of a vocabulary of
//! 150,000 would be 4.8 GB, and their gradients as much again.

use tch::{Kind, Reduction, Tensor};

use super::numbers;
use crate::TrainError;
use crate::model::Model;

/// Logits that are computed at a time: 1 GiB in float32. Parts cost some passes over the weight, so that there are
/// none where they are not needed.
const MOST: i64 = 1 << 28;

/// What a model says of the next tokens.
pub(super) struct Predicted {
    /// A number with the gradients of the weighted sum of the losses; its value is that sum only where it is computed
    /// in one part.
    pub(super) loss: Tensor,
    /// Each token's cross-entropy.
    pub(super) losses: Vec<f32>,
    /// 1 where the likeliest token is the right one.
    pub(super) hits: Vec<f32>,
}

/// Hidden states (W, D), right tokens (W) int64, weights (W) -> losses and their weighted sum.
pub(super) fn predict(
    model: &Model,
    hidden: &Tensor,
    right: &Tensor,
    weights: &Tensor,
) -> Result<Predicted, TrainError> {
    let rows = (MOST / model.head().size()[0]).max(1);
    let projection = Projection { head: model.head(), logits: &|hidden| model.logits(hidden) };
    projection.in_parts(hidden, right, weights, rows)
}

/// The way from hidden states to logits.
struct Projection<'a> {
    /// (V, D)
    head: &'a Tensor,
    /// (n, D) -> (n, V)
    logits: &'a dyn Fn(&Tensor) -> Result<Tensor, TrainError>,
}

impl Projection<'_> {
    /// `rows` hidden states at a time. Each part is differentiated at once, so that its logits can go.
    fn in_parts(
        &self,
        hidden: &Tensor,
        right: &Tensor,
        weights: &Tensor,
        rows: i64,
    ) -> Result<Predicted, TrainError> {
        let count = hidden.size()[0];
        if count <= rows {
            return self.at_once(hidden, right, weights);
        }
        let is_learned = hidden.requires_grad();
        let (mut losses, mut hits) = (Vec::new(), Vec::new());
        let mut of_hidden = Vec::new();
        let mut of_head = Tensor::f_zeros_like(&self.head.f_detach()?)?;
        for start in (0..count).step_by(rows as usize) {
            let part = |tensor: &Tensor| tensor.f_narrow(0, start, rows.min(count - start));
            let input = part(hidden)?.f_detach()?.f_set_requires_grad(is_learned)?;
            let mut found = self.at_once(&input, &part(right)?, &part(weights)?)?;
            losses.append(&mut found.losses);
            hits.append(&mut found.hits);
            if is_learned {
                let gradients = Tensor::f_run_backward(&[found.loss], &[&input, self.head], false, false)?;
                let [by_input, by_head]: [Tensor; 2] = gradients
                    .try_into()
                    .map_err(|_| tch::TchError::Torch("a gradient is missing".to_owned()))?;
                of_hidden.push(by_input);
                let _ = of_head.f_add_(&by_head)?;
            }
        }
        if !is_learned {
            let loss = Tensor::f_from_slice(&losses)?.f_to_device(weights.device())?.f_dot(weights)?;
            return Ok(Predicted { loss, losses, hits });
        }
        // A number whose gradients are the ones that were found.
        let by_hidden = hidden.f_flatten(0, -1)?.f_dot(&Tensor::f_cat(&of_hidden, 0)?.f_flatten(0, -1)?)?;
        let by_head = self.head.f_flatten(0, -1)?.f_dot(&of_head.f_flatten(0, -1)?)?;
        Ok(Predicted { loss: by_hidden.f_add(&by_head)?, losses, hits })
    }

    fn at_once(&self, hidden: &Tensor, right: &Tensor, weights: &Tensor) -> Result<Predicted, TrainError> {
        let logits = (self.logits)(hidden)?; // (W, V)
        let losses = logits.f_cross_entropy_loss(right, None::<Tensor>, Reduction::None, -100, 0.0)?; // (W)
        let hits = logits.f_argmax(1, false)?.f_eq_tensor(right)?;
        let loss = losses.f_mul(weights)?.f_sum(Kind::Float)?;
        Ok(Predicted { loss, losses: numbers(&losses)?, hits: numbers(&hits)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_have_the_losses_and_the_gradients_of_the_whole() {
        tch::manual_seed(5);
        let options = (Kind::Float, tch::Device::Cpu);
        let [head, inner] =
            [[50, 8], [23, 8]].map(|shape| Tensor::randn(shape, options).set_requires_grad(true));
        let right = Tensor::randint(50, [23], (Kind::Int64, tch::Device::Cpu));
        let weights = Tensor::rand([23], options);
        let logits = |hidden: &Tensor| Ok(hidden.f_linear(&head, None::<&Tensor>)?);
        let projection = Projection { head: &head, logits: &logits };
        // Hidden states that are no leaf, as in a model, from which the head is reached too where it is tied.
        let hidden = || inner.tanh() + head.narrow(0, 0, 23);
        let gradients = |rows| {
            let found = projection.in_parts(&hidden(), &right, &weights, rows).expect("losses");
            let gradients = Tensor::run_backward(&[&found.loss], &[&inner, &head], false, false);
            (found.losses, found.hits, gradients)
        };
        let (losses, hits, expected) = gradients(23);
        for rows in [1, 7, 22] {
            let (other, other_hits, found) = gradients(rows);
            let close = losses.iter().zip(&other).all(|(one, other)| (one - other).abs() < 1e-5);
            assert!(close && hits == other_hits, "{rows}");
            for (found, expected) in found.iter().zip(&expected) {
                assert!((found - expected).abs().max().double_value(&[]) < 1e-5, "{rows}");
            }
        }
        let loss =
            |rows| tch::no_grad(|| projection.in_parts(&hidden(), &right, &weights, rows).expect("losses"));
        assert!((loss(23).loss - loss(7).loss).abs().double_value(&[]) < 1e-4);
    }
}
