//! From sources to training prompts: gated, masked, in an order without meaning, part by part.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::draws::Draws;
use crate::error::DatasetError;
use crate::example::Example;
use crate::folder::Contents;
use crate::gate::is_shared;
use crate::parts::PartWriter;
use crate::queries::Queries;
use crate::set::Tool;
use crate::sharing::{bundles, mask_alike, shared};
use crate::synthesis::{SynthesisSettings, Synthesiser, texts_digest};

/// How prompts are made.
#[derive(Debug, Clone, Serialize)]
pub struct BuildSettings {
    /// How likely a prompt is masked, 0 to 1.
    pub mask_rate: f64,
    /// What is drawn by chance is drawn by this: which prompts are masked, the names, the order.
    pub seed: u64,
    /// Prompts of a part, but for the last; a bundle is never cut.
    pub part_size: usize,
    /// Prompts that show the same tools, at most; with 1 each shows its own.
    pub share_tools: usize,
}

/// Everything that decides what the parts are.
#[derive(Debug, Clone, Serialize)]
pub struct BuildPlan {
    /// How they are made.
    #[serde(flatten)]
    pub settings: BuildSettings,
    /// Prompts by source.
    pub sources: BTreeMap<String, u64>,
    /// A hash of all source prompts, in order (blake3).
    pub sources_digest: String,
    /// What is made of tools alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub synthetic: Option<SyntheticPlan>,
    /// Different queries of the evaluation sets that no prompt shares.
    pub evaluation_queries: usize,
    /// Prompts of the sources that were left out because they share one.
    pub dropped: usize,
}

/// What decides which prompts are made of tools alone.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SyntheticPlan {
    /// How many are made.
    pub prompts: u64,
    /// What they are made by.
    pub settings: SynthesisSettings,
    /// A hash of the tools that they are made of (blake3).
    pub tools_digest: String,
    /// A hash of the words and phrases that they are put together from (blake3).
    pub texts_digest: String,
}

/// Prompts to be made of tools alone.
#[derive(Debug)]
pub struct Synthetic {
    synthesiser: Synthesiser,
    plan: SyntheticPlan,
}

impl Synthetic {
    /// So many prompts of sets of tools.
    ///
    /// # Errors
    /// No function is left by the settings.
    pub fn new(
        tools: Vec<Vec<Tool>>,
        settings: SynthesisSettings,
        prompts: u64,
    ) -> Result<Synthetic, DatasetError> {
        let plan = SyntheticPlan {
            prompts,
            settings: settings.clone(),
            tools_digest: digest(tools.iter().flatten()),
            texts_digest: texts_digest(),
        };
        Ok(Synthetic { synthesiser: Synthesiser::new(tools, settings)?, plan })
    }
}

/// Prompts to be written part by part. Every part is a function of the plan and its number.
#[derive(Debug)]
pub struct Build {
    plan: BuildPlan,
    examples: Vec<Example>,
    synthesiser: Option<Synthesiser>,
    evaluation: Queries,
    drop_shared: bool,
    /// What is written, in this order.
    bundles: Vec<Bundle>,
    /// Where each part begins, and where the last one ends.
    parts: Vec<usize>,
}

/// Prompts that stand together.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Bundle {
    /// Of the sources, by their places.
    Sources(Vec<usize>),
    /// Synthetic ones: the number of the bundle, and how many.
    Synthetic { number: u64, prompts: usize },
}

impl Build {
    /// Of source prompts and synthetic ones. Those that share a query with `evaluation` are left out if
    /// `drop_shared`, and an error if not.
    ///
    /// # Errors
    /// [`DatasetError::Shared`].
    pub fn new(
        mut examples: Vec<Example>,
        synthetic: Option<Synthetic>,
        settings: BuildSettings,
        evaluation: Queries,
        drop_shared: bool,
    ) -> Result<Build, DatasetError> {
        let sources_digest = digest(&examples);
        let before = examples.len();
        let mut shared = examples.iter().filter(|example| is_shared(example, &evaluation));
        if let Some(first) = shared.next()
            && !drop_shared
        {
            return Err(DatasetError::Shared { id: first.id.clone(), number: 1 + shared.count() });
        }
        examples.retain(|example| !is_shared(example, &evaluation));
        let mut sources: BTreeMap<String, u64> = BTreeMap::new();
        examples.iter().for_each(|example| *sources.entry(example.source.clone()).or_default() += 1);
        let (synthesiser, synthetic) = synthetic.map(|made| (made.synthesiser, made.plan)).unzip();
        let bundles = ordered(&settings, &examples, synthetic.as_ref().map_or(0, |plan| plan.prompts));
        let parts = parts(&bundles, settings.part_size.max(1));
        let plan = BuildPlan {
            settings,
            sources,
            sources_digest,
            synthetic,
            evaluation_queries: evaluation.len(),
            dropped: before - examples.len(),
        };
        Ok(Build { plan, examples, synthesiser, evaluation, drop_shared, bundles, parts })
    }

    /// What decides what the parts are.
    pub fn plan(&self) -> &BuildPlan {
        &self.plan
    }

    /// How many parts there are.
    pub fn parts(&self) -> usize {
        self.parts.len() - 1
    }

