//! Folders that are written as a whole or not at all.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::TrainError;

/// Puts a folder in its place, as a whole: `fill` gets an empty one beside it. What lies there must be empty.
///
/// # Errors
/// [`TrainError::Write`], and what `fill` says.
pub(crate) fn place_folder(
    path: &Path,
    fill: impl FnOnce(&Path) -> Result<(), TrainError>,
) -> Result<(), TrainError> {
    if fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(TrainError::write(path, "it is not empty; give another --out"));
    }
    let failed = |error| TrainError::write(path, error);
    let beside = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    fs::create_dir_all(beside).map_err(failed)?;
    let mut partial = tempfile::Builder::new();
    let partial = partial.prefix(".partial-").permissions(Permissions::from_mode(0o777));
    let partial = partial.tempdir_in(beside).map_err(failed)?;
    fill(partial.path())?;
    // An empty folder gives way.
    fs::rename(partial.keep(), path).map_err(failed)
}

#[cfg(test)]
mod tests {
    use toolbeam_dataset::place;

    use super::*;

    #[test]
    fn a_folder_is_there_as_a_whole_or_not_at_all() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a/b");
        let write = |text: &'static str| {
            place_folder(&path, move |partial| Ok(place(&partial.join("file"), text.as_bytes())?))
        };
        let failed = place_folder(&path, |partial| {
            place(&partial.join("file"), b"half")?;
            Err(TrainError::no_labels())
        });
        assert!(failed.is_err() && !path.exists());
        assert_eq!(fs::read_dir(folder.path().join("a")).expect("made").count(), 0, "nothing is left");
        fs::create_dir(&path).expect("an empty one");
        write("whole").expect("placed");
        assert_eq!(fs::read(path.join("file")).expect("there"), b"whole");
        assert!(write("other").expect_err("it is taken").to_string().contains("it is not empty"));
    }
}
