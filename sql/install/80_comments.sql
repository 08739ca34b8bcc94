-- What \d+ and \df+ say. Every object explains itself.

COMMENT ON TABLE pennylane.data_layout IS 'Internal: which layout the data tables have; setup() brings older ones up to date. At most one row.';
COMMENT ON COLUMN pennylane.data_layout.only_row IS 'Always true.';
COMMENT ON COLUMN pennylane.data_layout.layout IS 'Number of the layout: 1 is that of version 0.1.0.';
COMMENT ON COLUMN pennylane.data_layout.since IS 'Since when (database clock).';
COMMENT ON COLUMN pennylane.data_layout.views IS 'Digest of what the views were made of; setup() makes them again when it is another one. NULL: made by an older version.';

COMMENT ON TABLE pennylane.enabled_tables IS 'The tables on request that are kept here, for every company. enable_table() and disable_table() change it.';
COMMENT ON COLUMN pennylane.enabled_tables.table_name IS 'Table of schema pennylane.';
COMMENT ON COLUMN pennylane.enabled_tables.enabled_at IS 'Since when (database clock).';

COMMENT ON TABLE pennylane.sync_state IS 'How fresh each table is: one row a company and table.';
COMMENT ON COLUMN pennylane.sync_state.company_id IS 'Pennylane company.';
COMMENT ON COLUMN pennylane.sync_state.table_name IS 'Table of schema pennylane.';
COMMENT ON COLUMN pennylane.sync_state.last_sync_at IS 'Everything that changed at Pennylane before this time (its clock) is in the table. NULL: never synced.';
COMMENT ON COLUMN pennylane.sync_state.last_processed_at IS 'Newest change event that was applied (Pennylane''s clock). NULL: none yet.';
COMMENT ON COLUMN pennylane.sync_state.records_synced IS 'Records that the last sync read or deleted.';
COMMENT ON COLUMN pennylane.sync_state.sync_type IS 'What the last sync was: full, incremental or export.';
COMMENT ON COLUMN pennylane.sync_state.updated_at IS 'When this row was last written (database clock).';
COMMENT ON COLUMN pennylane.sync_state.status IS 'ok; partial: some value did not fit its column, or some row is not stored as it was sent (altered_rows); skipped: scope not granted; error: see last_error.';
COMMENT ON COLUMN pennylane.sync_state.last_error IS 'Why the last sync failed, and what to do. NULL after a success.';
COMMENT ON COLUMN pennylane.sync_state.last_full_at IS 'When the whole table was last proven against Pennylane (database clock).';
COMMENT ON COLUMN pennylane.sync_state.row_count IS 'Rows of this company after the last success.';

COMMENT ON TABLE pennylane.sync_runs IS 'Every run. A run that raised an error was rolled back and is not here.';
COMMENT ON COLUMN pennylane.sync_runs.run_id IS 'Number of the run.';
COMMENT ON COLUMN pennylane.sync_runs.company_id IS 'Pennylane company. NULL: the run did not come to know it.';
COMMENT ON COLUMN pennylane.sync_runs.trigger IS 'Who asked: manual (a function call), schedule or request (the background worker).';
COMMENT ON COLUMN pennylane.sync_runs.mode IS 'full, incremental or export.';
COMMENT ON COLUMN pennylane.sync_runs.target IS 'The one table that the run was about. NULL: all of them.';
COMMENT ON COLUMN pennylane.sync_runs.started_at IS 'Start (database clock).';
COMMENT ON COLUMN pennylane.sync_runs.finished_at IS 'End (database clock). NULL while it runs.';
COMMENT ON COLUMN pennylane.sync_runs.status IS 'The worst of its tables: ok, skipped, partial or error. Before that queued or running; interrupted: the server or the worker stopped; cancelled: by cancel_run().';
COMMENT ON COLUMN pennylane.sync_runs.requests IS 'Requests sent to Pennylane.';
COMMENT ON COLUMN pennylane.sync_runs.error IS 'The tables that failed, or why nothing could be synced. NULL when none did.';

