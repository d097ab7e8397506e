//! What a model's work is as metrics. Who installs a recorder before the model is loaded sees them; to
//! everyone else they cost next to nothing.

use std::time::Duration;

use metrics::{
    Counter, Gauge, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge,
    histogram,
};

/// The metrics of one model.
pub(super) struct Meters {
    /// Tokens of prompts that were computed.
    pub(super) prefill: Counter,
    /// Tokens of partial answers and continuations that were computed.
    pub(super) decode: Counter,
    /// Tokens behind prompts that were computed to read their logits.
    pub(super) read: Counter,
    /// Tokens that requests found there, or on their way.
    pub(super) cached: Counter,
    /// See [`Tries`](super::distinct::Tries).
    pub(super) distinct: Counter,
    /// Draws without a row of their own.
    pub(super) shared: Counter,
    passes: Counter,
    pass_tokens: Histogram,
    pass_seconds: Histogram,
    slots_used: Gauge,
    slots: Gauge,
    waiting: Gauge,
    running: Gauge,
}

/// What a model holds and does at a time.
pub(super) struct Load {
    pub(super) slots_used: usize,
    pub(super) slots: usize,
    pub(super) waiting: usize,
    pub(super) running: usize,
}

impl Meters {
    /// The metrics of the model of this name, all of them at zero.
    pub(super) fn new(model: &str) -> Meters {
        describe();
        let model = model.to_owned();
        let computed = |phase: &'static str| counter!("toolbeam_tokens_computed_total", "model" => model.clone(), "phase" => phase);
        Meters {
            prefill: computed("prefill"),
            decode: computed("decode"),
            read: computed("read"),
            cached: counter!("toolbeam_tokens_cached_total", "model" => model.clone()),
            distinct: counter!("toolbeam_tokens_distinct_total", "model" => model.clone()),
            shared: counter!("toolbeam_rows_shared_total", "model" => model.clone()),
            passes: counter!("toolbeam_passes_total", "model" => model.clone()),
            pass_tokens: histogram!("toolbeam_pass_tokens", "model" => model.clone()),
            pass_seconds: histogram!("toolbeam_pass_duration_seconds", "model" => model.clone()),
            slots_used: gauge!("toolbeam_kv_slots_used", "model" => model.clone()),
            slots: gauge!("toolbeam_kv_slots", "model" => model.clone()),
            waiting: gauge!("toolbeam_requests_waiting", "model" => model.clone()),
            running: gauge!("toolbeam_requests_running", "model" => model.clone()),
        }
    }

    /// A pass over `tokens` tokens that took `time`.
    pub(super) fn passed(&self, tokens: usize, time: Duration) {
        self.passes.increment(1);
        self.pass_tokens.record(tokens as f64);
        self.pass_seconds.record(time);
    }

    /// What there is now.
    pub(super) fn load(&self, load: &Load) {
        self.slots_used.set(load.slots_used as f64);
        self.slots.set(load.slots as f64);
        self.waiting.set(load.waiting as f64);
        self.running.set(load.running as f64);
    }
}

fn describe() {
    describe_counter!(
        "toolbeam_tokens_computed_total",
        Unit::Count,
        "Tokens that forward passes computed, those of failed and cancelled requests included, by phase: \
         prefill (of prompts), decode (of partial answers and continuations), read (of answers to be scored)."
    );
    describe_counter!(
        "toolbeam_tokens_cached_total",
        Unit::Count,
        "Tokens of prompts and answers that were there already, or being computed, when a request began."
    );
    describe_counter!(
        "toolbeam_tokens_distinct_total",
        Unit::Count,
        "Nodes of the token trie of each search: prompt and everything sampled or scored. Computed over \
         distinct tokens is the waste ratio."
    );
    describe_counter!(
        "toolbeam_rows_shared_total",
        Unit::Count,
        "Tokens of expansions that needed no row of their own, because another expansion drew the same."
    );
    describe_counter!("toolbeam_passes_total", Unit::Count, "Forward passes.");
    describe_histogram!("toolbeam_pass_tokens", Unit::Count, "Tokens of a forward pass.");
    describe_histogram!(
        "toolbeam_pass_duration_seconds",
        Unit::Seconds,
        "Time of a forward pass, drawing and reading included."
    );
    describe_gauge!(
        "toolbeam_kv_slots_used",
        Unit::Count,
        "Tokens that room for keys and values is in use for, by requests or kept for later ones."
    );
    describe_gauge!("toolbeam_kv_slots", Unit::Count, "Tokens that there is room for keys and values for.");
    describe_gauge!(
        "toolbeam_requests_waiting",
        Unit::Count,
        "Requests that wait for room for their keys and values."
    );
    describe_gauge!("toolbeam_requests_running", Unit::Count, "Requests that are being computed.");
}
