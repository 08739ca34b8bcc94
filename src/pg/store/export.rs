//! The tables of exports: lines by period and place, the register of exports, and what the proof reads and leaves.

use super::{BY_KEY, Purpose, SpiStore, altered, cells, columns, count, digests, filled, spi_error, texts, types};
use crate::api::balance::Balance;
use crate::catalogue::data_table;
use crate::error::{Error, Result};
use crate::period::{FiscalYear, Period};
use crate::pg::statements::{self, relation};
use crate::pg::txn;
use crate::row::{Row, Shape, Type};
use crate::sync::ports::{ExportStore, Holding, Merged, Store, Written};
use crate::sync::proof::Compared;
use bigdecimal::BigDecimal;
use chrono::NaiveDate;
use pgrx::datum::DatumWithOid;
use pgrx::prelude::*;
use std::str::FromStr;
use std::sync::Arc;

/// The ledger, and the columns of it that the proof adds up.
const LEDGER: &str = "ledger_entry_lines";
const ADDED_UP: [&str; 4] = ["date", "debit", "credit", "ledger_account_number"];

impl SpiStore {
    /// A statement about one period: company, first and last day, then these.
    fn of_period<'a>(&self, period: Period, more: impl IntoIterator<Item = DatumWithOid<'a>>) -> Vec<DatumWithOid<'a>> {
        let days = [self.company.into(), period.start.to_string().into(), period.end.to_string().into()];
        days.into_iter().chain(more).collect()
    }
}

/// Whether a table has columns of these names.
fn has_all(shape: &Arc<Shape>, names: &[&str]) -> bool {
    names.iter().all(|name| shape.columns().iter().any(|column| column.name == *name))
}

fn day(text: &Option<String>) -> Option<NaiveDate> {
    text.as_deref()?.parse().ok()
}

fn period(first: &Option<String>, last: &Option<String>) -> Option<Period> {
    Some(Period { start: day(first)?, end: day(last)? })
}

fn amount(text: &Option<String>) -> Option<BigDecimal> {
    BigDecimal::from_str(text.as_deref()?).ok()
}

/// Whether a table has the column `extra`.
pub(super) fn has_extra(table: &str) -> bool {
    data_table(table).is_some_and(|table| table.shipped_columns().any(|column| column == "extra"))
}

impl ExportStore for SpiStore {
    fn fiscal_years(&mut self) -> Result<Vec<FiscalYear>> {
        let table = "fiscal_years";
        if !has_all(&self.shape(table)?, &["start", "finish", "status"]) {
            return Err(Error::Setup {
                message: "pennylane.fiscal_years lacks one of the columns start, finish and status".into(),
                hint: "Put them back (\\d pennylane.fiscal_years), or name a period.".into(),
            });
        }
        let query = "SELECT pg_catalog.to_char(start, 'YYYY-MM-DD'), pg_catalog.to_char(finish, 'YYYY-MM-DD'), status::text FROM pennylane.fiscal_years \
                     WHERE company_id = $1 AND start <= finish ORDER BY start, finish";
        self.rows(table, query, &[self.company.into()], |row| {
            Some(FiscalYear { period: period(&row[0], &row[1])?, open: FiscalYear::is_open(row[2].as_deref()) })
        })
    }

    fn holdings(&mut self, table: &str) -> Result<Vec<Holding>> {
        // The distinct periods of a million rows: one look into the index for each.
        let relation = relation(table);
        let query = format!(
            "WITH RECURSIVE held AS ( \
                 (SELECT period_start, period_end FROM {relation} WHERE company_id = $1 ORDER BY 1, 2 LIMIT 1) \
                 UNION ALL \
                 SELECT next.* FROM held CROSS JOIN LATERAL ( \
                     SELECT t.period_start, t.period_end FROM {relation} t \
                     WHERE t.company_id = $1 AND (t.period_start, t.period_end) > (held.period_start, held.period_end) \
                     ORDER BY 1, 2 LIMIT 1) AS next \
             ), taken AS ( \
                 SELECT DISTINCT ON (period_start, period_end) period_start, period_end, fiscal_year, ledger_state, rows \
                 FROM pennylane.exports WHERE company_id = $1 AND kind = $2 \
                 ORDER BY period_start, period_end, taken_at DESC, export_id DESC \
             ) \
             SELECT pg_catalog.to_char(period_start, 'YYYY-MM-DD'), pg_catalog.to_char(period_end, 'YYYY-MM-DD'), taken.fiscal_year::text, taken.ledger_state, \
                    (held.period_start IS NULL)::text \
             FROM held FULL JOIN taken USING (period_start, period_end) \
             WHERE held.period_start IS NOT NULL OR taken.rows = 0 ORDER BY 1, 2"
        );
        self.rows(table, &query, &[self.company.into(), table.into()], |row| {
            let is = |text: &Option<String>| text.as_deref() == Some("true");
            Some(Holding {
                period: period(&row[0], &row[1])?,
                fiscal_year: is(&row[2]),
                ledger_state: row[3].clone(),
                empty: is(&row[4]),
            })
        })
    }

