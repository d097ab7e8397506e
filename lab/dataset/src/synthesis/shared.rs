//! Examples that show the same tools.

use super::Synthesiser;
use super::nothing;
use super::parallel::parallel;
use super::present::Look;
use super::query::{Query, one_of_each};
use super::settings::ExampleKind;
use super::signature::Signature;
use super::style::Style;
use crate::draws::Draws;
use crate::example::Example;
use crate::set::Answer;

/// Tries to make an example of its kind for tools that are given, before there is none.
const TRIES: u32 = 40;

impl Synthesiser {
    /// A bundle of examples that show the same tools, at most `count`; fewer where the tools give fewer. Which
    /// ones is a function of the settings, the tools, the seed and the bundle's number.
    pub fn bundle(&self, seed: u64, bundle: u64, count: usize) -> Vec<Example> {
        let mut draws = Draws::of(seed, &["synthesis", "bundle", &bundle.to_string()]);
        let number = 1 + draws.weighted(&super::TOOLS);
        let first: Vec<usize> = self.catalogue.pick(&mut draws).into_iter().collect();
        let tools = self.catalogue.offered(&first, number, &|_| true, &mut draws);
        let look = Look::draw(&mut draws);
        let shown: Vec<_> = tools.iter().map(|tool| look.of(self.catalogue.signature(*tool))).collect();
        let example = |place: usize| {
            let kind = self.kind(seed, bundle * count as u64 + place as u64);
            let (content, answers) = (0..TRIES).find_map(|_| self.asked(kind, &tools, &mut draws))?;
            let id = format!("{}-bundle-{place}", self.id(seed, bundle));
            Some(Example { tools: shown.clone(), ..self.of(id, content, answers) })
        };
        (0..count).filter_map(example).collect()
    }

    /// A query of a kind beside tools that are given, and its calls.
    fn asked(&self, kind: ExampleKind, tools: &[usize], draws: &mut Draws) -> Option<(String, Vec<Answer>)> {
        let offered: Vec<&Signature> = tools.iter().map(|tool| self.catalogue.signature(*tool)).collect();
        let unanswered = |text: String| (text, Vec::new());
        match kind {
            ExampleKind::Single => {
                let function = *draws.pick(tools)?;
                let query = one_of_each(&[self.catalogue.signature(function)], Style::draw(draws), draws)?;
                self.called(&[function], query)
            }
            ExampleKind::Parallel => {
                let function = *draws.pick(tools)?;
                let query = parallel(self.catalogue.signature(function), Style::draw(draws), draws)?;
                self.called(&[function], query)
            }
            ExampleKind::Several => {
                let mut functions = tools.to_vec();
                draws.shuffle(&mut functions);
                functions.truncate(2 + draws.weighted(&[0.65, 0.25, 0.1]));
                let signatures: Vec<&Signature> =
                    functions.iter().map(|function| self.catalogue.signature(*function)).collect();
                let query = (functions.len() > 1)
                    .then(|| one_of_each(&signatures, Style::draw(draws), draws))
                    .flatten()?;
                self.called(&functions, query)
            }
            ExampleKind::Unsupported => {
                nothing::unsupported_by(&self.catalogue, &offered, draws).map(unanswered)
            }
            ExampleKind::WrongAction => {
                nothing::wrong_action_of(&self.catalogue, tools, draws).map(unanswered)
            }
            ExampleKind::Talk => nothing::talk_beside(&offered, draws).map(unanswered),
        }
    }

    fn called(&self, functions: &[usize], query: Query) -> Option<(String, Vec<Answer>)> {
        let can_be_asked_for = |function: &usize| self.catalogue.is_asked_for(*function);
        let calls =
            functions.iter().all(can_be_asked_for).then(|| self.calls(functions, &query)).flatten()?;
        Some((query.text, calls))
    }
}