COMMENT ON TABLE pennylane.sync_run_tables IS 'What each run did, table by table: the rows that the function returned.';
COMMENT ON COLUMN pennylane.sync_run_tables.run_id IS 'The run, in sync_runs.';
COMMENT ON COLUMN pennylane.sync_run_tables.company_id IS 'Pennylane company.';
COMMENT ON COLUMN pennylane.sync_run_tables.table_name IS 'Table of schema pennylane.';
COMMENT ON COLUMN pennylane.sync_run_tables.sync_type IS 'What was done: full, incremental or export.';
COMMENT ON COLUMN pennylane.sync_run_tables.status IS 'ok, partial, skipped or error.';
COMMENT ON COLUMN pennylane.sync_run_tables.inserted IS 'Rows that were new.';
COMMENT ON COLUMN pennylane.sync_run_tables.updated IS 'Rows that differed and were rewritten.';
COMMENT ON COLUMN pennylane.sync_run_tables.deleted IS 'Rows that Pennylane no longer shows; their last version is in deleted_rows.';
COMMENT ON COLUMN pennylane.sync_run_tables.unchanged IS 'Rows that were equal and not touched.';
COMMENT ON COLUMN pennylane.sync_run_tables.requests IS 'Requests sent for this table.';
COMMENT ON COLUMN pennylane.sync_run_tables.duration IS 'From the start of the run to the end of this table.';
COMMENT ON COLUMN pennylane.sync_run_tables.message IS 'What to know, and what to do about it. NULL when there is nothing to say.';

COMMENT ON TABLE pennylane.deleted_rows IS 'The last version of every row that a sync deleted.';
COMMENT ON COLUMN pennylane.deleted_rows.company_id IS 'Pennylane company.';
COMMENT ON COLUMN pennylane.deleted_rows.table_name IS 'Table that the row was in.';
COMMENT ON COLUMN pennylane.deleted_rows.id IS 'Its id.';
COMMENT ON COLUMN pennylane.deleted_rows.deleted_at IS 'When it was deleted here (database clock).';
COMMENT ON COLUMN pennylane.deleted_rows.row IS 'The whole row, by column name.';

COMMENT ON TABLE pennylane.schema_drift IS 'Fields that Pennylane sends and no column holds. Their values are in the column extra of their table; adopt_with makes a column of one, filled by the next full sync.';
COMMENT ON COLUMN pennylane.schema_drift.company_id IS 'Pennylane company.';
COMMENT ON COLUMN pennylane.schema_drift.table_name IS 'Table whose records have the field.';
COMMENT ON COLUMN pennylane.schema_drift.field IS 'The field under the name that its column would have; also its key in extra.';
COMMENT ON COLUMN pennylane.schema_drift.sample_type IS 'Type that its values look made for.';
COMMENT ON COLUMN pennylane.schema_drift.adopt_with IS 'The statement that adopts it.';
COMMENT ON COLUMN pennylane.schema_drift.first_seen_at IS 'First full sync that saw it (database clock).';
COMMENT ON COLUMN pennylane.schema_drift.last_seen_at IS 'Last full sync that saw it (database clock).';

COMMENT ON TABLE pennylane.sync_candidates IS 'Internal: ids that a list no longer shows, until a second read confirms it.';
COMMENT ON COLUMN pennylane.sync_candidates.company_id IS 'Pennylane company.';
COMMENT ON COLUMN pennylane.sync_candidates.table_name IS 'Table of schema pennylane.';
COMMENT ON COLUMN pennylane.sync_candidates.id IS 'Id that is in the table and was not in the list.';

