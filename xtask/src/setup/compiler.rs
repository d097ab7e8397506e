//! Whether there is a C++ compiler that can build against libtorch.

use std::io::Write;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

const REMEDY: &str = "\
install one
  Debian, Ubuntu:  sudo apt install g++
  Fedora:          sudo dnf install gcc-c++
  macOS:           xcode-select --install
or name yours in the environment variable CXX";

/// Needs the language and the libraries that torch-sys needs.
const PROGRAM: &[u8] = b"#include <memory>\nint main() { return *std::make_unique<int>(0); }\n";

/// Compiles and links a small program as torch-sys will be, so that a missing piece is named now and
/// not after a long build.
pub(super) fn check() -> Result<()> {
    let compiler = std::env::var("CXX").unwrap_or_else(|_| "c++".into());
    // CXX may carry options, as make allows.
    let mut words = compiler.split_whitespace();
    let mut command = Command::new(words.next().unwrap_or("c++"));
    command.args(words).args(["-std=c++17", "-x", "c++", "-", "-o", "/dev/null"]);
    if cfg!(target_os = "linux") {
        command.arg("-lgomp");
    }
    let spawned = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let Ok(mut child) = spawned else {
        bail!("there is no C++ compiler (`{compiler}` does not run): {REMEDY}");
    };
    // A compiler that ends before it has read everything says why on standard error.
    let _ = child.stdin.take().map(|mut input| input.write_all(PROGRAM));
    let output = child.wait_with_output().context("cannot wait for the C++ compiler")?;
    if !output.status.success() {
        let message = String::from_utf8_lossy(&output.stderr);
        bail!("the C++ compiler `{compiler}` cannot build a small program:\n{message}{REMEDY}");
    }
    Ok(())
}
