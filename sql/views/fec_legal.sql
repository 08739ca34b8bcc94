-- The FEC under the column names of the law, for tools that look for them.

CREATE OR REPLACE VIEW pennylane.fec_legal AS
SELECT
    f.company_id,
    f.period_start,
    f.period_end,
    f.line_no,
    f.journal_code AS "JournalCode",
    f.journal_lib AS "JournalLib",
    f.ecriture_num AS "EcritureNum",
    f.ecriture_date AS "EcritureDate",
    f.compte_num AS "CompteNum",
    f.compte_lib AS "CompteLib",
    f.comp_aux_num AS "CompAuxNum",
    f.comp_aux_lib AS "CompAuxLib",
    f.piece_ref AS "PieceRef",
    f.piece_date AS "PieceDate",
    f.ecriture_lib AS "EcritureLib",
    f.debit AS "Debit",
    f.credit AS "Credit",
    f.ecriture_let AS "EcritureLet",
    f.date_let AS "DateLet",
    f.valid_date AS "ValidDate",
    f.montant_devise AS "Montantdevise",
    f.idevise AS "Idevise"
FROM pennylane.fec f;

COMMENT ON VIEW pennylane.fec_legal IS 'The FEC under the 18 column names of article A47 A-1 of the Livre des procédures fiscales, in its order, with real dates and amounts. Name a period and a company, and sort by line_no. As legal text: fec_file().';
COMMENT ON COLUMN pennylane.fec_legal.company_id IS 'Company of this line.';
COMMENT ON COLUMN pennylane.fec_legal.period_start IS 'First day of the exported period.';
COMMENT ON COLUMN pennylane.fec_legal.period_end IS 'Last day of the exported period, included.';
COMMENT ON COLUMN pennylane.fec_legal.line_no IS 'Place of the line in the file.';
COMMENT ON COLUMN pennylane.fec_legal."JournalCode" IS 'Code of the journal. Mandatory.';
COMMENT ON COLUMN pennylane.fec_legal."JournalLib" IS 'Label of the journal. Mandatory.';
COMMENT ON COLUMN pennylane.fec_legal."EcritureNum" IS 'Number of the entry, in an unbroken sequence. Mandatory.';
COMMENT ON COLUMN pennylane.fec_legal."EcritureDate" IS 'Accounting date. Mandatory.';
COMMENT ON COLUMN pennylane.fec_legal."CompteNum" IS 'Account number. Mandatory.';
COMMENT ON COLUMN pennylane.fec_legal."CompteLib" IS 'Label of the account. Mandatory.';
COMMENT ON COLUMN pennylane.fec_legal."CompAuxNum" IS 'Number of the auxiliary account. NULL: the account has none.';
COMMENT ON COLUMN pennylane.fec_legal."CompAuxLib" IS 'Label of the auxiliary account; may name a person. NULL: the account has none.';
COMMENT ON COLUMN pennylane.fec_legal."PieceRef" IS 'Reference of the voucher. Mandatory.';
COMMENT ON COLUMN pennylane.fec_legal."PieceDate" IS 'Date of the voucher. Mandatory.';
COMMENT ON COLUMN pennylane.fec_legal."EcritureLib" IS 'Label of the entry; may hold personal data. Mandatory.';
COMMENT ON COLUMN pennylane.fec_legal."Debit" IS 'Debit, in the currency of the books (euro). Mandatory.';
COMMENT ON COLUMN pennylane.fec_legal."Credit" IS 'Credit, in the currency of the books (euro). Mandatory.';
COMMENT ON COLUMN pennylane.fec_legal."EcritureLet" IS 'Lettering code. NULL: not lettered.';
COMMENT ON COLUMN pennylane.fec_legal."DateLet" IS 'Date of the lettering. NULL: not lettered.';
COMMENT ON COLUMN pennylane.fec_legal."ValidDate" IS 'Date on which the entry was validated. Mandatory.';
COMMENT ON COLUMN pennylane.fec_legal."Montantdevise" IS 'Amount in the currency of Idevise. NULL: the line is in the currency of the books.';
COMMENT ON COLUMN pennylane.fec_legal."Idevise" IS 'Currency of Montantdevise, an ISO code such as USD. NULL: the line is in the currency of the books.';
