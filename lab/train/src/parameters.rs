//! A model's parameters in one buffer.

use std::collections::BTreeMap;
use std::ops::Range;

use tch::{Device, Kind, Tensor};
use toolbeam_lm::{Head, ModelConfig};

use crate::TrainError;

/// All parameters, float32, in one buffer, so that clipping, AdamW and checkpoints are a few operations. They are
/// sorted by [`Role`].
pub struct Parameters {
    /// (P)
    values: Tensor,
    /// Each parameter as transformers names it.
    places: Vec<Place>,
    leaves: Vec<Leaf>,
}

/// Where a parameter lies.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// Its name in transformers.
    pub name: String,
    /// Its shape.
    pub shape: Vec<i64>,
    /// Its first element in the buffer.
    pub start: i64,
    /// What it is for an optimizer.
    pub role: Role,
}

/// What a parameter is for an optimizer. The order is that of the buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// A matrix within a layer.
    Hidden,
    /// The output matrix, if it is not the embedding, or a scalar head.
    Output,
    /// The embedding, a norm's scale or a bias: nothing that may shrink.
    Rest,
}

/// Parameters that lie one behind the other and are differentiated as one.
struct Leaf {
    tensor: Tensor,
    range: Range<i64>,
}

impl Place {
    /// How many numbers it is.
    pub fn count(&self) -> i64 {
        self.shape.iter().product()
    }

    fn range(&self) -> Range<i64> {
        self.start..self.start + self.count()
    }
}

impl Parameters {
    /// Puts the tensors of a model of this shape, by name, into a buffer on `device`. Every parameter must be there.
    ///
    /// # Errors
    /// [`TrainError::Torch`] if a tensor is missing or has another shape.
    pub(crate) fn new(
        config: &ModelConfig,
        tensors: &BTreeMap<String, Tensor>,
        device: Device,
    ) -> Result<Parameters, TrainError> {
        let places = layout(config);
        let mut flat = Vec::with_capacity(places.len());
        for place in &places {
            let tensor = tensors.get(&place.name).filter(|tensor| tensor.size() == place.shape);
            let missing = || tch::TchError::Shape(format!("{} is not {:?}", place.name, place.shape));
            flat.push(tensor.ok_or_else(missing)?.f_to_kind(Kind::Float)?.f_reshape([-1])?);
        }
        let values = Tensor::f_cat(&flat, 0)?.f_to_device(device)?;
        Ok(Parameters { values, places, leaves: Vec::new() })
    }

    /// The parameters of these names, which must lie one behind the other, as one tensor that is differentiated:
    /// shapes (n, ...), (m, ...) -> (n + m, ...).
    pub(crate) fn leaf(&mut self, names: &[String]) -> Result<Tensor, TrainError> {
        let unknown = || tch::TchError::Shape(format!("{names:?} do not lie one behind the other"));
        let first =
            self.places.iter().position(|place| Some(&place.name) == names.first()).ok_or_else(unknown)?;
        let places = &self.places[first..];
        if places.len() < names.len() || places.iter().zip(names).any(|(place, name)| place.name != *name) {
            return Err(unknown().into());
        }
        let places = &places[..names.len()];
        let mut shape = places[0].shape.clone();
        shape[0] = places.iter().map(|place| place.shape[0]).sum();
        let range = places[0].start..places[names.len() - 1].range().end;
        let view = self.values.f_narrow(0, range.start, range.end - range.start)?.f_view(shape.as_slice())?;
        let tensor = view.f_detach()?.f_set_requires_grad(true)?;
        self.leaves.push(Leaf { tensor: tensor.shallow_clone(), range });
        Ok(tensor)
    }

    /// The buffer, (P) float32.
    pub(crate) fn values(&self) -> &Tensor {
        &self.values
    }

    /// Every parameter's place.
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// The part of the buffer in which parameters of these roles lie.
    pub(crate) fn range(&self, roles: &[Role]) -> Range<i64> {
        let mut ranges = self.places.iter().filter(|place| roles.contains(&place.role)).map(Place::range);
        let first = ranges.next().unwrap_or(0..0);
        ranges.fold(first, |all, range| all.start..range.end)
    }

    /// A parameter, or what a buffer of the same order holds for it.
    pub(crate) fn part(&self, buffer: &Tensor, place: &Place) -> Result<Tensor, TrainError> {
        Ok(buffer.f_narrow(0, place.start, place.count())?.f_view(place.shape.as_slice())?)
    }

    /// Adds the gradient of `loss`, a number, to `gradient`, (P).
    pub(crate) fn add_gradient(&self, loss: &Tensor, gradient: &Tensor) -> Result<(), TrainError> {
        let leaves: Vec<&Tensor> = self.leaves.iter().map(|leaf| &leaf.tensor).collect();
        let found = Tensor::f_run_backward(&[loss], &leaves, false, false)?;
        for (leaf, found) in self.leaves.iter().zip(found) {
            let mut part = gradient.f_narrow(0, leaf.range.start, leaf.range.end - leaf.range.start)?;
            let _ = part.f_add_(&found.f_view([-1])?)?;
        }
        Ok(())
    }
}

/// All parameters in the order of the buffer.
fn layout(config: &ModelConfig) -> Vec<Place> {
    let mut named: Vec<(Role, Vec<usize>, String, Vec<i64>)> = config
        .parameters()
        .into_iter()
        .map(|(name, shape)| (role(&name, &shape), order(&name), name, shape))
        .collect();
    named.sort();
    let mut start = 0;
    let mut places = Vec::with_capacity(named.len());
    for (role, _, name, shape) in named {
        let place = Place { name, shape, start, role };
        start += place.count();
        places.push(place);
    }
    places
}

fn role(name: &str, shape: &[i64]) -> Role {
    match name {
        "lm_head.weight" | "score.weight" => Role::Output,
        _ if shape.len() == 2 && name != "model.embed_tokens.weight" => Role::Hidden,
        _ => Role::Rest,
    }
}

/// By layer, and within a layer so that those that are computed with at once lie one behind the other.
fn order(name: &str) -> Vec<usize> {
    const WITHIN: [&str; 7] = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"];
    let layer = name.strip_prefix("model.layers.").and_then(|rest| rest.split('.').next());
    let layer = layer.and_then(|layer| layer.parse().ok()).unwrap_or(usize::MAX);
    vec![layer, WITHIN.iter().position(|part| name.contains(part)).unwrap_or(WITHIN.len())]
}

/// The head of a model, as the name of its parameter.
pub(crate) fn head_name(config: &ModelConfig) -> &'static str {
    match config.head {
        Head::Vocabulary if config.tie_word_embeddings => "model.embed_tokens.weight",
        Head::Vocabulary => "lm_head.weight",
        Head::Scalar => "score.weight",
    }
}
