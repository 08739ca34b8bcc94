//! The pace: as fast as allowed, never faster.

use crate::compare::tables_equal_world;
use crate::scene::{Scene, TOKEN};
use fake_pennylane::{Config, FakePennylane, Size};
use std::time::Duration;

#[test]
fn the_pace_is_kept_without_a_single_refusal() {
    let api = FakePennylane::start(Config {
        size: Size::tiny(),
        token: TOKEN.into(),
        rate_limit: true,
        latency: Duration::from_millis(200),
        ..Config::default()
    });
    let scene = Scene::around(api, &["pennylane.rate_limit = 4.5", "pennylane.request_timeout = 30"]);
    scene.sync("sync_full()");
    let mut requests = scene.api.requests();
    assert!(requests.iter().all(|request| request.status < 300));
    requests.retain(|request| !request.file_host);
    for window in requests.windows(26) {
        assert!(window[25].at - window[0].at > Duration::from_secs(5), "26 requests within 5 seconds");
    }
    tables_equal_world(&scene);
}

#[test]
fn lists_are_read_side_by_side() {
    let api = FakePennylane::start(Config {
        size: Size::tiny(),
        token: TOKEN.into(),
        latency: Duration::from_millis(300),
        ..Config::default()
    });
    let scene = Scene::around(api, &["pennylane.request_timeout = 30"]);
    scene.sync("sync_full()");
    let lists: Vec<_> = scene.api.requests().into_iter().filter(|request| request.path != "/me").collect();
    let first_four = lists[3].at - lists[0].at;
    assert!(first_four < Duration::from_millis(300), "four lists wait for their answers at once: {first_four:?}");
}
