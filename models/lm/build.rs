//! Writes the folder of libtorch into the binaries and tests of a crate (as an rpath), so that they start
//! without LD_LIBRARY_PATH wherever they are started from.
//!
//! Cargo applies a linker argument only to the crate whose build script gives it, and tells the folder
//! only to crates that depend on torch-sys themselves. So every crate with a binary or tests that link
//! libtorch has torch-sys among its dependencies and names this file as its build script.
//!
//! The path is absolute: a binary taken to another machine needs its libtorch at the same place or in
//! LD_LIBRARY_PATH, and says which library is missing.

fn main() {
    // Without a line of this kind the script would run after every change to the crate.
    println!("cargo::rerun-if-env-changed=DEP_TCH_LIBTORCH_LIB");
    if let Some(folder) = std::env::var_os("DEP_TCH_LIBTORCH_LIB") {
        println!("cargo::rustc-link-arg=-Wl,-rpath,{}", folder.display());
    }
}
