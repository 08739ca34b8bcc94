//! Makes sure that every nullable field is null somewhere, and that every field is filled somewhere.

use std::collections::BTreeSet;

use rand::Rng;
use serde_json::{Map, Value};

use super::record::Maker;
use super::tables::Tables;
use crate::catalogue::{self, Field};

/// Rows looked at and corrected: the rest of a large table only adds to what these show.
const LOOKED_AT: usize = 500;

pub(crate) fn cover(tables: &mut Tables, rng: &mut impl Rng) {
    for resource in catalogue::resources() {
        let ids: Vec<i64> = tables.get(&resource.name).rows.keys().copied().take(LOOKED_AT).collect();
        if ids.is_empty() {
            continue;
        }
        let mut seen = BTreeSet::new();
        let rows: Vec<Value> = ids.iter().filter_map(|id| tables.get(&resource.name).stored(*id)).collect();
        rows.iter().filter_map(Value::as_object).for_each(|row| look(row, &resource.fields, "", &mut seen));
        let mut missing = Vec::new();
        want(&resource.fields, &mut Vec::new(), &seen, &mut missing);
        // One row for each correction, so that none undoes another.
        for (position, correction) in missing.into_iter().enumerate() {
            let id = ids[(position * 7 + 3) % ids.len()];
            let Some(mut record) = tables.get(&resource.name).stored(id) else { continue };
            let mut maker = Maker { tables, rng };
            if let Some(object) = record.as_object_mut() {
                correct(&mut maker, object, &correction.path, correction.null, &resource.name, id);
            }
            tables.get_mut(&resource.name).put(id, &record);
        }
    }
}

struct Correction {
    path: Vec<&'static Field>,
    /// Null is missing; otherwise a value is.
    null: bool,
}

/// Notes which paths were seen null (`path?`) and filled (`path`).
fn look(object: &Map<String, Value>, fields: &[Field], prefix: &str, seen: &mut BTreeSet<String>) {
    for field in fields {
        let path = format!("{prefix}{}", field.name);
        match object.get(&field.name) {
            None => {}
            Some(Value::Null) => {
                seen.insert(format!("{path}?"));
            }
            Some(value) => {
                let inner = format!("{path}.");
                match value {
                    Value::Object(child) => look(child, &field.children, &inner, seen),
                    Value::Array(items) => {
                        items
                            .iter()
                            .filter_map(Value::as_object)
                            .for_each(|item| look(item, &field.children, &inner, seen));
                    }
                    _ => {}
                }
                seen.insert(path);
            }
        }
    }
}

fn want(
    fields: &'static [Field],
    above: &mut Vec<&'static Field>,
    seen: &BTreeSet<String>,
    missing: &mut Vec<Correction>,
) {
    for field in fields {
        above.push(field);
        let path = above.iter().map(|field| field.name.as_str()).collect::<Vec<_>>().join(".");
        if field.nullable && !seen.contains(&format!("{path}?")) {
            missing.push(Correction { path: above.clone(), null: true });
        }
        if !seen.contains(&path) {
            missing.push(Correction { path: above.clone(), null: false });
        }
        want(&field.children, above, seen, missing);
        above.pop();
    }
}

/// Walks down the path, filling what is empty on the way, and puts null or a value at its end.
fn correct<R: Rng>(
    maker: &mut Maker<'_, R>,
    object: &mut Map<String, Value>,
    path: &[&'static Field],
    null: bool,
    table: &str,
    id: i64,
) {
    let Some((field, rest)) = path.split_first() else { return };
    // A field of the other variant of a record stays absent.
    if field
        .variant
        .as_deref()
        .is_some_and(|variant| object.get("customer_type").and_then(Value::as_str) != Some(variant))
    {
        return;
    }
    if rest.is_empty() {
        let value = if null { Value::Null } else { maker.filled(field, table, id) };
        object.insert(field.name.clone(), value);
        return;
    }
    let slot = object.entry(field.name.clone()).or_insert(Value::Null);
    if slot.is_null() {
        *slot = maker.filled(field, table, id);
    }
    if slot.as_array().is_some_and(Vec::is_empty) {
        *slot = match field.name.as_str() {
            "categories" => maker.categories(1),
            _ => Value::Array(vec![Value::Object(Map::new())]),
        };
        if let Some(item) = slot.get_mut(0).and_then(Value::as_object_mut) {
            for child in &field.children {
                if !item.contains_key(&child.name) {
                    item.insert(child.name.clone(), maker.filled(child, table, id));
                }
            }
        }
    }
    let inner = match slot {
        Value::Array(items) => items.first_mut().and_then(Value::as_object_mut),
        other => other.as_object_mut(),
    };
    if let Some(inner) = inner {
        correct(maker, inner, rest, null, table, id);
    }
}
