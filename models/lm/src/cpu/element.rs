//! Numbers that the kernels read and write.

use tch::Kind;

pub(crate) use half::bf16;

/// A floating-point type of tensors.
pub(crate) trait Element: Copy + Send + Sync + 'static {
    /// libtorch's name of it.
    const KIND: Kind;
    /// To float32, exactly.
    fn load(self) -> f32;
    /// From float32, to the nearest, ties to even.
    fn store(value: f32) -> Self;
}

impl Element for f32 {
    const KIND: Kind = Kind::Float;

    #[inline(always)]
    fn load(self) -> f32 {
        self
    }

    #[inline(always)]
    fn store(value: f32) -> f32 {
        value
    }
}

impl Element for bf16 {
    const KIND: Kind = Kind::BFloat16;

    #[inline(always)]
    fn load(self) -> f32 {
        f32::from_bits(u32::from(self.to_bits()) << 16)
    }

    /// Without a branch, so that loops of it become vector instructions.
    #[inline(always)]
    fn store(value: f32) -> bf16 {
        let bits = value.to_bits();
        let rounded = bits.wrapping_add(0x7fff + ((bits >> 16) & 1)) >> 16;
        let quiet = (bits >> 16) | 0x40;
        bf16::from_bits(if value.is_nan() { quiet as u16 } else { rounded as u16 })
    }
}

/// e to the power of `x`, within 2 units in the last place; 0 below -87. Without a branch, so that loops
/// of it become vector instructions. (Cephes' `expf`: reduction by multiples of ln 2 and a polynomial of
/// degree 6.)
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    // 1.5 * 2^23: adding it leaves an integer in the lowest bits, and subtracting it the rounded number.
    const ROUNDER: f32 = 12_582_912.0;
    let clamped = x.clamp(-87.0, 88.0);
    let shifted = clamped * std::f32::consts::LOG2_E + ROUNDER;
    let multiple = shifted - ROUNDER;
    let rest = multiple.mul_add(-LN2_LOW, multiple.mul_add(-LN2_HIGH, clamped));
    let mut polynomial = 1.987_569_1e-4f32;
    for coefficient in [1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
        polynomial = polynomial.mul_add(rest, coefficient);
    }
    let fraction = polynomial.mul_add(rest * rest, rest) + 1.0;
    // A conversion of the number would be one lane at a time.
    let integer = shifted.to_bits().wrapping_sub(ROUNDER.to_bits());
    let power = f32::from_bits(integer.wrapping_add(127) << 23);
    if x < -87.0 { 0.0 } else { fraction * power }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_exp() {
        for step in -8_700..8_800 {
            let x = step as f32 / 100.0;
            let (found, expected) = (exp(x), f64::from(x).exp());
            assert!((f64::from(found) / expected - 1.0).abs() < 3e-7, "exp({x}) is {found}, not {expected}");
        }
        assert_eq!((exp(f32::NEG_INFINITY), exp(-100.0), exp(0.0)), (0.0, 0.0, 1.0));
    }

    #[test]
    fn bfloat16_is_rounded_as_the_half_crate_does() {
        let mut bits = 1u32;
        for _ in 0..200_000 {
            bits = bits.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let value = f32::from_bits(bits);
            let (found, expected) = (<bf16 as Element>::store(value), bf16::from_f32(value));
            assert_eq!(found.to_bits(), expected.to_bits(), "{value}");
            assert!(value.is_nan() || found.load() == expected.to_f32());
        }
        assert_eq!(<bf16 as Element>::store(f32::INFINITY), bf16::INFINITY);
    }
}