    fn ledger_state(&mut self, period: Period) -> Result<Option<(u64, String)>> {
        if self.watermark(LEDGER)?.is_none() || !self.shape(LEDGER)?.has("date", Type::Date) {
            return Ok(None);
        }
        // A line that is written gets a new time, one that goes lowers the count: no change leaves both as they were.
        let query = "SELECT pg_catalog.count(*)::text, \
                     coalesce(pg_catalog.sum((extract(epoch FROM _synced_at) * 1000000)::bigint), 0)::text \
                     FROM pennylane.ledger_entry_lines \
                     WHERE company_id = $1 AND date BETWEEN $2::date AND $3::date";
        let found = self.rows(LEDGER, query, &self.of_period(period, []), |row| {
            let (lines, times) = (row[0].as_ref()?, row[1].as_ref()?);
            Some((lines.parse().ok()?, format!("{lines}:{times}")))
        })?;
        Ok(found.into_iter().next())
    }

    fn whole(&mut self, table: &str, work: &mut dyn FnMut(&mut dyn ExportStore) -> Result<()>) -> Result<()> {
        txn::atomically(table, || work(self))
    }

    fn held_lines(&mut self, table: &str, period: Period) -> Result<u64> {
        let query = format!(
            "SELECT pg_catalog.count(*) FROM {} \
             WHERE company_id = $1 AND period_start = $2::date AND period_end = $3::date",
            relation(table)
        );
        self.count(table, &query, &self.of_period(period, []))
    }

