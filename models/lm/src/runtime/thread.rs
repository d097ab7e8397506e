//! The one thread that touches a device.
//!
//! It owns every model on the device and interleaves their iterations. Callers reach it by commands
//! with a reply channel. A panic in a pass fails the requests of that pass.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError};
use std::thread::JoinHandle;

use tokio::sync::{mpsc, oneshot};

use super::census::Census;
use super::generate::{GenerateEvent, GenerateRequest};
use super::handle::{ModelInfo, RuntimeConfig};
use super::job::guarded;
use super::places::{Place, Places};
use super::read::{ReadReply, ReadRequest};
use super::resident::Resident;
use crate::dtype::{choose_dtype, dtype_name};
use crate::{LmError, ModelFiles, choose_device};

/// Work for one of the thread's models.
pub(super) struct Command {
    pub(super) model: usize,
    pub(super) work: Work,
}

/// What can be asked of a model.
pub(super) enum Work {
    Generate(GenerateRequest, mpsc::Sender<GenerateEvent>, Place),
    Read(ReadRequest, oneshot::Sender<Result<ReadReply, LmError>>, Place),
    Forget(String),
    ForgetAll,
    WarmUp(oneshot::Sender<Result<(), LmError>>),
    Count(oneshot::Sender<Census>),
}

type Loaded = Vec<(Arc<ModelInfo>, Arc<Places>)>;

/// A started thread. The last of its owners waits for the pass that it computes, so that a process that
/// ends does not take libtorch from under it.
pub(super) struct Thread {
    commands: Option<SyncSender<Command>>,
    running: Option<JoinHandle<()>>,
}

impl Thread {
    /// Hands work to the thread, unless too many messages wait or it ended.
    pub(super) fn send(&self, command: Command) -> Result<(), TrySendError<()>> {
        let commands = self.commands.as_ref().ok_or(TrySendError::Disconnected(()))?;
        commands.try_send(command).map_err(|error| match error {
            TrySendError::Full(_) => TrySendError::Full(()),
            TrySendError::Disconnected(_) => TrySendError::Disconnected(()),
        })
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        drop(self.commands.take());
        if let Some(running) = self.running.take() {
            // What it panicked with was said to those whom it served.
            let _ = running.join();
        }
    }
}

/// Starts the thread and waits until the models are loaded. As many as `capacity` messages may wait for it.
pub(super) fn spawn(
    config: RuntimeConfig,
    models: Vec<ModelFiles>,
    capacity: usize,
) -> Result<(Thread, Loaded), LmError> {
    let (sender, commands) = std::sync::mpsc::sync_channel(capacity);
    let (report, loaded) = std::sync::mpsc::channel();
    let body = move || {
        // Nothing here is ever differentiated.
        let _no_grad = tch::no_grad_guard();
        let mut residents = match load(&config, &models) {
            Ok(residents) => residents,
            Err(error) => return drop(report.send(Err(error))),
        };
        let infos = residents.iter().map(|resident| (resident.info(), resident.places())).collect();
        if report.send(Ok(infos)).is_ok() {
            run(&mut residents, &commands);
        }
    };
    let spawned = std::thread::Builder::new().name("toolbeam-device".into()).spawn(body);
    let running = spawned.map_err(|source| LmError::Read { path: "<device thread>".into(), source })?;
    let thread = Thread { commands: Some(sender), running: Some(running) };
    Ok((thread, loaded.recv().unwrap_or(Err(LmError::Stopped))?))
}

fn load(config: &RuntimeConfig, models: &[ModelFiles]) -> Result<Vec<Resident>, LmError> {
    let chosen = choose_device(config.device).map_err(|message| LmError::file("--device", message))?;
    if let Some(threads) = config.threads {
        tch::set_num_threads(threads as i32);
    }
    let (kind, dtype_reason) = choose_dtype(config.dtype, chosen.device);
    tracing::info!(
        device = ?chosen.device,
        reason = chosen.reason,
        dtype = dtype_name(kind),
        dtype_reason,
        threads = tch::get_num_threads(),
        "device chosen"
    );
    let load = |files| Resident::load(files, (chosen.device, kind), config);
    models.iter().map(load).collect()
}

fn run(residents: &mut [Resident], commands: &Receiver<Command>) {
    loop {
        if residents.iter().all(|resident| !resident.has_work()) {
            match commands.recv() {
                Ok(command) => residents[command.model].accept(command.work),
                Err(_) => return,
            }
        }
        loop {
            match commands.try_recv() {
                Ok(command) => residents[command.model].accept(command.work),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return,
            }
        }
        for resident in residents.iter_mut().filter(|resident| resident.has_work()) {
            // Passes guard themselves; this is for what happens between them.
            let iterated = guarded(|| {
                resident.iterate();
                Ok(())
            });
            if let Err(error) = iterated {
                resident.fail_all(&error);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_last_owner_waits_for_the_pass_that_is_computed() {
        let (commands, waiting) = std::sync::mpsc::sync_channel::<Command>(1);
        let computed = Arc::new(AtomicBool::new(false));
        let done = Arc::clone(&computed);
        let running = std::thread::spawn(move || {
            while waiting.recv().is_ok() {}
            std::thread::sleep(Duration::from_millis(100));
            done.store(true, Ordering::Release);
        });
        drop(Thread { commands: Some(commands), running: Some(running) });
        assert!(computed.load(Ordering::Acquire), "the thread still computes");
    }
}
