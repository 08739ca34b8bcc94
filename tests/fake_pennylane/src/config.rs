//! What the fake is told when it starts, and may be told again while it runs.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::size::Size;

/// Every scope that a read-only integration may be granted, as `GET /me` names them.
const SCOPES: &[&str] = &[
    "customers:readonly",
    "suppliers:readonly",
    "customer_invoices:readonly",
    "supplier_invoices:readonly",
    "products:readonly",
    "transactions:readonly",
    "ledger_entries:readonly",
    "ledger_accounts:readonly",
    "journals:readonly",
    "fiscal_years:readonly",
    "trial_balance:readonly",
    "bank_accounts:readonly",
    "bank_establishments:readonly",
    "categories:readonly",
    "quotes:readonly",
    "exports:fec",
    "exports:gl",
    "exports:agl",
];

/// More than any table of a company will ever hold.
const ID_SPACE: i64 = 100_000_000_000;

/// The settings of one running fake.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    /// The same seed gives the same books, to the byte.
    pub seed: u64,
    pub size: Size,
    /// The token that opens this company.
    pub token: String,
    /// Tokens that open it too, as while one is being replaced.
    pub also_tokens: Vec<String>,
    pub company: Company,
    /// Added to every id that the world gives: companies that share one give the same ids, which Pennylane never does.
    pub id_offset: i64,
    /// What the token may read; anything else answers 403.
    pub scopes: Vec<String>,
    /// 25 requests per 5 s, in a sliding window per token.
    pub rate_limit: bool,
    /// Waited before each answer.
    #[serde(with = "milliseconds")]
    pub latency: Duration,
    /// Bodies over 1 kB are compressed when the client accepts it.
    pub gzip: bool,
    /// Finished pages are kept by URL until their table changes (their signed links are then those of the first read).
    pub prepared: bool,
    /// Where the API listens; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// Where the control port listens; none by default.
    pub control: Option<SocketAddr>,
    /// The API's clock minus the real one.
    #[serde(with = "clock_milliseconds")]
    pub clock_offset: chrono::Duration,
    pub exports: ExportOptions,
    /// The header `Api-Version-Expires-At`, when there is one.
    pub api_version_expires_at: Option<String>,
    /// False: the two category changelogs answer 404, as before July 2026.
    pub category_changelogs: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            seed: 1,
            size: Size::small(),
            token: "fake-token".to_owned(),
            also_tokens: Vec::new(),
            company: Company::default(),
            id_offset: 0,
            scopes: SCOPES.iter().map(|scope| (*scope).to_owned()).collect(),
            rate_limit: false,
            latency: Duration::ZERO,
            gzip: true,
            prepared: false,
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            control: None,
            clock_offset: chrono::Duration::zero(),
            exports: ExportOptions::default(),
            api_version_expires_at: None,
            category_changelogs: true,
        }
    }
}

impl Config {
    /// The settings of the company of this number, apart from every other: token, seed, name and ids.
    /// Number 0 is the default one; others have the token `fake-token-{number}`.
    pub fn company(number: u32) -> Self {
        let default = Self::default();
        if number == 0 {
            return default;
        }
        Self {
            seed: default.seed + u64::from(number),
            token: format!("{}-{number}", default.token),
            company: Company {
                id: default.company.id + i64::from(number),
                name: format!("{} {number}", default.company.name),
                reg_no: format!("{}", 552_100_554 + u64::from(number)),
                ..default.company
            },
            id_offset: ID_SPACE * i64::from(number),
            ..default
        }
    }

    /// Whether this `Authorization` header opens the company.
    pub(crate) fn accepts(&self, authorization: Option<&str>) -> bool {
        let given = authorization.and_then(|header| header.strip_prefix("Bearer "));
        given.is_some_and(|given| std::iter::once(&self.token).chain(&self.also_tokens).any(|token| token == given))
    }
}

/// The company that the token belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Company {
    pub id: i64,
    pub name: String,
    pub reg_no: String,
    pub accounting_logic: String,
}

impl Default for Company {
    fn default() -> Self {
        Self {
            id: 4_300_000_042,
            name: "Menuiserie Élan & Fils".to_owned(),
            reg_no: "552100554".to_owned(),
            accounting_logic: "FR_PCG".to_owned(),
        }
    }
}

/// How exports behave and what their files look like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExportOptions {
    /// How many polls answer `pending` before the file is there.
    pub pending_polls: u32,
    /// Jobs end with status `error` instead of `ready`.
    pub fails: bool,
    pub fec: FecFormat,
}

impl Default for ExportOptions {
    fn default() -> Self {
        Self { pending_polls: 1, fails: false, fec: FecFormat::default() }
    }
}

/// The freedoms that real FEC files take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FecFormat {
    pub container: FecContainer,
    pub separator: Separator,
    pub encoding: Encoding,
    /// A byte order mark in front of UTF-8.
    pub bom: bool,
    /// Amounts with a decimal point where the law has a comma.
    pub decimal_point: bool,
    pub crlf: bool,
    /// Columns 12 and 13 are `Montant` and `Sens` in place of `Debit` and `Credit`.
    pub montant_sens: bool,
    /// `Sens` is written +1 / -1 in place of D / C.
    pub signed_sens: bool,
    /// Column names in lower case.
    pub lower_case_header: bool,
}

impl Default for FecFormat {
    fn default() -> Self {
        Self {
            container: FecContainer::Text,
            separator: Separator::Tab,
            encoding: Encoding::Utf8,
            bom: false,
            decimal_point: false,
            crlf: true,
            montant_sens: false,
            signed_sens: false,
            lower_case_header: false,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FecContainer {
    Text,
    /// The text file alone in a zip.
    Zip,
    Xlsx,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Separator {
    Tab,
    Pipe,
    Semicolon,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Encoding {
    Utf8,
    /// ISO 8859-15, the law's own; what it cannot write becomes `?`.
    Latin9,
}

mod milliseconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(value: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(u64::try_from(value.as_millis()).unwrap_or(u64::MAX))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_millis)
    }
}

mod clock_milliseconds {
    use chrono::Duration;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(value: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(value.num_milliseconds())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        i64::deserialize(deserializer).map(Duration::milliseconds)
    }
}
