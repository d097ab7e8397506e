//! Score: a request's bytes, decoded, read by the scorer and written as the reward model reads them.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use toolbeam_fuzz::{Model, check_refusal, decode};
use toolbeam_reward::RewardTokens;
use toolbeam_scorer::fuzzing;

static TOOLPRM: LazyLock<(Model, RewardTokens)> = LazyLock::new(|| {
    let model = Model::toolprm();
    let tokens = RewardTokens::find(&model.files, &model.info.config, &model.info.tokenizer)
        .expect("it has the markers");
    (model, tokens)
});

fuzz_target!(|bytes: &[u8]| {
    let Some(request) = decode(bytes) else { return };
    let (model, tokens) = &*TOOLPRM;
    match fuzzing::score(request) {
        Ok(answers) => {
            for (steps, first) in answers {
                assert!(first <= steps.len());
                let input = tokens.input(&model.info.tokenizer, &steps).expect("steps are text");
                assert_eq!(input.markers.len(), steps.len());
            }
        }
        Err(error) => check_refusal(&error.into()),
    }
});
