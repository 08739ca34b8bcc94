//! Records drawn from the data file: every field of a resource, of its type, with meaning where the books need it.

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use rand::Rng;
use serde_json::{Map, Value, json};

use super::changelog::stamp;
use super::table::SIGNED;
use super::tables::Tables;
use super::text;
use crate::amount;
use crate::catalogue::{self, Field, Kind};

/// Where links lead: the real host, so that a client that follows one instead of building its own URL is found out.
pub(crate) const LINKS: &str = "https://app.pennylane.com/api/external/v2";

/// The days that the books cover.
pub(crate) const FIRST_DAY: NaiveDate = NaiveDate::from_ymd_opt(2024, 1, 1).expect("a real date");
pub(crate) const LAST_DAY: NaiveDate = NaiveDate::from_ymd_opt(2026, 10, 31).expect("a real date");

/// The table that an object field refers to.
fn referred(field: &str) -> Option<&'static str> {
    Some(match field {
        "ledger_account" | "payment_method_ledger_account" => "ledger_accounts",
        "customer" => "customers",
        "supplier" => "suppliers",
        "journal" => "journals",
        "bank_account" => "bank_accounts",
        "bank_establishment" => "bank_establishments",
        "quote" => "quotes",
        "category_group" => "category_groups",
        "ledger_entry" => "ledger_entries",
        "credited_invoice" => "customer_invoices",
        _ => return None,
    })
}

/// Draws records; knows the tables that they may refer to.
pub(crate) struct Maker<'a, R: Rng> {
    pub tables: &'a Tables,
    pub rng: &'a mut R,
}

