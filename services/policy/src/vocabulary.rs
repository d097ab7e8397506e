//! A model's tokens, as the grammar library takes them.

use std::sync::Arc;

use llguidance::toktrie::{TokEnv, TokRxInfo, TokTrie, TokenId, TokenizerEnv};
use toolbeam_lm::{ModelInfo, Tokenizer};

struct Vocabulary {
    tokenizer: Arc<Tokenizer>,
    trie: TokTrie,
}

impl TokenizerEnv for Vocabulary {
    fn tok_trie(&self) -> &TokTrie {
        &self.trie
    }

    /// As the model's own tokenizer does. What is not UTF-8, the cut end of a character, has no tokens: the
    /// library then forces what comes before it.
    fn tokenize_bytes(&self, bytes: &[u8]) -> Vec<TokenId> {
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(cut) => std::str::from_utf8(&bytes[..cut.valid_up_to()]).unwrap_or_default(),
        };
        self.tokenizer.encode(text).unwrap_or_default()
    }
}

/// The tokens of a model. Special tokens have no text, and stand for none here.
///
/// # Errors
/// If the model has no token that ends its turn.
pub(crate) fn token_environment(info: &ModelInfo) -> Result<TokEnv, String> {
    let size = info.config.vocab_size as u32;
    let end = info.config.end_tokens.first().copied().ok_or("no token ends the model's turn")?;
    let bytes = |id: u32| match info.tokenizer.bytes(id) {
        Some(bytes) => bytes.to_vec(),
        None => [&[TokTrie::SPECIAL_TOKEN_MARKER], format!("[{id}]").as_bytes()].concat(),
    };
    let words: Vec<Vec<u8>> = (0..size).map(bytes).collect();
    let trie = TokTrie::from(&TokRxInfo::new(size, end), &words);
    Ok(Arc::new(Vocabulary { tokenizer: Arc::clone(&info.tokenizer), trie }))
}
