//! The only door between our errors and PostgreSQL's: kind to SQLSTATE, with hint.

use crate::error::{Error, Kind};
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::{PgSqlErrorCode, function_name};

/// The SQLSTATE of a kind. The README's table says the same.
fn sqlstate(kind: Kind) -> PgSqlErrorCode {
    match kind {
        Kind::Token => PgSqlErrorCode::ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
        Kind::Scope | Kind::Denied => PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE,
        Kind::Quota => PgSqlErrorCode::ERRCODE_CONFIGURATION_LIMIT_EXCEEDED,
        Kind::Network => PgSqlErrorCode::ERRCODE_CONNECTION_FAILURE,
        Kind::Limit => PgSqlErrorCode::ERRCODE_PROGRAM_LIMIT_EXCEEDED,
        Kind::Contract => PgSqlErrorCode::ERRCODE_PROTOCOL_VIOLATION,
        Kind::Refused => PgSqlErrorCode::ERRCODE_EXTERNAL_ROUTINE_EXCEPTION,
        Kind::Argument => PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        Kind::Busy => PgSqlErrorCode::ERRCODE_OBJECT_IN_USE,
        Kind::Interrupted => PgSqlErrorCode::ERRCODE_QUERY_CANCELED,
        Kind::Brake | Kind::Database => PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
        Kind::Transaction => PgSqlErrorCode::ERRCODE_ACTIVE_SQL_TRANSACTION,
        Kind::ReadOnly => PgSqlErrorCode::ERRCODE_READ_ONLY_SQL_TRANSACTION,
    }
}

impl From<Error> for ErrorReport {
    fn from(error: Error) -> ErrorReport {
        ErrorReport::new(sqlstate(error.kind()), error.to_string(), function_name!()).set_hint(error.hint())
    }
}

/// The five characters of an SQLSTATE.
pub fn text(code: PgSqlErrorCode) -> String {
    let packed = code as isize;
    (0..5).map(|place| char::from(((packed >> (6 * place)) & 0x3F) as u8 + b'0')).collect()
}
