//! What a record becomes, value by value.

use super::*;
use crate::api::page::Page;

fn shape() -> Shape {
    let column = |name: &str, kind| Column { name: name.into(), kind, shipped: true };
    Shape::new(vec![
        column("label", Type::Text(None)),
        column("amount", Type::Numeric(None)),
        column("customer_id", Type::Bigint),
        column("date", Type::Date),
        column("updated_at", Type::Timestamptz),
        column("paid", Type::Boolean),
        column("categories", Type::Jsonb),
        column("journal_id", Type::Bigint),
        column("flow_id", Type::Uuid),
        column("discount_value", Type::Numeric(None)),
        column("short", Type::Text(Some(3))),
        column("price", Type::Numeric(Some((6, 2)))),
        column("delay", Type::Integer),
    ])
}

fn row(json: &str) -> Row {
    let body = format!(r#"{{"items":[{json}],"has_more":false,"next_cursor":null}}"#);
    let page = Page::parse("/test", body.as_bytes()).unwrap();
    decode(page.records[0], &shape())
}

/// The cell that a field gets, `None` for NULL; panics when the value did not fit.
fn cell(column: &str, json: &str) -> Option<String> {
    let row = row(&format!(r#"{{"id":1,"{column}":{json}}}"#));
    assert_eq!(row.extra, None, "{column} {json}");
    let index = shape().by_name[column];
    row.cells[index].as_deref().map(str::to_owned)
}

fn misfit(column: &str, json: &str) -> serde_json::Value {
    let row = row(&format!(r#"{{"id":1,"{column}":{json}}}"#));
    assert_eq!(row.cells[shape().by_name[column]], None, "{column} {json}");
    let extra: serde_json::Value = serde_json::from_str(&row.extra.expect("a misfit")).unwrap();
    extra[MISFIT][column].clone()
}

#[test]
fn each_type_takes_the_values_that_it_holds_exactly() {
    for (column, json, text) in [
        ("label", r#""é 😀 \"q\"\t""#, "é 😀 \"q\"\t"),
        ("label", r#""""#, ""),
        ("amount", r#""-12345678901234567890.10""#, "-12345678901234567890.10"),
        ("amount", "0.1", "0.1"),
        ("amount", "12", "12"),
        ("customer_id", "9223372036854775807", "9223372036854775807"),
        ("customer_id", r#""42""#, "42"),
        ("date", r#""2028-02-29""#, "2028-02-29"),
        ("updated_at", r#""2026-09-30T08:00:00.123456Z""#, "2026-09-30T08:00:00.123456Z"),
        ("updated_at", r#""2026-09-30T10:00:00.5+02:00""#, "2026-09-30T08:00:00.500000Z"),
        ("updated_at", r#""2016-12-31T23:59:60.5Z""#, "2017-01-01T00:00:00.500000Z"),
        ("categories", r#"["1e-99999","\\",1.5e3,-0.10]"#, r#"["1e-99999","\\",1.5e3,-0.10]"#),
        ("paid", "true", "true"),
        ("categories", r#"[{"id":1,"weight":"0.25"}]"#, r#"[{"id":1,"weight":"0.25"}]"#),
        ("flow_id", r#""67E55044-10B1-426F-9247-BB680E5FE0C8""#, "67e55044-10b1-426f-9247-bb680e5fe0c8"),
        ("short", r#""été""#, "été"),
        ("price", r#""1234.500""#, "1234.500"),
        ("delay", "30", "30"),
    ] {
        assert_eq!(cell(column, json).as_deref(), Some(text));
    }
}

#[test]
fn null_and_an_empty_text_in_a_typed_column_are_null() {
    for column in ["label", "amount", "date", "categories"] {
        assert_eq!(cell(column, "null"), None);
    }
    for column in ["amount", "date", "updated_at", "customer_id", "flow_id"] {
        assert_eq!(cell(column, r#""""#), None);
    }
}

#[test]
fn what_does_not_fit_is_kept_beside_and_its_column_is_null() {
    for (column, json) in [
        ("label", "12"),
        ("label", r#"{"fr":"x"}"#),
        ("amount", r#""12,50""#),
        ("amount", r#""NaN""#),
        ("amount", "1e200000"),
        ("amount", r#""12.""#),
        ("customer_id", "1.5"),
        ("customer_id", "9223372036854775808"),
        ("date", r#""2026-02-30""#),
        ("date", r#""0000-01-01""#),
        ("date", r#""30/09/2026""#),
        ("updated_at", r#""2026-09-30""#),
        ("paid", r#""yes""#),
        ("flow_id", r#""not-a-uuid""#),
        ("short", r#""four""#),
        ("price", r#""12345.00""#),
        ("price", r#""0.001""#),
        ("delay", "2147483648"),
    ] {
        assert!(!misfit(column, json).is_null(), "{column} {json}");
    }
}

#[test]
fn text_that_postgresql_cannot_hold_is_kept_in_a_visible_form() {
    assert_eq!(misfit("label", r#""a\u0000b""#), "a\\u0000b");
    assert_eq!(misfit("label", r#""a\ud83db""#), "a\\ud83db");
    assert_eq!(misfit("label", r#""\udc00\\ud800 \ud83d\ude00""#), "\\udc00\\ud800 😀");
    assert_eq!(misfit("categories", r#"["\u0000"]"#), r#"["\u0000"]"#);
    assert!(misfit("categories", "[1e400]").is_string());
    assert!(misfit("categories", r#"[{"a":"x\"1","b":1e-20000}]"#).is_string());
    assert!(misfit("categories", &("[".repeat(500) + &"]".repeat(500))).is_string());
}

#[test]
fn an_escaped_backslash_before_u0000_is_ordinary_text() {
    assert_eq!(cell("label", r#""a\\u0000b\\ud800""#).as_deref(), Some("a\\u0000b\\ud800"));
    assert_eq!(cell("categories", r#"["a\\u0000b"]"#).as_deref(), Some(r#"["a\\u0000b"]"#));
}

#[test]
fn nested_members_find_their_column_and_links_vanish() {
    let row = row(
        r#"{"id":1,"customer":{"id":7,"url":"https://x"},"invoice_lines":{"url":"https://y"},"installments":null,
            "public_file_url":"https://z?signature=1","categories":[{"id":1,"category_group":{"id":2,"url":"https://g"}}]}"#,
    );
    assert_eq!(row.cells[2].as_deref(), Some("7"));
    assert_eq!(row.cells[6].as_deref(), Some(r#"[{"id":1,"category_group":{"id":2}}]"#));
    assert_eq!(row.extra, None);
}

#[test]
fn unknown_fields_go_to_extra_under_their_column_name_with_a_type() {
    let row = row(
        r#"{"id":1,"mood":"good","customer":{"id":7,"rank":3},"when":"2026-01-01","sum":"1.50","deep":{"a":{"b":true}},
            "list":[1],"site":"https://x.test/?signature=s","nothing":null}"#,
    );
    let extra: serde_json::Value = serde_json::from_str(row.extra.as_deref().unwrap()).unwrap();
    assert_eq!(
        extra,
        serde_json::json!({"mood":"good","customer_rank":3,"when":"2026-01-01","sum":"1.50","deep_a_b":true,"list":[1]})
    );
    let types: Vec<String> = row.unknown.values().map(Type::to_string).collect();
    assert_eq!(types, ["bigint", "boolean", "jsonb", "text", "numeric", "date"]);
}

#[test]
fn a_link_inside_an_unknown_value_is_hidden_whatever_its_name() {
    let row = row(
        r#"{"id":1,"files":["https://x.test/?signature=1",{"href":"http://y.test/?signature=2","n":1.10}],"label":{"a":"https://z.test/?signature=3"}}"#,
    );
    let extra = row.extra.unwrap();
    assert!(!extra.contains("signature"), "{extra}");
    assert!(extra.contains(r#"["(link)",{"href":"(link)","n":1.10}]"#), "{extra}");
}

#[test]
fn a_column_of_a_whole_object_holds_it_and_its_parts_still_find_theirs() {
    let mut columns = shape().columns().to_vec();
    columns.push(Column { name: "discount".into(), kind: Type::Jsonb, shipped: false });
    let body = br#"{"items":[{"id":1,"discount":{"type":"absolute","value":"5.0"}}],"has_more":false}"#;
    let page = Page::parse("/test", body).unwrap();
    let row = decode(page.records[0], &Shape::new(columns));
    assert_eq!(row.cells[9].as_deref(), Some("5.0"));
    assert_eq!(row.cells[13].as_deref(), Some(r#"{"type":"absolute","value":"5.0"}"#));
    assert_eq!(row.extra, None);
}

#[test]
fn of_two_places_with_one_name_the_object_wins_and_a_different_twin_is_kept() {
    let same = row(r#"{"id":1,"journal_id":5,"journal":{"id":5}}"#);
    assert_eq!((same.cells[7].as_deref(), same.extra), (Some("5"), None));
    for json in [r#"{"id":1,"journal_id":4,"journal":{"id":5}}"#, r#"{"id":1,"journal":{"id":5},"journal_id":4}"#] {
        let row = row(json);
        assert_eq!(row.cells[7].as_deref(), Some("5"));
        assert!(row.extra.unwrap().contains(r#""journal_id":"#));
    }
}

#[test]
fn a_lone_surrogate_costs_only_its_own_value() {
    let row = row(r#"{"id":1,"label":"x","amount":"1.10","note":"\ud800"}"#);
    assert_eq!(row.cells[0].as_deref(), Some("x"));
    assert_eq!(row.cells[1].as_deref(), Some("1.10"));
    assert!(row.extra.unwrap().contains("ud800"));
}

#[test]
fn a_column_that_a_user_added_is_filled_only_from_records_that_have_its_field() {
    let mut columns = shape().columns().to_vec();
    for name in ["mood", "my_rating", "owner_id"] {
        columns.push(Column { name: name.into(), kind: Type::Bigint, shipped: false });
    }
    let shape = Shape::new(columns);
    let adopted = |json: &str| {
        let body = format!(r#"{{"items":[{json}],"has_more":false}}"#);
        let page = Page::parse("/test", body.as_bytes()).unwrap();
        decode(page.records[0], &shape).adopted
    };
    assert_eq!(adopted(r#"{"id":1,"label":"x"}"#), Vec::<usize>::new());
    assert_eq!(adopted(r#"{"id":1,"mood":3}"#), [13]);
    assert_eq!(adopted(r#"{"id":1,"mood":null,"owner":null}"#), [13, 15]);
    assert_eq!(adopted(r#"{"id":1,"mood":"does not fit","owner":{"id":4}}"#), [13, 15]);
}
