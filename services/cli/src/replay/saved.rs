//! A search in a file: its response, which carries its request, in protobuf's JSON.

use std::path::Path;

use anyhow::{Context, Result};
use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor};
use toolbeam_client::v1::SearchResponse;

use crate::exit::WrongFile;

/// Writes a response that came with `trace`.
pub(crate) fn write(path: &Path, response: &SearchResponse) -> Result<()> {
    let mut message = DynamicMessage::new(descriptor()?);
    message.transcode_from(response)?;
    let json = serde_json::to_string_pretty(&message)?;
    std::fs::write(path, json + "\n").with_context(|| format!("writing {}", path.display()))
}

/// Reads what [`write()`] wrote.
pub(crate) fn read(path: &Path) -> Result<SearchResponse> {
    let wrong = || WrongFile(path.display().to_string());
    let text = std::fs::read_to_string(path).with_context(wrong)?;
    let mut json = serde_json::Deserializer::from_str(&text);
    let message = DynamicMessage::deserialize(descriptor()?, &mut json)
        .context("it is no saved search")
        .with_context(wrong)?;
    Ok(SearchResponse::decode(message.encode_to_vec().as_slice())?)
}

fn descriptor() -> Result<MessageDescriptor> {
    let pool = DescriptorPool::decode(toolbeam_client::FILE_DESCRIPTOR_SET)?;
    pool.get_message_by_name("toolbeam.v1.SearchResponse").context("the contract has no SearchResponse")
}

#[cfg(test)]
mod tests {
    use toolbeam_client::v1;

    use super::*;

    #[test]
    fn what_is_written_is_read_and_what_is_broken_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("search.json");
        let answer = v1::Answer { text: vec![0xff, 0], reward: Some(0.25), ..Default::default() };
        let request = v1::SearchRequest { seed: u64::MAX, ..Default::default() };
        let response = SearchResponse { answers: vec![answer], request: Some(request), ..Default::default() };
        write(&path, &response).expect("written");
        assert_eq!(read(&path).expect("read"), response);
        std::fs::write(&path, "{\"answers\": 3}").expect("written");
        let error = format!("{:#}", read(&path).expect_err("no search"));
        assert!(error.contains("search.json: it is no saved search"), "{error}");
    }
}
