//! What tch does not reach of libtorch, by libtorch's stable C interface: matrix products with weights
//! that oneDNN has packed, and libtorch's own threads. The other place of unsafe code.
//!
//! The functions are looked up in the libtorch that the program is linked with, because builds without
//! oneDNN lack them. They are declared in `torch/csrc/stable/c/shim.h` and
//! `torch/csrc/inductor/aoti_torch/c/`. A tensor's handle is a pointer to an `at::Tensor`, as in tch.

#![allow(unsafe_code)]

use std::any::Any;
use std::ffi::{c_char, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Mutex, OnceLock};

use libloading::os::unix::Library;
use tch::Tensor;

use crate::LmError;

type Handle = *mut c_void;
type CallDispatcher = unsafe extern "C" fn(*const c_char, *const c_char, *mut u64, u64) -> i32;
type LinearPointwise = unsafe extern "C" fn(
    Handle,
    Handle,
    *const Handle,
    *const c_char,
    *const *const f64,
    i64,
    *const *const c_char,
    *mut Handle,
) -> i32;
type LinearBinary =
    unsafe extern "C" fn(Handle, Handle, Handle, *const Handle, *const c_char, *mut Handle) -> i32;
type Body = unsafe extern "C" fn(i64, i64, *mut c_void);
type ParallelFor = unsafe extern "C" fn(i64, i64, i64, Body, *mut c_void) -> i32;

/// The most pieces that rows are cut into.
const PIECES: usize = 16;

/// The version whose operators `call_dispatcher` is asked for: 2.11.0, as libtorch writes it.
const VERSION: u64 = 2 << 56 | 11 << 48;

struct Native {
    call_dispatcher: CallDispatcher,
    linear: LinearPointwise,
    linear_binary: LinearBinary,
    parallel_for: ParallelFor,
}

fn native() -> Option<&'static Native> {
    static NATIVE: OnceLock<Option<Native>> = OnceLock::new();
    NATIVE.get_or_init(Native::find).as_ref()
}

impl Native {
    fn find() -> Option<Native> {
        let program = Library::this();
        // SAFETY: the types are those of the headers of the one version of libtorch that is linked with,
        // which stays loaded for as long as the program runs.
        unsafe {
            Some(Native {
                call_dispatcher: *program.get(b"torch_call_dispatcher\0").ok()?,
                linear: *program.get(b"aoti_torch_cpu__linear_pointwise\0").ok()?,
                linear_binary: *program.get(b"aoti_torch_cpu__linear_pointwise_binary\0").ok()?,
                parallel_for: *program.get(b"torch_parallel_for\0").ok()?,
            })
        }
    }
}

/// A weight in the order of elements in which oneDNN multiplies by it.
pub(crate) struct Packed {
    weight: Tensor,
    native: &'static Native,
}

impl Packed {
    /// Packs a weight of the CPU, shape (outputs, inputs). `None` if this libtorch cannot.
    pub(crate) fn new(weight: &Tensor) -> Option<Packed> {
        let native = native()?;
        // The callee takes the first handle over; the second argument, a hint of the batch's size, is none.
        let mut stack = [owned(weight) as u64, 0];
        let (name, overload) = (c"mkldnn::_reorder_linear_weight", c"");
        // SAFETY: the operator takes a tensor and an optional integer and leaves a tensor, which is ours.
        let packed = unsafe {
            match (native.call_dispatcher)(name.as_ptr(), overload.as_ptr(), stack.as_mut_ptr(), VERSION) {
                0 => Tensor::from_ptr(stack[0] as *mut _),
                _ => return None,
            }
        };
        Some(Packed { weight: packed, native })
    }

    /// Inputs (rows, inputs) -> (rows, outputs), plus the bias, of shape (outputs).
    pub(crate) fn linear(&self, input: &Tensor, bias: Option<&Tensor>) -> Result<Tensor, LmError> {
        let bias = bias.map(handle);
        let bias = bias.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
        let mut output = std::ptr::null_mut();
        // SAFETY: all handles are alive during the call, which takes none over; on success `output` is a
        // new tensor, which is ours.
        unsafe {
            let (input, weight, none) = (handle(input), handle(&self.weight), c"none".as_ptr());
            let (scalars, algorithm) = (std::ptr::null(), std::ptr::null());
            let code = (self.native.linear)(input, weight, bias, none, scalars, 0, algorithm, &mut output);
            product(code, output)
        }
    }

    /// The same, plus `addend`, of shape (rows, outputs), added before the result is rounded.
    pub(crate) fn linear_onto(
        &self,
        input: &Tensor,
        bias: Option<&Tensor>,
        addend: &Tensor,
    ) -> Result<Tensor, LmError> {
        let bias = bias.map(handle);
        let bias = bias.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
        let mut output = std::ptr::null_mut();
        // SAFETY: as in `linear`.
        unsafe {
            let (input, addend, weight) = (handle(input), handle(addend), handle(&self.weight));
            let code = (self.native.linear_binary)(input, addend, weight, bias, c"add".as_ptr(), &mut output);
            product(code, output)
        }
    }
}

/// A tensor's handle, borrowed. The callee must not change the tensor.
fn handle(tensor: &Tensor) -> Handle {
    tensor.as_ptr().cast_mut().cast()
}

