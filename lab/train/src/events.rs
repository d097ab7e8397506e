//! Curves for TensorBoard: its event files, which are TFRecords of protocol-buffer messages.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use prost::Message;

use crate::TrainError;

/// The part of `tensorflow/core/util/event.proto` that curves need.
#[derive(Clone, PartialEq, Message)]
struct Event {
    /// Seconds since 1970.
    #[prost(double, tag = "1")]
    wall_time: f64,
    #[prost(int64, tag = "2")]
    step: i64,
    #[prost(string, optional, tag = "3")]
    file_version: Option<String>,
    #[prost(message, optional, tag = "5")]
    summary: Option<Summary>,
}

#[derive(Clone, PartialEq, Message)]
struct Summary {
    #[prost(message, repeated, tag = "1")]
    value: Vec<Value>,
}

#[derive(Clone, PartialEq, Message)]
struct Value {
    #[prost(string, tag = "1")]
    tag: String,
    #[prost(float, tag = "2")]
    simple_value: f32,
}

/// Writes an event file.
pub struct EventFile {
    path: PathBuf,
    file: BufWriter<File>,
}

impl EventFile {
    /// A new file in `folder`, which is made if it is not there. TensorBoard reads all files of a folder as one.
    ///
    /// # Errors
    /// [`TrainError::Write`].
    pub fn create(folder: &Path) -> Result<EventFile, TrainError> {
        let name = format!("events.out.tfevents.{:.6}.toolbeam.{}", now(), std::process::id());
        let path = folder.join(name);
        let file = std::fs::create_dir_all(folder).and_then(|()| File::create(&path));
        let file = BufWriter::new(file.map_err(|error| TrainError::write(&path, error))?);
        let mut events = EventFile { path, file };
        let version = Some("brain.Event:2".to_owned());
        events.write(&Event { wall_time: now(), step: 0, file_version: version, summary: None })?;
        Ok(events)
    }

    /// Adds points at a step, by the names of their curves, and hands them to the system.
    ///
    /// # Errors
    /// [`TrainError::Write`].
    pub fn add<'a>(
        &mut self,
        step: u64,
        points: impl IntoIterator<Item = (&'a str, f64)>,
    ) -> Result<(), TrainError> {
        let value = |(tag, value): (&str, f64)| Value { tag: tag.to_owned(), simple_value: value as f32 };
        let summary = Summary { value: points.into_iter().map(value).collect() };
        let event = Event { wall_time: now(), step: step as i64, file_version: None, summary: Some(summary) };
        self.write(&event)
    }

    fn write(&mut self, event: &Event) -> Result<(), TrainError> {
        let written = self.file.write_all(&record(&event.encode_to_vec())).and_then(|()| self.file.flush());
        written.map_err(|error| TrainError::write(&self.path, error))
    }
}

/// A TFRecord: length, its checksum, the data, their checksum; numbers begin with their lowest byte.
fn record(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    let mut record = Vec::with_capacity(data.len() + 16);
    record.extend(length);
    record.extend(masked(&length).to_le_bytes());
    record.extend(data);
    record.extend(masked(data).to_le_bytes());
    record
}

/// TFRecord's checksum: CRC-32C, rotated and shifted, so that checksums of data that hold checksums differ.
fn masked(data: &[u8]) -> u32 {
    crc32c::crc32c(data).rotate_right(15).wrapping_add(0xa282_ead8)
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_the_format() {
        assert_eq!(crc32c::crc32c(b"123456789"), 0xe306_9283, "the check value of CRC-32C");
        assert_eq!(masked(b"123456789"), 0xc78a_b0e5);
    }

    #[test]
    fn a_file_reads_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut events = EventFile::create(folder.path()).expect("created");
        events.add(7, [("train/loss", 0.5), ("train/accuracy", 0.25)]).expect("written");
        let bytes = std::fs::read(&events.path).expect("written");
        let mut rest = bytes.as_slice();
        let mut found = Vec::new();
        while !rest.is_empty() {
            let length = u64::from_le_bytes(rest[..8].try_into().expect("eight bytes")) as usize;
            found.push(Event::decode(&rest[12..12 + length]).expect("an event"));
            assert_eq!(rest[..16 + length], record(&rest[12..12 + length]));
            rest = &rest[16 + length..];
        }
        assert_eq!(found[0].file_version.as_deref(), Some("brain.Event:2"));
        let summary = found[1].summary.clone().expect("points");
        assert_eq!((found[1].step, summary.value.len()), (7, 2));
        assert_eq!((summary.value[0].tag.as_str(), summary.value[0].simple_value), ("train/loss", 0.5));
    }
}
