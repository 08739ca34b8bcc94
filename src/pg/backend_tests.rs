//! What only a backend can show: SQLSTATEs, hints, savepoints, shapes.

use pgrx::prelude::*;

// cargo-pgrx looks for the functions of `#[pg_test]` in a schema of this name.
#[pg_schema]
mod tests {
    use super::super::text_array::TextArray;
    use super::super::{report, shape, txn};
    use crate::error::{Error, Kind, Result};
    use crate::row::Type;
    use pgrx::datum::DatumWithOid;
    use pgrx::pg_sys::panic::ErrorReport;
    use pgrx::prelude::*;

    /// One error of every kind.
    fn samples() -> Vec<(Error, &'static str)> {
        let text = |text: &str| text.to_owned();
        vec![
            (Error::TokenMissing(text("none")), "28000"),
            (Error::TokenRefused, "28000"),
            (Error::ScopeMissing { scope: text("customers") }, "42501"),
            (Error::TooManyRequests { retry_after: None }, "53400"),
            (Error::Network(text("x")), "08006"),
            (Error::Timeout(std::time::Duration::from_secs(1)), "08006"),
            (Error::Unavailable(503), "08006"),
            (Error::Refused { status: 404, path: text("/x"), words: text("y") }, "38000"),
            (Error::Contract { path: text("/x"), what: text("y") }, "08P01"),
            (Error::File { what: text("x") }, "08P01"),
            (Error::Document { what: text("x") }, "08P01"),
            (Error::TooLarge { megabytes: 50 }, "54000"),
            (Error::ExportFailed, "38000"),
            (Error::ExportNotReady(std::time::Duration::from_secs(1)), "08006"),
            (Error::Period { period: text("x"), error: Box::new(Error::TokenRefused) }, "28000"),
            (Error::ForeignRecord { table: text("x"), id: 1, arrived: 2, owner: 3 }, "08P01"),
            (Error::Argument { message: text("x"), hint: text("y") }, "22023"),
            (Error::Busy { company: 1, holder: text("") }, "55006"),
            (Error::Interrupted, "57014"),
            (Error::Transaction, "25001"),
            (Error::ReadOnly, "25006"),
            (Error::Brake { table: text("x"), gone: 1, held: 1 }, "55000"),
            (Error::Write { table: text("x"), sqlstate: text("23505"), words: text("") }, "55000"),
            (Error::Setup { message: text("x"), hint: text("y") }, "55000"),
        ]
    }

    #[pg_extern]
    fn raise_sample(number: i32) -> std::result::Result<(), ErrorReport> {
        Err(samples().swap_remove(number as usize).0.into())
    }

    #[pg_test]
    fn every_kind_of_error_has_its_sqlstate_message_and_hint() {
        for (number, (error, sqlstate)) in samples().into_iter().enumerate() {
            let caught = PgTryBuilder::new(|| {
                Spi::run(&format!("SELECT tests.raise_sample({number})")).unwrap();
                None
            })
            .catch_others(|caught| match caught {
                pgrx::pg_sys::panic::CaughtError::PostgresError(report)
                | pgrx::pg_sys::panic::CaughtError::ErrorReport(report) => Some((
                    report::text(report.sql_error_code()),
                    report.message().to_owned(),
                    report.hint().unwrap_or_default().to_owned(),
                )),
                other => other.rethrow(),
            })
            .execute();
            let (state, message, hint) = caught.unwrap();
            assert_eq!((state.as_str(), message, hint), (sqlstate, error.to_string(), error.hint()));
        }
    }

    #[pg_test]
    fn a_savepoint_takes_back_what_failed_and_keeps_the_rest() {
        Spi::run("CREATE TABLE kept (id integer PRIMARY KEY)").unwrap();
        let insert = |id: i32| Spi::run_with_args("INSERT INTO kept VALUES ($1)", &[id.into()]).unwrap();
        txn::atomically("kept", || {
            insert(1);
            Ok(())
        })
        .unwrap();
        let raised: Result<()> = txn::atomically("kept", || {
            insert(2);
            insert(1);
            Ok(())
        });
        assert!(matches!(raised, Err(Error::Write { ref sqlstate, .. }) if sqlstate == "23505"), "{raised:?}");
        let returned: Result<()> = txn::atomically("kept", || {
            insert(3);
            Err(Error::Interrupted)
        });
        assert_eq!(returned.unwrap_err().kind(), Kind::Interrupted);
        assert_eq!(Spi::get_one::<i64>("SELECT sum(id) FROM kept"), Ok(Some(1)));
    }

    #[pg_test]
    fn settings_of_a_statement_end_with_it() {
        let seqscan = || Spi::get_one::<String>("SELECT current_setting('enable_seqscan')").unwrap().unwrap();
        txn::with_settings(&[(c"enable_seqscan", c"off")], || assert_eq!(seqscan(), "off"));
        assert_eq!(seqscan(), "on");
    }

