-- Supplier invoices.

CREATE TABLE IF NOT EXISTS pennylane.supplier_invoices (
    id                                         bigint CONSTRAINT supplier_invoices_pkey PRIMARY KEY,
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
    reconciled                                 boolean,
    accounting_status                          text,
    filename                                   text,
    remaining_amount_with_tax                  numeric,
    remaining_amount_without_tax               numeric,
    ledger_entry_id                            bigint,
    supplier_id                                bigint,
    transaction_reference_banking_provider     text,
    transaction_reference_provider_field_name  text,
    transaction_reference_provider_field_value text,
    payment_status                             text,
    paid                                       boolean,
    external_reference                         text,
    import_source_source                       text,
    import_source_path                         text,
    e_invoicing_status                         text,
    e_invoicing_reason                         text,
    e_invoicing_flow_id                        uuid,
    e_invoicing_electronic_billing_address     text,
    archived_at                                timestamptz,
    created_at                                 timestamptz,
    updated_at                                 timestamptz,
    payment_method_ledger_account_id           bigint,
    extra                                      jsonb,
    _synced_at                                 timestamptz NOT NULL
);

CREATE INDEX IF NOT EXISTS supplier_invoices_date_idx ON pennylane.supplier_invoices (date);
CREATE INDEX IF NOT EXISTS supplier_invoices_deadline_idx ON pennylane.supplier_invoices (deadline);
CREATE INDEX IF NOT EXISTS supplier_invoices_invoice_number_idx ON pennylane.supplier_invoices (invoice_number);
CREATE INDEX IF NOT EXISTS supplier_invoices_supplier_id_idx ON pennylane.supplier_invoices (supplier_id);
CREATE INDEX IF NOT EXISTS supplier_invoices_ledger_entry_id_idx ON pennylane.supplier_invoices (ledger_entry_id);
CREATE INDEX IF NOT EXISTS supplier_invoices_payment_method_ledger_account_id_idx ON pennylane.supplier_invoices (payment_method_ledger_account_id) WHERE payment_method_ledger_account_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS supplier_invoices_created_at_idx ON pennylane.supplier_invoices (created_at);
CREATE INDEX IF NOT EXISTS supplier_invoices_misfit_idx ON pennylane.supplier_invoices (company_id) WHERE extra ? '_misfit';

