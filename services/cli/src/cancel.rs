//! `toolbeam cancel`: ends a search that runs elsewhere.

use anyhow::Result;
use toolbeam_client::{Client, ClientConfig};

use crate::exit::Ended;

/// Arguments of `toolbeam cancel`.
#[derive(clap::Args)]
pub(crate) struct CancelArgs {
    /// The search's id.
    search_id: String,
    /// The Toolbeam where it runs, host:port.
    #[arg(long, env = "TOOLBEAM_ADDRESS", default_value = "127.0.0.1:50050")]
    address: String,
}

/// Ends the search. Fails if none of this id is running.
pub(crate) async fn run(args: CancelArgs) -> Result<Ended> {
    let client = Client::connect(&args.address, ClientConfig::default()).await?;
    if client.cancel(&args.search_id).await? {
        println!("cancelled {}", args.search_id);
        return Ok(Ended::Done);
    }
    println!("no search {} is running", args.search_id);
    Ok(Ended::Short)
}
