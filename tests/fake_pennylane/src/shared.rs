//! The state that all connections to one company share, and the companies behind one address.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use bytes::Bytes;
use parking_lot::{Mutex, RwLock};

use crate::config::Config;
use crate::exports::Jobs;
use crate::fault::{Faults, Triggers};
use crate::limiter::Limiter;
use crate::log::Log;
use crate::sign::Signer;
use crate::world::World;

/// A finished page, for as long as its table has this version.
pub(crate) struct Prepared {
    pub table: &'static str,
    pub version: u64,
    pub body: Bytes,
    pub gzip: Option<Bytes>,
}

pub(crate) struct Shared {
    pub config: RwLock<Config>,
    pub world: Mutex<World>,
    pub faults: Mutex<Faults>,
    pub triggers: Mutex<Triggers>,
    pub log: Mutex<Log>,
    pub limiter: Mutex<Limiter>,
    pub jobs: Mutex<Jobs>,
    pub prepared: Mutex<HashMap<String, Prepared>>,
    pub signer: Signer,
    pub started: Instant,
    /// Asked for by the control port.
    pub shutdown: AtomicBool,
}

impl Shared {
    pub fn new(config: Config, file_host: SocketAddr) -> Self {
        let world = World::new(&config);
        Self {
            config: RwLock::new(config),
            world: Mutex::new(world),
            faults: Mutex::default(),
            triggers: Mutex::default(),
            log: Mutex::default(),
            limiter: Mutex::default(),
            jobs: Mutex::default(),
            prepared: Mutex::default(),
            signer: Signer::new(file_host),
            started: Instant::now(),
            shutdown: AtomicBool::new(false),
        }
    }

    /// Changes settings while the fake runs.
    pub fn set_config(&self, change: impl FnOnce(&mut Config)) {
        let offset = {
            let mut config = self.config.write();
            change(&mut config);
            config.clock_offset
        };
        self.world.lock().set_clock_offset(offset);
        self.prepared.lock().clear();
    }
}

/// The companies behind one listener, in the order in which they came.
#[derive(Default)]
pub(crate) struct Companies(RwLock<Vec<Arc<Shared>>>);

impl Companies {
    pub fn add(&self, company: Arc<Shared>) {
        self.0.write().push(company);
    }

    /// The company that this `Authorization` header opens; else the first one, which refuses it.
    pub fn opened_by(&self, authorization: Option<&str>) -> Option<Arc<Shared>> {
        let companies = self.0.read();
        let opened = companies.iter().find(|company| company.config.read().accepts(authorization));
        opened.or(companies.first()).map(Arc::clone)
    }
}
