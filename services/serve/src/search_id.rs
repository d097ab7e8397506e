//! The id of a search, by which every service knows whom it works for.

use crate::error::Violation;

/// The longest id of a search, in bytes.
pub const MAX_SEARCH_ID_BYTES: usize = 128;

/// Checks an id that may be empty.
///
/// # Errors
/// It is longer than [`MAX_SEARCH_ID_BYTES`] or has control characters.
pub fn check_search_id(id: &str) -> Result<(), Violation> {
    if id.len() <= MAX_SEARCH_ID_BYTES && !id.chars().any(char::is_control) {
        return Ok(());
    }
    refuse(format!("must be at most {MAX_SEARCH_ID_BYTES} bytes without control characters; shorten it"))
}

/// Checks an id that names a search.
///
/// # Errors
/// As for [`check_search_id`], or it is empty.
pub fn require_search_id(id: &str) -> Result<(), Violation> {
    if id.is_empty() { refuse("empty; name the search".to_owned()) } else { check_search_id(id) }
}

fn refuse(description: String) -> Result<(), Violation> {
    Err(Violation { field: "search_id".to_owned(), description })
}
