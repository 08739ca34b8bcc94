//! The running fake: its listeners, its threads, and what tests ask of it.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinHandle, JoinSet};

use crate::config::Config;
use crate::fault::{Fault, Trigger};
use crate::log::Request;
use crate::service::{self, BASE, Door};
use crate::shared::Shared;
use crate::world::World;

/// A running fake API. Dropping it stops it.
pub struct FakePennylane {
    shared: Arc<Shared>,
    runtime: Option<Runtime>,
    api: SocketAddr,
    control: Option<SocketAddr>,
    /// The API's own listener; the file host and the control port stay up when it is stopped.
    listening: Mutex<Option<Listening>>,
}

struct Listening {
    task: JoinHandle<()>,
    connections: Arc<AtomicUsize>,
}

impl FakePennylane {
    /// Builds the world and listens. Panics when it cannot: a test has nothing to do without it.
    pub fn start(config: Config) -> Self {
        Self::try_start(config).unwrap_or_else(|error| panic!("the fake API does not start: {error}"))
    }

    /// Like [`FakePennylane::start`], for callers that report the error.
    pub fn try_start(config: Config) -> io::Result<Self> {
        let runtime =
            Builder::new_multi_thread().worker_threads(2).thread_name("fake-pennylane").enable_all().build()?;
        let api = TcpListener::bind(config.listen)?;
        let files = TcpListener::bind((config.listen.ip(), 0))?;
        let control = config.control.map(TcpListener::bind).transpose()?;
        let shared = Arc::new(Shared::new(config, files.local_addr()?));
        let addresses = (api.local_addr()?, control.as_ref().map(TcpListener::local_addr).transpose()?);
        listen(&runtime, &shared, files, Door::Files)?;
        if let Some(control) = control {
            listen(&runtime, &shared, control, Door::Control)?;
        }
        let listening = listen(&runtime, &shared, api, Door::Api)?;
        let (api, control) = addresses;
        Ok(Self { shared, runtime: Some(runtime), api, control, listening: Mutex::new(Some(listening)) })
    }

    /// What a client is given as the address of the API.
    pub fn base_url(&self) -> String {
        format!("http://{}{BASE}", self.api)
    }

    pub fn control_url(&self) -> Option<String> {
        self.control.map(|address| format!("http://{address}"))
    }

    /// Looks at the world, or changes it.
    pub fn world<T>(&self, look: impl FnOnce(&mut World) -> T) -> T {
        look(&mut self.shared.world.lock())
    }

    /// Adds a fault to those in force.
    pub fn fault(&self, fault: Fault) {
        self.shared.faults.lock().add(fault);
    }

    pub fn clear_faults(&self) {
        self.shared.faults.lock().clear();
    }

    /// Changes the world once, at the moment of the matching request.
    pub fn on_request(&self, trigger: Trigger, action: impl FnOnce(&mut World) + Send + 'static) {
        self.shared.triggers.lock().add(trigger, Box::new(action));
    }

    /// Every request since the start or the last [`FakePennylane::clear_requests`], in order of arrival.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.log.lock().all()
    }

    pub fn clear_requests(&self) {
        self.shared.log.lock().clear();
    }

    /// Changes settings while the fake runs; `seed`, `size`, `listen` and `control` were read at the start.
    pub fn set_config(&self, change: impl FnOnce(&mut Config)) {
        self.shared.set_config(change);
    }

    /// Closes the API's port and all its connections: what follows is refused, until [`FakePennylane::restart`].
    pub fn stop(&self) {
        let Some(listening) = self.listening.lock().take() else { return };
        listening.task.abort();
        wait_for(|| listening.task.is_finished() && listening.connections.load(Ordering::SeqCst) == 0);
    }

    /// Listens again on the same port, with the world as it is. Panics when the port was taken meanwhile.
    pub fn restart(&self) {
        self.stop();
        let Some(runtime) = &self.runtime else { return };
        let listener = TcpListener::bind(self.api).and_then(|api| listen(runtime, &self.shared, api, Door::Api));
        *self.listening.lock() =
            Some(listener.unwrap_or_else(|error| panic!("the fake API does not restart: {error}")));
    }

    /// Whether someone asked the control port to end the program.
    pub fn shutdown_requested(&self) -> bool {
        self.shared.shutdown.load(Ordering::SeqCst)
    }
}

impl Drop for FakePennylane {
    fn drop(&mut self) {
        self.stop();
        if let Some(runtime) = self.runtime.take() {
            // Hanging answers would keep an orderly shutdown waiting.
            runtime.shutdown_background();
        }
    }
}

/// Waits for a fact that takes a few turns of the runtime; gives up after two seconds.
fn wait_for(fact: impl Fn() -> bool) {
    let start = Instant::now();
    while !fact() && start.elapsed() < Duration::from_secs(2) {
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn listen(runtime: &Runtime, shared: &Arc<Shared>, listener: TcpListener, door: Door) -> io::Result<Listening> {
    listener.set_nonblocking(true)?;
    let listener = {
        let _inside = runtime.enter();
        tokio::net::TcpListener::from_std(listener)?
    };
    let connections = Arc::new(AtomicUsize::new(0));
    let task = runtime.spawn(accept(Arc::clone(shared), listener, door, Arc::clone(&connections)));
    Ok(Listening { task, connections })
}

/// Accepts for ever. Its connections live in it: they are closed when it is aborted.
async fn accept(shared: Arc<Shared>, listener: tokio::net::TcpListener, door: Door, connections: Arc<AtomicUsize>) {
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                // Small answers must not wait for each other.
                stream.set_nodelay(true).ok();
                let counted = Counted::new(&connections);
                let shared = Arc::clone(&shared);
                open.spawn(async move {
                    let _counted = counted;
                    let service = service_fn(move |request| service::serve(Arc::clone(&shared), door, request));
                    let connection = http1::Builder::new().auto_date_header(false).serve_connection(TokioIo::new(stream), service);
                    // An error is a client that left, or a fault that closed the connection on purpose.
                    connection.await.ok();
                });
            }
            Some(_) = open.join_next(), if !open.is_empty() => {}
        }
    }
}

/// One open connection.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(connections: &Arc<AtomicUsize>) -> Self {
        connections.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(connections))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
