-- Star schema: supplier invoices and credit notes, safe to sum: drafts and archived ones are not here.

CREATE OR REPLACE VIEW pennylane.fact_supplier_invoice AS
SELECT
    i.id AS supplier_invoice_id,
    i.company_id,
    i.supplier_id,
    i.invoice_number,
    i.date,
    i.deadline,
    i.payment_status,
    i.accounting_status,
    i.paid AS is_paid,
    i.amount < 0 AS is_credit_note,
    i.ledger_entry_id,
    i.amount::numeric(18, 2) AS amount,
    i.tax::numeric(18, 2) AS tax,
    (i.amount - i.tax)::numeric(18, 2) AS amount_before_tax,
    i.remaining_amount_with_tax::numeric(18, 2) AS remaining_amount,
    i.currency,
    i.currency_amount::numeric(18, 2) AS currency_amount,
    i.currency_tax::numeric(18, 2) AS currency_tax,
    i.currency_amount_before_tax::numeric(18, 2) AS currency_amount_before_tax,
    i.exchange_rate
FROM pennylane.supplier_invoices i
WHERE i.archived_at IS NULL
  AND coalesce(i.accounting_status, '') NOT IN ('draft', 'archived');

COMMENT ON VIEW pennylane.fact_supplier_invoice IS 'Star schema: one row a supplier invoice or credit note (negative). Drafts and archived invoices are left out. Amounts without currency_ are in euro whatever the currency of the document.';
COMMENT ON COLUMN pennylane.fact_supplier_invoice.supplier_invoice_id IS 'Key: the invoice; points to supplier_invoices.id.';
COMMENT ON COLUMN pennylane.fact_supplier_invoice.company_id IS 'Company; points to companies.company_id.';
COMMENT ON COLUMN pennylane.fact_supplier_invoice.supplier_id IS 'Supplier; relates to dim_supplier. NULL: none.';
COMMENT ON COLUMN pennylane.fact_supplier_invoice.invoice_number IS 'Number of the invoice.';
COMMENT ON COLUMN pennylane.fact_supplier_invoice.date IS 'Date of the invoice; relates to dim_date. NULL: none.';
COMMENT ON COLUMN pennylane.fact_supplier_invoice.deadline IS 'Day on which it is due. NULL: none.';
COMMENT ON COLUMN pennylane.fact_supplier_invoice.payment_status IS 'How far its payment is, such as to_be_paid.';
COMMENT ON COLUMN pennylane.fact_supplier_invoice.accounting_status IS 'How far its accounting is, such as complete.';
COMMENT ON COLUMN pennylane.fact_supplier_invoice.is_paid IS 'Whether it is paid.';
COMMENT ON COLUMN pennylane.fact_supplier_invoice.is_credit_note IS 'Whether it is a credit note: its amount is negative.';
COMMENT ON COLUMN pennylane.fact_supplier_invoice.ledger_entry_id IS 'Entry in the ledger; points to ledger_entries.id.';
COMMENT ON COLUMN pennylane.fact_supplier_invoice.amount IS 'Amount with tax, in euro; negative on a credit note.';
COMMENT ON COLUMN pennylane.fact_supplier_invoice.tax IS 'VAT, in euro.';
COMMENT ON COLUMN pennylane.fact_supplier_invoice.amount_before_tax IS 'amount - tax, in euro.';
COMMENT ON COLUMN pennylane.fact_supplier_invoice.remaining_amount IS 'What is left to pay, with tax, as Pennylane gives it. NULL: not given.';
COMMENT ON COLUMN pennylane.fact_supplier_invoice.currency IS 'Currency of the document, a three-letter code such as EUR.';
COMMENT ON COLUMN pennylane.fact_supplier_invoice.currency_amount IS 'Amount with tax, in the currency of the document. Never sum it over several currencies.';
COMMENT ON COLUMN pennylane.fact_supplier_invoice.currency_tax IS 'VAT, in the currency of the document.';
COMMENT ON COLUMN pennylane.fact_supplier_invoice.currency_amount_before_tax IS 'Amount without tax, in the currency of the document.';
COMMENT ON COLUMN pennylane.fact_supplier_invoice.exchange_rate IS 'Exchange rate as Pennylane gives it; 1 for euro.';
