//! Clients as people have them, with the rights of a reader: tests/clients/reader.py, which says what each must find.

use crate::compare::flat;
use crate::recipe::blocks;
use crate::replication::tables;
use crate::scene::{Scene, TABLES};
use postgres::{Client, SimpleQueryMessage};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

/// Python with the clients, as `scripts/clients` prepares it.
fn python() -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    // A relative one begins where cargo runs, which is here.
    let target = root.join(std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()));
    let python = target.join("clients/bin/python");
    assert!(python.exists(), "the clients are missing: run scripts/install_tools and scripts/clients first");
    python
}

/// Digits of an amount in micros.
fn micros(amount: &str) -> i128 {
    let (sign, digits) = amount.strip_prefix('-').map_or((1, amount), |digits| (-1, digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    assert!(fraction.len() <= 6, "{amount}");
    sign * format!("{whole}{fraction:0<6}").parse::<i128>().unwrap()
}

/// The sum of a field of all the records of a table, as the API sends them.
fn sum(scene: &Scene, table: &str, field: &str) -> String {
    let records = scene.api.world(|world| world.list(table));
    let total: i128 = records.iter().filter_map(|record| record[field].as_str()).map(micros).sum();
    format!("{}{}.{:06}", if total < 0 { "-" } else { "" }, total.abs() / 1_000_000, total.abs() % 1_000_000)
}

/// The rows of a query as text by column name, with a superuser's eyes.
fn texts(client: &mut Client, query: &str) -> Vec<Map<String, Value>> {
    let messages = client.simple_query(query).unwrap();
    let rows = messages.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    let text = |row: &postgres::SimpleQueryRow| {
        let columns = row.columns().iter().enumerate();
        columns.map(|(place, column)| (column.name().to_owned(), json!(row.get(place)))).collect()
    };
    rows.map(text).collect()
}

/// Pairs of a table and one of its columns, in order.
fn by_table(client: &mut Client, query: &str) -> BTreeMap<String, Vec<Value>> {
    let mut found: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for row in client.query(query, &[]).unwrap() {
        found.entry(row.get(0)).or_default().push(row.get(1));
    }
    found
}

#[test]
fn the_clients_of_a_reader_find_every_table_key_and_value_and_can_write_nothing() {
    let python = python();
    let scene = Scene::new();
    // A value of each type, and of those that clients get wrong: large, with many digits, long, not in ASCII, false.
    scene.api.world(|world| {
        let invoice = world.ids("customer_invoices")[0];
        world.update("customer_invoices", invoice, |record| {
            record.insert("amount".into(), json!("9007199254740993.123456"));
            record.insert("label".into(), json!(format!("œuf à Sète \u{1F95A}\n\"{}\"", "long ".repeat(3000))));
            record.insert("e_invoicing".into(), json!({"flow": {"id": "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"}}));
            record.insert("paid".into(), json!(false));
        });
        let supplier = world.ids("suppliers")[0];
        world.update("suppliers", supplier, |record| {
            record.insert("supplier_due_date_delay".into(), json!(45));
        });
    });
    let done = scene.sync("sync_full()");
    assert!(done.values().all(|table| table.status == "ok"), "{done:#?}");
    let (power_bi, excel) = (include_str!("../../docs/powerbi.md"), include_str!("../../docs/excel.md"));
    for block in blocks(power_bi, "1. ").iter().filter(|block| block.kind == "sql") {
        // Here nobody asks for a password.
        scene.execute(&block.text.replace("\\password powerbi", ""));
    }
    let mut reader = scene.cluster.connect_as("powerbi");
    let pages = [(power_bi, "4. "), (excel, "A table that refreshes itself")];
    for block in pages.into_iter().flat_map(|(page, heading)| blocks(page, heading)) {
        assert!(!reader.query(block.text.trim_end(), &[]).unwrap().is_empty(), "{}", block.text);
    }

    let mut client = scene.connect();
    client.batch_execute("SET timezone = 'UTC'; SET search_path = pennylane").unwrap();
    let names: Vec<String> = tables().map(|table| format!("'{table}'::regclass")).collect();
    let names = names.join(", ");
    let mut records: BTreeMap<&str, Value> = BTreeMap::new();
    for table in TABLES {
        let list = scene.api.world(|world| world.list(table));
        records.insert(table, list.iter().map(|record| json!(flat(record.as_object().unwrap()))).collect());
    }
    for table in ["fec", "analytical_ledger"] {
        let order = "ORDER BY company_id, period_start, period_end, line_no";
        records.insert(table, json!(texts(&mut client, &format!("SELECT * FROM pennylane.{table} {order}"))));
    }
    let relations: Vec<Value> = client
        .query(
            &format!(
                "SELECT jsonb_build_array(c.conrelid::regclass, f.attname, c.confrelid::regclass, p.attname) FROM pg_constraint c \
                 JOIN pg_attribute f ON f.attrelid = c.conrelid AND f.attnum = c.conkey[1] \
                 JOIN pg_attribute p ON p.attrelid = c.confrelid AND p.attnum = c.confkey[1] \
                 WHERE c.contype = 'f' AND c.conrelid IN ({names})"
            ),
            &[],
        )
        .unwrap()
        .iter()
        .map(|row| row.get(0))
        .collect();
    let wanted = json!({
        "server": {"host": scene.cluster.file(""), "port": 5432, "dbname": "postgres", "user": "powerbi"},
        "tables": by_table(&mut client, &format!(
            "SELECT attrelid::regclass::text, jsonb_build_array(attname, format_type(atttypid, atttypmod)) FROM pg_attribute \
             WHERE attrelid IN ({names}) AND attnum > 0 AND NOT attisdropped ORDER BY attrelid, attnum")),
        "primary_keys": by_table(&mut client, &format!(
            "SELECT conrelid::regclass::text, to_jsonb(attname) FROM pg_constraint \
             CROSS JOIN LATERAL unnest(conkey) WITH ORDINALITY AS k (attnum, place) \
             JOIN pg_attribute a ON a.attrelid = conrelid AND a.attnum = k.attnum \
             WHERE contype = 'p' AND conrelid IN ({names}) ORDER BY conrelid, place")),
        "relations": relations,
        "records": records,
        // Ours, not Pennylane's.
        "not_compared": ["company_id", "_synced_at"],
        "sums": [
            ["ledger_entry_lines", "debit", sum(&scene, "ledger_entry_lines", "debit")],
            ["ledger_entry_lines", "credit", sum(&scene, "ledger_entry_lines", "credit")],
            ["transactions", "amount", sum(&scene, "transactions", "amount")],
            ["customer_invoices", "amount", sum(&scene, "customer_invoices", "amount")],
            ["supplier_invoices", "amount", sum(&scene, "supplier_invoices", "amount")],
        ],
        "partitions": [
            ["ledger_entry_lines", "created_at"],
            ["ledger_entries", "created_at"],
            ["transactions", "created_at"],
            ["customer_invoices", "created_at"],
            ["supplier_invoices", "created_at"],
            ["fec", "period_start"],
            ["analytical_ledger", "period_start"],
        ],
    });
    let file = tempfile::NamedTempFile::new().unwrap();
    serde_json::to_writer(&file, &wanted).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/reader.py");
    let done = Command::new(python).arg(script).arg(file.path()).output().expect("python runs");
    let told = format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{told}");
    assert_eq!(told.matches("kept: ").count(), 9, "{told}");
}
