//! Where connections come from: a TCP socket, or memory when all roles live in
//! one process.

use std::io;
use std::net::SocketAddr;

use hyper_util::rt::TokioIo;
use tokio::io::DuplexStream;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tonic::transport::{Channel, Endpoint};

use crate::channel::{ChannelConfig, configured};
use crate::error::ServeError;

/// Bytes in flight in one direction of an in-memory connection.
const PIPE_BYTES: usize = 256 * 1024;

/// In-memory connections that wait to be accepted.
const BACKLOG: usize = 64;

/// Where a server's connections come from.
#[derive(Debug)]
pub enum Listener {
    /// A bound TCP socket.
    Tcp(TcpListener),
    /// Connections of this process.
    Memory(mpsc::Receiver<DuplexStream>),
}

impl Listener {
    /// Binds a TCP address such as `0.0.0.0:50051`. Port 0 takes a free one.
    ///
    /// # Errors
    /// The address is malformed, taken or not of this host.
    pub async fn tcp(address: &str) -> Result<Listener, ServeError> {
        TcpListener::bind(address)
            .await
            .map(Listener::Tcp)
            .map_err(|source| ServeError::Listen { address: address.to_owned(), source })
    }

    /// The bound address; `None` for memory.
    pub fn address(&self) -> Option<SocketAddr> {
        match self {
            Listener::Tcp(listener) => listener.local_addr().ok(),
            Listener::Memory(_) => None,
        }
    }
}

/// Connects to the in-memory listener that it was made with.
#[derive(Debug, Clone)]
pub struct MemoryConnector {
    connections: mpsc::Sender<DuplexStream>,
}

/// A listener without a socket and what connects to it.
pub fn memory() -> (MemoryConnector, Listener) {
    let (connections, incoming) = mpsc::channel(BACKLOG);
    (MemoryConnector { connections }, Listener::Memory(incoming))
}

impl MemoryConnector {
    /// A channel that connects with its first call and again after a connection
    /// was lost. Once the listener is gone, calls fail as unavailable.
    pub fn channel(&self, config: &ChannelConfig) -> Channel {
        let connections = self.connections.clone();
        // The name is never resolved; it only fills the `:authority` header.
        let endpoint = Endpoint::from_static("http://memory");
        configured(endpoint, config).connect_with_connector_lazy(tower::service_fn(move |_uri| {
            let connections = connections.clone();
            async move {
                let (near, far) = tokio::io::duplex(PIPE_BYTES);
                connections.send(far).await.map_err(|_closed| {
                    io::Error::new(io::ErrorKind::ConnectionRefused, "the service has ended")
                })?;
                Ok::<_, io::Error>(TokioIo::new(near))
            }
        }))
    }
}