impl<R: Rng> Maker<'_, R> {
    /// A complete record of this table.
    pub fn record(&mut self, table: &str, id: i64) -> Map<String, Value> {
        let resource = catalogue::known(table);
        let mut record = Map::new();
        for field in &resource.fields {
            let value = self.value(field, table, id);
            record.insert(field.name.clone(), value);
        }
        record.insert("id".into(), json!(id));
        self.finish(table, &mut record);
        record
    }

    fn value(&mut self, field: &Field, table: &str, id: i64) -> Value {
        if field.nullable && self.rng.random_ratio(1, 5) {
            return Value::Null;
        }
        self.filled(field, table, id)
    }

    /// A value that is not null.
    pub fn filled(&mut self, field: &Field, table: &str, id: i64) -> Value {
        match field.kind {
            Kind::Boolean => json!(self.rng.random_bool(0.5)),
            Kind::Integer => json!(self.rng.random_range(1..90)),
            Kind::Object => self.object(field, table, id),
            Kind::Array => self.array(field, table, id),
            Kind::String => Value::String(self.string(field, table, id)),
        }
    }

    fn string(&mut self, field: &Field, table: &str, id: i64) -> String {
        if !field.values.is_empty() {
            // The first values are the common ones.
            let bound = if self.rng.random_bool(0.5) { field.values.len().min(2) } else { field.values.len() };
            return field.values[self.rng.random_range(0..bound)].clone();
        }
        match (field.name.as_str(), field.format.as_deref()) {
            ("public_file_url" | "source_file_url", _) => format!("{SIGNED}{table}/{id}.pdf"),
            ("exchange_rate" | "weight", _) => "1.0".to_owned(),
            (_, Some("date")) => self.day().to_string(),
            (_, Some("date-time")) => {
                let day = self.day();
                self.time_on(day)
            }
            (_, Some("decimal-string")) => {
                let cents = self.rng.random_range(0..500_000);
                amount::varied(cents, self.rng)
            }
            (_, Some("uuid")) => text::uuid(self.rng),
            (name, _) => text::for_field(name, self.rng),
        }
    }

    fn object(&mut self, field: &Field, table: &str, id: i64) -> Value {
        let has = |name: &str| field.children.iter().any(|child| child.name == name);
        if field.children.len() == 1 && has("url") {
            return json!({ "url": format!("{LINKS}/{table}/{id}/{}", field.name) });
        }
        let target = referred(&field.name);
        if let Some(target) = target
            && has("id")
        {
            let Some(other) = self.tables.get(target).random_id(self.rng) else {
                return if field.nullable { Value::Null } else { json!({ "id": 1 }) };
            };
            return self.reference(field, target, other);
        }
        let mut object = Map::new();
        for child in &field.children {
            let value = match (field.name.as_str(), child.name.as_str()) {
                ("attachment", "url") => json!(format!("{SIGNED}{table}/{id}.pdf")),
                ("discount", "value") if self.rng.random_ratio(1, 6) => json!(""),
                _ => self.value(child, table, id),
            };
            object.insert(child.name.clone(), value);
        }
        Value::Object(object)
    }

    /// `{id, number?, url?}` of a row of another table.
    pub fn reference(&self, field: &Field, target: &str, id: i64) -> Value {
        let mut object = Map::new();
        for child in &field.children {
            let value = match child.name.as_str() {
                "id" => json!(id),
                "url" => json!(format!("{LINKS}/{target}/{id}")),
                name => self.tables.get(target).stored(id).map_or(Value::Null, |row| row[name].clone()),
            };
            object.insert(child.name.clone(), value);
        }
        Value::Object(object)
    }

    fn array(&mut self, field: &Field, table: &str, id: i64) -> Value {
        match (field.items, field.name.as_str()) {
            (Some(Kind::String), _) => {
                let count = self.rng.random_range(0..4);
                (0..count).map(|_| text::for_field(&field.name, self.rng)).collect()
            }
            (_, "categories") => {
                let count = [0, 0, 0, 0, 0, 0, 1, 2][self.rng.random_range(0..8)];
                self.categories(count)
            }
            (Some(Kind::Object), _) => {
                let count = self.rng.random_range(0..3);
                (0..count)
                    .map(|_| {
                        let mut item = Map::new();
                        for child in &field.children {
                            let value = self.value(child, table, id);
                            item.insert(child.name.clone(), value);
                        }
                        // A custom field of several choices holds an array where others hold a text.
                        if item.contains_key("value") && self.rng.random_ratio(1, 3) {
                            item.insert("value".into(), json!(["bleu", "vert \"pomme\""]));
                        }
                        Value::Object(item)
                    })
                    .collect()
            }
            _ => json!([]),
        }
    }

    /// So many categories of the company, with weights that add up to one.
    pub fn categories(&mut self, count: usize) -> Value {
        let weights: &[&str] = if count == 1 { &["1.0"] } else { &["0.6667", "0.3333"] };
        let mut chosen: Vec<Value> = Vec::new();
        for weight in &weights[..count.min(weights.len())] {
            let Some(mut category) = self
                .tables
                .get("categories")
                .random_id(self.rng)
                .and_then(|id| self.tables.get("categories").stored(id))
            else {
                break;
            };
            if chosen.iter().any(|other| other["id"] == category["id"]) {
                continue;
            }
            if let Some(fields) = category.as_object_mut() {
                fields.remove("direction");
                fields.insert("weight".into(), json!(weight));
            }
            chosen.push(category);
        }
        Value::Array(chosen)
    }

    pub fn day(&mut self) -> NaiveDate {
        let span = u64::try_from((LAST_DAY - FIRST_DAY).num_days()).unwrap_or(0);
        FIRST_DAY + Days::new(self.rng.random_range(0..=span))
    }

    /// Some moment of that day: microseconds, and now and then milliseconds.
    pub fn time_on(&mut self, day: NaiveDate) -> String {
        let micros = self.rng.random_range(0..86_400_000_000_i64);
        let time: DateTime<Utc> = day.and_time(chrono::NaiveTime::MIN).and_utc() + TimeDelta::microseconds(micros);
        if self.rng.random_ratio(1, 10) {
            return time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
        }
        stamp(time)
    }

    /// What the fields of a record must agree on.
    fn finish(&mut self, table: &str, record: &mut Map<String, Value>) {
        if record.contains_key("updated_at") {
            let day = self.day();
            record.insert("created_at".into(), json!(self.time_on(day)));
            let later = (day + Days::new(self.rng.random_range(1..30))).min(LAST_DAY.max(day));
            record.insert("updated_at".into(), json!(self.time_on(later)));
        }
        match table {
            "customers" => self.finish_customer(record),
            "customer_invoices" | "supplier_invoices" | "quotes" => {
                let total = self.rng.random_range(1_000..900_000);
                self.set_amounts(record, total, total / 6);
                let date = self.day();
                record.insert("date".into(), json!(date));
                record.insert("deadline".into(), json!(date + Days::new(30)));
                if table != "quotes" {
                    self.set_remaining(record, total, total / 6, total);
                }
            }
            "products" => {
                let price = self.rng.random_range(100..99_000);
                record.insert("price_before_tax".into(), json!(amount::varied(price, self.rng)));
                record.insert("price".into(), json!(amount::varied(price + price / 5, self.rng)));
            }
            "transactions" => {
                let cents = self.rng.random_range(-300_000..300_000);
                self.set_transaction_amount(record, cents);
            }
            "ledger_entries" => {
                record.insert("journal_id".into(), record["journal"]["id"].clone());
                let name = record["attachment"]["filename"].clone();
                record.insert("ledger_attachment_filename".into(), name);
            }
            "ledger_entry_lines" => {
                let cents = self.rng.random_range(1..90_000);
                record.insert("debit".into(), json!(amount::varied(cents, self.rng)));
                record.insert("credit".into(), json!("0.0"));
            }
            "ledger_accounts" => {
                record.insert("number".into(), json!(format!("6{}", text::digits(5, self.rng))));
                record.insert("type".into(), json!(text::pick(&["custom", "payroll"], self.rng)));
                record.insert("vat_rate".into(), json!(text::pick(VAT_CODES, self.rng)));
            }
            "journals" => {
                record.insert("code".into(), json!(format!("J{}", text::digits(4, self.rng))));
                record.insert("type".into(), json!("custom"));
            }
            _ => {}
        }
    }

    fn finish_customer(&mut self, record: &mut Map<String, Value>) {
        let kind = if self.rng.random_ratio(1, 4) { "individual" } else { "company" };
        record.insert("customer_type".into(), json!(kind));
        for field in &catalogue::known("customers").fields {
            if field.variant.as_deref().is_some_and(|variant| variant != kind) {
                record.remove(&field.name);
            }
        }
        if let (Some(first), Some(last)) = (record.get("first_name"), record.get("last_name")) {
            let name = format!("{} {}", first.as_str().unwrap_or_default(), last.as_str().unwrap_or_default());
            record.insert("name".into(), json!(name));
        }
        // As published: badly escaped.
        record.insert(
            "mandates".into(),
            json!({ "url": format!("{LINKS}/sepa_mandates?filter=[{{\"field\":\"customer_id\",\"value\":{}}}]", record["id"]) }),
        );
    }

    /// The six amounts of a document: `total` and `tax` are euro cents, the `currency_*` twins follow a rate.
    pub fn set_amounts(&mut self, record: &mut Map<String, Value>, total: i64, tax: i64) {
        let foreign = self.rng.random_ratio(1, 8);
        let (currency, rate) = if foreign { *text::pick(RATES, self.rng) } else { ("EUR", 10_000) };
        let convert = |cents: i64| cents * rate / 10_000;
        let written = if foreign { format!("{}.{:04}", rate / 10_000, rate % 10_000) } else { "1.0".to_owned() };
        record.insert("currency".into(), json!(currency));
        record.insert("exchange_rate".into(), json!(written));
        for (name, cents) in [
            ("amount", total),
            ("tax", tax),
            ("currency_amount", convert(total)),
            ("currency_tax", convert(tax)),
            ("currency_amount_before_tax", convert(total) - convert(tax)),
        ] {
            record.insert(name.into(), json!(amount::varied(cents, self.rng)));
        }
    }

    /// What is still to be paid, tax in and tax out.
    pub fn set_remaining(&mut self, record: &mut Map<String, Value>, total: i64, tax: i64, remaining: i64) {
        let without = if total == 0 { 0 } else { remaining * (total - tax) / total };
        record.insert("remaining_amount_with_tax".into(), json!(amount::varied(remaining, self.rng)));
        record.insert("remaining_amount_without_tax".into(), json!(amount::varied(without, self.rng)));
    }

    pub fn set_transaction_amount(&mut self, record: &mut Map<String, Value>, cents: i64) {
        let written = amount::varied(cents, self.rng);
        record.insert("amount".into(), json!(written));
        record.insert("currency_amount".into(), json!(written));
    }
}

/// Currencies and their rates, in ten-thousandths.
const RATES: &[(&str, i64)] = &[("USD", 10_842), ("GBP", 8_561), ("CHF", 9_390), ("JPY", 1_612_500)];

/// The codes of ledger accounts: never a number.
pub(crate) const VAT_CODES: &[&str] =
    &["any", "any", "any", "FR_200", "exempt", "extracom", "crossborder", "FR_100", "FR_55", "FR_15_385", "FR_1_05"];