COMMENT ON TABLE pennylane.sync_checkpoints IS 'Internal: how far a full load of the background worker came, so that it goes on there after a crash, a restart or a lost network. Good for 12 hours.';
COMMENT ON COLUMN pennylane.sync_checkpoints.company_id IS 'Pennylane company.';
COMMENT ON COLUMN pennylane.sync_checkpoints.table_name IS 'Table of schema pennylane.';
COMMENT ON COLUMN pennylane.sync_checkpoints.last_id IS 'Records up to this id are proven.';
COMMENT ON COLUMN pennylane.sync_checkpoints.watermark IS 'When the load started (Pennylane''s clock). NULL: Pennylane sent no time.';
COMMENT ON COLUMN pennylane.sync_checkpoints.started_at IS 'When the load started (database clock).';

COMMENT ON TABLE pennylane.pending_entries IS 'Internal: records to read again because rows that point to them changed. A row leaves only when its record was applied.';
COMMENT ON COLUMN pennylane.pending_entries.company_id IS 'Pennylane company.';
COMMENT ON COLUMN pennylane.pending_entries.table_name IS 'Table of the record.';
COMMENT ON COLUMN pennylane.pending_entries.id IS 'Its id.';
COMMENT ON COLUMN pennylane.pending_entries.noted_at IS 'When it was noted (database clock).';

COMMENT ON TABLE pennylane.altered_rows IS 'Rows that are not stored as Pennylane sent them, because a trigger altered or left them out. A row leaves when it is stored right, or gone; each full sync tries again. Whoever removes an export''s period by hand removes its rows here too.';
COMMENT ON COLUMN pennylane.altered_rows.company_id IS 'Pennylane company.';
COMMENT ON COLUMN pennylane.altered_rows.table_name IS 'Table of the row.';
COMMENT ON COLUMN pennylane.altered_rows.id IS 'Its id; of an export, the number of the line.';
COMMENT ON COLUMN pennylane.altered_rows.period_start IS 'First day of an export''s period; -infinity for other tables.';
COMMENT ON COLUMN pennylane.altered_rows.period_end IS 'Last day of an export''s period; infinity for other tables.';
COMMENT ON COLUMN pennylane.altered_rows.noted_at IS 'When it was last written (database clock).';

COMMENT ON TABLE pennylane.applied_events IS 'Internal: change events of the last minutes that were applied, so that they are not fetched again.';
COMMENT ON COLUMN pennylane.applied_events.company_id IS 'Pennylane company.';
COMMENT ON COLUMN pennylane.applied_events.feed IS 'Changelog of Pennylane.';
COMMENT ON COLUMN pennylane.applied_events.id IS 'Id that the event is about.';
COMMENT ON COLUMN pennylane.applied_events.operation IS 'insert, update or delete.';
COMMENT ON COLUMN pennylane.applied_events.processed_at IS 'When the change reached the changelog (Pennylane''s clock).';
COMMENT ON COLUMN pennylane.applied_events.parent IS 'In a feed of category assignments, the record that has the category; 0 for none.';