    /// Writes the prompts of a part, and says what they are. `on_prompt` is called for each.
    ///
    /// # Errors
    /// It cannot be written, or a synthetic prompt shares a query with an evaluation set and was not to be
    /// left out.
    pub fn write(
        &self,
        number: usize,
        part: &mut PartWriter,
        mut on_prompt: impl FnMut(),
    ) -> Result<Contents, DatasetError> {
        let mut contents = Contents::default();
        let range = self.parts.get(number).zip(self.parts.get(number + 1));
        for bundle in range.and_then(|(start, end)| self.bundles.get(*start..*end)).unwrap_or_default() {
            for example in self.masked(self.examples(bundle, &mut contents)?, &mut contents) {
                contents.count("source", &example.source);
                contents.count("masked", if example.masked { "yes" } else { "no" });
                contents.count("calls", &example.answers.len().to_string());
                part.add(&example)?;
            }
            (0..bundle.prompts()).for_each(|_| on_prompt());
        }
        Ok(contents)
    }

    /// The prompts of a bundle, without those that are to be left out.
    fn examples(&self, bundle: &Bundle, contents: &mut Contents) -> Result<Vec<Example>, DatasetError> {
        let seed = self.plan.settings.seed;
        let mut examples = match (bundle, &self.synthesiser) {
            (Bundle::Sources(places), _) => {
                let members: Vec<&Example> =
                    places.iter().filter_map(|place| self.examples.get(*place)).collect();
                return Ok(match &members[..] {
                    [one] => vec![(*one).clone()],
                    _ => shared(&members, &mut Draws::of(seed, &["shared", &members[0].id])),
                });
            }
            (Bundle::Synthetic { number, prompts }, Some(synthesiser)) => {
                let mut made = match self.plan.settings.share_tools {
                    0 | 1 => vec![synthesiser.example(seed, *number)],
                    most => synthesiser.bundle(seed, *number, most),
                };
                made.truncate(*prompts);
                made
            }
            (Bundle::Synthetic { .. }, None) => Vec::new(),
        };
        match examples.iter().find(|example| is_shared(example, &self.evaluation)) {
            Some(example) if !self.drop_shared => {
                return Err(DatasetError::Shared { id: example.id.clone(), number: 1 });
            }
            _ => {}
        }
        let before = examples.len();
        examples.retain(|example| !is_shared(example, &self.evaluation));
        let left_out = (before - examples.len()) as u64;
        if left_out > 0 {
            contents.count_so_many("left out", "shares a query with an evaluation set", left_out);
        }
        Ok(examples)
    }

    /// The prompts of a bundle as they are written: masked alike, if chance wants it and they can be.
    fn masked(&self, examples: Vec<Example>, contents: &mut Contents) -> Vec<Example> {
        let Some(first) = examples.first() else { return examples };
        let mut draws = Draws::of(self.plan.settings.seed, &["mask", &first.id]);
        // What is random already needs no other names.
        if first.masked || draws.unit() >= self.plan.settings.mask_rate {
            return examples;
        }
        match mask_alike(&examples, &mut draws) {
            Some(masked) => masked,
            None => {
                contents.count_so_many("masked", "not possible", examples.len() as u64);
                examples
            }
        }
    }
}

impl Bundle {
    /// How many prompts it has, at most.
    fn prompts(&self) -> usize {
        match self {
            Bundle::Sources(places) => places.len(),
            Bundle::Synthetic { prompts, .. } => *prompts,
        }
    }
}

/// All bundles in an order without meaning: all parts are alike, whatever is in them.
fn ordered(settings: &BuildSettings, examples: &[Example], synthetic: u64) -> Vec<Bundle> {
    let (seed, size) = (settings.seed, settings.share_tools.max(1));
    let rank = |words: &[&str]| Draws::of(seed, words).number();
    let sources = bundles(examples, size, seed).into_iter().map(|places| {
        let first = places.first().map_or("", |place| examples[*place].id.as_str());
        (rank(&["order", first]), Bundle::Sources(places))
    });
    let made = (0..synthetic.div_ceil(size as u64)).map(|number| {
        let prompts = (synthetic - number * size as u64).min(size as u64) as usize;
        let rank = rank(&["order", "synthetic", &number.to_string()]);
        (rank, Bundle::Synthetic { number, prompts })
    });
    let mut ordered: Vec<(u64, Bundle)> = sources.chain(made).collect();
    ordered.sort_by_key(|(rank, _)| *rank);
    ordered.into_iter().map(|(_, bundle)| bundle).collect()
}

/// Where each part begins, and where the last one ends: a part is full once it has as many prompts.
fn parts(bundles: &[Bundle], size: usize) -> Vec<usize> {
    let mut parts = vec![0];
    let mut prompts = 0;
    for (place, bundle) in bundles.iter().enumerate() {
        if prompts >= size {
            parts.push(place);
            prompts = 0;
        }
        prompts += bundle.prompts();
    }
    if prompts > 0 {
        parts.push(bundles.len());
    }
    parts
}

fn digest<'a, T: Serialize + 'a>(values: impl IntoIterator<Item = &'a T>) -> String {
    let mut hasher = blake3::Hasher::new();
    for value in values {
        // Texts and JSON: nothing that JSON could not hold.
        hasher.update(serde_json::to_string(value).unwrap_or_default().as_bytes()).update(b"\n");
    }
    hasher.finalize().to_hex()[..32].to_owned()
}
