//! Model folders: everything but the data of the weights, read and held against each other.

use std::sync::Arc;

use crate::config::{self, ModelConfig};
use crate::{ChatTemplate, LmError, ModelFiles, Profile, PromptFormat, Tokenizer, WeightTable};

/// A model folder of which everything was read but the data of its weights.
pub struct ModelFolder {
    /// Shape.
    pub config: ModelConfig,
    /// Its tokenizer.
    pub tokenizer: Arc<Tokenizer>,
    /// Renders its prompts.
    pub prompts: PromptFormat,
    /// How it is used.
    pub profile: Profile,
    /// Where its tensors are.
    pub weights: WeightTable,
}

/// What is in a model folder, and what is wrong with it. Neither weights nor a device are touched.
pub struct Inspection {
    /// Its configuration, if the runtime can compute such a model.
    pub config: Option<ModelConfig>,
    /// Its tokenizer, if it can be used.
    pub tokenizer: Option<Arc<Tokenizer>>,
    /// Its chat template, if it parses.
    pub template: Option<ChatTemplate>,
    /// How it is used, if `toolbeam.json` can be read.
    pub profile: Option<Profile>,
    /// Where its tensors are, if all files are whole.
    pub weights: Option<WeightTable>,
    /// Everything because of which it cannot be loaded.
    pub problems: Vec<LmError>,
}

impl ModelFolder {
    /// Reads a folder.
    ///
    /// # Errors
    /// The first of what is wrong with it, naming the file.
    pub fn read(files: &ModelFiles) -> Result<ModelFolder, LmError> {
        Inspection::of(files).complete()
    }
}

impl Inspection {
    /// Reads everything in a folder but the data of its weights.
    pub fn of(files: &ModelFiles) -> Inspection {
        let mut found = Inspection::without_weights(files);
        found.weights = WeightTable::read(files).map_err(|errors| found.problems.extend(errors)).ok();
        if let (Some(config), Some(weights)) = (&found.config, &found.weights) {
            found.problems.extend(weights.problems(&config.parameters()));
        }
        found
    }

    /// Reads everything in a folder but its weights, which need not be there.
    pub fn without_weights(files: &ModelFiles) -> Inspection {
        let mut problems = Vec::new();
        let mut config = ModelConfig::read(files).map_err(|errors| problems.extend(errors)).ok();
        let tokenizer = Tokenizer::read(files).map_err(|error| problems.push(error)).ok();
        let source = ChatTemplate::source(files).map_err(|error| problems.push(error)).ok();
        let architecture = config.as_ref().map_or("", |config| &config.architecture);
        let profile = Profile::read(files, architecture, source.as_deref().unwrap_or_default())
            .map_err(|error| problems.push(error))
            .ok();
        let template = source.zip(profile.as_ref()).and_then(|(source, profile)| {
            template(files, &source, profile).map_err(|error| problems.push(error)).ok()
        });
        if let (Some(config), Some(tokenizer), Some(profile)) = (&mut config, &tokenizer, &profile) {
            problems.extend(tokenizer_problem(config, tokenizer));
            problems.extend(complete_end_tokens(config, tokenizer, profile).err());
        }
        Inspection { config, tokenizer: tokenizer.map(Arc::new), template, profile, weights: None, problems }
    }

    /// The whole folder.
    ///
    /// # Errors
    /// The first problem.
    pub fn complete(self) -> Result<ModelFolder, LmError> {
        match self {
            Inspection {
                config: Some(config),
                tokenizer: Some(tokenizer),
                template: Some(template),
                profile: Some(profile),
                weights: Some(weights),
                problems,
            } if problems.is_empty() => {
                let prompts = PromptFormat::new(template, Arc::clone(&tokenizer));
                Ok(ModelFolder { config, tokenizer, prompts, profile, weights })
            }
            Inspection { problems, .. } => {
                let unread = || LmError::file(config::FILE, "could not be read with the rest of the folder");
                Err(problems.into_iter().next().unwrap_or_else(unread))
            }
        }
    }
}

fn template(files: &ModelFiles, source: &str, profile: &Profile) -> Result<ChatTemplate, LmError> {
    let source = profile.chat_template.unwrap_or(source);
    let template = ChatTemplate::parse(source, &ChatTemplate::special_tokens(files)?)?;
    Ok(template.with_variables(&profile.template_variables))
}

fn tokenizer_problem(config: &ModelConfig, tokenizer: &Tokenizer) -> Option<LmError> {
    let (tokens, rows) = (tokenizer.size(), config.vocab_size);
    (tokens as i64 > rows).then(|| {
        let message = format!(
            "has {tokens} tokens, but vocab_size in config.json is {rows}; use the tokenizer \
                               that belongs to the weights"
        );
        LmError::file("tokenizer.json", message)
    })
}

/// Puts the profile's end tokens first among those that the folder's own files name.
fn complete_end_tokens(
    config: &mut ModelConfig,
    tokenizer: &Tokenizer,
    profile: &Profile,
) -> Result<(), LmError> {
    let mut ids = Vec::new();
    for token in &profile.end_tokens {
        match tokenizer.special(token) {
            Some(id) => ids.push(id),
            None if profile.end_tokens_required => {
                let message =
                    format!("end_tokens names {token}, which is no special token of tokenizer.json");
                return Err(LmError::file("toolbeam.json", message));
            }
            None => {}
        }
    }
    for id in config.end_tokens.drain(..).collect::<Vec<_>>() {
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    config.end_tokens = ids;
    if config.end_tokens.is_empty() {
        let message = "no eos_token_id here or in generation_config.json; add one";
        return Err(LmError::file(config::FILE, message));
    }
    Ok(())
}
