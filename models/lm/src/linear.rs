//! Matrix products with a model's weights.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tch::{Device, Kind, Tensor};

use crate::LmError;
use crate::cpu::native::Packed;

/// Elements of a float32 weight from which packing it gains: below, the fixed cost of a packed product
/// is more than what is saved.
const PACKED_FLOATS: i64 = 1 << 18;

/// On some processors oneDNN multiplies 9 to 63 float32 rows by a packed weight with this many outputs or
/// more at a third of the speed that it has with 8 rows. There, it gets 8 at a time; see [`few_are_faster`].
const WIDE: i64 = 1024;

/// How many it gets.
const FEW_ROWS: i64 = 8;

/// From so many rows on, one product is as fast everywhere.
const MANY_ROWS: i64 = 64;

/// The most rows of a product on the CPU. Products have one of [`row_counts`], and of more rows there are
/// several.
const MOST_ROWS: i64 = 512;

/// The number of rows that products of at least `rows` have together. For every number of rows oneDNN makes
/// code of its own when it first meets it, which takes ten times as long as a decode step; so products are
/// filled up to the next of some numbers, by a fourth at most, and these are met at the start.
pub(crate) fn rows_for(rows: i64, device: Device) -> i64 {
    if device != Device::Cpu {
        return rows;
    }
    let rest = rows % MOST_ROWS;
    rows - rest + row_counts().find(|count| *count >= rest).filter(|_| rest > 0).unwrap_or(0)
}

/// Ascending: 1 to 8, and four between each power of two and the next.
pub(crate) fn row_counts() -> impl Iterator<Item = i64> {
    let spread = (3..).flat_map(|power| (5..=8).map(move |fourths| (1i64 << power) / 4 * fourths));
    (1..=8).chain(spread).take_while(|count| *count <= MOST_ROWS)
}

/// Whether oneDNN on this processor multiplies float32 rows faster by a few at a time. It is measured once:
/// where it is so, whole products take three times as long, and elsewhere half as long.
fn few_are_faster() -> bool {
    static FASTER: OnceLock<bool> = OnceLock::new();
    *FASTER.get_or_init(|| {
        let faster = measure_few().unwrap_or(false);
        tracing::debug!(faster, "products of a few float32 rows at a time");
        faster
    })
}

/// See [`few_are_faster`]; an error means that oneDNN cannot multiply here at all.
fn measure_few() -> Result<bool, LmError> {
    let zeros = |shape: [i64; 2]| Tensor::f_zeros(shape, (Kind::Float, Device::Cpu));
    let input = zeros([3 * FEW_ROWS, 256])?;
    let Some(weight) = Packed::new(&zeros([2 * WIDE, 256])?) else { return Ok(false) };
    let seconds = |rows: i64| -> Result<Duration, LmError> {
        let mut best = Duration::MAX;
        // The first of them makes the code.
        for _ in 0..5 {
            let began = Instant::now();
            for from in (0..input.size()[0]).step_by(rows as usize) {
                let _ = weight.linear(&input.f_narrow(0, from, rows)?, None)?;
            }
            best = best.min(began.elapsed());
        }
        Ok(best)
    };
    Ok(seconds(FEW_ROWS)? < seconds(3 * FEW_ROWS)?)
}

/// Rows (T, D) and as many more of zeros as make it (count, D).
pub(crate) fn padded(rows: &Tensor, count: i64) -> Result<Tensor, LmError> {
    match count - rows.size()[0] {
        0 => Ok(rows.shallow_clone()),
        missing => Ok(rows.f_constant_pad_nd([0, 0, 0, missing])?),
    }
}

/// A linear layer.
pub(crate) struct Linear {
    weight: Weight,
    /// (outputs)
    bias: Option<Tensor>,
    outputs: i64,
}

enum Weight {
    /// (outputs, inputs)
    Plain(Tensor),
    /// In oneDNN's order. libtorch's own product would bring a weight into this order in every call,
    /// which for a few rows takes longer than multiplying them.
    Packed(Packed, Kind),
}

impl Linear {
    /// A layer of this weight, (outputs, inputs), which is packed where that makes it faster.
    pub(crate) fn new(weight: Tensor, bias: Option<Tensor>) -> Linear {
        let outputs = weight.size()[0];
        let kind = weight.kind();
        let gains = weight.device() == Device::Cpu
            && (kind == Kind::BFloat16 || weight.numel() as i64 >= PACKED_FLOATS);
        let packed = if gains { Packed::new(&weight) } else { None };
        let weight = packed.map_or(Weight::Plain(weight), |packed| Weight::Packed(packed, kind));
        Linear { weight, bias, outputs }
    }