/// A handle of its own, for a callee that takes it over.
fn owned(tensor: &Tensor) -> Handle {
    let mut tensor = std::mem::ManuallyDrop::new(tensor.shallow_clone());
    tensor.as_mut_ptr().cast()
}

/// # Safety
/// With the code 0, `output` must be a tensor that nobody else frees.
unsafe fn product(code: i32, output: Handle) -> Result<Tensor, LmError> {
    if code != 0 {
        return Err(LmError::BatchFailed("oneDNN refused a product; its reason is on standard error".into()));
    }
    // SAFETY: the caller's promise.
    Ok(unsafe { Tensor::from_ptr(output.cast()) })
}

/// Runs `body` over the rows of `output`, each `width` elements, on libtorch's threads: they are awake
/// from the last product, where a second pool would fight with them. The rows are cut into a few pieces of
/// at least `grain` rows, always the same, of which a thread takes one after the other, so that none waits
/// long for one that was interrupted. The body gets its first row's index and its rows.
pub(crate) fn for_rows<T: Send>(
    output: &mut [T],
    width: usize,
    grain: usize,
    body: impl Fn(usize, &mut [T]) + Sync,
) {
    let rows = output.len().checked_div(width).unwrap_or(0);
    let Some(native) = native().filter(|_| rows > grain) else {
        return body(0, output);
    };
    let piece = rows.div_ceil(PIECES).max(grain).max(1);
    let pieces = Mutex::new(output[..rows * width].chunks_mut(piece * width).enumerate());
    let body = |(index, rows): (usize, &mut [T])| body(index * piece, rows);
    let shared = Shared { pieces, body: &body, panic: Mutex::new(None) };
    let context = std::ptr::from_ref(&shared).cast_mut().cast();
    let threads = i64::from(tch::get_num_threads()).max(1);
    // SAFETY: `run` is made for this `shared`, which outlives the call: it returns when all are done.
    let code = unsafe { (native.parallel_for)(0, threads, 1, run_of(&shared), context) };
    assert_eq!(code, 0, "libtorch's threads are not to be had");
    if let Ok(Some(panic)) = shared.panic.into_inner() {
        resume_unwind(panic);
    }
}

/// What threads take pieces from.
struct Shared<'a, I, F> {
    pieces: Mutex<I>,
    body: &'a F,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

impl<I: Iterator, F: Fn(I::Item)> Shared<'_, I, F> {
    /// Takes pieces until none is left.
    fn work(&self) {
        loop {
            let piece = self.pieces.lock().map_or(None, |mut pieces| pieces.next());
            let Some(piece) = piece else { return };
            (self.body)(piece);
        }
    }
}

/// The function that takes a `Shared` of these types.
fn run_of<I: Iterator + Send, F: Fn(I::Item) + Sync>(_: &Shared<I, F>) -> Body {
    unsafe extern "C" fn run<I: Iterator + Send, F: Fn(I::Item) + Sync>(
        _: i64,
        _: i64,
        context: *mut c_void,
    ) {
        // SAFETY: `for_rows` passes a `Shared` of these types, alive until all threads return. Threads share
        // it by reference only, and it may be shared: the pieces lie behind a lock.
        let shared = unsafe { &*context.cast::<Shared<I, F>>() };
        // A panic must not cross into C++.
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| shared.work()))
            && let Ok(mut first) = shared.panic.lock()
        {
            *first = Some(panic);
        }
    }
    run::<I, F>
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    #[test]
    fn a_packed_product_is_the_product() {
        let random = |shape: [i64; 2]| Tensor::randn(shape, (Kind::Float, Device::Cpu));
        for (rows, inputs, outputs) in [(1, 8, 16), (3, 96, 40), (17, 256, 2048), (70, 40, 8)] {
            let (input, weight) = (random([rows, inputs]), random([outputs, inputs]));
            let bias = Tensor::randn([outputs], (Kind::Float, Device::Cpu));
            let addend = random([rows, outputs]);
            let Some(packed) = Packed::new(&weight) else { return };
            let expected = input.linear(&weight, Some(&bias));
            let found = packed.linear(&input, Some(&bias)).expect("a product");
            assert!(found.allclose(&expected, 1e-4, 1e-4, false));
            let found = packed.linear_onto(&input, None, &addend).expect("a product");
            assert!(found.allclose(&(input.linear(&weight, None::<Tensor>) + addend), 1e-4, 1e-4, false));
            assert!(packed.linear(&random([rows, inputs + 1]), None).is_err(), "the shapes do not fit");
        }
    }

    #[test]
    fn every_row_is_visited_once_and_a_panic_comes_back() {
        let mut rows = vec![0usize; 3 * 1000];
        for_rows(&mut rows, 3, 10, |first, rows| {
            rows.chunks_mut(3).enumerate().for_each(|(row, values)| values.fill(first + row + 1));
        });
        assert!(rows.chunks(3).enumerate().all(|(row, values)| values == [row + 1; 3]));
        let panicked = catch_unwind(|| {
            let mut rows = vec![0u8; 100];
            for_rows(&mut rows, 1, 10, |first, _| assert!(first > 0, "bad luck"));
        });
        assert!(panicked.is_err());
    }
}
