//! The companies that are kept here: which there are, the way to each, and the tokens that `add_company()` was given.
//!
//! The server's own token (environment or file) serves one company, the first that it turned out to be for: a row of
//! `companies` without a `token_hint`. A token of another company in its place is refused.

use super::settings::{self, Settings};
use super::{lock, progress, transform_runs, txn};
use crate::api::me;
use crate::error::{Error, Result};
use crate::secret::Token;
use pgrx::datum::DatumWithOid;
use pgrx::prelude::*;

/// Where an error of these tables is told.
const COMPANIES: &str = "companies";

/// The way to the API for one company.
#[derive(Debug, Clone)]
pub struct Access {
    /// `None`: whoever the server's token is for; nobody asked yet.
    pub company: Option<i64>,
    source: Source,
    /// `None`: `pennylane.api_base_url`.
    base_url: Option<String>,
}

/// Where a company's token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    /// The environment of the server, or a file.
    Server,
    /// `company_tokens`. It may be lost: dumps leave it out.
    Stored,
}

impl Access {
    /// With the server's own token.
    fn of_server(company: Option<i64>) -> Access {
        Access { company, source: Source::Server, base_url: None }
    }

    /// The token as it is stored now.
    ///
    /// # Errors
    /// `TokenMissing`.
    pub fn token(&self) -> Result<Token> {
        let Some(company) = self.company.filter(|_| self.source == Source::Stored) else {
            return settings::server_token();
        };
        let stored = "SELECT token FROM pennylane.company_tokens WHERE company_id = $1";
        match one::<String>(stored, &[company.into()])? {
            Some(token) => Token::parse(&token),
            None => Err(Error::TokenMissing(format!(
                "none is stored for company {company}: run SELECT pennylane.rotate_token({company}, '...');"
            ))),
        }
    }

    /// The settings of a run for this company.
    ///
    /// # Errors
    /// `TokenMissing`, and `Argument` for an address that cannot be used.
    pub fn settings(&self) -> Result<Settings> {
        self.settings_with(self.token()?)
    }

    /// The same with another token.
    ///
    /// # Errors
    /// `Argument` for an address that cannot be used.
    pub fn settings_with(&self, token: Token) -> Result<Settings> {
        settings::snapshot(token, self.base_url.as_deref())
    }

    /// Whether the token is the server's own.
    pub fn is_servers(&self) -> bool {
        self.source == Source::Server
    }
}

/// What the tables say of a company.
struct Kept {
    company: i64,
    base_url: Option<String>,
    enabled: bool,
    source: Source,
}

impl From<Kept> for Access {
    fn from(kept: Kept) -> Access {
        Access { company: Some(kept.company), source: kept.source, base_url: kept.base_url }
    }
}

fn kept() -> Result<Vec<Kept>> {
    let query = "SELECT c.company_id, c.api_base_url, c.enabled, c.uses_server_token \
                 FROM pennylane.companies c ORDER BY c.company_id";
    txn::atomically(COMPANIES, || {
        let rows = Spi::connect_mut(|client| {
            let mut rows = Vec::new();
            for row in client.update(query, None, &[])? {
                rows.push(Kept {
                    company: row.get(1)?.unwrap_or_default(),
                    base_url: row.get(2)?,
                    enabled: row.get(3)?.unwrap_or_default(),
                    source: if row.get(4)?.unwrap_or_default() { Source::Server } else { Source::Stored },
                });
            }
            Ok::<_, pgrx::spi::Error>(rows)
        });
        rows.map_err(failed)
    })
}

/// The ways to every company that is to be synced: those of `companies`, and that of the server's token when nobody
/// asked yet whose it is.
///
/// # Errors
/// `Write` when the tables cannot be read.
pub fn all() -> Result<Vec<Access>> {
    let kept = kept()?;
    let unbound = settings::token_source().is_some() && !kept.iter().any(|kept| kept.source == Source::Server);
    let unbound = unbound.then(|| Access::of_server(None));
    Ok(unbound.into_iter().chain(kept.into_iter().filter(|kept| kept.enabled).map(Access::from)).collect())
}

