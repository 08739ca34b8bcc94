//! A PostgreSQL cluster of its own for a test: copied from one template, stopped and removed with the value.

use postgres::{Client, NoTls};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A running cluster. Connections go through a socket in its own folder, so that no port can be taken.
pub struct Cluster {
    folder: TempDir,
    environment: Vec<(String, String)>,
}

/// Where PostgreSQL's programs are: `PG_BINDIR`, or Debian's place for version 15.
pub fn programs() -> PathBuf {
    std::env::var_os("PG_BINDIR").unwrap_or_else(|| "/usr/lib/postgresql/15/bin".into()).into()
}

fn program(name: &str) -> PathBuf {
    programs().join(name)
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().expect("id runs");
    id.stdout.starts_with(b"0\n")
}

/// A PostgreSQL program as a user that it accepts: it refuses to be run by root.
fn command(name: &str) -> Command {
    if is_root() {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--"]).arg(program(name));
        command
    } else {
        Command::new(program(name))
    }
}

fn run(command: &mut Command) -> String {
    let done = command.stdin(Stdio::null()).output().expect("the program starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(done.status.success(), "{command:?}\n{}{}", text(&done.stdout), text(&done.stderr));
    text(&done.stdout)
}

fn new_folder() -> TempDir {
    let folder = TempDir::with_prefix("penny_pg-").expect("a temporary folder");
    if is_root() {
        run(Command::new("chown").arg("postgres").arg(folder.path()));
    }
    folder
}

/// `initdb` takes a second; copying its result does not.
fn template() -> &'static Path {
    static TEMPLATE: OnceLock<PathBuf> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        // Kept until the machine's temporary folder is cleaned: statics are never dropped.
        let folder = new_folder().keep();
        let data = folder.join("data");
        run(command("initdb")
            .args(["-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "-N", "-D"])
            .arg(&data));
        data
    })
}

impl Cluster {
    /// A cluster with the library preloaded, these lines of configuration and this environment.
    pub fn start(settings: &[String], environment: &[(&str, &str)]) -> Cluster {
        Cluster::start_in(new_folder(), settings, environment)
    }

