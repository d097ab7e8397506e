//! Which models to load, and where to compute.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Context, Result};
use toolbeam_lm::{DeviceChoice, DtypeChoice, ModelFiles, ModelHandle, Runtime, RuntimeConfig};

/// Settings of the device's thread.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct RuntimeArgs {
    /// Where to compute: auto, cpu, or cuda:N.
    #[arg(long, env = "TOOLBEAM_DEVICE", default_value = "auto", value_parser = parse_device)]
    device: DeviceChoice,
    /// In which type to compute: auto, float32 or bfloat16. auto is bfloat16 on CUDA devices and on
    /// processors with AVX512-BF16 or AMX, where it is faster, and float32 elsewhere.
    #[arg(long, env = "TOOLBEAM_DTYPE", default_value = "auto")]
    dtype: DtypeChoice,
    /// Threads of one operation on the CPU; the cores of the machine by default. Two processes on one
    /// machine need a share each, or both become slow.
    #[arg(long, env = "TOOLBEAM_THREADS", value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
    /// The most keys and values per model, such as 512MiB or 2GiB.
    #[arg(long, env = "TOOLBEAM_KV_BYTES", default_value = "1GiB", value_parser = parse_bytes)]
    kv_bytes: Bytes,
    /// How many requests a model takes at a time, those that wait included; one more is refused and
    /// told to come back after the time that requests took lately.
    #[arg(long, env = "TOOLBEAM_DEVICE_QUEUE", default_value_t = 4096)]
    device_queue: usize,
    /// How many searches' continuations a policy computes at a time. Others wait, and those that came
    /// first go first. By default 32 on the CPU, where more at once are slower, and 256 on CUDA devices.
    #[arg(long, env = "TOOLBEAM_RUNNING")]
    running: Option<NonZeroUsize>,
}

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Bytes(u64);

impl RuntimeArgs {
    /// Loads models into one device thread and computes once with each.
    pub(crate) async fn load(&self, models: Vec<ModelFiles>) -> Result<Vec<ModelHandle>> {
        let config = RuntimeConfig {
            device: self.device,
            dtype: self.dtype,
            threads: self.threads.map(usize::from),
            kv_bytes: self.kv_bytes.0,
            queue: self.device_queue,
            running: self.running.map(usize::from),
        };
        let handles = tokio::task::spawn_blocking(move || Runtime::start(config, models)).await??;
        for handle in &handles {
            handle.warm_up().await.with_context(|| format!("warming up {}", handle.info().name))?;
        }
        Ok(handles)
    }
}

/// The policy in `folder`, or the one that ships with Toolbeam.
pub(crate) fn policy_files(folder: Option<PathBuf>) -> ModelFiles {
    let files = toolbeam_reference::POLICY;
    folder.map_or(ModelFiles::Embedded { name: "toolbeam-reference-policy", files }, ModelFiles::Folder)
}

/// The reward model in `folder`, or the one that ships with Toolbeam.
pub(crate) fn scorer_files(folder: Option<PathBuf>) -> ModelFiles {
    let files = toolbeam_reference::TOOLPRM;
    folder.map_or(ModelFiles::Embedded { name: "toolbeam-reference-toolprm", files }, ModelFiles::Folder)
}

pub(crate) fn parse_device(text: &str) -> Result<DeviceChoice, String> {
    match text {
        "auto" => Ok(DeviceChoice::Auto),
        "cpu" => Ok(DeviceChoice::Cpu),
        _ => text
            .strip_prefix("cuda:")
            .and_then(|index| index.parse().ok())
            .map(DeviceChoice::Cuda)
            .ok_or_else(|| "write auto, cpu, or cuda:N".to_owned()),
    }
}

fn parse_bytes(text: &str) -> Result<Bytes, String> {
    let units = [("KiB", 10), ("MiB", 20), ("GiB", 30), ("", 0)];
    let parsed = units.iter().find_map(|(unit, shift)| {
        let count = u64::from_str(text.strip_suffix(unit)?.trim()).ok()?;
        count.checked_mul(1 << shift).map(Bytes)
    });
    parsed.ok_or_else(|| "write a number of bytes, with KiB, MiB or GiB if you like".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_devices_are_read() {
        let bytes = |text: &str| parse_bytes(text).ok().map(|bytes| bytes.0);
        assert_eq!(bytes("512MiB"), Some(512 << 20));
        assert_eq!(bytes("2 GiB"), Some(2 << 30));
        assert_eq!(bytes("1000"), Some(1000));
        assert_eq!((bytes("1GB"), bytes("-1"), bytes("99999999999GiB")), (None, None, None));
        assert_eq!(parse_device("cuda:3"), Ok(DeviceChoice::Cuda(3)));
        assert!(parse_device("gpu").is_err());
    }
}
