//! The committed Rust and descriptors are exactly what the `.proto` files give.

use std::error::Error;
use std::path::{Path, PathBuf};

use tonic_prost_build::Config;

/// The package's files, in the order in which they are compiled.
const SOURCES: [&str; 5] = [
    "toolbeam/v1/model.proto",
    "toolbeam/v1/policy.proto",
    "toolbeam/v1/prompt.proto",
    "toolbeam/v1/scorer.proto",
    "toolbeam/v1/search.proto",
];

/// What is generated and committed.
const GENERATED: [&str; 2] = ["toolbeam.v1.rs", "toolbeam.v1.bin"];

#[test]
fn generated_code_is_current() -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let fresh = tempfile::tempdir()?;
    generate(root, fresh.path())?;
    let committed = root.join("src/gen");

    if std::env::var_os("TOOLBEAM_REGENERATE").is_some_and(|value| value == "1") {
        for name in GENERATED {
            std::fs::copy(fresh.path().join(name), committed.join(name))?;
        }
        return Ok(());
    }
    for name in GENERATED {
        let want = std::fs::read(fresh.path().join(name))?;
        let have = std::fs::read(committed.join(name)).unwrap_or_default();
        assert!(
            want == have,
            "proto/src/gen/{name} is not what the .proto files give; \
             run `TOOLBEAM_REGENERATE=1 cargo test -p toolbeam-proto` and commit it"
        );
    }
    Ok(())
}

#[test]
fn every_source_is_compiled() -> Result<(), Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("toolbeam/v1");
    let mut found: Vec<String> = std::fs::read_dir(folder)?
        .map(|entry| Ok(format!("toolbeam/v1/{}", entry?.file_name().display())))
        .collect::<std::io::Result<_>>()?;
    found.sort();
    assert_eq!(found, SOURCES, "SOURCES does not list the folder's files");
    Ok(())
}

/// Writes everything in `GENERATED` to the folder `out`.
fn generate(root: &Path, out: &Path) -> Result<(), Box<dyn Error>> {
    let mut compiler = protox::Compiler::new([root])?;
    compiler.include_imports(true).include_source_info(true).open_files(SOURCES.map(PathBuf::from))?;
    std::fs::write(out.join("toolbeam.v1.bin"), compiler.encode_file_descriptor_set())?;
    // Names let a message be packed into an error's details.
    let mut config = Config::new();
    config.enable_type_names().type_name_domain(["."], "type.googleapis.com");
    tonic_prost_build::configure()
        .out_dir(out)
        .emit_rerun_if_changed(false)
        .compile_fds_with_config(compiler.file_descriptor_set(), config)?;
    Ok(())
}
