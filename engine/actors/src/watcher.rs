//! Whoever watches a search, and how long the search waits for them.
//!
//! No note is ever dropped. While there is time, a search waits until its watcher has room; once it
//! is pressed for time or over, it waits for nobody, and what did not fit comes with the end.

use tokio::sync::mpsc::{self, error::TrySendError};
use toolbeam_search::Note;

/// The sending side. At most one round's notes are kept here, because a search that waits begins no
/// other; while it is pressed for time there is one beam, and one note without candidates per round.
pub(crate) struct Watcher {
    /// `None` if nobody watches, or nobody does any more.
    notes: Option<mpsc::Sender<Note>>,
    unread: Vec<Note>,
    pressed: bool,
}

impl Watcher {
    pub(crate) fn new(notes: Option<mpsc::Sender<Note>>) -> Watcher {
        Watcher { notes, unread: Vec::new(), pressed: false }
    }

    /// Tells the watcher.
    ///
    /// # Errors
    /// Gives the note back if the search must wait for [`Watcher::room`] first.
    pub(crate) fn tell(&mut self, note: Note) -> Result<(), Box<Note>> {
        let Some(notes) = &self.notes else { return Ok(()) };
        let kept = if self.unread.is_empty() {
            match notes.try_send(note) {
                Ok(()) => return Ok(()),
                Err(TrySendError::Closed(_)) => {
                    self.notes = None;
                    return Ok(());
                }
                Err(TrySendError::Full(note)) => note,
            }
        } else {
            note
        };
        if self.pressed {
            self.unread.push(kept);
            return Ok(());
        }
        Err(Box::new(kept))
    }

    /// From now on the search waits for nobody.
    pub(crate) fn press(&mut self) {
        self.pressed = true;
    }

    /// Ready when the watcher has room, or has gone.
    pub(crate) fn room(&self) -> impl Future<Output = ()> + 'static {
        let notes = self.notes.clone();
        async move {
            if let Some(notes) = notes {
                // Room is left as it was found: nobody else sends.
                drop(notes.reserve_owned().await);
            }
        }
    }

    /// What the watcher had no room for.
    pub(crate) fn take_unread(&mut self) -> Vec<Note> {
        std::mem::take(&mut self.unread)
    }
}
