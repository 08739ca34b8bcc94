-- Star schema: customer invoices and credit notes, safe to sum: what is no invoice (draft, pro forma, order, estimate) or was
-- archived is not here.

CREATE OR REPLACE VIEW pennylane.fact_customer_invoice AS
SELECT
    i.id AS customer_invoice_id,
    i.company_id,
    i.customer_id,
    i.invoice_number,
    i.date,
    i.deadline,
    i.status,
    i.paid AS is_paid,
    i.amount < 0 AS is_credit_note,
    i.credited_invoice_id,
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
FROM pennylane.customer_invoices i
WHERE i.draft IS NOT TRUE
  AND i.archived_at IS NULL
  AND coalesce(i.status, '') NOT IN ('draft', 'archived', 'proforma', 'shipping_order', 'purchasing_order')
  AND coalesce(i.status, '') NOT LIKE 'estimate%';

COMMENT ON VIEW pennylane.fact_customer_invoice IS 'Star schema: one row a customer invoice or credit note (negative). Drafts, archived invoices, pro formas, orders and estimates are left out, so that sums are turnover. Amounts without currency_ are in euro whatever the currency of the document.';
COMMENT ON COLUMN pennylane.fact_customer_invoice.customer_invoice_id IS 'Key: the invoice; points to customer_invoices.id.';
COMMENT ON COLUMN pennylane.fact_customer_invoice.company_id IS 'Company; points to companies.company_id.';
COMMENT ON COLUMN pennylane.fact_customer_invoice.customer_id IS 'Customer; relates to dim_customer. NULL: none.';
COMMENT ON COLUMN pennylane.fact_customer_invoice.invoice_number IS 'Number of the invoice.';
COMMENT ON COLUMN pennylane.fact_customer_invoice.date IS 'Date of the invoice; relates to dim_date. NULL: none.';
COMMENT ON COLUMN pennylane.fact_customer_invoice.deadline IS 'Day on which it is due. NULL: none.';
COMMENT ON COLUMN pennylane.fact_customer_invoice.status IS 'Status that Pennylane gives, such as paid or late.';
COMMENT ON COLUMN pennylane.fact_customer_invoice.is_paid IS 'Whether it is paid.';
COMMENT ON COLUMN pennylane.fact_customer_invoice.is_credit_note IS 'Whether it is a credit note: its amount is negative.';
COMMENT ON COLUMN pennylane.fact_customer_invoice.credited_invoice_id IS 'The invoice that a credit note takes back; points to customer_invoices.id. NULL: none.';
COMMENT ON COLUMN pennylane.fact_customer_invoice.ledger_entry_id IS 'Entry in the ledger; points to ledger_entries.id.';
COMMENT ON COLUMN pennylane.fact_customer_invoice.amount IS 'Amount with tax, in euro; negative on a credit note.';
COMMENT ON COLUMN pennylane.fact_customer_invoice.tax IS 'VAT, in euro.';
COMMENT ON COLUMN pennylane.fact_customer_invoice.amount_before_tax IS 'amount - tax, in euro.';
COMMENT ON COLUMN pennylane.fact_customer_invoice.remaining_amount IS 'What is left to pay, with tax, as Pennylane gives it. NULL: not given.';
COMMENT ON COLUMN pennylane.fact_customer_invoice.currency IS 'Currency of the document, a three-letter code such as EUR.';
COMMENT ON COLUMN pennylane.fact_customer_invoice.currency_amount IS 'Amount with tax, in the currency of the document. Never sum it over several currencies.';
COMMENT ON COLUMN pennylane.fact_customer_invoice.currency_tax IS 'VAT, in the currency of the document.';
COMMENT ON COLUMN pennylane.fact_customer_invoice.currency_amount_before_tax IS 'Amount without tax, in the currency of the document.';
COMMENT ON COLUMN pennylane.fact_customer_invoice.exchange_rate IS 'Exchange rate as Pennylane gives it; 1 for euro.';