/// The ways for a call: to the company asked for, or to all that the caller may see.
///
/// # Errors
/// `Argument` for a company that there is no way to, `TokenMissing` when there is no way to any.
pub fn asked(company: Option<i64>) -> Result<Vec<Access>> {
    let seen = seen_by_caller()?;
    let sees =
        |company: Option<i64>| seen.as_ref().is_none_or(|seen| company.is_some_and(|company| seen.contains(&company)));
    let mut ways = all()?;
    ways.retain(|access| sees(access.company));
    let Some(company) = company else {
        return if ways.is_empty() { Err(Error::TokenMissing("none is configured".into())) } else { Ok(ways) };
    };
    // The server's token may be this company's when nobody asked yet.
    let place = ways.iter().position(|access| access.company == Some(company));
    let place = place.or_else(|| ways.iter().position(|access| access.company.is_none()));
    place.map(|place| vec![ways.swap_remove(place)]).ok_or_else(|| unknown(company, &ways))
}

/// The company that an argument names.
///
/// # Errors
/// `Argument` when it is NULL.
pub fn named(company: Option<i64>) -> Result<i64> {
    company.ok_or_else(|| Error::Argument {
        message: "no company is named".into(),
        hint: "SELECT company_id, name FROM pennylane.companies; lists them.".into(),
    })
}

/// The error of a company that there is no way to.
pub fn unknown(company: impl Into<Option<i64>>, ways: &[Access]) -> Error {
    let known: Vec<String> = ways.iter().filter_map(|access| access.company).map(|id| id.to_string()).collect();
    Error::Argument {
        message: match company.into() {
            Some(company) => format!("there is no token for company {company}, or it is turned off"),
            None => "there is no token for this company".into(),
        },
        hint: if known.is_empty() {
            "Add it with SELECT pennylane.add_company('...');".into()
        } else {
            format!(
                "There is one for {}. Add another with SELECT pennylane.add_company('...'); turn one on with UPDATE \
                 pennylane.companies SET enabled = true WHERE company_id = ...;",
                known.join(", ")
            )
        },
    }
}

/// The error of a company that is not in the list.
fn not_kept(company: i64) -> Error {
    Error::Argument {
        message: format!("there is no company {company} in pennylane.companies"),
        hint: "SELECT company_id, name FROM pennylane.companies; lists those that are there.".into(),
    }
}

/// The companies that the caller may see; `None` when `grant_company()` hides none from them.
///
/// # Errors
/// `Write` when the caller may not read the list.
pub fn seen_by_caller() -> Result<Option<Vec<i64>>> {
    // Whoever is limited, and whoever could take on a role that is, whichever role that session has now.
    let limited = "SELECT EXISTS ( \
                       SELECT FROM pg_catalog.pg_policy p \
                       JOIN pg_catalog.pg_roles o ON o.oid = $1 \
                       JOIN pg_catalog.pg_roles s ON s.rolname = session_user \
                       WHERE p.polrelid = 'pennylane.companies'::pg_catalog.regclass AND NOT p.polpermissive \
                         AND (NOT o.rolsuper AND pg_catalog.pg_has_role(o.oid, p.polroles[1], 'USAGE') \
                              OR NOT s.rolsuper AND pg_catalog.pg_has_role(s.oid, p.polroles[1], 'MEMBER')))";
    // SAFETY: a number of this session.
    let caller = unsafe { pg_sys::GetOuterUserId() };
    if one::<bool>(limited, &[caller.into()])? != Some(true) {
        return Ok(None);
    }
    let seen = "SELECT coalesce(pg_catalog.array_agg(company_id), '{}') FROM pennylane.companies";
    Ok(Some(txn::as_caller(COMPANIES, || one::<Vec<i64>>(seen, &[]))?.unwrap_or_default()))
}

/// Refuses a role that somebody can take on, or whose functions somebody can rewrite, who sees some companies only. Row
/// security looks at the session too, and in the background worker that is not theirs: what they may not see would be
/// open to them there.
///
/// # Errors
/// `Denied`.
pub fn require_unlimited(role: pg_sys::Oid) -> Result<()> {
    let limited = "SELECT EXISTS ( \
                       SELECT FROM pg_catalog.pg_policy p \
                       JOIN pg_catalog.pg_roles s ON NOT s.rolsuper \
                           AND pg_catalog.pg_has_role(s.oid, p.polroles[1], 'MEMBER') \
                           AND pg_catalog.pg_has_role(s.oid, $1, 'MEMBER') \
                       WHERE p.polrelid = 'pennylane.companies'::pg_catalog.regclass AND NOT p.polpermissive)";
    if one::<bool>(limited, &[role.into()])? == Some(true) {
        return Err(Error::Denied {
            message: "the role, or a member of it, sees some companies only".into(),
            hint: "Transforms are for roles that see all companies: ask an administrator to add it.".into(),
        });
    }
    Ok(())
}

