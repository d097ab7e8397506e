//! Learning curves, like the paper's Figure 3.

use plotters::prelude::*;

use super::table::interval;
use super::{Compared, Comparison};
use crate::figures::{ACCURACY, LOSS, TRAJECTORIES};

const SIZE: (u32, u32) = (720, 420);
const COLOURS: [RGBColor; 3] = [RGBColor(200, 90, 40), RGBColor(40, 130, 60), RGBColor(40, 80, 190)];

/// What is on the vertical axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Curve {
    Trajectories,
    Steps,
    Loss,
}

/// A validation in a plot: after how many steps, the value, and its interval.
type Point = (f64, f64, (f64, f64));

impl Curve {
    const ALL: [Curve; 3] = [Curve::Trajectories, Curve::Steps, Curve::Loss];

    fn title(self) -> &'static str {
        match self {
            Curve::Trajectories => "trajectory accuracy, percent",
            Curve::Steps => "step accuracy, percent",
            Curve::Loss => "validation loss, nats per step",
        }
    }

    /// What a kind has of it.
    fn points(self, compared: &Compared) -> Vec<Point> {
        if self == Curve::Steps && !compared.has_steps() {
            return Vec::new();
        }
        let point = |validation: &crate::history::Validation| {
            let step = validation.step as f64;
            let share = |name: &str| {
                let (mean, count) = *validation.figures.get(name)?;
                let (low, high) = interval(mean, count);
                Some((step, 100.0 * mean, (100.0 * low, 100.0 * high)))
            };
            match self {
                Curve::Trajectories => share(TRAJECTORIES),
                Curve::Steps => share(ACCURACY),
                Curve::Loss => validation.get(LOSS).map(|loss| (step, loss, (loss, loss))),
            }
        };
        compared.validations.iter().filter_map(point).collect()
    }
}

impl Comparison {
    /// A page with the table and the curves, which needs no other file.
    pub(super) fn page(&self) -> String {
        let plots: String = Curve::ALL.into_iter().map(|curve| self.plot(curve)).collect();
        let text = self.markdown();
        let mut table = String::new();
        let parser = pulldown_cmark::Parser::new_ext(&text, pulldown_cmark::Options::ENABLE_TABLES);
        pulldown_cmark::html::push_html(&mut table, parser);
        format!(
            "<!doctype html>\n<meta charset=\"utf-8\">\n<title>Reward models of three granularities</title>\n\
             <style>body {{ font-family: sans-serif; max-width: 60em; margin: 2em auto }} \
             td, th {{ padding: 0.2em 0.8em; text-align: left }}</style>\n\
             <h1>Reward models of three granularities</h1>\n{table}\n{plots}"
        )
    }

    /// An SVG; empty if there is nothing to draw.
    fn plot(&self, curve: Curve) -> String {
        let mut svg = String::new();
        match self.draw(curve, &mut svg) {
            Ok(()) => format!("<p>{svg}</p>\n"),
            Err(_nothing_to_draw) => String::new(),
        }
    }

    fn draw(&self, curve: Curve, svg: &mut String) -> Result<(), Box<dyn std::error::Error>> {
        let lines: Vec<Vec<Point>> = self.kinds.iter().map(|compared| curve.points(compared)).collect();
        let all = || lines.iter().flatten();
        let last = all().map(|(step, ..)| *step).fold(0.0, f64::max);
        let low = all().map(|(.., (low, _))| *low).fold(f64::INFINITY, f64::min);
        let high = all().map(|(.., (_, high))| *high).fold(f64::NEG_INFINITY, f64::max);
        if last == 0.0 {
            return Err("no validation".into());
        }
        let margin = 0.05 * (high - low).max(1e-3);
        let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
        let mut chart = ChartBuilder::on(&area)
            .margin(12)
            .x_label_area_size(40)
            .y_label_area_size(55)
            .build_cartesian_2d(0.0..last * 1.05, low - margin..high + margin)?;
        chart.configure_mesh().x_desc("training steps").y_desc(curve.title()).draw()?;
        for ((compared, points), colour) in self.kinds.iter().zip(&lines).zip(COLOURS) {
            if points.is_empty() {
                continue;
            }
            let line = points.iter().map(|(step, value, _)| (*step, *value));
            chart.draw_series(line.clone().map(|point| Circle::new(point, 3, colour.filled())))?;
            let bar = |(step, _, (low, high)): &Point| {
                PathElement::new([(*step, *low), (*step, *high)], colour.mix(0.4))
            };
            chart.draw_series(points.iter().map(bar))?;
            let drawn = chart.draw_series(LineSeries::new(line, colour.stroke_width(2)))?;
            let sample = move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour.stroke_width(2));
            drawn.label(compared.name()).legend(sample);
        }
        let mut names = chart.configure_series_labels();
        names.position(SeriesLabelPosition::LowerRight).background_style(WHITE.mix(0.8));
        names.border_style(BLACK.mix(0.3)).label_font(("sans-serif", 13)).draw()?;
        area.present()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::comparison;
    use super::*;

    #[test]
    fn a_curve_is_named_where_there_is_one() {
        let mut comparison = comparison();
        let names = |comparison: &Comparison, curve| {
            let svg = comparison.plot(curve);
            ["ORM", "C-PRM", "ToolPRM"].map(|name| svg.lines().any(|line| line.trim() == name))
        };
        assert_eq!(names(&comparison, Curve::Trajectories), [true, true, true]);
        assert_eq!(names(&comparison, Curve::Steps), [false, true, true], "an ORM has no steps");
        comparison.kinds.iter_mut().for_each(|compared| compared.validations.clear());
        assert_eq!(comparison.plot(Curve::Loss), "", "nothing to draw");
    }
}
