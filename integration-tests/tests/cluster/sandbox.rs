//! A cluster of processes, started by role.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use toolbeam_client::{Client, ClientConfig};

static BINARY: LazyLock<PathBuf> = LazyLock::new(|| {
    let test = std::env::current_exe().expect("a test is a file");
    let profile = test.ancestors().nth(2).expect("it lies in deps/ of the profile's folder");
    let binary = profile.join("toolbeam");
    let built = modified(&binary).expect("`cargo test --workspace` builds the binary first");
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for part in ["clients", "engine", "models", "proto", "services"] {
        let newest = newest_source(&workspace.join(part));
        assert!(
            newest <= Some(built),
            "{} is older than {part}/; run `cargo test --workspace`",
            binary.display()
        );
    }
    binary
});

/// When the newest source file below a folder was written; sources of tests do not count.
fn newest_source(folder: &Path) -> Option<SystemTime> {
    let entries = std::fs::read_dir(folder).ok()?.filter_map(Result::ok).map(|entry| entry.path());
    let times = entries.filter_map(|path| match path.is_dir() {
        true if path.ends_with("tests") => None,
        true => newest_source(&path),
        false => path.extension().is_some_and(|end| end == "rs").then(|| modified(&path))?,
    });
    times.max()
}

fn modified(file: &Path) -> Option<SystemTime> {
    file.metadata().and_then(|metadata| metadata.modified()).ok()
}

/// A command line of the binary under test.
pub(crate) fn toolbeam() -> Command {
    Command::new(&*BINARY)
}

/// A running process that listens.
pub(crate) struct Node {
    child: Child,
    /// host:port
    pub(crate) address: String,
}

impl Node {
    /// Starts a role and waits until it serves.
    pub(crate) fn start(role: &str, args: &[&str]) -> Node {
        let mut command = toolbeam();
        command.args(["--log-format", "json", role]).args(args);
        let mut child = command.stderr(Stdio::piped()).spawn().expect("the process starts");
        let mut lines = BufReader::new(child.stderr.take().expect("its log is piped")).lines();
        let mut log = Vec::new();
        let address = lines.by_ref().map_while(Result::ok).find_map(|line| {
            let event: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
            log.push(line);
            (event["fields"]["message"] == "serving")
                .then(|| event["fields"]["address"].as_str().map(str::to_owned))?
        });
        let Some(address) = address else { panic!("{role} ended before it served: {log:#?}") };
        // A full pipe would stop the process.
        std::thread::spawn(move || lines.for_each(drop));
        Node { child, address }
    }

    /// Kills the process at once, as a crash would.
    pub(crate) fn kill(mut self) -> String {
        self.child.kill().expect("it was running");
        self.child.wait().expect("it has ended");
        self.address.clone()
    }

    /// Tells the process to terminate, as an orchestrator would.
    pub(crate) fn terminate(&self) {
        let told = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(told.expect("kill is there").success());
    }

    /// Waits for the process's end: its exit code.
    pub(crate) fn wait(&mut self) -> Option<i32> {
        self.child.wait().expect("it was running").code()
    }

    /// A client with this deadline.
    pub(crate) async fn client(&self, deadline: Duration) -> Client {
        let config = ClientConfig { deadline, ..ClientConfig::default() };
        Client::connect(&self.address, config).await.expect("it listens")
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It may have been killed already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Everything in one process.
pub(crate) fn serve() -> Node {
    Node::start("serve", &["--listen", "127.0.0.1:0", "--threads", "1"])
}

/// Policy, scorer and gateway in processes of their own.
pub(crate) struct Cluster {
    pub(crate) policy: Node,
    pub(crate) scorer: Node,
    pub(crate) gateway: Node,
}

impl Cluster {
    pub(crate) fn start() -> Cluster {
        let policy = Node::start("policy", &["--listen", "127.0.0.1:0", "--threads", "1"]);
        let scorer = scorer("127.0.0.1:0");
        let upstreams = ["--policy", &policy.address, "--scorer", &scorer.address];
        let gateway = Node::start("gateway", &[&["--listen", "127.0.0.1:0"], &upstreams[..]].concat());
        Cluster { policy, scorer, gateway }
    }
}

/// A scorer at an address.
pub(crate) fn scorer(address: &str) -> Node {
    Node::start("scorer", &["--listen", address, "--threads", "1"])
}

/// The reference policy, told to write blocks.
pub(crate) fn hermes_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let reference = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/reference/policy");
    for file in std::fs::read_dir(reference).expect("a folder").map(|file| file.expect("a file")) {
        std::fs::copy(file.path(), folder.path().join(file.file_name())).expect("it is copied");
    }
    let profile = folder.path().join("toolbeam.json");
    std::fs::write(profile, r#"{"answer_layout": "hermes"}"#).expect("it is written");
    folder
}