/// # Errors
/// `Argument` when the caller may not see this company.
pub fn require_seen(company: i64) -> Result<()> {
    match seen_by_caller()? {
        Some(seen) if !seen.contains(&company) => Err(not_kept(company)),
        _ => Ok(()),
    }
}

/// What became of a token's company.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// This one is to be synced with it.
    To(i64),
    /// It is the server's, and this company has a token of its own.
    Elsewhere(i64),
}

/// Whose token this is. Nothing is written.
///
/// # Errors
/// `WrongCompany` when it is not the company's that it is kept for.
pub fn bound(access: &Access, me: &me::Company) -> Result<Bound> {
    if let Some(expected) = access.company {
        let whose = if access.is_servers() { "the server's" } else { "the stored" };
        return if me.id == expected { Ok(Bound::To(me.id)) } else { Err(wrong(whose, expected, me.id)) };
    }
    if has_its_own(me.id)? {
        return Ok(Bound::Elsewhere(me.id));
    }
    // Another session may have been told meanwhile.
    match kept()?.into_iter().find(|kept| kept.source == Source::Server && kept.company != me.id) {
        Some(other) => Err(wrong("the server's", other.company, me.id)),
        None => Ok(Bound::To(me.id)),
    }
}

/// Whether a token is stored for this company.
fn has_its_own(company: i64) -> Result<bool> {
    let stored = "SELECT EXISTS (SELECT FROM pennylane.company_tokens WHERE company_id = $1)";
    Ok(one::<bool>(stored, &[company.into()])? == Some(true))
}

/// Whether a worker found that this token of the server is for a company that has one of its own: nobody needs to ask
/// again.
///
/// # Errors
/// `Write` when the tables cannot be read.
pub fn is_spare(token: &Token) -> Result<bool> {
    progress::company_of_spare(token).map_or(Ok(false), has_its_own)
}

fn wrong(whose: &'static str, expected: i64, found: i64) -> Error {
    Error::WrongCompany { whose, expected, found }
}

/// Keeps what `/me` told of the company that a run is for, where it is new. The run holds the company by now.
///
/// # Errors
/// `Argument` when the company was removed, or turned off, while `/me` was asked; `Write` when PostgreSQL refuses it.
pub fn keep(access: &Access, me: &me::Company) -> Result<()> {
    if let Some(company) = access.company
        && !all()?.iter().any(|access| access.company == Some(company))
    {
        return Err(unknown(company, &[]));
    }
    let hint = if access.is_servers() { "NULL" } else { "c.token_hint" };
    let known = format!(
        "SELECT EXISTS (SELECT FROM pennylane.companies c WHERE c.company_id = $1 \
         AND (c.name, c.reg_no, c.token_hint) IS NOT DISTINCT FROM ($2, $3, {hint}))"
    );
    let query = format!(
        "INSERT INTO pennylane.companies AS c (company_id, name, reg_no) VALUES ($1, $2, $3) \
         ON CONFLICT (company_id) DO UPDATE \
         SET name = EXCLUDED.name, reg_no = EXCLUDED.reg_no, token_hint = {hint}"
    );
    let args = || [me.id.into(), me.name.clone().into(), me.reg_no.clone().into()];
    // A conflict locks the row even when nothing is to be written, and a call holds it to its end: whoever rotates the
    // token meanwhile would wait for the very run that needs the new one.
    txn::atomically(
        COMPANIES,
        || if one::<bool>(&known, &args())? == Some(true) { Ok(()) } else { run(&query, &args()) },
    )
}

