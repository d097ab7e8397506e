//! ORM, C-PRM and ToolPRM trained on the same data, beside each other (the paper's Table 2 and Figure 3).

mod plot;
mod table;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use toolbeam_dataset::place;
use toolbeam_reward::RewardKind;

use crate::TrainError;
use crate::history::{Validation, validations};
use crate::run::{RunConfig, RunEvent, train};
use crate::settings::{Length, Settings, Task};

/// What is trained, the coarsest first.
pub const COMPARED: [RewardKind; 3] = [RewardKind::Orm, RewardKind::CPrm, RewardKind::ToolPrm];

/// Kinds of reward models and what their validations found.
#[derive(Clone, Debug)]
pub struct Comparison {
    kinds: Vec<Compared>,
}

#[derive(Clone, Debug)]
struct Compared {
    kind: RewardKind,
    validations: Vec<Validation>,
}

/// Trains each of [`COMPARED`] with the same settings and data in a folder of its own below the run's, where what was
/// trained before is not trained again. Trained models go to folders below `out`, or beside their runs without it.
/// `tell` hears what happens, and may break it off; it then goes on from there when it is called again.
///
/// # Errors
/// [`TrainError`]; among them settings that are no reward model's, no validation set, and a length in minutes.
pub fn compare(
    config: &RunConfig,
    settings: &Settings,
    mut tell: impl FnMut(RewardKind, RunEvent<'_>) -> ControlFlow<()>,
) -> Result<Option<Comparison>, TrainError> {
    let softmax = match settings.task {
        Task::Labels { softmax, .. } => softmax,
        Task::Answers { .. } | Task::Preferences { .. } => {
            return Err(refusal("kind", "only models that learn from labels are compared"));
        }
    };
    if config.validation.is_none() {
        return Err(refusal("validation", "is what is compared; give a folder of labelled prompts"));
    }
    if matches!(settings.length, Length::Minutes(_)) {
        return Err(refusal("minutes", "gives each kind other steps; give --steps or --epochs"));
    }
    for kind in COMPARED {
        let settings = Settings { task: Task::Labels { kind, softmax }, ..settings.clone() };
        let ending = train(&of_kind(config, kind), &settings, |event| tell(kind, event))?;
        if !ending.is_over {
            return Ok(None);
        }
    }
    Comparison::read(&config.run).map(Some)
}

/// Where one kind is trained.
fn of_kind(config: &RunConfig, kind: RewardKind) -> RunConfig {
    let run = config.run.join(kind.name());
    let out = match &config.out {
        Some(out) => out.join(kind.name()),
        None => run.join("trained"),
    };
    // A kind that is finished has its model already.
    let out = (!out.join("model.safetensors").exists()).then_some(out);
    RunConfig { run, out, ..config.clone() }
}

fn refusal(setting: &'static str, message: &str) -> TrainError {
    TrainError::Setting { setting, message: message.to_owned() }
}

impl Comparison {
    /// Reads what the runs below a folder have found, as far as they are.
    ///
    /// # Errors
    /// [`TrainError::Read`].
    pub fn read(run: &Path) -> Result<Comparison, TrainError> {
        let kinds = COMPARED
            .into_iter()
            .map(|kind| Ok(Compared { kind, validations: validations(&run.join(kind.name()))? }));
        Ok(Comparison { kinds: kinds.collect::<Result<_, TrainError>>()? })
    }

    /// Writes `compare.md`, `compare.json`, and `compare.html` with learning curves, which needs no other file.
    ///
    /// # Errors
    /// [`TrainError::Write`].
    pub fn write(&self, folder: &Path) -> Result<[PathBuf; 3], TrainError> {
        let mut json = serde_json::to_vec_pretty(&self.json()).unwrap_or_default();
        json.push(b'\n');
        let files = [
            ("compare.md", self.markdown().into_bytes()),
            ("compare.json", json),
            ("compare.html", self.page().into_bytes()),
        ];
        let [markdown, json, html] = files.map(|(name, bytes)| {
            let path = folder.join(name);
            place(&path, &bytes).map(|()| path)
        });
        Ok([markdown?, json?, html?])
    }

    fn json(&self) -> Value {
        let of_kind = |compared: &Compared| json!({ "kind": compared.kind.name(), "validations": compared.validations });
        json!({ "kinds": self.kinds.iter().map(of_kind).collect::<Vec<Value>>() })
    }
}

impl Compared {
    fn name(&self) -> &'static str {
        match self.kind {
            RewardKind::Orm => "ORM",
            RewardKind::CPrm => "C-PRM",
            RewardKind::ToolPrm => "ToolPRM",
            RewardKind::ToolRm => "ToolRM",
        }
    }

    /// Whether it judges more than whole answers.
    fn has_steps(&self) -> bool {
        self.kind.markers().len() > 1
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::figures::{ACCURACY, AREA, BALANCED, LOSS, TRAJECTORIES};

    /// Made-up validations after 10 and 20 steps.
    pub(super) fn comparison() -> Comparison {
        let validation = |step: u64, accuracy: f64, trajectories: f64| {
            let figures = [
                (LOSS, (0.25, 400.0)),
                (ACCURACY, (accuracy, 400.0)),
                (TRAJECTORIES, (trajectories, 100.0)),
                (BALANCED, (0.75, 100.0)),
                (AREA, (0.9, 100.0)),
            ];
            let figures = figures.map(|(name, value)| (name.to_owned(), value)).into();
            Validation { step, figures }
        };
        let kinds = COMPARED.into_iter().enumerate().map(|(index, kind)| {
            let more = 0.05 * index as f64;
            let validations = vec![validation(10, 0.5, 0.4), validation(20, 0.8 + more, 0.7 + more)];
            Compared { kind, validations }
        });
        Comparison { kinds: kinds.collect() }
    }

    #[test]
    fn what_is_written_holds_every_kind_and_validation() {
        let folder = tempfile::tempdir().expect("a folder");
        let [markdown, json, html] = comparison().write(folder.path()).expect("written");
        let text = |path: &Path| std::fs::read_to_string(path).expect("written");
        assert!(text(&markdown).contains("| ToolPRM | 20 |"));
        let found: Value = serde_json::from_str(&text(&json)).expect("JSON");
        assert_eq!(found["kinds"][1]["kind"], "c_prm");
        assert_eq!(found["kinds"][0]["validations"][1]["figures"][TRAJECTORIES], json!([0.7, 100.0]));
        let html = text(&html);
        assert_eq!(html.matches("<svg").count(), 3, "three plots");
        assert!(html.contains("<td>ToolPRM</td>") && html.contains("&lt;TOTAL_FINISH&gt;"));
        assert!(!html.contains("http-equiv") && !html.contains("<script") && !html.contains("src="));
    }
}
