-- How long customers take to pay.
--
-- Pennylane gives no date of payment with an invoice. The ledger does: the line of the customer's account is lettered with
-- those that settle it, and the last of them is the day on which it was settled.

CREATE OR REPLACE VIEW pennylane.customer_invoice_delays AS
SELECT
    i.customer_invoice_id,
    i.company_id,
    i.customer_id,
    c.name AS customer_name,
    i.invoice_number,
    i.date,
    i.deadline,
    i.status,
    i.amount,
    i.remaining_amount,
    settled.date AS settled_on,
    settled.date - i.date AS delai_paiement,
    CASE
        WHEN settled.date IS NOT NULL AND i.deadline IS NOT NULL THEN greatest(settled.date - i.deadline, 0)
        WHEN NOT i.is_paid AND i.deadline IS NOT NULL THEN greatest(current_date - i.deadline, 0)
    END AS retard
FROM pennylane.fact_customer_invoice i
LEFT JOIN pennylane.customers c ON c.id = i.customer_id
LEFT JOIN (
    SELECT own.ledger_entry_id, max(other.date) AS date
    FROM pennylane.fact_customer_invoice invoice
    JOIN pennylane.ledger_entry_lines own
        ON own.ledger_entry_id = invoice.ledger_entry_id AND left(own.ledger_account_number, 3) = '411'
    CROSS JOIN LATERAL jsonb_path_query(own.lettered_ledger_entry_lines_ids, '$[*] ? (@.type() == "number")') AS lettered (id)
    JOIN pennylane.ledger_entry_lines other ON other.id = lettered.id::bigint AND other.credit > 0
    GROUP BY own.ledger_entry_id
) AS settled ON settled.ledger_entry_id = i.ledger_entry_id
WHERE NOT i.is_credit_note;

COMMENT ON VIEW pennylane.customer_invoice_delays IS 'How long customers take to pay each invoice. Drafts, archived invoices, credit notes, pro formas, orders and estimates are left out. The day of settlement is that of the last payment that the ledger has lettered with the invoice.';
COMMENT ON COLUMN pennylane.customer_invoice_delays.customer_invoice_id IS 'Key: the invoice; points to customer_invoices.id.';
COMMENT ON COLUMN pennylane.customer_invoice_delays.company_id IS 'Company; points to companies.company_id.';
COMMENT ON COLUMN pennylane.customer_invoice_delays.customer_id IS 'Customer; points to customers.id. NULL: none.';
COMMENT ON COLUMN pennylane.customer_invoice_delays.customer_name IS 'Name of the customer. May name a person.';
COMMENT ON COLUMN pennylane.customer_invoice_delays.invoice_number IS 'Number of the invoice.';
COMMENT ON COLUMN pennylane.customer_invoice_delays.date IS 'Date of the invoice.';
COMMENT ON COLUMN pennylane.customer_invoice_delays.deadline IS 'Day on which it is due.';
COMMENT ON COLUMN pennylane.customer_invoice_delays.status IS 'Status that Pennylane gives, such as paid or late.';
COMMENT ON COLUMN pennylane.customer_invoice_delays.amount IS 'Amount with tax, in euro.';
COMMENT ON COLUMN pennylane.customer_invoice_delays.remaining_amount IS 'What is left to pay, with tax, as Pennylane gives it. NULL: not given.';
COMMENT ON COLUMN pennylane.customer_invoice_delays.settled_on IS 'Day of the last payment that is lettered with the invoice. NULL: none is.';
COMMENT ON COLUMN pennylane.customer_invoice_delays.delai_paiement IS 'Days from the date of the invoice to settled_on. NULL: not settled in the ledger yet.';
COMMENT ON COLUMN pennylane.customer_invoice_delays.retard IS 'Days after the deadline: to settled_on, or to today while it is not paid; 0 when in time. NULL: paid on a day that the ledger does not tell, or without deadline.';