COMMENT ON FUNCTION pennylane.sync_incremental(text, bigint) IS 'Brings what changed at Pennylane since the last sync, by its changelogs; a table never synced is read whole. One row a table. Naming ledger_entries brings ledger_entry_lines too: entries learn their changes from their lines. Runs in the caller''s transaction; ROLLBACK undoes it.';
COMMENT ON FUNCTION pennylane.export_fec(date, date, bigint) IS 'Has Pennylane make the FEC of a period and puts its lines into pennylane.fec, whole or not at all; the same content writes nothing. Without a period: each fiscal year that is open, not held, or whose ledger lines changed. A period that overlaps another one that is held is refused.';
COMMENT ON FUNCTION pennylane.export_analytical_ledger(date, date, bigint) IS 'Has Pennylane make the analytical general ledger of a period (mode in_line) and puts its lines into pennylane.analytical_ledger, whole or not at all. Without a period: each fiscal year that is open, not held, or whose ledger lines changed.';
COMMENT ON FUNCTION pennylane.invoice_pdf(text, bigint, bigint) IS 'The PDF of an invoice (kind customer or supplier), asked from Pennylane at each call by a fresh link; nothing of it is kept. Without a company, each one is asked until one has it. NULL: the invoice has no file, or not yet. At most 50 MB.';
COMMENT ON FUNCTION pennylane.prove(bigint) IS 'Compares the ledger lines, account by account and to the cent, with Pennylane''s own trial balance of every fiscal year that has begun, and with the FEC. One row an account that differs; pennylane.proofs keeps all of them. Changes no data.';
COMMENT ON FUNCTION pennylane._prove(bigint) IS 'Internal: proves the ledger into pennylane.proofs and gives the company.';
COMMENT ON FUNCTION pennylane.setup() IS 'Creates or upgrades the data tables. Harmless when they are up to date; never touches a table that another role made.';
COMMENT ON FUNCTION pennylane.enable_table(text) IS 'Keeps one more table from now on: quotes, categories, category_groups, journals or bank_establishments. Makes it at once; the next sync reads it whole, and needs the scope for it.';
COMMENT ON FUNCTION pennylane.disable_table(text, boolean) IS 'Syncs a table of enable_table() no more. Table and rows stay for whoever reads them, unless keep_data is false: then its rows go, the table stays. Refused while a sync runs.';
COMMENT ON FUNCTION pennylane.sync_full(text, bigint, boolean) IS 'Reads the whole of one table, or of all, from Pennylane; writes what differs and deletes what is gone. One row a table. Runs in the caller''s transaction, which stays open while it reads; ROLLBACK undoes it. force_deletes lets it delete more than pennylane.max_delete_percent.';
COMMENT ON FUNCTION pennylane.check() IS 'The doctor: what works, what does not, and what to do. Needs the network, writes nothing.';
COMMENT ON FUNCTION pennylane._armed_foreign_keys() IS 'Internal: triggers of the informational foreign keys that are still enabled.';
COMMENT ON FUNCTION pennylane._disarm_foreign_keys() IS 'Internal: disables them, so that a record may arrive before the one it points to.';

COMMENT ON FUNCTION pennylane.request_sync(text, text, bigint) IS 'Asks the background worker for a run (mode full or incremental) of one table or of all, and returns its number in sync_runs at once. Without a company: one run each, and the number of the first.';
COMMENT ON FUNCTION pennylane.cancel_run(bigint) IS 'Stops a run that the background worker has in hand or in its queue. False when it has neither.';
COMMENT ON FUNCTION pennylane.assert_healthy() IS 'Raises an error when health holds one, or when nothing was synced yet. For a pg_cron job or a monitor.';
COMMENT ON FUNCTION pennylane._next_runs(timestamptz, timestamptz, timestamptz, bigint) IS 'Internal: when the next runs of the background worker are, after what the view _past_runs tells.';
COMMENT ON FUNCTION pennylane._data_tables() IS 'Internal: the names of the data tables that are kept here.';
COMMENT ON FUNCTION pennylane._known_tables() IS 'Internal: the names of the data tables, kept here or not.';
COMMENT ON FUNCTION pennylane._views() IS 'Internal: the names of the views over the data tables and of their mapping table, in the order in which they stand on each other.';
COMMENT ON FUNCTION pennylane._progress() IS 'Internal: what the runs of this database have read; the view progress shows it.';
COMMENT ON FUNCTION pennylane._alert(bigint) IS 'Internal: sends NOTIFY pennylane_alert for each error of a run that its forerunner did not have.';

