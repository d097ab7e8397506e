//! `toolbeam train calibrate`: temperatures that make rewards probabilities.

use std::path::PathBuf;

use anyhow::Result;
use toolbeam_train::{Calibrated, CalibrationConfig, calibrate};

use super::args::ComputeArgs;

/// Arguments of `toolbeam train calibrate`.
#[derive(clap::Args)]
pub(crate) struct CalibrateArgs {
    /// The reward model's folder.
    #[arg(long, value_name = "DIR")]
    model: PathBuf,
    /// A folder of labelled prompts that the model was not trained on. Temperatures are fitted to it.
    #[arg(long, value_name = "DIR")]
    validation: PathBuf,
    /// A folder of labelled prompts to measure with. Without it, every second prompt of --validation is for that,
    /// and not fitted to.
    #[arg(long, value_name = "DIR")]
    holdout: Option<PathBuf>,
    /// Fit a temperature of its own to each marker that has at least 200 labels. The order of candidates may then
    /// change.
    #[arg(long)]
    per_marker: bool,
    #[command(flatten)]
    place: PlaceArgs,
    /// The longest prompt with an answer, in tokens; longer ones are left out.
    #[arg(long, default_value_t = 2048)]
    longest: usize,
    #[command(flatten)]
    computing: ComputeArgs,
}

/// Where the temperatures go.
#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct PlaceArgs {
    /// Write a copy of the model that has the temperatures in its toolbeam.json.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Write the temperatures into the model's own toolbeam.json.
    #[arg(long)]
    in_place: bool,
}

/// Fits temperatures, writes them, and prints what they are worth.
pub(super) fn run(args: CalibrateArgs) -> Result<()> {
    let config = CalibrationConfig {
        model: args.model,
        validation: args.validation,
        holdout: args.holdout,
        per_marker: args.per_marker,
        out: args.place.out,
        longest: args.longest,
        device: args.computing.device,
        dtype: args.computing.dtype,
        threads: args.computing.threads(),
    };
    print!("{}", told(&calibrate(&config)?));
    Ok(())
}

fn told(found: &Calibrated) -> String {
    let shared = found.calibration.temperature;
    let mut text = format!("temperature {shared:.4}\n");
    for (marker, labels) in &found.fitted {
        let own = match found.calibration.markers.get(*marker) {
            Some(temperature) => format!(", temperature {temperature:.4}"),
            None => String::new(),
        };
        text += &format!("  {marker}: fitted to {labels} labels{own}\n");
    }
    if found.is_at_an_end() {
        text += "  it is an end of the range: the model is never wrong on these labels, or no better than chance\n";
    }
    let (before, after) = (&found.before, &found.after);
    text += &format!("on {} other labels:\n", after.labels);
    let change =
        |name: &str, before: f64, after: f64| format!("  {name} {before:.4} before, {after:.4} after\n");
    text += &change(
        "expected calibration error",
        before.expected_calibration_error,
        after.expected_calibration_error,
    );
    text += &change("negative log-likelihood", before.negative_log_likelihood, after.negative_log_likelihood);
    text + &format!("wrote {}\n", found.folder.join("toolbeam.json").display())
}

#[cfg(test)]
mod tests {
    use super::*;
    use toolbeam_reward::Calibration;
    use toolbeam_train::Quality;

    #[test]
    fn what_was_found_is_told() {
        let quality = |error: f64| Quality {
            labels: 40,
            expected_calibration_error: error,
            negative_log_likelihood: 2.0 * error,
        };
        let mut found = Calibrated {
            calibration: Calibration { temperature: 1.5, markers: [("<A>".to_owned(), 0.75)].into() },
            fitted: vec![("<A>", 300), ("<B>", 7)],
            before: quality(0.2),
            after: quality(0.1),
            folder: "model".into(),
        };
        let expected = "temperature 1.5000\n  <A>: fitted to 300 labels, temperature 0.7500\n  <B>: fitted to 7 labels\n\
                        on 40 other labels:\n  expected calibration error 0.2000 before, 0.1000 after\n  \
                        negative log-likelihood 0.4000 before, 0.2000 after\nwrote model/toolbeam.json\n";
        assert_eq!(told(&found), expected);
        found.calibration.temperature = 100.0;
        assert!(told(&found).contains("it is an end of the range"));
    }
}
