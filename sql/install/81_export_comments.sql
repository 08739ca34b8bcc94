-- What \d+ and \df+ say of the exports and the proofs.

COMMENT ON TABLE pennylane.exports IS 'The register: every export taken, one row each. The newest row of a company, kind and period tells of the lines that are held.';
COMMENT ON COLUMN pennylane.exports.export_id IS 'Number of the export.';
COMMENT ON COLUMN pennylane.exports.company_id IS 'Pennylane company.';
COMMENT ON COLUMN pennylane.exports.kind IS 'The table that holds its lines: fec or analytical_ledger.';
COMMENT ON COLUMN pennylane.exports.period_start IS 'First day of the period.';
COMMENT ON COLUMN pennylane.exports.period_end IS 'Last day of the period, included.';
COMMENT ON COLUMN pennylane.exports.taken_at IS 'When it was taken (database clock).';
COMMENT ON COLUMN pennylane.exports.rows IS 'Lines of the file; the line of the column names does not count.';
COMMENT ON COLUMN pennylane.exports.debit IS 'Sum of the debits of the file, in the currency of the books (euro). NULL: no line has one.';
COMMENT ON COLUMN pennylane.exports.credit IS 'Sum of the credits of the file, in the currency of the books (euro). NULL: no line has one.';
COMMENT ON COLUMN pennylane.exports.sha256 IS 'SHA-256 of the file as it was downloaded, in hexadecimal. Two workbooks of the same content differ in it.';
COMMENT ON COLUMN pennylane.exports.fiscal_year IS 'Whether the period was a whole fiscal year when the export was taken. Only then is a FEC the legal file.';
COMMENT ON COLUMN pennylane.exports.ledger_state IS 'Internal: what the ledger looked like, to know whether it changed since. NULL: not known.';

COMMENT ON TABLE pennylane.proofs IS 'The last proof of each company: every account compared, equal ones too; a difference of 0 is a match. account_number ''FEC'' is the total of the FEC against the lines.';
COMMENT ON COLUMN pennylane.proofs.company_id IS 'Pennylane company.';
COMMENT ON COLUMN pennylane.proofs.proved_at IS 'When the two were compared (database clock).';
COMMENT ON COLUMN pennylane.proofs.period_start IS 'First day of the period compared.';
COMMENT ON COLUMN pennylane.proofs.period_end IS 'Last day of the period compared, included.';
COMMENT ON COLUMN pennylane.proofs.account_number IS 'Account number; FEC for the total of the FEC.';
COMMENT ON COLUMN pennylane.proofs.our_debit IS 'Sum of the debits in ledger_entry_lines, in the currency of the books (euro).';
COMMENT ON COLUMN pennylane.proofs.our_credit IS 'Sum of the credits in ledger_entry_lines, in the currency of the books (euro).';
COMMENT ON COLUMN pennylane.proofs.their_debit IS 'Sum of the debits at Pennylane: in its trial balance, or in the FEC.';
COMMENT ON COLUMN pennylane.proofs.their_credit IS 'Sum of the credits at Pennylane: in its trial balance, or in the FEC.';
COMMENT ON COLUMN pennylane.proofs.debit_difference IS 'our_debit - their_debit. 0: proven to the cent.';
COMMENT ON COLUMN pennylane.proofs.credit_difference IS 'our_credit - their_credit. 0: proven to the cent.';
COMMENT ON COLUMN pennylane.proofs.differs IS 'One of the two differences is not 0.';

COMMENT ON TYPE pennylane._fec_anomaly IS 'A row of fec_anomalies(): one fault.';
COMMENT ON COLUMN pennylane._fec_anomaly.company_id IS 'Pennylane company.';
COMMENT ON COLUMN pennylane._fec_anomaly.period_start IS 'First day of the exported period.';
COMMENT ON COLUMN pennylane._fec_anomaly.line_no IS 'Line of the file, or the first line of the entry or account at fault. NULL: the whole file.';
COMMENT ON COLUMN pennylane._fec_anomaly.rule IS 'The rule that is broken; the comment of fec_anomalies() lists them.';
COMMENT ON COLUMN pennylane._fec_anomaly.severity IS 'error: the file does not comply. warning: look at it.';
COMMENT ON COLUMN pennylane._fec_anomaly.detail IS 'What is wrong, with the values.';

COMMENT ON FUNCTION pennylane.fec_file(date, date, bigint) IS 'The legal text of a FEC that is held, one line a row: the 18 names of article A47 A-1, then the lines in the order of the file; fields separated by tabs. Write it with psql -XAt -c "SELECT * FROM pennylane.fec_file(''2025-01-01'', ''2025-12-31'')" -o FILE; COPY would double each backslash. company may be left out when one company holds the period.';
COMMENT ON FUNCTION pennylane.fec_anomalies(date, date, bigint) IS 'The faults of the FECs that are held, one row each, by company, period and line; no row: none found. Without arguments: every company and period. Errors: missing_column (a column was dropped from pennylane.fec; nothing else is checked), missing_value, date_outside_period, entry_unbalanced, total_unbalanced, debit_and_credit_both_set, numbering_two_dates (the lines of an entry differ in date), bad_account (not a class from 1 to 8 and two more digits), differs_from_ledger (its sums are not those of ledger_entry_lines). Warnings: no_amount, numbering_gap, unknown_account (not in ledger_accounts, trailing zeros aside), auxiliary_incomplete, lettering_incomplete, currency_incomplete (one of two columns that go together is empty).';
COMMENT ON FUNCTION pennylane._fec_missing_columns() IS 'Internal: the columns that pennylane.fec needs and lacks.';
COMMENT ON FUNCTION pennylane._fec_periods() IS 'Internal: the companies and periods whose FEC is held, those without a line included.';
COMMENT ON FUNCTION pennylane._fec_not_held(date, date, bigint) IS 'Internal: raises the error that says which periods are held.';
