//! A cluster with the extension, an API, and the words that tests use.

use crate::cluster::Cluster;
use fake_pennylane::{Config, FakePennylane, Size};
use postgres::{Client, SimpleQueryMessage};
use std::collections::BTreeMap;

/// The token of every test; the logs are searched for it.
pub const TOKEN: &str = "secret-token-7f3a9c51d2e84b60";

/// The process that does the runs of a company, while it does them.
pub const WORKER: &str = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'penny_pg worker'";
/// The process that starts them.
pub const SCHEDULER: &str = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'penny_pg scheduler'";

/// The eleven tables of the API.
pub const TABLES: [&str; 11] = [
    "customers",
    "suppliers",
    "customer_invoices",
    "supplier_invoices",
    "products",
    "transactions",
    "ledger_entry_lines",
    "ledger_entries",
    "ledger_accounts",
    "bank_accounts",
    "fiscal_years",
];

/// A way to start a cluster with settings and an environment.
type Start = fn(&[String], &[(&str, &str)]) -> Cluster;

/// A database with the extension and the API that it reads.
pub struct Scene {
    pub api: FakePennylane,
    pub cluster: Cluster,
}

/// One row of what a sync function returns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    pub status: String,
    pub inserted: i64,
    pub updated: i64,
    pub deleted: i64,
    pub unchanged: i64,
    pub requests: i32,
    pub message: Option<String>,
}

impl Scene {
    /// Small books, no pace, quick retries.
    pub fn new() -> Scene {
        Scene::with(Size::tiny(), &[])
    }

    pub fn with(size: Size, settings: &[&str]) -> Scene {
        Scene::around(Scene::api(size), settings)
    }

    /// An API with books of this size.
    pub fn api(size: Size) -> FakePennylane {
        FakePennylane::start(Config { size, token: TOKEN.into(), ..Config::default() })
    }

    pub fn around(api: FakePennylane, settings: &[&str]) -> Scene {
        Scene::on(Cluster::start, api, settings)
    }

    /// On a cluster that is started in this way.
    pub fn on(start: Start, api: FakePennylane, settings: &[&str]) -> Scene {
        Scene::with_token(TOKEN, start, api, settings)
    }

    /// On a cluster whose own token is this one; none when it is empty.
    pub fn with_token(token: &str, start: Start, api: FakePennylane, settings: &[&str]) -> Scene {
        let mut lines = vec![
            format!("pennylane.api_base_url = '{}'", api.base_url()),
            "pennylane.rate_limit = 0".to_owned(),
            "pennylane.retry_for = 3".to_owned(),
            "pennylane.request_timeout = 2".to_owned(),
        ];
        lines.extend(settings.iter().map(|line| (*line).to_owned()));
        let cluster = start(&lines, &[("PENNYLANE_API_TOKEN", token)]);
        cluster.connect().batch_execute("CREATE EXTENSION penny_pg").expect("the extension installs");
        Scene { api, cluster }
    }

    /// A scene whose tables are filled.
    pub fn synced() -> Scene {
        let scene = Scene::new();
        let done = scene.sync("sync_full()");
        assert!(done.values().all(|table| table.status == "ok"), "{done:#?}");
        scene
    }

    /// A scene in which nobody calls a function: the background worker does the work.
    pub fn at_work(size: Size, settings: &[&str]) -> Scene {
        let lines: Vec<&str> = settings.iter().copied().chain(["pennylane.worker = on"]).collect();
        Scene::with(size, &lines)
    }

    pub fn connect(&self) -> Client {
        self.cluster.connect()
    }

    /// Calls a sync function in a session of its own; one row a table.
    pub fn sync(&self, call: &str) -> BTreeMap<String, Done> {
        sync(&mut self.connect(), call)
    }

    /// Calls a sync function over several companies; table and status of each row.
    pub fn sync_all(&self, call: &str) -> Vec<(String, String)> {
        let rows = self.connect().query(&format!("SELECT table_name, status FROM pennylane.{call}"), &[]);
        let rows = rows.unwrap_or_else(|error| panic!("{call}: {error:?}"));
        rows.iter().map(|row| (row.get::<_, Option<String>>(0).unwrap_or_default(), row.get(1))).collect()
    }

    /// The error of a call that must fail.
    pub fn error(&self, call: &str) -> postgres::Error {
        self.connect().simple_query(&format!("SELECT * FROM pennylane.{call}")).expect_err("the call fails")
    }

    /// One value, as text.
    pub fn value(&self, query: &str) -> Option<String> {
        value(&mut self.connect(), query)
    }

    pub fn execute(&self, statements: &str) {
        self.connect().batch_execute(statements).unwrap_or_else(|error| panic!("{statements}: {error:?}"));
    }
}

impl Drop for Scene {
    /// Whatever a test is about, its log is searched.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let log = self.cluster.log();
            crate::log_scan::holds_nothing_private(&log, &self.api);
            crate::log_scan::holds_no_complaint(&log);
        }
    }
}

/// Calls a sync function; one row a table.
pub fn sync(client: &mut Client, call: &str) -> BTreeMap<String, Done> {
    let query = format!(
        "SELECT table_name, status, inserted, updated, deleted, unchanged, requests, message FROM pennylane.{call}"
    );
    let rows = client.query(&query, &[]).unwrap_or_else(|error| panic!("{call}: {error:?}"));
    let done = rows.iter().map(|row| {
        let done = Done {
            status: row.get(1),
            inserted: row.get(2),
            updated: row.get(3),
            deleted: row.get(4),
            unchanged: row.get(5),
            requests: row.get(6),
            message: row.get(7),
        };
        (row.get(0), done)
    });
    done.collect()
}

/// One value, as text.
pub fn value(client: &mut Client, query: &str) -> Option<String> {
    let messages = client.simple_query(query).unwrap_or_else(|error| panic!("{query}: {error:?}"));
    messages.into_iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    })
}

/// The SQLSTATE of an error.
pub fn sqlstate(error: &postgres::Error) -> &str {
    error.code().map(postgres::error::SqlState::code).unwrap_or_default()
}

/// Message and hint of an error, in one text.
pub fn words(error: &postgres::Error) -> String {
    error
        .as_db_error()
        .map_or_else(|| error.to_string(), |db| format!("{} | {}", db.message(), db.hint().unwrap_or_default()))
}
