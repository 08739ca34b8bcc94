-- The register of the exports, the last proof of the ledger, and what reads pennylane.fec.

SET LOCAL search_path TO pg_catalog, pg_temp;

CREATE TABLE pennylane.exports (
    export_id    bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    company_id   bigint      NOT NULL,
    kind         text        NOT NULL,
    period_start date        NOT NULL,
    period_end   date        NOT NULL,
    taken_at     timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    rows         bigint      NOT NULL,
    debit        numeric,
    credit       numeric,
    sha256       text        NOT NULL,
    fiscal_year  boolean     NOT NULL,
    ledger_state text
);
CREATE INDEX exports_company_id_idx ON pennylane.exports (company_id, kind, period_start, period_end, taken_at);

CREATE TABLE pennylane.proofs (
    company_id        bigint      NOT NULL,
    proved_at         timestamptz NOT NULL,
    period_start      date        NOT NULL,
    period_end        date        NOT NULL,
    account_number    text        NOT NULL,
    our_debit         numeric     NOT NULL,
    our_credit        numeric     NOT NULL,
    their_debit       numeric     NOT NULL,
    their_credit      numeric     NOT NULL,
    debit_difference  numeric     NOT NULL,
    credit_difference numeric     NOT NULL,
    differs           boolean     GENERATED ALWAYS AS (debit_difference <> 0 OR credit_difference <> 0) STORED,
    PRIMARY KEY (company_id, period_start, period_end, account_number)
);

