-- Customer invoices, credit notes and drafts in one list.

CREATE TABLE IF NOT EXISTS pennylane.customer_invoices (
    id                                         bigint CONSTRAINT customer_invoices_pkey PRIMARY KEY,
    company_id                                 bigint NOT NULL,
    label                                      text,
    invoice_number                             text,
    currency                                   text,
    amount                                     numeric,
    currency_amount                            numeric,
    currency_amount_before_tax                 numeric,
    exchange_rate                              numeric,
    date                                       date,
    deadline                                   date,
    currency_tax                               numeric,
    tax                                        numeric,
    language                                   text,
    paid                                       boolean,
    status                                     text,
    discount_type                              text,
    discount_value                             numeric,
    ledger_entry_id                            bigint,
    filename                                   text,
    remaining_amount_with_tax                  numeric,
    remaining_amount_without_tax               numeric,
    draft                                      boolean,
    special_mention                            text,
    customer_id                                bigint,
    pdf_invoice_free_text                      text,
    pdf_invoice_subject                        text,
    pdf_description                            text,
    billing_subscription_id                    bigint,
    credited_invoice_id                        bigint,
    customer_invoice_template_id               bigint,
    transaction_reference_banking_provider     text,
    transaction_reference_provider_field_name  text,
    transaction_reference_provider_field_value text,
    quote_id                                   bigint,
    external_reference                         text,
    e_invoicing_status                         text,
    e_invoicing_reason                         text,
    e_invoicing_flow_id                        uuid,
    factur_x                                   boolean,
    schematron_validation_status               text,
    archived_at                                timestamptz,
    created_at                                 timestamptz,
    updated_at                                 timestamptz,
    payment_method_ledger_account_id           bigint,
    purchase_order_reference                   text,
    sales_order_reference                      text,
    extra                                      jsonb,
    _synced_at                                 timestamptz NOT NULL
);

CREATE INDEX IF NOT EXISTS customer_invoices_date_idx ON pennylane.customer_invoices (date);
CREATE INDEX IF NOT EXISTS customer_invoices_deadline_idx ON pennylane.customer_invoices (deadline);
CREATE INDEX IF NOT EXISTS customer_invoices_invoice_number_idx ON pennylane.customer_invoices (invoice_number);
CREATE INDEX IF NOT EXISTS customer_invoices_customer_id_idx ON pennylane.customer_invoices (customer_id);
CREATE INDEX IF NOT EXISTS customer_invoices_ledger_entry_id_idx ON pennylane.customer_invoices (ledger_entry_id);
CREATE INDEX IF NOT EXISTS customer_invoices_credited_invoice_id_idx ON pennylane.customer_invoices (credited_invoice_id) WHERE credited_invoice_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS customer_invoices_payment_method_ledger_account_id_idx ON pennylane.customer_invoices (payment_method_ledger_account_id) WHERE payment_method_ledger_account_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS customer_invoices_created_at_idx ON pennylane.customer_invoices (created_at);
CREATE INDEX IF NOT EXISTS customer_invoices_misfit_idx ON pennylane.customer_invoices (company_id) WHERE extra ? '_misfit';

