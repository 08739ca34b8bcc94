//! The fake API as a program, for demos and benchmarks.
#![forbid(unsafe_code)]

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use fake_pennylane::{Config, FakePennylane, Size};

/// A stand-in for Pennylane's API v2 over a made-up company.
#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    /// Where the API listens, on the loopback address.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Listen on every address, not only on the loopback.
    #[arg(long)]
    public: bool,
    /// Where the control port listens; none by default.
    #[arg(long)]
    control_port: Option<u16>,
    #[arg(long, default_value = "fake-token")]
    token: String,
    /// About so many ledger entry lines; without it the books are small.
    #[arg(long)]
    lines: Option<usize>,
    /// The same seed gives the same books.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// 25 requests per 5 seconds and token, as the real API.
    #[arg(long)]
    rate_limit: bool,
    /// Waited before each answer.
    #[arg(long, default_value_t = 0)]
    latency_ms: u64,
    /// Keep finished pages until their table changes.
    #[arg(long)]
    prepared: bool,
    #[arg(long)]
    no_gzip: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let address = if arguments.public { [0, 0, 0, 0] } else { [127, 0, 0, 1] };
    let config = Config {
        seed: arguments.seed,
        size: arguments.lines.map_or_else(Size::small, Size::with_lines),
        token: arguments.token,
        rate_limit: arguments.rate_limit,
        latency: Duration::from_millis(arguments.latency_ms),
        gzip: !arguments.no_gzip,
        prepared: arguments.prepared,
        listen: SocketAddr::from((address, arguments.port)),
        control: arguments.control_port.map(|port| SocketAddr::from(([127, 0, 0, 1], port))),
        ..Config::default()
    };
    let fake = match FakePennylane::try_start(config) {
        Ok(fake) => fake,
        Err(error) => {
            eprintln!("the fake API does not start: {error}");
            return ExitCode::FAILURE;
        }
    };
    println!("fake Pennylane API on {}", fake.base_url());
    if let Some(control) = fake.control_url() {
        println!("control port on {control}");
    }
    while !fake.shutdown_requested() {
        std::thread::sleep(Duration::from_millis(100));
    }
    ExitCode::SUCCESS
}