SELECT pg_catalog.pg_extension_config_dump('pennylane.exports', '');
SELECT pg_catalog.pg_extension_config_dump('pennylane.exports_export_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('pennylane.proofs', '');

-- The columns that pennylane.fec needs and lacks: its owner may drop some. Every one of them when there is no table.
CREATE FUNCTION pennylane._fec_missing_columns(OUT column_name text, OUT legal_name text, OUT column_type text)
    RETURNS SETOF record
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
    SELECT wanted.column_name, wanted.legal_name, wanted.column_type
    FROM (VALUES
        (-3, 'company_id',     NULL,            'bigint'),
        (-2, 'period_start',   NULL,            'date'),
        (-1, 'period_end',     NULL,            'date'),
        (0,  'line_no',        NULL,            'bigint'),
        (1,  'journal_code',   'JournalCode',   'text'),
        (2,  'journal_lib',    'JournalLib',    'text'),
        (3,  'ecriture_num',   'EcritureNum',   'text'),
        (4,  'ecriture_date',  'EcritureDate',  'date'),
        (5,  'compte_num',     'CompteNum',     'text'),
        (6,  'compte_lib',     'CompteLib',     'text'),
        (7,  'comp_aux_num',   'CompAuxNum',    'text'),
        (8,  'comp_aux_lib',   'CompAuxLib',    'text'),
        (9,  'piece_ref',      'PieceRef',      'text'),
        (10, 'piece_date',     'PieceDate',     'date'),
        (11, 'ecriture_lib',   'EcritureLib',   'text'),
        (12, 'debit',          'Debit',         'numeric'),
        (13, 'credit',         'Credit',        'numeric'),
        (14, 'ecriture_let',   'EcritureLet',   'text'),
        (15, 'date_let',       'DateLet',       'date'),
        (16, 'valid_date',     'ValidDate',     'date'),
        (17, 'montant_devise', 'Montantdevise', 'numeric'),
        (18, 'idevise',        'Idevise',       'text')
    ) AS wanted (place, column_name, legal_name, column_type)
    WHERE NOT EXISTS (
        SELECT FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = pg_catalog.to_regclass('pennylane.fec')
          AND a.attname = wanted.column_name AND NOT a.attisdropped
    )
    ORDER BY wanted.place
$$;

-- The periods whose FEC is held: those that have lines, and those whose last export had none.
CREATE FUNCTION pennylane._fec_periods(OUT company_id bigint, OUT period_start date, OUT period_end date)
    RETURNS SETOF record
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    IF pg_catalog.to_regclass('pennylane.fec') IS NULL THEN
        RETURN;
    END IF;
    -- From one key to the next: a period is found without reading its lines.
    RETURN QUERY
    WITH RECURSIVE filled AS (
        (
            SELECT f.company_id, f.period_start, f.period_end
            FROM pennylane.fec f
            ORDER BY f.company_id, f.period_start, f.period_end
            LIMIT 1
        )
        UNION ALL
        SELECT next_key.company_id, next_key.period_start, next_key.period_end
        FROM filled
        CROSS JOIN LATERAL (
            SELECT f.company_id, f.period_start, f.period_end
            FROM pennylane.fec f
            WHERE (f.company_id, f.period_start, f.period_end)
                > (filled.company_id, filled.period_start, filled.period_end)
            ORDER BY f.company_id, f.period_start, f.period_end
            LIMIT 1
        ) AS next_key
    ), taken AS (
        SELECT DISTINCT ON (e.company_id, e.period_start, e.period_end)
            e.company_id, e.period_start, e.period_end, e.rows
        FROM pennylane.exports e
        WHERE e.kind = 'fec'
        ORDER BY e.company_id, e.period_start, e.period_end, e.taken_at DESC, e.export_id DESC
    )
    SELECT filled.company_id, filled.period_start, filled.period_end
    FROM filled
    UNION ALL
    SELECT taken.company_id, taken.period_start, taken.period_end
    FROM taken
    WHERE taken.rows = 0
      AND NOT EXISTS (
          SELECT FROM filled
          WHERE filled.company_id = taken.company_id
            AND filled.period_start <= taken.period_end AND filled.period_end >= taken.period_start
      );
END
$$;

-- Raises the error that says which periods are held.
CREATE FUNCTION pennylane._fec_not_held(period_start date, period_end date, company bigint) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    asked CONSTANT text[] := ARRAY[
        pg_catalog.to_char($1, 'YYYY-MM-DD'), pg_catalog.to_char($2, 'YYYY-MM-DD'), $3::text];
    held text[] := ARRAY(
        SELECT DISTINCT
            pg_catalog.to_char(p.period_start, 'YYYY-MM-DD') || ' to ' || pg_catalog.to_char(p.period_end, 'YYYY-MM-DD')
        FROM pennylane._fec_periods() p
        WHERE p.company_id = $3 OR $3 IS NULL
        ORDER BY 1
    );
BEGIN
    RAISE EXCEPTION 'the FEC of % is not held; %',
        pg_catalog.concat_ws(' of ', asked[1] || ' to ' || asked[2], 'company ' || asked[3]),
        CASE
            WHEN pg_catalog.cardinality(held) = 0 THEN 'none is'
            WHEN pg_catalog.cardinality(held) <= 12 THEN 'held: ' || pg_catalog.array_to_string(held, ', ')
            ELSE pg_catalog.cardinality(held) || ' other periods are'
        END
        USING ERRCODE = 'invalid_parameter_value',
              HINT = pg_catalog.format('Run SELECT * FROM pennylane.export_fec(%s);',
                  pg_catalog.concat_ws(', ',
                      pg_catalog.quote_literal(asked[1]), pg_catalog.quote_literal(asked[2]),
                      'company => ' || asked[3]));
END
$$;

CREATE FUNCTION pennylane.fec_file(period_start date, period_end date, company bigint DEFAULT NULL)
    RETURNS SETOF text
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    companies bigint[];
    missing   record;
BEGIN
    IF (fec_file.period_start <= fec_file.period_end) IS NOT TRUE THEN
        RAISE EXCEPTION 'period_start and period_end must be two dates, in this order'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;

    IF pg_catalog.to_regclass('pennylane.fec') IS NOT NULL THEN
        SELECT
            pg_catalog.string_agg(m.column_name, ', ') AS names,
            pg_catalog.string_agg(pg_catalog.format('ADD COLUMN %I %s', m.column_name, m.column_type), ', ')
                AS additions
        INTO missing
        FROM pennylane._fec_missing_columns() m;
        IF missing.names IS NOT NULL THEN
            RAISE EXCEPTION 'pennylane.fec lacks a column that the legal file needs: %', missing.names
                USING ERRCODE = 'object_not_in_prerequisite_state',
                      HINT = pg_catalog.format(
                          'Run ALTER TABLE pennylane.fec %s; then export the period again.', missing.additions);
        END IF;
    END IF;

    companies := ARRAY(
        SELECT p.company_id
        FROM pennylane._fec_periods() p
        WHERE p.period_start = fec_file.period_start AND p.period_end = fec_file.period_end
          AND (p.company_id = fec_file.company OR fec_file.company IS NULL)
        ORDER BY p.company_id
    );
    IF pg_catalog.cardinality(companies) = 0 THEN
        PERFORM pennylane._fec_not_held(fec_file.period_start, fec_file.period_end, fec_file.company);
    ELSIF pg_catalog.cardinality(companies) > 1 THEN
        RAISE EXCEPTION 'several companies hold the FEC of this period: name one of %',
            pg_catalog.array_to_string(companies, ', ')
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = pg_catalog.format('Run SELECT * FROM pennylane.fec_file(%L, %L, %s);',
                      pg_catalog.to_char(fec_file.period_start, 'YYYY-MM-DD'),
                      pg_catalog.to_char(fec_file.period_end, 'YYYY-MM-DD'), companies[1]);
    END IF;

    RETURN QUERY SELECT pg_catalog.concat_ws(E'\t',
        'JournalCode', 'JournalLib', 'EcritureNum', 'EcritureDate', 'CompteNum', 'CompteLib',
        'CompAuxNum', 'CompAuxLib', 'PieceRef', 'PieceDate', 'EcritureLib', 'Debit', 'Credit',
        'EcritureLet', 'DateLet', 'ValidDate', 'Montantdevise', 'Idevise');
    -- concat() takes NULL for empty.
    RETURN QUERY
    SELECT pg_catalog.concat(
        pg_catalog.translate(f.journal_code, E'\t\r\n', '   '), E'\t',
        pg_catalog.translate(f.journal_lib, E'\t\r\n', '   '), E'\t',
        pg_catalog.translate(f.ecriture_num, E'\t\r\n', '   '), E'\t',
        pg_catalog.to_char(f.ecriture_date, 'YYYYMMDD'), E'\t',
        pg_catalog.translate(f.compte_num, E'\t\r\n', '   '), E'\t',
        pg_catalog.translate(f.compte_lib, E'\t\r\n', '   '), E'\t',
        pg_catalog.translate(f.comp_aux_num, E'\t\r\n', '   '), E'\t',
        pg_catalog.translate(f.comp_aux_lib, E'\t\r\n', '   '), E'\t',
        pg_catalog.translate(f.piece_ref, E'\t\r\n', '   '), E'\t',
        pg_catalog.to_char(f.piece_date, 'YYYYMMDD'), E'\t',
        pg_catalog.translate(f.ecriture_lib, E'\t\r\n', '   '), E'\t',
        pg_catalog.translate(
            pg_catalog.round(f.debit, GREATEST(2, pg_catalog.min_scale(f.debit)))::text, '.', ','), E'\t',
        pg_catalog.translate(
            pg_catalog.round(f.credit, GREATEST(2, pg_catalog.min_scale(f.credit)))::text, '.', ','), E'\t',
        pg_catalog.translate(f.ecriture_let, E'\t\r\n', '   '), E'\t',
        pg_catalog.to_char(f.date_let, 'YYYYMMDD'), E'\t',
        pg_catalog.to_char(f.valid_date, 'YYYYMMDD'), E'\t',
        pg_catalog.translate(
            pg_catalog.round(f.montant_devise, GREATEST(2, pg_catalog.min_scale(f.montant_devise)))::text, '.', ','),
        E'\t',
        pg_catalog.translate(f.idevise, E'\t\r\n', '   '))
    FROM pennylane.fec f
    WHERE f.company_id = companies[1]
      AND f.period_start = fec_file.period_start
      AND f.period_end = fec_file.period_end
    ORDER BY f.line_no;
END
$$;

-- A row of fec_anomalies(). A type of its own: OUT columns cannot bear the names of arguments.
CREATE TYPE pennylane._fec_anomaly AS (
    company_id   bigint,
    period_start date,
    line_no      bigint,
    rule         text,
    severity     text,
    detail       text
);

-- Nested loops are off because a period that was just loaded has no statistics: the planner takes it for one line, and
-- what is a hash join over every account would become a loop. Turned off, they seem so dear that even a small query
-- would be compiled: hence jit.
CREATE FUNCTION pennylane.fec_anomalies(
    period_start date DEFAULT NULL, period_end date DEFAULT NULL, company bigint DEFAULT NULL
)
    RETURNS SETOF pennylane._fec_anomaly
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
    SET enable_nestloop = off
    SET jit = off
AS $$
#variable_conflict use_column
DECLARE
    held          record;
    known_company bigint;
    known         text[];
    fec_debit     numeric;
    fec_credit    numeric;
    has_accounts  CONSTANT boolean := (
        SELECT pg_catalog.count(*) = 2 FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = pg_catalog.to_regclass('pennylane.ledger_accounts')
          AND a.attname IN ('company_id', 'number') AND NOT a.attisdropped);
    has_ledger    CONSTANT boolean := (
        SELECT pg_catalog.count(*) = 4 FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = pg_catalog.to_regclass('pennylane.ledger_entry_lines')
          AND a.attname IN ('company_id', 'date', 'debit', 'credit') AND NOT a.attisdropped);
    ledger_debit  numeric;
    ledger_credit numeric;
BEGIN
    IF (fec_anomalies.period_start IS NULL) <> (fec_anomalies.period_end IS NULL)
        OR fec_anomalies.period_start > fec_anomalies.period_end
    THEN
        RAISE EXCEPTION 'period_start and period_end must be two dates, in this order, or both NULL'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF pg_catalog.to_regclass('pennylane.fec') IS NULL THEN
        RETURN;
    END IF;

    RETURN QUERY
    SELECT
        fec_anomalies.company, fec_anomalies.period_start, NULL::bigint, 'missing_column'::text, 'error'::text,
        pg_catalog.format('pennylane.fec lacks the column %s', m.column_name)
            || COALESCE(' (' || m.legal_name || ').', '.')
    FROM pennylane._fec_missing_columns() m;
    IF FOUND THEN
        RETURN;
    END IF;

    FOR held IN
        SELECT p.company_id, p.period_start, p.period_end
        FROM pennylane._fec_periods() p
        WHERE (p.company_id = fec_anomalies.company OR fec_anomalies.company IS NULL)
          AND (fec_anomalies.period_start IS NULL
               OR (p.period_start = fec_anomalies.period_start AND p.period_end = fec_anomalies.period_end))
        ORDER BY p.company_id, p.period_start, p.period_end
    LOOP
        IF has_accounts AND held.company_id IS DISTINCT FROM known_company THEN
            known_company := held.company_id;
            SELECT pg_catalog.array_agg(DISTINCT pg_catalog.rtrim(a.number, '0')) INTO known
            FROM pennylane.ledger_accounts a
            WHERE a.company_id = held.company_id AND a.number IS NOT NULL;
        END IF;

        RETURN QUERY
        WITH lines AS NOT MATERIALIZED (
            SELECT f.*
            FROM pennylane.fec f
            WHERE f.company_id = held.company_id
              AND f.period_start = held.period_start
              AND f.period_end = held.period_end
        ), stated AS NOT MATERIALIZED (
            -- What each line says; blanks say nothing.
            SELECT
                l.line_no,
                NULLIF(pg_catalog.btrim(l.journal_code), '') AS journal_code,
                NULLIF(pg_catalog.btrim(l.journal_lib), '') AS journal_lib,
                NULLIF(pg_catalog.btrim(l.ecriture_num), '') AS ecriture_num,
                l.ecriture_date,
                NULLIF(pg_catalog.btrim(l.compte_num), '') AS compte_num,
                NULLIF(pg_catalog.btrim(l.compte_lib), '') AS compte_lib,
                NULLIF(pg_catalog.btrim(l.comp_aux_num), '') AS comp_aux_num,
                NULLIF(pg_catalog.btrim(l.comp_aux_lib), '') AS comp_aux_lib,
                NULLIF(pg_catalog.btrim(l.piece_ref), '') AS piece_ref,
                l.piece_date,
                NULLIF(pg_catalog.btrim(l.ecriture_lib), '') AS ecriture_lib,
                l.debit,
                l.credit,
                NULLIF(pg_catalog.btrim(l.ecriture_let), '') AS ecriture_let,
                l.date_let,
                l.valid_date,
                l.montant_devise,
                NULLIF(pg_catalog.btrim(l.idevise), '') AS idevise
            FROM lines l
        ), judged AS NOT MATERIALIZED (
            SELECT
                s.*,
                pg_catalog.num_nulls(
                    s.journal_code, s.journal_lib, s.ecriture_num, s.ecriture_date, s.compte_num, s.compte_lib,
                    s.piece_ref, s.piece_date, s.ecriture_lib, s.debit, s.credit, s.valid_date) > 0 AS value_missing,
                s.ecriture_date < held.period_start OR s.ecriture_date > held.period_end AS date_outside,
                s.debit <> 0 AND s.credit <> 0 AS both_set,
                s.debit = 0 AND s.credit = 0 AS no_amount,
                (s.comp_aux_num IS NULL) <> (s.comp_aux_lib IS NULL) AS auxiliary_incomplete,
                (s.ecriture_let IS NULL) <> (s.date_let IS NULL) AS lettering_incomplete,
                (s.montant_devise IS NULL) <> (s.idevise IS NULL) AS currency_incomplete
            FROM stated s
        ), entries AS MATERIALIZED (
            SELECT
                l.journal_code COLLATE "C" AS journal_code,
                l.ecriture_num COLLATE "C" AS ecriture_num,
                pg_catalog.min(l.line_no) AS line_no,
                COALESCE(pg_catalog.sum(l.debit), 0) AS debit,
                COALESCE(pg_catalog.sum(l.credit), 0) AS credit,
                pg_catalog.min(l.ecriture_date) AS first_date,
                pg_catalog.max(l.ecriture_date) AS last_date
            FROM lines l
            WHERE pg_catalog.btrim(l.ecriture_num) <> ''
            GROUP BY 1, 2
        ), numbered AS MATERIALIZED (
            SELECT
                e.journal_code, e.ecriture_num, e.line_no, parts.prefix,
                pg_catalog.substr(e.ecriture_num, pg_catalog.length(parts.prefix) + 1)::numeric AS number
            FROM entries e
            CROSS JOIN LATERAL (SELECT pg_catalog.rtrim(e.ecriture_num, '0123456789') AS prefix) AS parts
            WHERE parts.prefix <> e.ecriture_num
        ), neighbours AS (
            SELECT
                n.line_no, n.ecriture_num, n.number,
                pg_catalog.lag(n.ecriture_num) OVER ascending AS number_before,
                n.number - pg_catalog.lag(n.number) OVER ascending - 1 AS skipped
            FROM numbered n
            WINDOW ascending AS (
                PARTITION BY
                    -- Each journal has a sequence of its own when a number occurs in two.
                    CASE WHEN (
                        SELECT EXISTS (
                            SELECT FROM numbered
                            GROUP BY numbered.prefix, numbered.number
                            HAVING pg_catalog.min(numbered.journal_code) <> pg_catalog.max(numbered.journal_code)
                        )
                    ) THEN n.journal_code END,
                    n.prefix
                ORDER BY n.number, n.line_no
            )
        ), accounts AS MATERIALIZED (
            SELECT
                l.compte_num COLLATE "C" AS compte_num,
                l.comp_aux_num COLLATE "C" AS comp_aux_num,
                pg_catalog.min(l.line_no) AS line_no
            FROM lines l
            WHERE pg_catalog.btrim(l.compte_num) <> ''
            GROUP BY 1, 2
        ), faults (line_no, rule, severity, detail) AS (
            SELECT j.line_no, line_fault.rule, line_fault.severity, line_fault.detail
            FROM judged j
            CROSS JOIN LATERAL (VALUES
                ('missing_value', 'error', 'JournalCode is empty.', j.journal_code IS NULL),
                ('missing_value', 'error', 'JournalLib is empty.', j.journal_lib IS NULL),
                ('missing_value', 'error', 'EcritureNum is empty.', j.ecriture_num IS NULL),
                ('missing_value', 'error', 'EcritureDate is empty.', j.ecriture_date IS NULL),
                ('missing_value', 'error', 'CompteNum is empty.', j.compte_num IS NULL),
                ('missing_value', 'error', 'CompteLib is empty.', j.compte_lib IS NULL),
                ('missing_value', 'error', 'PieceRef is empty.', j.piece_ref IS NULL),
                ('missing_value', 'error', 'PieceDate is empty.', j.piece_date IS NULL),
                ('missing_value', 'error', 'EcritureLib is empty.', j.ecriture_lib IS NULL),
                ('missing_value', 'error', 'Debit is empty.', j.debit IS NULL),
                ('missing_value', 'error', 'Credit is empty.', j.credit IS NULL),
                ('missing_value', 'error', 'ValidDate is empty.', j.valid_date IS NULL),
                ('date_outside_period', 'error',
                    pg_catalog.format('EcritureDate is %s.', pg_catalog.to_char(j.ecriture_date, 'YYYY-MM-DD')),
                    j.date_outside),
                ('debit_and_credit_both_set', 'error',
                    pg_catalog.format('Debit is %s and Credit is %s.', j.debit, j.credit), j.both_set),
                ('no_amount', 'warning', 'Debit and Credit are both 0.', j.no_amount),
                ('auxiliary_incomplete', 'warning',
                    CASE WHEN j.comp_aux_lib IS NULL
                         THEN pg_catalog.format('CompAuxNum %s has no CompAuxLib.', j.comp_aux_num)
                         ELSE 'CompAuxLib is there without CompAuxNum.' END,
                    j.auxiliary_incomplete),
                ('lettering_incomplete', 'warning',
                    CASE WHEN j.date_let IS NULL
                         THEN pg_catalog.format('EcritureLet %s has no DateLet.', j.ecriture_let)
                         ELSE 'DateLet is there without EcritureLet.' END,
                    j.lettering_incomplete),
                ('currency_incomplete', 'warning',
                    CASE WHEN j.idevise IS NULL
                         THEN pg_catalog.format('Montantdevise %s has no Idevise.', j.montant_devise)
                         ELSE pg_catalog.format('Idevise %s has no Montantdevise.', j.idevise) END,
                    j.currency_incomplete)
            ) AS line_fault (rule, severity, detail, found)
            WHERE (j.value_missing OR j.date_outside OR j.both_set OR j.no_amount
                   OR j.auxiliary_incomplete OR j.lettering_incomplete OR j.currency_incomplete)
              AND line_fault.found
            UNION ALL
            SELECT e.line_no, 'entry_unbalanced', 'error',
                pg_catalog.format('Entry %s of journal %s: debit %s, credit %s.',
                    e.ecriture_num, e.journal_code, e.debit, e.credit)
            FROM entries e
            WHERE e.debit <> e.credit AND pg_catalog.btrim(e.journal_code) <> ''
            UNION ALL
            SELECT e.line_no, 'numbering_two_dates', 'error',
                pg_catalog.format('Entry %s of journal %s is dated %s and %s.', e.ecriture_num, e.journal_code,
                    pg_catalog.to_char(e.first_date, 'YYYY-MM-DD'), pg_catalog.to_char(e.last_date, 'YYYY-MM-DD'))
            FROM entries e
            WHERE e.first_date <> e.last_date AND pg_catalog.btrim(e.journal_code) <> ''
            UNION ALL
            SELECT n.line_no, 'numbering_gap', 'warning',
                pg_catalog.format('Between %s and %s, numbers skipped: %s.', n.number_before, n.ecriture_num, n.skipped)
            FROM neighbours n
            WHERE n.skipped > 0
            UNION ALL
            SELECT pg_catalog.min(a.line_no), 'bad_account', 'error',
                pg_catalog.format('Account %s does not begin with a class, 1 to 8, and two more digits.', a.compte_num)
            FROM accounts a
            WHERE a.compte_num !~ '^[1-8][0-9]{2}'
            GROUP BY a.compte_num
            UNION ALL
            SELECT a.line_no, 'unknown_account', 'warning',
                pg_catalog.format('Account %s is not in ledger_accounts.',
                    pg_catalog.concat_ws(' with auxiliary ', a.compte_num, a.comp_aux_num))
            FROM accounts a
            WHERE known IS NOT NULL
              AND NOT EXISTS (
                  SELECT FROM pg_catalog.unnest(known) AS chart (number)
                  WHERE chart.number = pg_catalog.rtrim(a.compte_num, '0'))
              AND NOT EXISTS (
                  SELECT FROM pg_catalog.unnest(known) AS chart (number)
                  WHERE chart.number = pg_catalog.rtrim(a.comp_aux_num, '0') AND chart.number <> '')
        )
        SELECT held.company_id, held.period_start, f.line_no, f.rule, f.severity, f.detail
        FROM faults f
        ORDER BY f.line_no, f.rule, f.detail;

        SELECT COALESCE(pg_catalog.sum(f.debit), 0), COALESCE(pg_catalog.sum(f.credit), 0) INTO fec_debit, fec_credit
        FROM pennylane.fec f
        WHERE f.company_id = held.company_id
          AND f.period_start = held.period_start
          AND f.period_end = held.period_end;
        ledger_debit := NULL;
        ledger_credit := NULL;
        IF has_ledger THEN
            IF EXISTS (SELECT FROM pennylane.ledger_entry_lines l WHERE l.company_id = held.company_id) THEN
                SELECT COALESCE(pg_catalog.sum(l.debit), 0), COALESCE(pg_catalog.sum(l.credit), 0)
                INTO ledger_debit, ledger_credit
                FROM pennylane.ledger_entry_lines l
                WHERE l.company_id = held.company_id AND l.date BETWEEN held.period_start AND held.period_end;
            END IF;
        END IF;
        RETURN QUERY
        SELECT held.company_id, held.period_start, NULL::bigint, total_fault.rule, 'error'::text, total_fault.detail
        FROM (VALUES
            ('total_unbalanced', pg_catalog.format('Debit is %s and credit is %s.', fec_debit, fec_credit),
                fec_debit <> fec_credit),
            ('differs_from_ledger',
                pg_catalog.format('FEC: debit %s, credit %s; ledger_entry_lines: debit %s, credit %s.',
                    fec_debit, fec_credit, ledger_debit, ledger_credit),
                fec_debit <> ledger_debit OR fec_credit <> ledger_credit)
        ) AS total_fault (rule, detail, found)
        WHERE total_fault.found;
    END LOOP;
    IF NOT FOUND AND (fec_anomalies.period_start IS NOT NULL OR fec_anomalies.company IS NOT NULL) THEN
        PERFORM pennylane._fec_not_held(fec_anomalies.period_start, fec_anomalies.period_end, fec_anomalies.company);
    END IF;
END
$$;

-- The proof itself is in Rust; this shows the accounts that differ.
CREATE FUNCTION pennylane.prove(company bigint DEFAULT NULL)
    RETURNS SETOF pennylane.proofs
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    proven CONSTANT bigint[] := pennylane._prove(company);
BEGIN
    RETURN QUERY
    SELECT p.*
    FROM pennylane.proofs p
    WHERE p.company_id = ANY (proven) AND p.differs
    ORDER BY p.company_id, p.period_start, p.account_number;
END
$$;

SET LOCAL search_path TO pennylane, pg_temp;