COMMENT ON TABLE pennylane.companies IS 'The companies that are kept here. add_company(), rotate_token() and remove_company() change it.';
COMMENT ON COLUMN pennylane.companies.company_id IS 'Pennylane company.';
COMMENT ON COLUMN pennylane.companies.name IS 'Its name at Pennylane, as of the last run.';
COMMENT ON COLUMN pennylane.companies.label IS 'What you call it. NULL: nothing special.';
COMMENT ON COLUMN pennylane.companies.reg_no IS 'Its registration number at Pennylane (SIREN in France).';
COMMENT ON COLUMN pennylane.companies.api_base_url IS 'Address of the API for it. NULL: pennylane.api_base_url.';
COMMENT ON COLUMN pennylane.companies.enabled IS 'Whether it is synced. UPDATE it to false to leave it as it is for a while.';
COMMENT ON COLUMN pennylane.companies.token_hint IS 'Last characters of the stored token, to tell it from others. NULL: the server''s own token (environment or file) is its token.';
COMMENT ON COLUMN pennylane.companies.uses_server_token IS 'Its token is the server''s own, not one of add_company().';

COMMENT ON TABLE pennylane.company_tokens IS 'Internal: the API tokens. Row security without a policy: only its owner reads it. Never dumped, never to be published.';
COMMENT ON COLUMN pennylane.company_tokens.company_id IS 'Pennylane company.';
COMMENT ON COLUMN pennylane.company_tokens.token IS 'The token, as Pennylane gave it.';

COMMENT ON FUNCTION pennylane.add_company(text, text) IS 'Asks Pennylane whose token this is, stores it, and returns the company. The statement is hidden from pg_stat_activity and from the log''s STATEMENT lines; log_statement = all would write it before that.';
COMMENT ON FUNCTION pennylane.rotate_token(bigint, text) IS 'Stores another token for a company, after asking Pennylane whether it is that company''s. A run under way goes on with either. The statement is hidden as that of add_company() is.';
COMMENT ON FUNCTION pennylane.remove_company(bigint, boolean) IS 'Forgets a company''s token and syncs it no more. Its rows and history stay, unless keep_data is false.';
COMMENT ON FUNCTION pennylane.grant_reader(name) IS 'Lets a role read the data tables, the state and the views of this database, and see keys and relations in BI tools. REVOKE takes it back.';
COMMENT ON FUNCTION pennylane.subscriber_ddl() IS 'What a server that shall hold a copy by logical replication runs first: schema, data tables as they are now, keys, indexes, comments, views and their mapping; one statement a row. It needs no extension there. docs/replication.md has the recipe.';
COMMENT ON FUNCTION pennylane.grant_company(name, bigint) IS 'Limits a role to this company and those granted before, by row-level security in every table; the role sees all companies until its first grant. A member of several limited roles sees only what each of them may see. PostgreSQL 15 and later.';
COMMENT ON FUNCTION pennylane.revoke_companies(name) IS 'Takes back what grant_company() did for a role: it sees every company again that it may read.';
COMMENT ON FUNCTION pennylane._share(name[]) IS 'Internal: lets every reader read these relations.';
COMMENT ON FUNCTION pennylane._policies() IS 'Internal: the policies of grant_company(), table by table.';
COMMENT ON FUNCTION pennylane._spread_policies() IS 'Internal: gives every table that holds rows of companies the policies of pennylane.companies.';
COMMENT ON FUNCTION pennylane._keep_policies_whole() IS 'Internal: gives the state tables the policies that a restored dump gives the data tables.';
COMMENT ON EVENT TRIGGER penny_pg_keep_policies_whole IS 'Gives the state tables of penny_pg the policies that a restored dump gives the data tables.';
COMMENT ON FUNCTION pennylane._company_tables() IS 'Internal: the tables that hold rows of companies.';
COMMENT ON FUNCTION pennylane._publications_of_tokens() IS 'Internal: the publications that would carry company_tokens. NULL: none.';
COMMENT ON FUNCTION pennylane._keep_tokens_unpublished() IS 'Internal: refuses a publication that would carry company_tokens while there are any.';
COMMENT ON EVENT TRIGGER penny_pg_keep_tokens_unpublished IS 'Refuses a publication that would carry the API tokens.';

