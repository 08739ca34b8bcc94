//! `invoice_pdf()`: the file of an invoice, by a link that is asked for at each call. Nothing is read from the database nor
//! written to it.

#![allow(clippy::result_large_err, reason = "pgrx takes errors with their SQLSTATE as ErrorReport by value")]

use super::companies::{self, Access};
use super::functions::{company_of, settle, with_api};
use crate::api;
use crate::catalogue::Resource;
use crate::error::{Error, Kind, Result};
use crate::sync::invoice::{self, Invoice};
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

/// `pennylane.invoice_pdf(kind, id, company)`
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn invoice_pdf(
    kind: Option<&str>,
    id: Option<i64>,
    company: default!(Option<i64>, "NULL"),
) -> std::result::Result<Option<Vec<u8>>, ErrorReport> {
    let (Some(kind), Some(id)) = (kind, id) else { return Ok(None) };
    settle(pdf(kind, id, company))
}

/// The file; `None` when the invoice has none. Ids are unique across companies: whichever shows the invoice has it.
fn pdf(kind: &str, id: i64, company: Option<i64>) -> Result<Option<Vec<u8>>> {
    let list = api::invoice::list(kind)?;
    let (mut looked, mut closed) = (Vec::new(), None);
    for access in companies::asked(company)? {
        match look(&access, company, list, id) {
            Ok(Some((_, Invoice::Pdf(bytes)))) => return Ok(Some(bytes)),
            Ok(Some((_, Invoice::WithoutFile))) => return Ok(None),
            Ok(Some((of_token, Invoice::Absent))) => looked.push(of_token.to_string()),
            Ok(None) => {}
            // Another company may have it all the same.
            Err(error) if [Kind::Token, Kind::Scope].contains(&error.kind()) => closed = closed.or(Some(error)),
            Err(error) => return Err(error),
        }
    }
    Err(closed.unwrap_or_else(|| Error::Argument {
        message: format!("Pennylane shows no invoice {id} of {} to company {}", list.table, looked.join(" or ")),
        hint: format!("SELECT id FROM pennylane.{}; lists those that were there at the last sync.", list.table),
    }))
}

/// What the company of a token has of an invoice; `None` when the token is not used.
fn look(access: &Access, asked: Option<i64>, list: &'static Resource, id: i64) -> Result<Option<(i64, Invoice)>> {
    let mut settings = access.settings()?;
    settings.concurrency = 1;
    with_api(&settings, Some(access), |ports, identity| {
        let company = company_of(access, asked, &identity)?;
        company.map(|company| Ok((company, invoice::run(list, id, ports)?))).transpose()
    })
}
