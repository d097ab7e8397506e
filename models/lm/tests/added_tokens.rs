//! Tokens that a tokenizer adds to its vocabulary, such as Qwen's tags, are text unless they are special.

use serde_json::{Value, json};
use toolbeam_lm::{ModelFiles, Tokenizer};

const TAGS: [&str; 4] = ["<think>", "</think>", "<tool_call>", "</tool_call>"];

/// The reference policy's tokenizer with the tags added, and its size without them.
fn tokenizer(special: bool) -> (Tokenizer, u32) {
    let files = ModelFiles::Folder(concat!(env!("CARGO_MANIFEST_DIR"), "/../reference/policy").into());
    let size = Tokenizer::read(&files).expect("the policy has a tokenizer").size() as u32;
    let bytes = files.read("tokenizer.json").expect("it is a file");
    let mut json: Value = serde_json::from_slice(&bytes).expect("it is JSON");
    let added = json["added_tokens"].as_array_mut().expect("it has added tokens");
    added.extend(TAGS.iter().zip(size..).map(|(tag, id)| {
        json!({"id": id, "content": tag, "single_word": false, "lstrip": false, "rstrip": false,
               "normalized": false, "special": special})
    }));
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("tokenizer.json"), json.to_string()).expect("it is written");
    let files = ModelFiles::Folder(folder.path().to_owned());
    (Tokenizer::read(&files).expect("it is a tokenizer"), size)
}

#[test]
fn added_tokens_are_one_token_each_and_their_text_is_bytes() {
    let (tokenizer, size) = tokenizer(false);
    for (tag, id) in TAGS.iter().zip(size..) {
        assert_eq!(tokenizer.encode(tag).expect("encodes"), [id], "{tag}");
        assert_eq!(tokenizer.bytes(id), Some(tag.as_bytes()), "{tag}");
        assert_eq!(tokenizer.special(tag), None, "{tag}");
    }
    let text = "<think>é</think>\n\nSo: <tool_call>\n{\"name\": \"f\", \"arguments\": {}}\n</tool_call>";
    let tokens = tokenizer.encode(text).expect("encodes");
    let bytes: Vec<u8> = tokens.iter().flat_map(|id| tokenizer.bytes(*id).expect("text")).copied().collect();
    assert_eq!(String::from_utf8_lossy(&bytes), text);
    assert_eq!(tokens.iter().filter(|id| **id >= size).count(), 4);
}

#[test]
fn special_tokens_have_no_text() {
    let (tokenizer, size) = tokenizer(true);
    for (tag, id) in TAGS.iter().zip(size..) {
        assert_eq!((tokenizer.special(tag), tokenizer.bytes(id)), (Some(id), None), "{tag}");
        assert!(!tokenizer.encode(tag).expect("encodes").contains(&id), "{tag}");
    }
}
