//! The place in a JSON value, kept on the stack while walking and written out only for an error.

use std::fmt;

/// A JSON pointer as a list linked from its last segment.
#[derive(Clone, Copy)]
pub(super) struct Path<'a> {
    parent: Option<(&'a Path<'a>, Segment<'a>)>,
}

#[derive(Clone, Copy)]
enum Segment<'a> {
    Key(&'a str),
    Index(usize),
}

impl<'a> Path<'a> {
    pub(super) const ROOT: Path<'static> = Path { parent: None };

    pub(super) fn key(&'a self, key: &'a str) -> Path<'a> {
        Path { parent: Some((self, Segment::Key(key))) }
    }

    pub(super) fn index(&'a self, index: usize) -> Path<'a> {
        Path { parent: Some((self, Segment::Index(index))) }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.parent {
            None => Ok(()),
            Some((parent, Segment::Key(key))) => write!(f, "{parent}/{}", escaped(key)),
            Some((parent, Segment::Index(index))) => write!(f, "{parent}/{index}"),
        }
    }
}

/// A key as one segment of a JSON pointer (RFC 6901).
pub(super) fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
