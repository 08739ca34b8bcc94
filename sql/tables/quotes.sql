-- Quotes, on request.

CREATE TABLE IF NOT EXISTS pennylane.quotes (
    id                         bigint CONSTRAINT quotes_pkey PRIMARY KEY,
    company_id                 bigint NOT NULL,
    label                      text,
    quote_number               text,
    currency                   text,
    amount                     numeric,
    currency_amount            numeric,
    currency_amount_before_tax numeric,
    exchange_rate              numeric,
    date                       date,
    deadline                   date,
    currency_tax               numeric,
    tax                        numeric,
    language                   text,
    status                     text,
    discount_type              text,
    discount_value             numeric,
    filename                   text,
    special_mention            text,
    customer_id                bigint,
    pdf_invoice_free_text      text,
    pdf_invoice_subject        text,
    pdf_description            text,
    quote_template_id          bigint,
    external_reference         text,
    archived_at                timestamptz,
    created_at                 timestamptz,
    updated_at                 timestamptz,
    extra                      jsonb,
    _synced_at                 timestamptz NOT NULL
);

CREATE INDEX IF NOT EXISTS quotes_date_idx ON pennylane.quotes (date);
CREATE INDEX IF NOT EXISTS quotes_deadline_idx ON pennylane.quotes (deadline);
CREATE INDEX IF NOT EXISTS quotes_quote_number_idx ON pennylane.quotes (quote_number);
CREATE INDEX IF NOT EXISTS quotes_customer_id_idx ON pennylane.quotes (customer_id);
CREATE INDEX IF NOT EXISTS quotes_misfit_idx ON pennylane.quotes (company_id) WHERE extra ? '_misfit';

COMMENT ON TABLE pennylane.quotes IS 'Quotes, kept on request. The signed links to the PDF are not kept: they expire in minutes. [GET /quotes]';
COMMENT ON COLUMN pennylane.quotes.id IS 'Pennylane identifier. [id]';
COMMENT ON COLUMN pennylane.quotes.company_id IS 'Company of this row: the id that GET /me answers. [me: company.id]';
COMMENT ON COLUMN pennylane.quotes.label IS 'Label of the quote. NULL: none. [label]';
COMMENT ON COLUMN pennylane.quotes.quote_number IS 'Number of the quote. [quote_number]';
COMMENT ON COLUMN pennylane.quotes.currency IS 'Currency of the document, a three-letter code such as EUR. [currency]';
COMMENT ON COLUMN pennylane.quotes.amount IS 'Total including tax, in euro. [amount]';
COMMENT ON COLUMN pennylane.quotes.currency_amount IS 'Total including tax, in the document currency; equals amount when that is EUR. [currency_amount]';
COMMENT ON COLUMN pennylane.quotes.currency_amount_before_tax IS 'Total excluding tax, in the document currency. The API gives no euro twin. [currency_amount_before_tax]';
COMMENT ON COLUMN pennylane.quotes.exchange_rate IS 'Exchange rate from the document currency to euro; 1.0 for a document in euro. [exchange_rate]';
COMMENT ON COLUMN pennylane.quotes.date IS 'Issue date. NULL: not dated. [date]';
COMMENT ON COLUMN pennylane.quotes.deadline IS 'Date on which the quote expires. NULL: none. [deadline]';
COMMENT ON COLUMN pennylane.quotes.currency_tax IS 'Tax, in the document currency. [currency_tax]';
COMMENT ON COLUMN pennylane.quotes.tax IS 'Tax. Pennylane says that it is in the currency of the quote, where on invoices it is in euro: do not rely on it for a document not in euro. [tax]';
COMMENT ON COLUMN pennylane.quotes.language IS 'Language of the document. Known values: fr_FR, en_GB, de_DE, es_ES; the list grows. [language]';
COMMENT ON COLUMN pennylane.quotes.status IS 'State. Known values: pending, accepted, denied, invoiced, expired; the list grows. pending may turn expired when the deadline passes. [status]';
COMMENT ON COLUMN pennylane.quotes.discount_type IS 'What discount_value is: absolute (an amount) or relative (a percentage); the list grows. [discount.type]';
COMMENT ON COLUMN pennylane.quotes.discount_value IS 'Discount on the whole document: an amount or a percentage, as discount_type says. NULL: none given. [discount.value]';
COMMENT ON COLUMN pennylane.quotes.filename IS 'Name of the PDF file. NULL: none. [filename]';
COMMENT ON COLUMN pennylane.quotes.special_mention IS 'Special mention printed on the document. NULL: none. [special_mention]';
COMMENT ON COLUMN pennylane.quotes.customer_id IS 'Customer addressed; points to customers.id. NULL: none. [customer.id]';
COMMENT ON COLUMN pennylane.quotes.pdf_invoice_free_text IS 'Free text printed on the document. May be empty. [pdf_invoice_free_text]';
COMMENT ON COLUMN pennylane.quotes.pdf_invoice_subject IS 'Subject printed on the document. May be empty. [pdf_invoice_subject]';
COMMENT ON COLUMN pennylane.quotes.pdf_description IS 'Description printed on the document. NULL: none. [pdf_description]';
COMMENT ON COLUMN pennylane.quotes.quote_template_id IS 'Template of the document, an id of Pennylane (no table here). NULL: none. [quote_template.id]';
COMMENT ON COLUMN pennylane.quotes.external_reference IS 'Reference in another system, unique among quotes: given by whoever created the record, else made by Pennylane. [external_reference]';
COMMENT ON COLUMN pennylane.quotes.archived_at IS 'When it was archived. NULL: not archived. Archived rows may be listed like the others, so filter on this. [archived_at]';
COMMENT ON COLUMN pennylane.quotes.created_at IS 'When Pennylane created this record. [created_at]';
COMMENT ON COLUMN pennylane.quotes.updated_at IS 'When Pennylane last updated this record; not every change moves it. [updated_at]';
COMMENT ON COLUMN pennylane.quotes.extra IS 'What Pennylane sends and no column holds, by name; values that did not fit their column are under the key _misfit. NULL: nothing.';
COMMENT ON COLUMN pennylane.quotes._synced_at IS 'When this version of the row was written (database clock). A row that did not change keeps its time.';