    #[pg_test]
    fn the_shape_of_a_live_table_follows_its_columns() {
        Spi::run("SELECT pennylane.setup()").unwrap();
        Spi::run(
            "ALTER TABLE pennylane.products ADD COLUMN a numeric(12,2), ADD COLUMN b varchar(7), ADD COLUMN c double precision, \
             ADD COLUMN d text GENERATED ALWAYS AS ('x') STORED, DROP COLUMN label",
        )
        .unwrap();
        let shape = shape::read("products").unwrap();
        let kind = |name: &str| shape.columns().iter().find(|column| column.name == name).map(|column| column.kind);
        assert_eq!(kind("price"), Some(Type::Numeric(None)));
        assert_eq!(kind("a"), Some(Type::Numeric(Some((12, 2)))));
        assert_eq!(kind("b"), Some(Type::Text(Some(7))));
        for absent in ["c", "d", "label", "id", "company_id", "extra", "_synced_at"] {
            assert_eq!(kind(absent), None, "{absent}");
        }
        assert_eq!(shape::unfillable("products").unwrap(), ["c (double precision)"]);
    }

    #[pg_test]
    fn every_object_of_the_extension_explains_itself() {
        let silent = "SELECT string_agg(what, ', ') FROM ( \
            SELECT p.oid::regprocedure::text AS what FROM pg_proc p JOIN pg_depend d ON d.objid = p.oid AND d.deptype = 'e' \
             JOIN pg_extension e ON e.oid = d.refobjid WHERE e.extname = 'penny_pg' AND p.pronamespace = 'pennylane'::regnamespace \
              AND obj_description(p.oid, 'pg_proc') IS NULL \
            UNION ALL \
            SELECT c.oid::regclass || '.' || a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum >= 0 \
             WHERE c.relnamespace = 'pennylane'::regnamespace AND c.relkind IN ('r', 'v') AND NOT a.attisdropped \
              AND col_description(c.oid, a.attnum) IS NULL \
              AND c.relname NOT IN (SELECT v FROM pennylane._views() AS v WHERE v LIKE '\\_%') \
            UNION ALL \
            SELECT c.oid::regclass::text FROM pg_class c WHERE c.relnamespace = 'pennylane'::regnamespace AND c.relkind IN ('r', 'v') \
              AND obj_description(c.oid, 'pg_class') IS NULL) AS objects";
        Spi::run("SELECT pennylane.setup()").unwrap();
        assert_eq!(Spi::get_one::<String>(silent), Ok(None));
    }

    #[pg_test]
    fn every_function_pins_its_search_path_and_public_may_call_none() {
        let loose = "SELECT string_agg(p.oid::regprocedure::text, ', ') FROM pg_proc p \
            WHERE p.pronamespace = 'pennylane'::regnamespace AND (has_function_privilege('public', p.oid, 'EXECUTE') \
              OR NOT EXISTS (SELECT FROM unnest(p.proconfig) c WHERE c LIKE 'search_path=pg_catalog, pg_temp%'))";
        assert_eq!(Spi::get_one::<String>(loose), Ok(None));
    }
    /// The array that is made here and the one that PostgreSQL makes of the same values are the same bytes.
    #[pg_test]
    fn a_text_array_is_the_one_that_postgresql_makes() {
        let long = "é".repeat(50_000);
        let values =
            [None, Some(""), Some("a"), Some("œuf \u{1F95A}"), Some("NULL"), Some("{\"}"), Some(long.as_str())];
        for length in (0..=20).chain([63, 64, 65, 2000]) {
            for first in 0..values.len() {
                let array: Vec<Option<&str>> =
                    (0..length).map(|place| values[(first + place * place) % values.len()]).collect();
                // SAFETY: both are a text[].
                let args = unsafe {
                    [
                        DatumWithOid::new(TextArray::of(array.iter().copied()), TextArray::type_oid()),
                        DatumWithOid::new(array.clone(), TextArray::type_oid()),
                    ]
                };
                let same = "SELECT $1 = $2 AND record_image_eq(ROW($1), ROW($2)) \
                            AND pg_column_size($1) = pg_column_size($2) AND array_to_json($1)::text = array_to_json($2)::text";
                assert_eq!(Spi::get_one_with_args::<bool>(same, &args), Ok(Some(true)), "{length} from {first}");
            }
        }
        // SAFETY: both are a text[].
        let nulls = unsafe { DatumWithOid::new(TextArray::of([None, None].into_iter()), TextArray::type_oid()) };
        assert_eq!(Spi::get_one_with_args::<i32>("SELECT num_nulls(VARIADIC $1)", &[nulls]), Ok(Some(2)));
    }
}
