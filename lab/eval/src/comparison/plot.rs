//! Accuracy against what it costs.

use plotters::prelude::*;

use super::{Comparison, Run};

const SIZE: (u32, u32) = (720, 420);

/// What is on the horizontal axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cost {
    /// Tokens of policy and reward model behind the prompt, per record.
    Tokens,
    /// Milliseconds per record.
    Milliseconds,
}

impl Cost {
    fn of(self, run: &Run) -> f64 {
        let all = &run.tally.all;
        match self {
            Cost::Tokens => all.mean((all.policy_tokens + all.reward_tokens) as f64),
            Cost::Milliseconds => all.mean(all.milliseconds),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Cost::Tokens => "tokens per record, policy and reward model",
            Cost::Milliseconds => "milliseconds per record",
        }
    }
}

impl Comparison {
    /// An SVG with a labelled point per run, and its interval; empty if there is nothing to draw.
    pub(super) fn plot(&self, cost: Cost) -> String {
        let mut svg = String::new();
        match self.draw(cost, &mut svg) {
            Ok(()) => format!("<p>{svg}</p>\n"),
            Err(_nothing_to_draw) => String::new(),
        }
    }

    fn draw(&self, cost: Cost, svg: &mut String) -> Result<(), Box<dyn std::error::Error>> {
        let most = self.runs.iter().map(|run| cost.of(run)).fold(f64::NAN, f64::max);
        let intervals = self.runs.iter().map(Run::interval);
        let (low, high) =
            intervals.fold((1.0, 0.0), |(low, high): (f64, f64), (a, b)| (low.min(a), high.max(b)));
        let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
        let mut chart = ChartBuilder::on(&area)
            .margin(12)
            .x_label_area_size(40)
            .y_label_area_size(50)
            .build_cartesian_2d(0.0..most * 1.25, 100.0 * low - 1.0..100.0 * high + 1.0)?;
        chart.configure_mesh().x_desc(cost.name()).y_desc("accuracy, percent").draw()?;
        for run in &self.runs {
            let (x, all) = (cost.of(run), &run.tally.all);
            let ((low, high), y) = (run.interval(), 100.0 * all.accuracy());
            let bar = PathElement::new([(x, 100.0 * low), (x, 100.0 * high)], BLACK.mix(0.4));
            chart.draw_series([bar])?;
            chart.draw_series([Circle::new((x, y), 4, BLUE.filled())])?;
            chart.draw_series([Text::new(format!("  {}", run.label()), (x, y), ("sans-serif", 13))])?;
        }
        area.present()?;
        Ok(())
    }
}
