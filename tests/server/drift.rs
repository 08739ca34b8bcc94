//! What the doctor sees.

use crate::scene::Scene;

fn findings(scene: &Scene) -> Vec<(String, String, String)> {
    let rows = scene.connect().query("SELECT item, status, detail FROM pennylane.check()", &[]).unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect()
}

fn status(findings: &[(String, String, String)], item: &str) -> String {
    findings
        .iter()
        .find(|found| found.0 == item)
        .map(|found| found.1.clone())
        .unwrap_or_else(|| format!("no {item} in {findings:?}"))
}

#[test]
fn a_healthy_installation_has_nothing_but_ok() {
    let scene = Scene::synced();
    let findings = findings(&scene);
    assert!(findings.iter().all(|found| found.1 == "ok"), "{findings:?}");
    for item in ["library", "token", "api", "company", "scope customers", "clock"] {
        assert_eq!(status(&findings, item), "ok");
    }
}

#[test]
fn the_doctor_names_what_is_wrong() {
    let scene = Scene::synced();
    scene.api.set_config(|config| {
        config.scopes.retain(|scope| !scope.starts_with("ledger_entries"));
        config.clock_offset = chrono::Duration::hours(2);
        config.api_version_expires_at = Some("2027-01-01".into());
    });
    scene.execute("ALTER TABLE pennylane.customers ADD COLUMN score double precision; ALTER TABLE pennylane.products DROP COLUMN extra");
    let found = findings(&scene);
    for (item, expected) in [
        ("scope ledger_entries", "warning"),
        ("clock", "warning"),
        ("api version", "warning"),
        ("table customers", "warning"),
        ("table products", "error"),
    ] {
        assert_eq!(status(&found, item), expected);
    }
    scene.api.stop();
    assert_eq!(status(&findings(&scene), "api"), "error");
}
