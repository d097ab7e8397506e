//! Choosing where to compute.

use tch::Device;

/// Where the caller wants to compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceChoice {
    /// The first CUDA device if there is one, else the CPU.
    Auto,
    /// The CPU.
    Cpu,
    /// The CUDA device of this index.
    Cuda(usize),
}

/// A device and the reason for it, for the first line of the log.
#[derive(Clone, Debug)]
pub struct ChosenDevice {
    /// The device.
    pub device: Device,
    /// Why this one.
    pub reason: String,
}

/// Chooses a device. Must be the process's first use of libtorch: a binary that was linked without
/// CUDA sees devices only if libtorch's CUDA half is loaded before anything asks for them.
///
/// # Errors
/// A message if a CUDA device was asked for by index and is not there.
pub fn choose_device(choice: DeviceChoice) -> Result<ChosenDevice, String> {
    if choice == DeviceChoice::Cpu {
        return Ok(ChosenDevice { device: Device::Cpu, reason: "asked for".into() });
    }
    let loaded = cuda_library::load();
    let count = tch::Cuda::device_count().max(0) as usize;
    match choice {
        DeviceChoice::Cuda(index) if index < count => {
            Ok(ChosenDevice { device: Device::Cuda(index), reason: "asked for".into() })
        }
        DeviceChoice::Cuda(index) => Err(format!(
            "cuda:{index} was asked for, but {count} CUDA devices are visible ({})",
            loaded.err().unwrap_or_else(|| "libtorch_cuda is loaded".into())
        )),
        DeviceChoice::Auto if count > 0 => {
            Ok(ChosenDevice { device: Device::Cuda(0), reason: format!("{count} CUDA devices visible") })
        }
        DeviceChoice::Cpu | DeviceChoice::Auto => Ok(ChosenDevice {
            device: Device::Cpu,
            reason: loaded.err().unwrap_or_else(|| "no CUDA device is visible".into()),
        }),
    }
}

/// Loads libtorch's CUDA half, which nothing in the program refers to by symbol.
#[allow(unsafe_code)]
mod cuda_library {
    use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW};

    /// Loads `libtorch_cuda.so` for the rest of the process.
    pub(super) fn load() -> Result<(), String> {
        // SAFETY: the library belongs to the libtorch that the program is linked with, whose
        // initialisers only register kernels; it stays loaded because the handle is forgotten.
        let library = unsafe { Library::open(Some("libtorch_cuda.so"), RTLD_NOW | RTLD_GLOBAL) };
        match library {
            Ok(library) => {
                std::mem::forget(library);
                Ok(())
            }
            Err(error) => Err(format!("libtorch's CUDA half is not usable: {error}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absent_cuda_device_is_refused_and_the_cpu_always_works() {
        assert_eq!(choose_device(DeviceChoice::Cpu).map(|chosen| chosen.device), Ok(Device::Cpu));
        let refused = choose_device(DeviceChoice::Cuda(99)).expect_err("no machine has 100 devices");
        assert!(refused.contains("cuda:99"), "{refused}");
    }
}
