//! What has to be written twice says the same in both places: the version, the summary and the compiler of the packages
//! are those of `Cargo.toml`.

use serde_json::Value;
use std::fs;

fn file(path: &str) -> String {
    fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR")))
        .unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn pgxn_is_told_the_version_and_the_summary_of_cargo() {
    let meta: Value = serde_json::from_str(&file("META.json")).unwrap();
    for place in [&meta, &meta["provides"]["penny_pg"]] {
        assert_eq!(place["version"], env!("CARGO_PKG_VERSION"));
        assert_eq!(place["abstract"], env!("CARGO_PKG_DESCRIPTION"));
    }
    assert_eq!(meta["name"], env!("CARGO_PKG_NAME"));
    assert_eq!(meta["license"], env!("CARGO_PKG_LICENSE").to_lowercase());
    for key in ["file", "docfile"] {
        file(meta["provides"]["penny_pg"][key].as_str().unwrap());
    }
}

#[test]
fn pgxn_is_told_the_oldest_postgresql_that_cargo_has_a_feature_for() {
    let meta: Value = serde_json::from_str(&file("META.json")).unwrap();
    let manifest = file("Cargo.toml");
    let oldest =
        manifest.lines().filter_map(|line| line.strip_prefix("pg")?.split_once(' ')?.0.parse::<u32>().ok()).min();
    let oldest = oldest.expect("Cargo.toml has features pgNN");
    assert_eq!(meta["prereqs"]["runtime"]["requires"]["PostgreSQL"], format!("{oldest}.0.0"));
}

#[test]
fn the_image_is_built_with_the_compiler_that_cargo_asks_for() {
    let wanted = format!("ARG RUST_IMAGE=rust:{}-bookworm", env!("CARGO_PKG_RUST_VERSION"));
    assert!(file("Dockerfile").lines().any(|line| line == wanted), "the Dockerfile has no line {wanted}");
}
