-- The FEC (fichier des écritures comptables, article A47 A-1 of the Livre des procédures fiscales), line by line.

CREATE TABLE IF NOT EXISTS pennylane.fec (
    company_id     bigint NOT NULL,
    period_start   date NOT NULL,
    period_end     date NOT NULL,
    line_no        bigint NOT NULL,
    journal_code   text,
    journal_lib    text,
    ecriture_num   text,
    ecriture_date  date,
    compte_num     text,
    compte_lib     text,
    comp_aux_num   text,
    comp_aux_lib   text,
    piece_ref      text,
    piece_date     date,
    ecriture_lib   text,
    debit          numeric,
    credit         numeric,
    ecriture_let   text,
    date_let       date,
    valid_date     date,
    montant_devise numeric,
    idevise        text,
    _synced_at     timestamptz NOT NULL,
    CONSTRAINT fec_pkey PRIMARY KEY (company_id, period_start, period_end, line_no)
);

CREATE INDEX IF NOT EXISTS fec_ecriture_date_idx ON pennylane.fec (ecriture_date);
CREATE INDEX IF NOT EXISTS fec_compte_num_idx ON pennylane.fec (compte_num text_pattern_ops);

COMMENT ON TABLE pennylane.fec IS 'The FEC (fichier des écritures comptables), one row a line of the file. One period of a company never overlaps another, so sums over periods are right. Lines keep the order of the file: sort by line_no. A file with Montant and Sens is turned into debit and credit. Legal text again: fec_file(); column names of the law: fec_legal; faults: fec_anomalies(). [POST /exports/fecs]';
COMMENT ON COLUMN pennylane.fec.company_id IS 'Company of this row: the id that GET /me answers. [me: company.id]';
COMMENT ON COLUMN pennylane.fec.period_start IS 'First day of the exported period. Only a period that is a whole fiscal year makes the legal file.';
COMMENT ON COLUMN pennylane.fec.period_end IS 'Last day of the exported period, included.';
COMMENT ON COLUMN pennylane.fec.line_no IS 'Place of the line in the file; 1 is the first line after the names of the columns.';
COMMENT ON COLUMN pennylane.fec.journal_code IS 'Code of the journal. Mandatory in law; NULL: empty in the file. [FEC 1: JournalCode]';
COMMENT ON COLUMN pennylane.fec.journal_lib IS 'Label of the journal. Mandatory in law; NULL: empty in the file. [FEC 2: JournalLib]';
COMMENT ON COLUMN pennylane.fec.ecriture_num IS 'Number of the entry, text, in an unbroken sequence; the lines of one entry share it. Mandatory in law; NULL: empty in the file. [FEC 3: EcritureNum]';
COMMENT ON COLUMN pennylane.fec.ecriture_date IS 'Accounting date. Mandatory in law; NULL: empty in the file. [FEC 4: EcritureDate]';
COMMENT ON COLUMN pennylane.fec.compte_num IS 'Account number, text; its first three characters follow the French chart. Look up a group of accounts with LIKE, such as compte_num LIKE ''411%''. Mandatory in law; NULL: empty in the file. [FEC 5: CompteNum]';
COMMENT ON COLUMN pennylane.fec.compte_lib IS 'Label of the account. Mandatory in law; NULL: empty in the file. [FEC 6: CompteLib]';
COMMENT ON COLUMN pennylane.fec.comp_aux_num IS 'Number of the auxiliary account, such as that of one customer. NULL: the account has none. [FEC 7: CompAuxNum]';
COMMENT ON COLUMN pennylane.fec.comp_aux_lib IS 'Label of the auxiliary account; may name a person. NULL: the account has none. [FEC 8: CompAuxLib]';
COMMENT ON COLUMN pennylane.fec.piece_ref IS 'Reference of the voucher. Mandatory in law; NULL: empty in the file. [FEC 9: PieceRef]';
COMMENT ON COLUMN pennylane.fec.piece_date IS 'Date of the voucher. Mandatory in law; NULL: empty in the file. [FEC 10: PieceDate]';
COMMENT ON COLUMN pennylane.fec.ecriture_lib IS 'Label of the entry; may hold personal data. Mandatory in law; NULL: empty in the file. [FEC 11: EcritureLib]';
COMMENT ON COLUMN pennylane.fec.debit IS 'Debit, in the currency of the books (euro); 0 on a credit line. Mandatory in law; NULL: empty in the file. [FEC 12: Debit]';
COMMENT ON COLUMN pennylane.fec.credit IS 'Credit, in the currency of the books (euro); 0 on a debit line. Mandatory in law; NULL: empty in the file. [FEC 13: Credit]';
COMMENT ON COLUMN pennylane.fec.ecriture_let IS 'Lettering code; the lettered lines of an account share it. NULL: not lettered. [FEC 14: EcritureLet]';
COMMENT ON COLUMN pennylane.fec.date_let IS 'Date of the lettering. NULL: not lettered. [FEC 15: DateLet]';
COMMENT ON COLUMN pennylane.fec.valid_date IS 'Date on which the entry was validated. Mandatory in law; NULL: empty in the file. [FEC 16: ValidDate]';
COMMENT ON COLUMN pennylane.fec.montant_devise IS 'Amount in the currency of idevise. NULL: the line is in the currency of the books. [FEC 17: Montantdevise]';
COMMENT ON COLUMN pennylane.fec.idevise IS 'Currency of montant_devise, an ISO code such as USD. NULL: the line is in the currency of the books. [FEC 18: Idevise]';
COMMENT ON COLUMN pennylane.fec._synced_at IS 'When this version of the row was written (database clock). A row that did not change keeps its time.';
