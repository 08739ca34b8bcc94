-- Movements on the bank accounts.

CREATE TABLE IF NOT EXISTS pennylane.transactions (
    id                                      bigint CONSTRAINT transactions_pkey PRIMARY KEY,
    company_id                              bigint NOT NULL,
    label                                   text,
    attachment_required                     boolean,
    date                                    date,
    outstanding_balance                     numeric,
    created_at                              timestamptz,
    updated_at                              timestamptz,
    archived_at                             timestamptz,
    currency                                text,
    currency_amount                         numeric,
    amount                                  numeric,
    currency_fee                            numeric,
    fee                                     numeric,
    journal_id                              bigint,
    bank_account_id                         bigint,
    pro_account_expense_employee_id         bigint,
    pro_account_expense_employee_first_name text,
    pro_account_expense_employee_last_name  text,
    pro_account_expense_card_masked_number  text,
    customer_id                             bigint,
    supplier_id                             bigint,
    categories                              jsonb,
    interbank_code                          text,
    extra                                   jsonb,
    _synced_at                              timestamptz NOT NULL
);

CREATE INDEX IF NOT EXISTS transactions_date_idx ON pennylane.transactions (date);
CREATE INDEX IF NOT EXISTS transactions_bank_account_id_idx ON pennylane.transactions (bank_account_id);
CREATE INDEX IF NOT EXISTS transactions_customer_id_idx ON pennylane.transactions (customer_id) WHERE customer_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS transactions_supplier_id_idx ON pennylane.transactions (supplier_id) WHERE supplier_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS transactions_created_at_idx ON pennylane.transactions (created_at);
CREATE INDEX IF NOT EXISTS transactions_misfit_idx ON pennylane.transactions (company_id) WHERE extra ? '_misfit';

COMMENT ON TABLE pennylane.transactions IS 'Movements on the bank accounts. They are not the payments recorded on invoices: one settlement can be both, so never add the two. Links between transactions and invoices are not part of this copy. [GET /transactions]';
COMMENT ON COLUMN pennylane.transactions.id IS 'Pennylane identifier. [id]';
COMMENT ON COLUMN pennylane.transactions.company_id IS 'Company of this row: the id that GET /me answers. [me: company.id]';
COMMENT ON COLUMN pennylane.transactions.label IS 'Label that the bank gave. NULL: none. May hold personal data. [label]';
COMMENT ON COLUMN pennylane.transactions.attachment_required IS 'Whether an invoice or a receipt must justify the transaction. [attachment_required]';
COMMENT ON COLUMN pennylane.transactions.date IS 'Date of the operation. [date]';
COMMENT ON COLUMN pennylane.transactions.outstanding_balance IS 'Balance of the bank account after the transaction, as Pennylane documents it; some read what is left to reconcile. Check before you rely on it. NULL: not given. [outstanding_balance]';
COMMENT ON COLUMN pennylane.transactions.created_at IS 'When Pennylane created this record. [created_at]';
COMMENT ON COLUMN pennylane.transactions.updated_at IS 'When Pennylane last updated this record; not every change moves it. [updated_at]';
COMMENT ON COLUMN pennylane.transactions.archived_at IS 'When it was archived. NULL: not archived. Archived rows may be listed like the others, so filter on this. [archived_at]';
COMMENT ON COLUMN pennylane.transactions.currency IS 'Currency of the transaction, a three-letter code such as EUR. NULL: not given. [currency]';
COMMENT ON COLUMN pennylane.transactions.currency_amount IS 'Signed amount, in the currency of the transaction. [currency_amount]';
COMMENT ON COLUMN pennylane.transactions.amount IS 'Signed amount, in euro; money out is expected to be negative (Pennylane does not write the convention down). [amount]';
COMMENT ON COLUMN pennylane.transactions.currency_fee IS 'Fee, in the currency of the transaction. NULL: none. [currency_fee]';
COMMENT ON COLUMN pennylane.transactions.fee IS 'Fee, in euro. NULL: none. [fee]';
COMMENT ON COLUMN pennylane.transactions.journal_id IS 'Journal that the transaction goes to; points to journals.id, a table on request (SELECT pennylane.enable_table(''journals'');). [journal.id]';
COMMENT ON COLUMN pennylane.transactions.bank_account_id IS 'Bank account; points to bank_accounts.id. [bank_account.id]';
COMMENT ON COLUMN pennylane.transactions.pro_account_expense_employee_id IS 'Card expense of the Pennylane Pro Account: identifier of the employee. NULL: no such expense or no employee. [pro_account_expense.employee.id]';
COMMENT ON COLUMN pennylane.transactions.pro_account_expense_employee_first_name IS 'Card expense: first name of the employee. NULL: as for the identifier. Personal data. [pro_account_expense.employee.first_name]';
COMMENT ON COLUMN pennylane.transactions.pro_account_expense_employee_last_name IS 'Card expense: last name of the employee. NULL: as for the identifier. Personal data. [pro_account_expense.employee.last_name]';
COMMENT ON COLUMN pennylane.transactions.pro_account_expense_card_masked_number IS 'Card expense: masked number of the card. NULL: not a card expense. [pro_account_expense.card_masked_number]';
COMMENT ON COLUMN pennylane.transactions.customer_id IS 'Customer that it was attributed to; points to customers.id. NULL: none. [customer.id]';
COMMENT ON COLUMN pennylane.transactions.supplier_id IS 'Supplier that it was attributed to; points to suppliers.id. NULL: none. [supplier.id]';
COMMENT ON COLUMN pennylane.transactions.categories IS 'Analytical categories of the transaction, a JSON array of objects: id, label, weight, category_group, analytical_code, created_at, updated_at. weight is the share as text, such as "0.25". Empty array: none. [categories]';
COMMENT ON COLUMN pennylane.transactions.interbank_code IS 'Operation code of the banks, such as B1D. NULL: not given. [interbank_code]';
COMMENT ON COLUMN pennylane.transactions.extra IS 'What Pennylane sends and no column holds, by name; values that did not fit their column are under the key _misfit. NULL: nothing.';
COMMENT ON COLUMN pennylane.transactions._synced_at IS 'When this version of the row was written (database clock). A row that did not change keeps its time.';
