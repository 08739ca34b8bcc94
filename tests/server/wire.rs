//! The way to the real API: TLS with the system's certificates, and a proxy named in the environment.

use crate::cluster::Cluster;
use crate::compare::table_equals_world;
use crate::scene::{Scene, TOKEN, sqlstate, words};
use fake_pennylane::{Config, FakePennylane, Size};
use rcgen::{CertificateParams, Issuer, KeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// A name that no resolver knows: only a proxy leads there.
const NAME: &str = "api.pennylane.test";

/// A certificate authority, as PEM, and what a server of `name` needs.
fn certificates(name: &str) -> (String, Arc<ServerConfig>) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate().unwrap();
    let root = authority.self_signed(&authority_key).unwrap().pem();
    let issuer = Issuer::new(authority, authority_key);
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivatePkcs8KeyDer::from(key.serialize_der()).into())
        .unwrap();
    (root, Arc::new(config))
}

/// Serves each connection on a thread of its own; gives the port.
fn listen(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let serve = Arc::new(serve);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let serve = serve.clone();
            std::thread::spawn(move || serve(stream));
        }
    });
    port
}

/// Ends TLS in front of the fake API, a request and its answer at a time.
fn tls_front(api_port: u16, config: Arc<ServerConfig>) -> u16 {
    listen(move |stream| {
        let Ok(connection) = ServerConnection::new(config.clone()) else { return };
        let mut outside = StreamOwned::new(connection, stream);
        let Ok(mut inside) = TcpStream::connect(("127.0.0.1", api_port)) else { return };
        inside.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let mut buffer = [0; 16 * 1024];
        while let Ok(length @ 1..) = outside.read(&mut buffer) {
            if inside.write_all(&buffer[..length]).is_err() {
                return;
            }
            while let Ok(length @ 1..) = inside.read(&mut buffer) {
                if outside.write_all(&buffer[..length]).is_err() {
                    return;
                }
            }
        }
    })
}

/// A proxy that takes `CONNECT` for our name and counts it.
fn proxy(tls_port: u16, connects: Arc<AtomicUsize>) -> u16 {
    listen(move |stream| {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut request = String::new();
        while !request.ends_with("\r\n\r\n") {
            if matches!(reader.read_line(&mut request), Ok(0) | Err(_)) {
                return;
            }
        }
        assert!(request.starts_with(&format!("CONNECT {NAME}:443")), "{request}");
        assert!(!request.contains(TOKEN), "the proxy must not see the token");
        connects.fetch_add(1, Ordering::Relaxed);
        let mut stream = stream;
        stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").unwrap();
        let inside = TcpStream::connect(("127.0.0.1", tls_port)).unwrap();
        let (mut from, mut to) = (inside.try_clone().unwrap(), stream.try_clone().unwrap());
        std::thread::spawn(move || std::io::copy(&mut from, &mut to));
        let mut inside = inside;
        let _ = std::io::copy(&mut stream, &mut inside);
    })
}

fn api() -> (FakePennylane, u16) {
    let api = FakePennylane::start(Config { size: Size::tiny(), token: TOKEN.into(), ..Config::default() });
    let port = api.base_url().split(':').nth(2).and_then(|rest| rest.split('/').next()?.parse().ok()).unwrap();
    (api, port)
}

fn scene(api: FakePennylane, url: &str, root: &str, environment: &[(&str, &str)]) -> Scene {
    let mut file = tempfile::Builder::new().prefix("penny_pg-root").tempfile().unwrap();
    std::fs::set_permissions(file.path(), std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    file.write_all(root.as_bytes()).unwrap();
    let (_, path) = file.keep().unwrap();
    let certificates = path.to_str().unwrap().to_owned();
    let mut environment = environment.to_vec();
    environment.extend([
        ("PENNYLANE_API_TOKEN", TOKEN),
        ("SSL_CERT_FILE", &certificates),
        ("PENNYLANE_API_BASE_URL", url),
    ]);
    let settings = ["pennylane.rate_limit = 0".to_owned(), "pennylane.retry_for = 1".to_owned()];
    let cluster = Cluster::start(&settings, &environment);
    let scene = Scene { api, cluster };
    scene.execute("CREATE EXTENSION penny_pg");
    scene
}

#[test]
fn tls_is_verified_with_the_systems_certificates() {
    let (root, config) = certificates("localhost");
    let (fake, port) = api();
    let url = format!("https://localhost:{}/api/external/v2", tls_front(port, config.clone()));
    let good = scene(fake, &url, &root, &[]);
    assert_eq!(good.value("SHOW pennylane.api_base_url").unwrap(), url, "the environment gives the default");
    assert_eq!(good.sync("sync_full('customers')")["customers"].status, "ok");
    table_equals_world(&good, "customers");
    let (stranger, _) = certificates("localhost");
    let (fake, port) = api();
    let url = format!("https://localhost:{}/api/external/v2", tls_front(port, config));
    let bad = scene(fake, &url, &stranger, &[]);
    let error = bad.error("sync_full('customers')");
    assert_eq!(sqlstate(&error), "08006");
    assert!(words(&error).contains("TLS"), "{}", words(&error));
    assert!(bad.api.requests().is_empty(), "the token never left");
}

#[test]
fn a_proxy_of_the_environment_leads_to_the_api() {
    let (root, config) = certificates(NAME);
    let (fake, port) = api();
    let connects = Arc::new(AtomicUsize::new(0));
    let through = format!("http://127.0.0.1:{}", proxy(tls_front(port, config), connects.clone()));
    let scene = scene(fake, &format!("https://{NAME}/api/external/v2"), &root, &[("HTTPS_PROXY", &through)]);
    assert_eq!(scene.sync("sync_full('customers')")["customers"].status, "ok");
    table_equals_world(&scene, "customers");
    assert!(connects.load(Ordering::Relaxed) > 0);
}
