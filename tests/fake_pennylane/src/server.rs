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
use crate::shared::{Companies, Shared};
use crate::world::World;

/// A company behind a running fake API. Dropping the last company of an address stops it.
pub struct FakePennylane {
    shared: Arc<Shared>,
    control: Option<SocketAddr>,
    house: Arc<House>,
}

/// What the companies of one address have in common.
struct House {
    companies: Arc<Companies>,
    runtime: Option<Runtime>,
    api: SocketAddr,
    /// The API's own listener; the file hosts and the control ports stay up when it is stopped.
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
        let listener = TcpListener::bind(config.listen)?;
        let api = listener.local_addr()?;
        let house = House { companies: Arc::default(), runtime: Some(runtime), api, listening: Mutex::default() };
        let fake = Self::move_in(Arc::new(house), config)?;
        fake.house.open(listener)?;
        Ok(fake)
    }

    /// Another company at the same address, which its token opens: a world, a log, faults, a file host of its own.
    /// [`Config::company`] keeps tokens and ids apart; the address is that of this company, `listen` is not looked at.
    ///
    /// A token that opens several companies opens the first; one that opens none is refused by the first.
    pub fn neighbour(&self, config: Config) -> Self {
        Self::move_in(Arc::clone(&self.house), config)
            .unwrap_or_else(|error| panic!("the fake company does not start: {error}"))
    }

    fn move_in(house: Arc<House>, config: Config) -> io::Result<Self> {
        let runtime = house.runtime()?;
        let files = TcpListener::bind((house.api.ip(), 0))?;
        let control = config.control.map(TcpListener::bind).transpose()?;
        let address = control.as_ref().map(TcpListener::local_addr).transpose()?;
        let shared = Arc::new(Shared::new(config, files.local_addr()?));
        let alone = Arc::<Companies>::default();
        alone.add(Arc::clone(&shared));
        listen(runtime, &alone, files, Door::Files)?;
        if let Some(control) = control {
            listen(runtime, &alone, control, Door::Control)?;
        }
        house.companies.add(Arc::clone(&shared));
        Ok(Self { shared, control: address, house })
    }

    /// What a client is given as the address of the API.
    pub fn base_url(&self) -> String {
        format!("http://{}{BASE}", self.house.api)
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

    /// Changes settings while the fake runs; `seed`, `size`, `id_offset`, `listen` and
    /// `control` were read at the start.
    pub fn set_config(&self, change: impl FnOnce(&mut Config)) {
        self.shared.set_config(change);
    }

    /// Closes the API's port and all its connections, for all companies: what follows is refused, until
    /// [`FakePennylane::restart`].
    pub fn stop(&self) {
        self.house.stop();
    }

    /// Listens again on the same port, with the worlds as they are. Panics when the port was taken meanwhile.
    pub fn restart(&self) {
        self.house.stop();
        TcpListener::bind(self.house.api)
            .and_then(|listener| self.house.open(listener))
            .unwrap_or_else(|error| panic!("the fake API does not restart: {error}"));
    }

    /// Whether someone asked the control port to end the program.
    pub fn shutdown_requested(&self) -> bool {
        self.shared.shutdown.load(Ordering::SeqCst)
    }
}

impl House {
    fn runtime(&self) -> io::Result<&Runtime> {
        self.runtime.as_ref().ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    fn open(&self, listener: TcpListener) -> io::Result<()> {
        *self.listening.lock() = Some(listen(self.runtime()?, &self.companies, listener, Door::Api)?);
        Ok(())
    }

    fn stop(&self) {
        let Some(listening) = self.listening.lock().take() else { return };
        listening.task.abort();
        wait_for(|| listening.task.is_finished() && listening.connections.load(Ordering::SeqCst) == 0);
    }
}

impl Drop for House {
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

fn listen(runtime: &Runtime, companies: &Arc<Companies>, listener: TcpListener, door: Door) -> io::Result<Listening> {
    listener.set_nonblocking(true)?;
    let listener = {
        let _inside = runtime.enter();
        tokio::net::TcpListener::from_std(listener)?
    };
    let connections = Arc::new(AtomicUsize::new(0));
    let task = runtime.spawn(accept(Arc::clone(companies), listener, door, Arc::clone(&connections)));
    Ok(Listening { task, connections })
}

/// Accepts for ever. Its connections live in it: they are closed when it is aborted.
async fn accept(
    companies: Arc<Companies>,
    listener: tokio::net::TcpListener,
    door: Door,
    connections: Arc<AtomicUsize>,
) {
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                // Small answers must not wait for each other.
                stream.set_nodelay(true).ok();
                let counted = Counted::new(&connections);
                let companies = Arc::clone(&companies);
                open.spawn(async move {
                    let _counted = counted;
                    let service = service_fn(move |request| service::serve(Arc::clone(&companies), door, request));
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