COMMENT ON VIEW pennylane._past_runs IS 'Internal: what the schedule needs to know of the runs over all tables.';
COMMENT ON COLUMN pennylane._past_runs.company_id IS 'Pennylane company. NULL: runs that did not come to know it.';
COMMENT ON COLUMN pennylane._past_runs.last_run IS 'Start of the last one that brought anything. NULL: none did.';
COMMENT ON COLUMN pennylane._past_runs.last_full IS 'Start of the last full one that did. NULL: none did.';
COMMENT ON COLUMN pennylane._past_runs.failed_at IS 'End of the last one that brought nothing. NULL: none since last_run.';
COMMENT ON COLUMN pennylane._past_runs.failures IS 'How many brought nothing since last_run.';

COMMENT ON VIEW pennylane.progress IS 'What each run under way reads, in the background worker and in sessions. Members of pg_monitor may read it. Needs shared_preload_libraries.';
COMMENT ON COLUMN pennylane.progress.run_id IS 'Number of the run in sync_runs; the row there shows when the run''s transaction is over.';
COMMENT ON COLUMN pennylane.progress.company_id IS 'Pennylane company.';
COMMENT ON COLUMN pennylane.progress.table_name IS 'Table of schema pennylane.';
COMMENT ON COLUMN pennylane.progress.pages IS 'Pages read and written by this run; parts of the file for an export.';
COMMENT ON COLUMN pennylane.progress.rows IS 'Rows read and written by this run, changed or not. A load that goes on after a crash counts from there.';
COMMENT ON COLUMN pennylane.progress.rows_per_second IS 'Rows a second since started_at.';
COMMENT ON COLUMN pennylane.progress.started_at IS 'When the first page of this table was written.';
COMMENT ON COLUMN pennylane.progress.estimated_end IS 'When the table will have as many rows as after its last full load, at this speed. NULL: a first load, or changes.';

COMMENT ON VIEW pennylane.schedule IS 'When the background worker syncs each company next, and how its last run ended.';
COMMENT ON COLUMN pennylane.schedule.company_id IS 'Pennylane company. NULL: not known yet.';
COMMENT ON COLUMN pennylane.schedule.next_incremental_at IS 'When changes are brought next (pennylane.sync_interval).';
COMMENT ON COLUMN pennylane.schedule.next_full_at IS 'When the whole copy is proven next (pennylane.full_sync_at in pennylane.timezone).';
COMMENT ON COLUMN pennylane.schedule.last_run_at IS 'Start of the last run, whoever asked for it. NULL: none yet.';
COMMENT ON COLUMN pennylane.schedule.last_status IS 'How it ended; running while it runs.';
COMMENT ON COLUMN pennylane.schedule.worker_pid IS 'Process of the scheduler, which starts the runs. NULL: none runs in this database.';

COMMENT ON VIEW pennylane.health IS 'What a monitor asks: how each table is doing. assert_healthy() raises when a row is an error.';
COMMENT ON COLUMN pennylane.health.company_id IS 'Pennylane company.';
COMMENT ON COLUMN pennylane.health.table_name IS 'Table of schema pennylane. NULL: the last run could not even begin.';
COMMENT ON COLUMN pennylane.health.severity IS 'ok, warning or error.';
COMMENT ON COLUMN pennylane.health.last_success_at IS 'Time (Pennylane''s clock) that the table is good for. NULL: never synced.';
COMMENT ON COLUMN pennylane.health.age IS 'How long ago that was.';
COMMENT ON COLUMN pennylane.health.detail IS 'What is wrong, and what to do. NULL when nothing is.';

COMMENT ON TABLE pennylane._transforms IS 'Internal: the statements that add_transform() was given. The view transforms shows them.';
COMMENT ON COLUMN pennylane._transforms.name IS 'Name; transforms run in its order.';
COMMENT ON COLUMN pennylane._transforms.statement IS 'The statement.';
COMMENT ON COLUMN pennylane._transforms.tables IS 'Tables of schema pennylane after whose changes it runs.';
COMMENT ON COLUMN pennylane._transforms.timeout IS 'How long it may run.';
COMMENT ON COLUMN pennylane._transforms.added_by IS 'Role that added it, and with whose rights it runs.';
COMMENT ON COLUMN pennylane._transforms.added_at IS 'When it was added, or changed last (database clock).';

