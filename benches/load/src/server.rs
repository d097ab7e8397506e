//! The Toolbeam that is asked: one that runs, or one that is started for this.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};
use serde::Serialize;
use serde_json::Value;

/// Which Toolbeam to ask.
#[derive(clap::Args)]
pub(crate) struct ServerArgs {
    /// Ask the one that runs here, `host:port`. Its memory is not read.
    #[arg(long, conflicts_with = "toolbeam")]
    address: Option<String>,
    /// Start this binary's `serve` on a free port.
    #[arg(long, value_name = "FILE", required_unless_present = "address")]
    toolbeam: Option<PathBuf>,
    /// How many searches it takes at a time.
    #[arg(long, default_value_t = 1024)]
    max_searches: u32,
    /// What else `toolbeam serve` is told, such as `-- --threads 2 --kv-bytes 1GiB`.
    #[arg(last = true)]
    serve: Vec<String>,
}

/// A Toolbeam that serves. One that was started ends with this.
pub(crate) struct Server {
    /// host:port
    pub(crate) address: String,
    child: Option<Child>,
}

/// A process's resident memory, in bytes.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Memory {
    /// Now.
    pub(crate) resident: u64,
    /// The most since it started.
    pub(crate) peak: u64,
}

impl Server {
    /// Starts `toolbeam serve` and waits until it serves, if none was named.
    pub(crate) fn start(args: &ServerArgs) -> Result<Server> {
        let (binary, address) = match (&args.address, &args.toolbeam) {
            (Some(address), _) => return Ok(Server { address: address.clone(), child: None }),
            (None, Some(binary)) => (binary, "127.0.0.1:0"),
            (None, None) => bail!("give --address or --toolbeam"),
        };
        let mut command = Command::new(binary);
        command.args(["--log-format", "json", "serve", "--listen", address]);
        // A search that is cut short would not be measured.
        command.args(["--max-duration-ms", "3600000", "--max-searches", &args.max_searches.to_string()]);
        command.args(&args.serve).stderr(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("cannot run {}", binary.display()))?;
        let log = child.stderr.take().context("its log is piped")?;
        let mut server = Server { address: String::new(), child: Some(child) };
        let mut lines = BufReader::new(log).lines().map_while(Result::ok);
        let mut last = String::new();
        let address = lines.by_ref().find_map(|line| {
            let event: Value = serde_json::from_str(&line).unwrap_or_default();
            last = line;
            let serves = event["fields"]["message"] == "serving";
            serves.then(|| event["fields"]["address"].as_str().map(str::to_owned))?
        });
        server.address = address.with_context(|| format!("{} ended: {last}", binary.display()))?;
        // A full pipe would stop the process.
        std::thread::spawn(move || lines.for_each(drop));
        Ok(server)
    }

    /// Whether it was started for this.
    pub(crate) fn is_started(&self) -> bool {
        self.child.is_some()
    }

    /// The memory of a process that was started here, where the system tells it.
    pub(crate) fn memory(&self) -> Option<Memory> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.as_ref()?.id())).ok()?;
        let bytes = |field: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(field))?;
            line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib << 10)
        };
        Some(Memory { resident: bytes("VmRSS:")?, peak: bytes("VmHWM:")? })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // It may have ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
