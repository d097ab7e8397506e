//! The tokenizer of a model folder.

use std::collections::HashMap;

use crate::{LmError, ModelFiles};

const FILE: &str = "tokenizer.json";

/// A byte-level tokenizer. Text is always encoded with special tokens disabled: a string such as
/// `<|im_end|>` inside a text is text. Special tokens enter by [`Tokenizer::special`] only.
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    /// The bytes of every token; `None` for special tokens and for ids without a token.
    bytes: Vec<Option<Box<[u8]>>>,
    specials: HashMap<String, u32>,
}

impl Tokenizer {
    /// Reads `tokenizer.json`.
    ///
    /// # Errors
    /// [`LmError::ModelFile`] if it is no tokenizer or not a byte-level one.
    pub fn read(files: &ModelFiles) -> Result<Tokenizer, LmError> {
        let mut inner = tokenizers::Tokenizer::from_bytes(files.read(FILE)?)
            .map_err(|error| LmError::file(FILE, error))?;
        inner.set_encode_special_tokens(true);
        inner.with_truncation(None).map_err(|error| LmError::file(FILE, error))?;
        inner.with_padding(None);
        let alphabet = byte_alphabet();
        let added = inner.get_added_tokens_decoder();
        let mut bytes = vec![None; inner.get_vocab_size(true)];
        let mut specials = HashMap::new();
        for (token, id) in inner.get_vocab(true) {
            let place = id as usize;
            if bytes.len() <= place {
                bytes.resize(place + 1, None);
            }
            bytes[place] = match added.get(&id) {
                Some(added) if added.special => {
                    specials.insert(token, id);
                    None
                }
                Some(_) => Some(token.into_bytes().into()),
                None => Some(token_bytes(&token, &alphabet).ok_or_else(|| {
                    LmError::file(
                        FILE,
                        format!("token {id} is not byte-level; supported are byte-level BPE tokenizers"),
                    )
                })?),
            };
        }
        Ok(Tokenizer { inner, bytes, specials })
    }

    /// Encodes text, in which nothing is special.
    ///
    /// # Errors
    /// [`LmError::Tokenizer`] if the tokenizer refuses the text.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, LmError> {
        if text.is_empty() {
            return Ok(Vec::new());
        }
        let encoding =
            self.inner.encode_fast(text, false).map_err(|error| LmError::Tokenizer(error.to_string()))?;
        Ok(encoding.get_ids().to_vec())
    }

    /// The bytes of a token; `None` for special tokens and unknown ids.
    pub fn bytes(&self, id: u32) -> Option<&[u8]> {
        self.bytes.get(id as usize)?.as_deref()
    }

    /// The id of a special token.
    pub fn special(&self, token: &str) -> Option<u32> {
        self.specials.get(token).copied()
    }

    /// The id of a text that is exactly one ordinary token.
    pub fn single(&self, text: &str) -> Option<u32> {
        match self.encode(text).ok()?.as_slice() {
            [id] => Some(*id),
            _ => None,
        }
    }

    /// All special tokens.
    pub fn specials(&self) -> impl Iterator<Item = (&str, u32)> {
        self.specials.iter().map(|(token, id)| (token.as_str(), *id))
    }

    /// One more than the largest id.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }
}

/// The bytes of a token in the alphabet of byte-level BPE, or `None` if it is written otherwise.
fn token_bytes(token: &str, alphabet: &HashMap<char, u8>) -> Option<Box<[u8]>> {
    token.chars().map(|c| alphabet.get(&c).copied()).collect()
}

/// The alphabet of byte-level BPE (GPT-2's `bytes_to_unicode`): printable bytes stand for themselves,
/// the others for the characters from 256 on, in order.
fn byte_alphabet() -> HashMap<char, u8> {
    let printable = |byte: &u8| matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
    let plain = (0..=255u8).filter(printable).map(|byte| (char::from(byte), byte));
    let shifted = (0..=255u8).filter(|byte| !printable(byte));
    let shifted = (256u32..).zip(shifted).filter_map(|(code, byte)| Some((char::from_u32(code)?, byte)));
    plain.chain(shifted).collect()
}