COMMENT ON TABLE pennylane._transform_marks IS 'Internal: changes that a transform has yet to be applied for.';
COMMENT ON COLUMN pennylane._transform_marks.mark_id IS 'Number of the mark.';
COMMENT ON COLUMN pennylane._transform_marks.name IS 'The transform.';
COMMENT ON COLUMN pennylane._transform_marks.run_id IS 'The run that changed one of its tables. NULL: it was added, or a company removed.';
COMMENT ON COLUMN pennylane._transform_marks.noted_at IS 'When that was noted (database clock).';

COMMENT ON VIEW pennylane.transforms IS 'The statements of users that are applied after each sync that changed one of their tables: add_transform(), drop_transform(). Their runs are in transform_runs.';
COMMENT ON COLUMN pennylane.transforms.name IS 'Name; transforms run in its order.';
COMMENT ON COLUMN pennylane.transforms.statement IS 'The statement.';
COMMENT ON COLUMN pennylane.transforms.tables IS 'Tables of schema pennylane after whose changes it runs.';
COMMENT ON COLUMN pennylane.transforms.timeout IS 'How long it may run.';
COMMENT ON COLUMN pennylane.transforms.added_by IS 'Role that added it, and with whose rights it runs.';
COMMENT ON COLUMN pennylane.transforms.added_at IS 'When it was added, or changed last (database clock).';
COMMENT ON COLUMN pennylane.transforms.stale_since IS 'Since when a change waits for it (database clock); the next sync runs it. NULL: it was applied since the last change.';
COMMENT ON COLUMN pennylane.transforms.last_status IS 'How its last run ended, as in transform_runs. NULL: it has not run yet.';
COMMENT ON COLUMN pennylane.transforms.suspended IS 'Why no sync runs it until it is added again. NULL: it is run.';

COMMENT ON TABLE pennylane.transform_runs IS 'Every run of a transform. Those of a call that was rolled back are not here.';
COMMENT ON COLUMN pennylane.transform_runs.transform_run_id IS 'Number of this run.';
COMMENT ON COLUMN pennylane.transform_runs.name IS 'The transform.';
COMMENT ON COLUMN pennylane.transform_runs.run_id IS 'The last sync run whose changes it was run for, in sync_runs. NULL: it had just been added.';
COMMENT ON COLUMN pennylane.transform_runs.ran_as IS 'Role with whose rights it ran.';
COMMENT ON COLUMN pennylane.transform_runs.started_at IS 'Start (database clock).';
COMMENT ON COLUMN pennylane.transform_runs.finished_at IS 'End (database clock). NULL: it runs, or its process ended without a word.';
COMMENT ON COLUMN pennylane.transform_runs.status IS 'ok; error: nothing of it was kept, and the next sync tries again; running; interrupted: the server stopped, or somebody cancelled it; suspended: it would not stop, or ended its process twice in a row, and is not tried again until it is added again.';
COMMENT ON COLUMN pennylane.transform_runs.rows IS 'Rows that it wrote, or returned. NULL: PostgreSQL does not tell, as for a refresh.';
COMMENT ON COLUMN pennylane.transform_runs.message IS 'What went wrong, and what to do about it. NULL when nothing did.';

COMMENT ON FUNCTION pennylane.add_transform(text, text, text[], interval) IS 'Adds a statement that each sync runs that changed one of these tables, with the rights of who calls, or changes the one of this name. One statement with schema-qualified names; it runs for the first time at the next sync. docs/own-columns.md has examples.';
COMMENT ON FUNCTION pennylane.drop_transform(text) IS 'Forgets a statement that add_transform() was given. What it made stays.';
