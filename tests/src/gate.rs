//! A gate before a server, at which connections die at a word of the client: cut, as when a server
//! ends, or mute for ever, as when its machine is gone. So a test says *when* a server dies.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// Bytes passed on at once.
const CHUNK_BYTES: usize = 16 * 1024;

/// How a connection dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Death {
    /// It is closed.
    Cut,
    /// It stays open, and nothing passes any more.
    Mute,
}

/// An open gate. It closes with the test.
#[derive(Debug)]
pub struct Gate {
    address: SocketAddr,
    passed: Arc<AtomicUsize>,
}

impl Gate {
    /// Opens a gate before the server at `server`. The first connections die one after the other,
    /// each when its client has said its word; what that word came with does not arrive. Later
    /// connections live.
    ///
    /// # Panics
    /// When the loopback has no free port.
    pub async fn open(server: SocketAddr, deaths: &[(&'static str, Death)]) -> Gate {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a free port");
        let address = listener.local_addr().expect("its address");
        let passed = Arc::new(AtomicUsize::new(0));
        let (count, deaths) = (passed.clone(), deaths.to_vec());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(server).await else {
                    continue;
                };
                let place = count.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(pass(client, server, deaths.get(place).copied()));
            }
        });
        Gate { address, passed }
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Connections that have reached the server so far.
    pub fn passed(&self) -> usize {
        self.passed.load(Ordering::Relaxed)
    }
}

async fn pass(client: TcpStream, server: TcpStream, death: Option<(&'static str, Death)>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let word = death.map(|(word, _)| word);
    let is_said = tokio::select! {
        is_said = forward(&mut from_client, &mut to_server, word) => is_said,
        is_said = forward(&mut from_server, &mut to_client, None) => is_said,
    };
    if is_said && death.is_some_and(|(_, death)| death == Death::Mute) {
        // Both sides stay open, and nobody reads or writes them.
        std::future::pending::<()>().await;
    }
}

/// Passes bytes on until one side ends, or until the word comes: then true.
async fn forward(
    from: &mut OwnedReadHalf,
    to: &mut OwnedWriteHalf,
    word: Option<&'static str>,
) -> bool {
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let count = match from.read(&mut chunk).await {
            Ok(0) | Err(_) => return false,
            Ok(count) => count,
        };
        let bytes = &chunk[..count];
        // A client writes a whole command at once; one that is cut in two would be missed, and the
        // test would say so.
        if word.is_some_and(|word| bytes.windows(word.len()).any(|w| w == word.as_bytes())) {
            return true;
        }
        if to.write_all(bytes).await.is_err() {
            return false;
        }
    }
}
