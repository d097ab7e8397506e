//! The signal that ends a process, and how it ends.

use std::io::Write;

/// Ready at the first SIGINT or SIGTERM. The second ends the process at once, with exit
/// code 1. Where a handler cannot be installed, that signal keeps its default effect.
pub async fn shutdown_signal() {
    signalled().await;
    tokio::spawn(async {
        signalled().await;
        tracing::warn!("told a second time, ending at once");
        exit(1);
    });
}

/// Ends the process at once, after what it printed. The destructors of C++ libraries do not run:
/// a device's thread may still compute, and they would take its memory from under it.
pub fn exit(code: u8) -> ! {
    // Where nobody reads any more, nothing can be said either.
    let _ = (std::io::stdout().flush(), std::io::stderr().flush());
    signal_hook::low_level::exit(code.into())
}

async fn signalled() {
    let interrupt = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = interrupt => tracing::info!("interrupted, shutting down"),
        () = terminate() => tracing::info!("told to terminate, shutting down"),
    }
}

#[cfg(unix)]
async fn terminate() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut signals) => {
            signals.recv().await;
        }
        Err(_unavailable) => std::future::pending::<()>().await,
    }
}

#[cfg(not(unix))]
async fn terminate() {
    std::future::pending::<()>().await;
}