/// Stores a new company's token.
///
/// # Errors
/// `Argument` when the company has one already.
pub fn add(token: &Token, label: Option<&str>, me: &me::Company) -> Result<()> {
    txn::atomically(COMPANIES, || {
        if has_its_own(me.id)? {
            return Err(Error::Argument {
                message: format!("company {} is here already, with a token of its own", me.id),
                hint: format!("To replace that token, run SELECT pennylane.rotate_token({}, '...');", me.id),
            });
        }
        let company = "INSERT INTO pennylane.companies AS c (company_id, name, reg_no, label) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (company_id) DO UPDATE SET name = EXCLUDED.name, reg_no = EXCLUDED.reg_no, \
                 label = coalesce(EXCLUDED.label, c.label), enabled = true";
        run(company, &[me.id.into(), me.name.clone().into(), me.reg_no.clone().into(), label.into()])?;
        store(me.id, token)
    })
}

/// Stores a company's token in place of the one it has.
///
/// # Errors
/// `Write` when PostgreSQL refuses it.
pub fn rotate(company: i64, token: &Token) -> Result<()> {
    txn::atomically(COMPANIES, || store(company, token))
}

fn store(company: i64, token: &Token) -> Result<()> {
    let stored = "INSERT INTO pennylane.company_tokens AS t (company_id, token) VALUES ($1, $2) \
                  ON CONFLICT (company_id) DO UPDATE SET token = EXCLUDED.token";
    run(stored, &[company.into(), token.open().into()])?;
    let hint = "UPDATE pennylane.companies SET token_hint = $2 WHERE company_id = $1";
    run(hint, &[company.into(), token.hint().into()])
}

/// The way to a company that has a row in `companies`, turned off or not.
///
/// # Errors
/// `Argument` when it has none.
pub fn find(company: i64) -> Result<Access> {
    require_seen(company)?;
    let found = kept()?.into_iter().find(|kept| kept.company == company);
    found.map(Access::from).ok_or_else(|| not_kept(company))
}

/// Takes a company away, with its token and its place in the schedule; its rows too, unless `keep_data`. Its requests
/// are cancelled.
///
/// # Errors
/// `Argument` when nothing is known of it, `Busy` while it is synced.
pub fn remove(company: i64, keep_data: bool) -> Result<()> {
    require_seen(company)?;
    lock::company(company)?;
    txn::atomically(COMPANIES, || {
        let args = || [company.into()];
        let there = "WITH gone AS (DELETE FROM pennylane.companies WHERE company_id = $1 RETURNING 1) \
                     SELECT EXISTS (SELECT FROM gone)";
        let there = one::<bool>(there, &args())? == Some(true);
        let requests = "UPDATE pennylane.sync_runs SET status = 'cancelled', finished_at = pg_catalog.clock_timestamp() \
                        WHERE company_id = $1 AND status = 'queued'";
        run(requests, &args())?;
        let mut rows = 0;
        if !keep_data {
            let tables = "SELECT pg_catalog.array_agg(t.name::text ORDER BY t.name) FROM pennylane._company_tables() AS t (name)";
            for table in one::<Vec<String>>(tables, &[])?.unwrap_or_default() {
                let gone = format!(
                    "WITH gone AS (DELETE FROM pennylane.{} WHERE company_id = $1 RETURNING 1) \
                     SELECT pg_catalog.count(*) FROM gone",
                    super::statements::quoted(&table)
                );
                rows += one::<i64>(&gone, &args())?.unwrap_or(0);
            }
            transform_runs::note(None, None)?;
        }
        if there || rows > 0 { Ok(()) } else { Err(not_kept(company)) }
    })
}

/// The publications that would carry tokens, if there are any.
///
/// # Errors
/// `Write` when the catalogue cannot be read.
pub fn publications() -> Result<Option<String>> {
    one("SELECT pennylane._publications_of_tokens()", &[])
}

fn one<T: FromDatum + IntoDatum>(query: &str, args: &[DatumWithOid]) -> Result<Option<T>> {
    let found = Spi::connect_mut(|client| client.update(query, None, args)?.first().get_one::<T>());
    match found {
        // No row.
        Err(pgrx::spi::Error::InvalidPosition) => Ok(None),
        found => found.map_err(failed),
    }
}

fn run(query: &str, args: &[DatumWithOid]) -> Result<()> {
    Spi::run_with_args(query, args).map_err(failed)
}

fn failed(error: pgrx::spi::Error) -> Error {
    Error::Setup {
        message: format!("the list of companies cannot be used: {error}"),
        hint: "Look at the table pennylane.companies.".into(),
    }
}