    /// The same with a clock of its own, which [`Cluster::move_clock`] sets. Waiting takes its true time.
    pub fn start_with_clock(settings: &[String], environment: &[(&str, &str)]) -> Cluster {
        let folder = new_folder();
        let (clock, library) = (folder.path().join("clock"), folder.path().join("clock.so"));
        std::fs::write(&clock, 0_i64.to_ne_bytes()).unwrap();
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/server/clock.c");
        run(Command::new("cc").args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"]).arg(&library).arg(source));
        let mut environment = environment.to_vec();
        environment.extend([("LD_PRELOAD", library.to_str().unwrap()), ("TEST_CLOCK", clock.to_str().unwrap())]);
        Cluster::start_in(folder, settings, &environment)
    }

    fn start_in(folder: TempDir, settings: &[String], environment: &[(&str, &str)]) -> Cluster {
        run(command_as_postgres("cp").arg("-a").arg(template()).arg(folder.path().join("data")));
        let cluster = Cluster {
            folder,
            environment: environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        };
        let mut lines = format!(
            "listen_addresses = ''\nunix_socket_directories = '{}'\nfsync = off\nshared_preload_libraries = 'penny_pg'\n\
             log_min_messages = debug1\nlog_statement = all\nlog_line_prefix = '%m [%p] '\ntimezone = 'Europe/Paris'\n\
             max_wal_size = '4GB'\nautovacuum = off\npennylane.worker = off\n",
            cluster.folder.path().display()
        );
        for setting in settings {
            lines += setting;
            lines.push('\n');
        }
        let path = cluster.data().join("postgresql.conf");
        let before = std::fs::read_to_string(&path).unwrap();
        std::fs::write(path, before + &lines).unwrap();
        cluster.pg_ctl_start();
        cluster
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Sets the clock of a server that has one of its own.
    pub fn move_clock(&self, to: chrono::DateTime<chrono::Utc>) {
        // Never before the time asked for.
        let ahead = (to - chrono::Utc::now()).as_seconds_f64().ceil() as i64;
        // In place: the server maps this file.
        let clock = std::fs::OpenOptions::new().write(true).open(self.file("clock")).expect("a clock of its own");
        std::os::unix::fs::FileExt::write_all_at(&clock, &ahead.to_ne_bytes(), 0).unwrap();
    }

    /// Stops the server (`fast`, `immediate`) and tells how long that took.
    pub fn stop(&self, mode: &str) -> Duration {
        let start = Instant::now();
        run(command("pg_ctl").args(["-w", "-m", mode, "stop", "-D"]).arg(self.data()));
        start.elapsed()
    }

    /// Starts the server again after a stop or a crash.
    pub fn start_again(&self) {
        self.pg_ctl_start();
    }

    /// Tries to start the server; false while what is left of a crash is in the way.
    pub fn try_start_again(&self) -> bool {
        let mut start = self.start_command();
        start.status().is_ok_and(|status| status.success())
    }

    /// One value as text, or `None` while the server does not answer.
    pub fn try_value(&self, query: &str) -> Option<String> {
        let mut client = self.config("postgres").connect(NoTls).ok()?;
        let messages = client.simple_query(query).ok()?;
        messages.into_iter().find_map(|message| match message {
            postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        })
    }

    /// The process number of the postmaster.
    pub fn postmaster(&self) -> String {
        let file = std::fs::read_to_string(self.data().join("postmaster.pid")).expect("the server runs");
        file.lines().next().unwrap_or_default().to_owned()
    }

    /// A streaming standby of this cluster.
    pub fn standby(&self) -> Cluster {
        let folder = new_folder();
        let data = folder.path().join("data");
        run(command("pg_basebackup")
            .arg("-h")
            .arg(self.folder.path())
            .args(["-U", "postgres", "-R", "-X", "stream", "-D"])
            .arg(&data));
        let standby = Cluster { folder, environment: self.environment.clone() };
        let path = data.join("postgresql.conf");
        let text = std::fs::read_to_string(&path).unwrap();
        let lines = format!("unix_socket_directories = '{}'\n", standby.folder.path().display());
        std::fs::write(path, text + &lines).unwrap();
        standby.pg_ctl_start();
        standby
    }

    fn pg_ctl_start(&self) {
        let started = self.start_command().status().expect("pg_ctl runs").success();
        assert!(started, "the cluster does not start:\n{}", self.log());
    }

    fn start_command(&self) -> Command {
        let mut start = command_as_postgres("env");
        // A developer's RUST_BACKTRACE would make each error of the server spend a tenth of a second on its symbols.
        start.args(["-u", "RUST_BACKTRACE"]);
        start.args(self.environment.iter().map(|(name, value)| format!("{name}={value}")));
        start.arg(program("pg_ctl")).args(["-w", "-t", "60", "-l"]).arg(self.log_path()).arg("-D").arg(self.data());
        // The server keeps the pipes of its parent: give it none, or nobody could wait for this command.
        start.arg("start").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        start
    }

    /// Adds lines to the configuration and reloads it; returns when a new session sees it.
    pub fn configure(&self, lines: &[&str]) {
        let path = self.data().join("postgresql.conf");
        let mut text = std::fs::read_to_string(&path).unwrap();
        let stamp = format!("test.stamp = '{}'", text.len());
        for line in lines.iter().copied().chain([stamp.as_str()]) {
            text.push_str(line);
            text.push('\n');
        }
        let expected = text.rsplit('\'').nth(1).unwrap_or_default().to_owned();
        std::fs::write(path, &text).unwrap();
        run(command("pg_ctl").arg("reload").arg("-D").arg(self.data()));
        wait_until("the new configuration is in force", || {
            let seen = self.connect().query_one("SELECT current_setting('test.stamp', true)", &[]).unwrap();
            seen.get::<_, Option<String>>(0).as_deref() == Some(&expected)
        });
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// Everything that the server logged.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.log_path()).unwrap_or_default()).into_owned()
    }

    pub fn config(&self, database: &str) -> postgres::Config {
        let mut config = Client::configure();
        config.host_path(self.folder.path()).user("postgres").dbname(database);
        config
    }

    /// A superuser's session in database `postgres`.
    pub fn connect(&self) -> Client {
        self.connect_to("postgres")
    }

    pub fn connect_to(&self, database: &str) -> Client {
        self.config(database).connect(NoTls).expect("a session")
    }

    /// A session of another role in database `postgres`.
    pub fn connect_as(&self, role: &str) -> Client {
        self.config("postgres").user(role).connect(NoTls).expect("a session")
    }

    /// Runs a client program (`psql`, `pg_dump`, ...) on this cluster and gives its output.
    pub fn client<S: AsRef<OsStr>>(&self, name: &str, arguments: impl IntoIterator<Item = S>) -> String {
        run(command(name).arg("-h").arg(self.folder.path()).args(["-U", "postgres"]).args(arguments))
    }

    /// A path in the cluster's folder, for dumps and the like.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

fn command_as_postgres(program: &str) -> Command {
    if is_root() {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--", program]);
        command
    } else {
        Command::new(program)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let mut stop = command("pg_ctl");
        let stop = stop.args(["-w", "-m", "immediate", "stop", "-D"]).arg(self.data());
        let _ = stop.stdout(Stdio::null()).stderr(Stdio::null()).status();
        if std::thread::panicking() {
            let log = self.log();
            let from = log.len().saturating_sub(4000);
            let from = (from..log.len()).find(|at| log.is_char_boundary(*at)).unwrap_or(0);
            eprintln!("--- end of the server log ---\n{}", &log[from..]);
        }
    }
}

/// Waits for a fact, a minute at most.
pub fn wait_until(what: &str, fact: impl FnMut() -> bool) {
    wait_up_to(Duration::from_secs(60), what, fact);
}

/// Waits for a fact.
pub fn wait_up_to(longest: Duration, what: &str, mut fact: impl FnMut() -> bool) {
    let start = Instant::now();
    while !fact() {
        assert!(start.elapsed() < longest, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