COMMENT ON TABLE pennylane.customer_invoices IS 'Customer invoices, credit notes (negative amounts) and drafts in one list: leave out what is draft or archived before you sum. The signed links to the PDF are not kept: they expire in minutes. [GET /customer_invoices]';
COMMENT ON COLUMN pennylane.customer_invoices.id IS 'Pennylane identifier. [id]';
COMMENT ON COLUMN pennylane.customer_invoices.company_id IS 'Company of this row: the id that GET /me answers. [me: company.id]';
COMMENT ON COLUMN pennylane.customer_invoices.label IS 'Label of the invoice. NULL: none. [label]';
COMMENT ON COLUMN pennylane.customer_invoices.invoice_number IS 'Number of the invoice. May be empty on a draft. [invoice_number]';
COMMENT ON COLUMN pennylane.customer_invoices.currency IS 'Currency of the document, a three-letter code such as EUR. [currency]';
COMMENT ON COLUMN pennylane.customer_invoices.amount IS 'Total including tax, in euro. Negative on a credit note: a plain sum is net of them. [amount]';
COMMENT ON COLUMN pennylane.customer_invoices.currency_amount IS 'Total including tax, in the document currency; equals amount when that is EUR. [currency_amount]';
COMMENT ON COLUMN pennylane.customer_invoices.currency_amount_before_tax IS 'Total excluding tax, in the document currency. The API gives no euro twin: take amount - tax. [currency_amount_before_tax]';
COMMENT ON COLUMN pennylane.customer_invoices.exchange_rate IS 'Exchange rate from the document currency to euro; 1.0 for a document in euro. [exchange_rate]';
COMMENT ON COLUMN pennylane.customer_invoices.date IS 'Issue date. NULL: not dated yet, as on some drafts. [date]';
COMMENT ON COLUMN pennylane.customer_invoices.deadline IS 'Date by which the customer must pay. NULL: none, as on some drafts. [deadline]';
COMMENT ON COLUMN pennylane.customer_invoices.currency_tax IS 'Tax, in the document currency; equals tax when that is EUR. [currency_tax]';
COMMENT ON COLUMN pennylane.customer_invoices.tax IS 'Tax, in euro. [tax]';
COMMENT ON COLUMN pennylane.customer_invoices.language IS 'Language of the document. Known values: fr_FR, en_GB, de_DE, es_ES; the list grows. [language]';
COMMENT ON COLUMN pennylane.customer_invoices.paid IS 'Whether Pennylane holds it as paid. [paid]';
COMMENT ON COLUMN pennylane.customer_invoices.status IS 'State, derived by Pennylane: draft, incomplete, upcoming, late, partially_paid, paid, credit_note, cancelled, partially_cancelled, archived; rarely proforma, shipping_order, purchasing_order, estimate_pending, estimate_accepted, estimate_invoiced, estimate_denied; the list grows. upcoming turns late when the deadline passes. [status]';
COMMENT ON COLUMN pennylane.customer_invoices.discount_type IS 'What discount_value is: absolute (an amount) or relative (a percentage); the list grows. [discount.type]';
COMMENT ON COLUMN pennylane.customer_invoices.discount_value IS 'Discount on the whole document: an amount or a percentage, as discount_type says. NULL: none given. [discount.value]';
COMMENT ON COLUMN pennylane.customer_invoices.ledger_entry_id IS 'Accounting entry of the invoice; points to ledger_entries.id. NULL: none. [ledger_entry.id]';
COMMENT ON COLUMN pennylane.customer_invoices.filename IS 'Name of the PDF file. NULL: not made yet. [filename]';
COMMENT ON COLUMN pennylane.customer_invoices.remaining_amount_with_tax IS 'Still to be paid, tax included. For a document not in euro Pennylane does not say in which currency. NULL: not given. [remaining_amount_with_tax]';
COMMENT ON COLUMN pennylane.customer_invoices.remaining_amount_without_tax IS 'Still to be paid, tax excluded. For a document not in euro Pennylane does not say in which currency. NULL: not given. [remaining_amount_without_tax]';
COMMENT ON COLUMN pennylane.customer_invoices.draft IS 'Whether it is still a draft. Drafts can be deleted, final invoices cannot. [draft]';
COMMENT ON COLUMN pennylane.customer_invoices.special_mention IS 'Special mention printed on the document. NULL: none. [special_mention]';
COMMENT ON COLUMN pennylane.customer_invoices.customer_id IS 'Customer invoiced; points to customers.id. NULL: none. [customer.id]';
COMMENT ON COLUMN pennylane.customer_invoices.pdf_invoice_free_text IS 'Free text printed on the document. May be empty. [pdf_invoice_free_text]';
COMMENT ON COLUMN pennylane.customer_invoices.pdf_invoice_subject IS 'Subject printed on the document. May be empty. [pdf_invoice_subject]';
COMMENT ON COLUMN pennylane.customer_invoices.pdf_description IS 'Description printed on the document. NULL: none. [pdf_description]';
COMMENT ON COLUMN pennylane.customer_invoices.billing_subscription_id IS 'Subscription that made the invoice, an id of GET /billing_subscriptions (no table here). NULL: none. [billing_subscription.id]';
COMMENT ON COLUMN pennylane.customer_invoices.credited_invoice_id IS 'On a credit note linked to an invoice: the invoice that it credits; points to customer_invoices.id. NULL: no link. [credited_invoice.id]';
COMMENT ON COLUMN pennylane.customer_invoices.customer_invoice_template_id IS 'Template of the document, an id of GET /customer_invoice_templates (no table here). NULL: none. [customer_invoice_template.id]';
COMMENT ON COLUMN pennylane.customer_invoices.transaction_reference_banking_provider IS 'Hint for automatic reconciliation with a bank transaction: the banking provider. NULL: no hint. [transaction_reference.banking_provider]';
COMMENT ON COLUMN pennylane.customer_invoices.transaction_reference_provider_field_name IS 'Hint for automatic reconciliation: the field of the transaction to look at. NULL: no hint. [transaction_reference.provider_field_name]';
COMMENT ON COLUMN pennylane.customer_invoices.transaction_reference_provider_field_value IS 'Hint for automatic reconciliation: the value that this field must have. NULL: no hint. [transaction_reference.provider_field_value]';
COMMENT ON COLUMN pennylane.customer_invoices.quote_id IS 'Quote that the invoice was made from; points to quotes.id, a table on request (SELECT pennylane.enable_table(''quotes'');). NULL: none. [quote.id]';
COMMENT ON COLUMN pennylane.customer_invoices.external_reference IS 'Reference in another system, unique among customer invoices: given by whoever created the record, else made by Pennylane. [external_reference]';
COMMENT ON COLUMN pennylane.customer_invoices.e_invoicing_status IS 'E-invoice: state at the recipient. Known values: submitted, sent, approved, accepted, in_dispute, refused, rejected, partially_collected, collected; the list grows. Not the words of supplier_invoices. NULL: did not travel as an e-invoice. [e_invoicing.status]';
COMMENT ON COLUMN pennylane.customer_invoices.e_invoicing_reason IS 'E-invoice: reason given with the state, free text. NULL: none. [e_invoicing.reason]';
COMMENT ON COLUMN pennylane.customer_invoices.e_invoicing_flow_id IS 'E-invoice: identifier of its flow, as the French standard (AFNOR) defines it. NULL: none. [e_invoicing.flow.id]';
COMMENT ON COLUMN pennylane.customer_invoices.factur_x IS 'Whether the file is a Factur-X PDF (an e-invoice that people can read). [factur_x]';
COMMENT ON COLUMN pennylane.customer_invoices.schematron_validation_status IS 'Check of the structure of a Factur-X file. Known values: pending, valid, invalid; the list grows. NULL: no such file. [schematron_validation_status]';
COMMENT ON COLUMN pennylane.customer_invoices.archived_at IS 'When it was archived. NULL: not archived. Archived rows may be listed like the others, so filter on this. [archived_at]';
COMMENT ON COLUMN pennylane.customer_invoices.created_at IS 'When Pennylane created this record. [created_at]';
COMMENT ON COLUMN pennylane.customer_invoices.updated_at IS 'When Pennylane last updated this record; not every change moves it. [updated_at]';
COMMENT ON COLUMN pennylane.customer_invoices.payment_method_ledger_account_id IS 'Account to which the receivable was moved to be reconciled by payment method; points to ledger_accounts.id. NULL: not moved. [payment_method_ledger_account.id]';
COMMENT ON COLUMN pennylane.customer_invoices.purchase_order_reference IS 'Buyer''s order number (BT-13 of an e-invoice). NULL: none. [purchase_order_reference]';
COMMENT ON COLUMN pennylane.customer_invoices.sales_order_reference IS 'Seller''s order number (BT-14 of an e-invoice). NULL: none. [sales_order_reference]';
COMMENT ON COLUMN pennylane.customer_invoices.extra IS 'What Pennylane sends and no column holds, by name; values that did not fit their column are under the key _misfit. NULL: nothing.';
COMMENT ON COLUMN pennylane.customer_invoices._synced_at IS 'When this version of the row was written (database clock). A row that did not change keeps its time.';
