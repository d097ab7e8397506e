//! `toolbeam replay`: a saved search again.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, anyhow};
use toolbeam_client::{ClientConfig, v1};

use crate::connection::ConnectionArgs;
use crate::exit::{Ended, WrongFile};
use crate::output;

mod difference;
pub(crate) mod saved;

use difference::first_difference;

/// Arguments of `toolbeam replay`.
#[derive(clap::Args)]
pub(crate) struct ReplayArgs {
    /// What `toolbeam call --save` wrote.
    file: PathBuf,
    /// How far rewards and log-probabilities may be apart and count as equal. A deterministic search on the
    /// same machine gives the same bits; any other rounds differently from run to run.
    #[arg(long, value_name = "DISTANCE", default_value_t = 0.0)]
    tolerance: f64,
    /// Print one JSON object: whether the searches are equal, the first difference, and both.
    #[arg(long)]
    json: bool,
    /// The deadline, in milliseconds.
    #[arg(long, default_value_t = 60_000, value_parser = clap::value_parser!(u64).range(1..))]
    timeout_ms: u64,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// Searches again and compares. Falls short if something differs.
pub(crate) async fn run(args: ReplayArgs) -> Result<Ended> {
    let then = saved::read(&args.file)?;
    let Some(request) = then.request.clone() else {
        let error = anyhow!("it has no request; save a search with `toolbeam call --save`");
        return Err(error.context(WrongFile(args.file.display().to_string())));
    };
    let client = ClientConfig { deadline: Duration::from_millis(args.timeout_ms), ..ClientConfig::default() };
    let client = args.connection.client(client).await?;
    let now = client.search(v1::SearchRequest { trace: true, ..request }).await?;
    let difference = first_difference(&then, &now, args.tolerance);
    if args.json {
        let both = [&then, &now].map(output::to_json);
        let equal = difference.is_none();
        let told =
            serde_json::json!({ "equal": equal, "difference": difference, "then": both[0], "now": both[1] });
        println!("{told}");
    } else {
        print!("{}", output::trace(&now));
        println!("  {}", difference.as_deref().unwrap_or("the same search"));
    }
    Ok(if difference.is_none() { Ended::Done } else { Ended::Short })
}