    fn put_lines(&mut self, table: &str, shape: &Shape, period: Period, rows: &[Row], fresh: bool) -> Result<Written> {
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok(Written::default()) };
        self.settle(table, Some(period), &rows.iter().map(|row| row.id).collect::<Vec<i64>>())?;
        let places = filled(shape, &first.adopted);
        let extra = has_extra(table);
        let (bigint, text) = (pg_sys::INT8OID, pg_sys::TEXTOID);
        let types = types(&[bigint, text, text, pg_sys::INT8ARRAYOID], places.len() + usize::from(extra));
        let sql = || statements::put_lines(table, &columns(shape, &places), extra, fresh);
        let days = self.of_period(period, []);
        let purpose = if fresh { Purpose::WriteFresh } else { Purpose::Write };
        let statement = self.statement(table, &places, purpose, &types, &sql)?;
        let done = txn::with_settings(BY_KEY, || {
            Spi::connect_mut(|client| {
                // Made in here, the arrays are freed with this call; a million lines have five hundred batches.
                let mut args = days;
                args.push(rows.iter().map(|row| row.id).collect::<Vec<i64>>().into());
                args.extend(cells(&places, rows));
                args.extend(extra.then(|| texts(rows.iter().map(|row| row.extra.as_deref()))));
                let row = client.update(statement, None, &args)?.first();
                let counts = if fresh { None } else { Some((count(&row, 3)?, count(&row, 4)?)) };
                Ok((digests(&row, 1)?, counts))
            })
        });
        let (wanted, counts) = done.map_err(|error: pgrx::spi::Error| spi_error(table, &error))?;
        if wanted.is_empty() {
            let counts = Merged { unchanged: rows.len() as u64, ..Merged::default() };
            return Ok(Written { counts, altered: Vec::new() });
        }
        let sql = || statements::read_lines_back(table, &columns(shape, &places), extra);
        let days = [period.start.to_string(), period.end.to_string()];
        let (company, [start, end]) = (self.company, &days);
        let page = || vec![company.into(), start.as_str().into(), end.as_str().into(), first.id.into(), last.id.into()];
        let stored =
            self.read_back(table, &places, Purpose::ReadBackRange, &[bigint, text, text, bigint, bigint], &sql, &page)?;
        let (inserted, updated) = counts.unwrap_or((stored.len() as u64, 0));
        let unchanged = (rows.len() - wanted.len()) as u64;
        let altered = altered(&wanted, &stored);
        self.note_altered(table, Some(period), &altered)?;
        Ok(Written { counts: Merged { inserted, updated, unchanged }, altered })
    }

    fn cut_lines(&mut self, table: &str, period: Period, last: u64) -> Result<u64> {
        let query = format!(
            "WITH gone AS (DELETE FROM {} WHERE company_id = $1 AND period_start = $2::date AND period_end = $3::date \
             AND line_no > $4 RETURNING 1 \
             ), settled AS ( \
                 DELETE FROM pennylane.altered_rows WHERE company_id = $1 AND table_name = '{table}' \
                 AND period_start = $2::date AND period_end = $3::date AND id > $4 \
             ) SELECT pg_catalog.count(*) FROM gone",
            relation(table)
        );
        let last = i64::try_from(last).unwrap_or(i64::MAX);
        self.count(table, &query, &self.of_period(period, [last.into()]))
    }

    fn register(&mut self, table: &str, holding: &Holding, sha256: &str) -> Result<()> {
        let shape = self.shape(table)?;
        let sum = |column: &str| match has_all(&shape, &[column]) {
            true => format!("pg_catalog.sum({column})"),
            false => "NULL::numeric".to_owned(),
        };
        let query = format!(
            "INSERT INTO pennylane.exports (company_id, kind, period_start, period_end, rows, debit, credit, sha256, \
                 fiscal_year, ledger_state) \
             SELECT $1, $4, $2::date, $3::date, pg_catalog.count(*), {}, {}, $5, $6, $7 FROM {} \
             WHERE company_id = $1 AND period_start = $2::date AND period_end = $3::date",
            sum("debit"),
            sum("credit"),
            relation(table)
        );
        let ledger_state = holding.ledger_state.clone();
        let more = [table.into(), sha256.into(), holding.fiscal_year.into(), ledger_state.into()];
        self.run(table, &query, &self.of_period(holding.period, more)).map(|_| ())
    }

    fn ledger_balances(&mut self, period: Period) -> Result<Vec<Balance>> {
        if self.watermark(LEDGER)?.is_none() || !has_all(&self.shape(LEDGER)?, &ADDED_UP) {
            return Err(Error::Setup {
                message: format!("pennylane.{LEDGER} was never synced, or lacks one of {}", ADDED_UP.join(", ")),
                hint: format!("Run SELECT * FROM pennylane.sync_full('{LEDGER}');"),
            });
        }
        let query = "SELECT coalesce(ledger_account_number::text, '?'), coalesce(pg_catalog.sum(debit), 0)::text, \
                     coalesce(pg_catalog.sum(credit), 0)::text FROM pennylane.ledger_entry_lines \
                     WHERE company_id = $1 AND date BETWEEN $2::date AND $3::date GROUP BY 1";
        self.rows(LEDGER, query, &self.of_period(period, []), |row| {
            Some(Balance { number: row[0].clone()?, debit: amount(&row[1])?, credit: amount(&row[2])? })
        })
    }

    fn fec_totals(&mut self, period: Period) -> Result<(BigDecimal, BigDecimal)> {
        let query = "SELECT coalesce(pg_catalog.sum(debit), 0)::text, coalesce(pg_catalog.sum(credit), 0)::text \
                     FROM pennylane.fec WHERE company_id = $1 AND period_start = $2::date AND period_end = $3::date";
        let totals =
            self.rows("fec", query, &self.of_period(period, []), |row| Some((amount(&row[0])?, amount(&row[1])?)));
        Ok(totals?.into_iter().next().unwrap_or_default())
    }

    fn note_proof(&mut self, period: Period, accounts: &[Compared]) -> Result<()> {
        let forget =
            "DELETE FROM pennylane.proofs WHERE company_id = $1 AND period_start = $2::date AND period_end = $3::date";
        let note = "INSERT INTO pennylane.proofs (company_id, proved_at, period_start, period_end, account_number, \
                        our_debit, our_credit, their_debit, their_credit, debit_difference, credit_difference) \
                    SELECT $1, pg_catalog.clock_timestamp(), $2::date, $3::date, number, our_debit, our_credit, \
                        their_debit, their_credit, our_debit - their_debit, our_credit - their_credit \
                    FROM (SELECT number, a::numeric, b::numeric, c::numeric, d::numeric \
                          FROM unnest($4::text[], $5::text[], $6::text[], $7::text[], $8::text[]) AS u (number, a, b, c, d)) \
                         AS compared (number, our_debit, our_credit, their_debit, their_credit)";
        let column = |value: &dyn Fn(&Compared) -> String| accounts.iter().map(value).collect::<Vec<String>>().into();
        let columns = [
            column(&|account| account.account.clone()),
            column(&|account| account.ours.debit.to_plain_string()),
            column(&|account| account.ours.credit.to_plain_string()),
            column(&|account| account.theirs.debit.to_plain_string()),
            column(&|account| account.theirs.credit.to_plain_string()),
        ];
        txn::atomically("proofs", || {
            self.run("proofs", forget, &self.of_period(period, []))?;
            self.run("proofs", note, &self.of_period(period, columns)).map(|_| ())
        })
    }

    fn forget_proofs(&mut self, but: &[Period]) -> Result<()> {
        let query = "DELETE FROM pennylane.proofs p WHERE company_id = $1 AND NOT EXISTS ( \
                         SELECT FROM unnest($2::text[], $3::text[]) AS kept (first, last) \
                         WHERE p.period_start = first::date AND p.period_end = last::date)";
        let days = |day: &dyn Fn(&Period) -> NaiveDate| but.iter().map(|p| day(p).to_string()).collect::<Vec<String>>();
        let args = [self.company.into(), days(&|period| period.start).into(), days(&|period| period.end).into()];
        self.run("proofs", query, &args).map(|_| ())
    }
}
