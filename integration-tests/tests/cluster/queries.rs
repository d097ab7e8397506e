//! Requests over a few small tools.

use toolbeam_client::v1;

/// Queries that the tools of [`request`] can answer.
pub(crate) const QUERIES: [&str; 6] = [
    "What is the weather in Oslo?",
    "Send an email to Maria saying I am late.",
    "What is the weather in Lima on 2025-03-04?",
    "Get the stock price of Tesla.",
    "Please tell me the stock price of Apple and of Intel.",
    "What is the weather in Paris and in Rome?",
];

/// A search of `query` with a seed, traced.
pub(crate) fn request(query: &str, seed: u64, deterministic: bool) -> v1::SearchRequest {
    let message = v1::Message { role: v1::Role::User.into(), content: query.into(), ..Default::default() };
    let tool = |name: &str, description: &str, parameters: &str| v1::Tool {
        name: name.into(),
        description: description.into(),
        parameters: parameters.into(),
    };
    let tools = vec![
        tool(
            "getWeather",
            "Get the weather of a city",
            r#"{"city": {"type": "str", "description": "The name of the city", "required": true},
                "date": {"type": "str", "description": "The date (YYYY-MM-DD)"}}"#,
        ),
        tool(
            "getStockPrice",
            "Get the stock price of a company",
            r#"{"company": {"type": "str", "description": "The name of the company", "required": true}}"#,
        ),
        tool(
            "sendEmail",
            "Send an email to a person",
            r#"{"recipient": {"type": "str", "description": "The person", "required": true},
                "text": {"type": "str", "description": "The text of the email", "required": true}}"#,
        ),
    ];
    v1::SearchRequest {
        prompt: Some(v1::Prompt { messages: vec![message], tools }),
        strategy: Some(v1::Strategy {
            kind: v1::StrategyKind::FineGrainedBeam.into(),
            num_beams: Some(2),
            expansions_per_beam: Some(4),
            ..Default::default()
        }),
        validation: v1::Validation::Syntax.into(),
        num_answers: Some(2),
        seed,
        deterministic,
        ..Default::default()
    }
}

/// All that must not differ: calls, rewards to the bit, log-probabilities to the bit.
pub(crate) fn substance(response: &v1::SearchResponse) -> Vec<(String, Vec<Option<u32>>, u64)> {
    let answers = response.answers.iter();
    answers
        .map(|answer| {
            let rewards = answer.steps.iter().map(|step| step.reward.map(f32::to_bits)).collect();
            (text(answer), rewards, answer.log_probability.to_bits())
        })
        .collect()
}

/// The answer's text.
pub(crate) fn text(answer: &v1::Answer) -> String {
    String::from_utf8_lossy(&answer.text).into_owned()
}