    /// The same, with its weight as it is.
    pub(crate) fn plain(weight: Tensor, bias: Option<Tensor>) -> Linear {
        Linear { outputs: weight.size()[0], weight: Weight::Plain(weight), bias }
    }

    /// (T, inputs) -> (T, outputs).
    pub(crate) fn apply(&self, input: &Tensor) -> Result<Tensor, LmError> {
        match &self.weight {
            Weight::Plain(weight) => Ok(input.f_linear(weight, self.bias.as_ref())?),
            Weight::Packed(weight, kind) => self.by_rows(input, *kind, |from, count| {
                weight.linear(&input.f_narrow(0, from, count)?, self.bias.as_ref())
            }),
        }
    }

    /// (T, inputs) -> (T, outputs), added to `addend`, of the same shape.
    pub(crate) fn apply_onto(&self, input: &Tensor, addend: &Tensor) -> Result<Tensor, LmError> {
        match &self.weight {
            Weight::Plain(weight) => Ok(addend.f_add(&input.f_linear(weight, self.bias.as_ref())?)?),
            Weight::Packed(weight, kind) => self.by_rows(input, *kind, |from, count| {
                let addend = addend.f_narrow(0, from, count)?;
                weight.linear_onto(&input.f_narrow(0, from, count)?, self.bias.as_ref(), &addend)
            }),
        }
    }

    /// One product of all rows, or several of some.
    fn by_rows(
        &self,
        input: &Tensor,
        kind: Kind,
        product: impl Fn(i64, i64) -> Result<Tensor, LmError>,
    ) -> Result<Tensor, LmError> {
        let rows = input.size()[0];
        let in_few = kind == Kind::Float && self.outputs >= WIDE && rows < MANY_ROWS && few_are_faster();
        let most = if in_few { FEW_ROWS } else { MOST_ROWS };
        if rows <= most {
            return product(0, rows);
        }
        let pieces = (0..rows).step_by(most as usize);
        let pieces = pieces.map(|from| product(from, most.min(rows - from)));
        Ok(Tensor::f_cat(&pieces.collect::<Result<Vec<_>, _>>()?, 0)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_filled_up_by_a_fourth_at_most() {
        let counts: Vec<i64> = row_counts().collect();
        assert_eq!(counts[..14], [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24]);
        assert_eq!(counts.last(), Some(&MOST_ROWS));
        for rows in 1..2000 {
            let filled = rows_for(rows, Device::Cpu);
            assert!(filled >= rows && 4 * filled <= 5 * rows + 3, "{rows} rows become {filled}");
        }
        assert_eq!((rows_for(0, Device::Cpu), rows_for(1025, Device::Cpu)), (0, 1025));
        assert_eq!(rows_for(13, Device::Cuda(0)), 13);
    }

    #[test]
    fn a_layer_gives_the_same_however_its_weight_lies() {
        for kind in [Kind::Float, Kind::BFloat16] {
            let sizes = [(1, 256, 2048), (20, 256, 2048), (64, 300, 1024), (9, 64, 96), (1030, 256, 1024)];
            for (rows, inputs, outputs) in sizes {
                let random = |shape: &[i64]| {
                    Tensor::randn(shape, (Kind::Float, Device::Cpu)).multiply_scalar(0.1).to_kind(kind)
                };
                let (input, weight) = (random(&[rows, inputs]), random(&[outputs, inputs]));
                let (bias, addend) = (random(&[outputs]), random(&[rows, outputs]));
                let exact = |tensor: &Tensor| tensor.to_kind(Kind::Double);
                let expected = exact(&input).linear(&exact(&weight), Some(&exact(&bias)));
                let layer = Linear::new(weight, Some(bias));
                let tolerance = if kind == Kind::Float { 1e-5 } else { 2e-2 };
                let found = layer.apply(&input).expect("a product");
                assert!(exact(&found).allclose(&expected, tolerance, tolerance, false));
                let found = layer.apply_onto(&input, &addend).expect("a product");
                assert!(exact(&found).allclose(&(expected + exact(&addend)), tolerance, tolerance, false));
            }
        }
    }
}