COMMENT ON TABLE pennylane.supplier_invoices IS 'Supplier invoices: what the company owes or has paid. accounting_status says how far the books are, payment_status how far the payment is. The signed links to the files are not kept: they expire. [GET /supplier_invoices]';
COMMENT ON COLUMN pennylane.supplier_invoices.id IS 'Pennylane identifier. [id]';
COMMENT ON COLUMN pennylane.supplier_invoices.company_id IS 'Company of this row: the id that GET /me answers. [me: company.id]';
COMMENT ON COLUMN pennylane.supplier_invoices.label IS 'Label of the invoice. NULL: none. [label]';
COMMENT ON COLUMN pennylane.supplier_invoices.invoice_number IS 'Number that the supplier gave the invoice. May be empty. Two suppliers can use the same. [invoice_number]';
COMMENT ON COLUMN pennylane.supplier_invoices.currency IS 'Currency of the document, a three-letter code such as EUR. [currency]';
COMMENT ON COLUMN pennylane.supplier_invoices.amount IS 'Total including tax, in euro. [amount]';
COMMENT ON COLUMN pennylane.supplier_invoices.currency_amount IS 'Total including tax, in the document currency; equals amount when that is EUR. [currency_amount]';
COMMENT ON COLUMN pennylane.supplier_invoices.currency_amount_before_tax IS 'Total excluding tax, in the document currency. The API gives no euro twin: take amount - tax. [currency_amount_before_tax]';
COMMENT ON COLUMN pennylane.supplier_invoices.exchange_rate IS 'Exchange rate from the document currency to euro; 1.0 for a document in euro. [exchange_rate]';
COMMENT ON COLUMN pennylane.supplier_invoices.date IS 'Issue date. NULL: not dated yet, as on some drafts. [date]';
COMMENT ON COLUMN pennylane.supplier_invoices.deadline IS 'Date by which the invoice is to be paid. NULL: none. [deadline]';
COMMENT ON COLUMN pennylane.supplier_invoices.currency_tax IS 'Tax, in the document currency; equals tax when that is EUR. [currency_tax]';
COMMENT ON COLUMN pennylane.supplier_invoices.tax IS 'Tax, in euro. [tax]';
COMMENT ON COLUMN pennylane.supplier_invoices.reconciled IS 'Whether it is reconciled with bank transactions. Only supplier invoices have this. [reconciled]';
COMMENT ON COLUMN pennylane.supplier_invoices.accounting_status IS 'State in the books. Known values: draft (not sent to the accountant), entry (information missing), validation_needed (waiting for the accountant), complete (validated), archived; the list grows. [accounting_status]';
COMMENT ON COLUMN pennylane.supplier_invoices.filename IS 'Name of the file. NULL: none. [filename]';
COMMENT ON COLUMN pennylane.supplier_invoices.remaining_amount_with_tax IS 'Still to be paid, tax included. For a document not in euro Pennylane does not say in which currency. NULL: not given. [remaining_amount_with_tax]';
COMMENT ON COLUMN pennylane.supplier_invoices.remaining_amount_without_tax IS 'Still to be paid, tax excluded. For a document not in euro Pennylane does not say in which currency. NULL: not given. [remaining_amount_without_tax]';
COMMENT ON COLUMN pennylane.supplier_invoices.ledger_entry_id IS 'Accounting entry of the invoice; points to ledger_entries.id. NULL: none. [ledger_entry.id]';
COMMENT ON COLUMN pennylane.supplier_invoices.supplier_id IS 'Supplier; points to suppliers.id. NULL: not known yet. [supplier.id]';
COMMENT ON COLUMN pennylane.supplier_invoices.transaction_reference_banking_provider IS 'Hint for automatic reconciliation with a bank transaction: the banking provider. NULL: no hint. [transaction_reference.banking_provider]';
COMMENT ON COLUMN pennylane.supplier_invoices.transaction_reference_provider_field_name IS 'Hint for automatic reconciliation: the field of the transaction to look at. NULL: no hint. [transaction_reference.provider_field_name]';
COMMENT ON COLUMN pennylane.supplier_invoices.transaction_reference_provider_field_value IS 'Hint for automatic reconciliation: the value that this field must have. NULL: no hint. [transaction_reference.provider_field_value]';
COMMENT ON COLUMN pennylane.supplier_invoices.payment_status IS 'State of the payment. Known values: to_be_processed, to_be_paid, partially_paid, payment_scheduled, payment_in_progress, payment_emitted, payment_found, payment_error, paid_offline, fully_paid; the list grows. [payment_status]';
COMMENT ON COLUMN pennylane.supplier_invoices.paid IS 'Whether Pennylane holds it as paid. [paid]';
COMMENT ON COLUMN pennylane.supplier_invoices.external_reference IS 'Reference in another system, unique among supplier invoices: given by whoever created the record, else made by Pennylane. [external_reference]';
COMMENT ON COLUMN pennylane.supplier_invoices.import_source_source IS 'Connector that the file came through: dropbox or gdrive; the list grows. NULL: neither. [import_source.source]';
COMMENT ON COLUMN pennylane.supplier_invoices.import_source_path IS 'Path of the file in that connector. NULL: no connector. [import_source.path]';
COMMENT ON COLUMN pennylane.supplier_invoices.e_invoicing_status IS 'E-invoice: state of our answer. Known values: waiting_for_validation, approved, disputed, refused, rejected, partially_collected, collected; the list grows. Not the words of customer_invoices. NULL: not an e-invoice, or no answer. [e_invoicing.status]';
COMMENT ON COLUMN pennylane.supplier_invoices.e_invoicing_reason IS 'E-invoice: why it was disputed or refused, a code such as incorrect_vat_rate, incorrect_prices, incorrect_billed_quantity, delivery_issue, bank_details_error, recipient_error, duplicate_invoice, non_compliant_invoice; the list grows. NULL: none. [e_invoicing.reason]';
COMMENT ON COLUMN pennylane.supplier_invoices.e_invoicing_flow_id IS 'E-invoice: identifier of its flow, as the French standard (AFNOR) defines it. NULL: none. [e_invoicing.flow.id]';
COMMENT ON COLUMN pennylane.supplier_invoices.e_invoicing_electronic_billing_address IS 'E-invoice: address that received it, such as 0009:123456789. NULL: none. [e_invoicing.electronic_billing_address]';
COMMENT ON COLUMN pennylane.supplier_invoices.archived_at IS 'When it was archived. NULL: not archived. Archived rows may be listed like the others, so filter on this. [archived_at]';
COMMENT ON COLUMN pennylane.supplier_invoices.created_at IS 'When Pennylane created this record. [created_at]';
COMMENT ON COLUMN pennylane.supplier_invoices.updated_at IS 'When Pennylane last updated this record; not every change moves it. [updated_at]';
COMMENT ON COLUMN pennylane.supplier_invoices.payment_method_ledger_account_id IS 'Account to which the payable was moved to be reconciled by payment method; points to ledger_accounts.id. NULL: not moved. [payment_method_ledger_account.id]';
COMMENT ON COLUMN pennylane.supplier_invoices.extra IS 'What Pennylane sends and no column holds, by name; values that did not fit their column are under the key _misfit. NULL: nothing.';
COMMENT ON COLUMN pennylane.supplier_invoices._synced_at IS 'When this version of the row was written (database clock). A row that did not change keeps its time.';
