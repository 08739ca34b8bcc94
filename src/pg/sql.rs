//! The install files, in order. `setup()` runs the files of `sql/tables/`; these are the extension's own objects.

use pgrx::prelude::*;

extension_sql_file!("../../sql/install/10_guard.sql", name = "guard", bootstrap);
extension_sql_file!("../../sql/install/20_state.sql", name = "state", requires = ["guard"]);
extension_sql_file!("../../sql/install/25_companies.sql", name = "companies", requires = ["state", _known_tables]);
extension_sql_file!("../../sql/install/30_exports.sql", name = "exports", requires = ["companies", prove]);
extension_sql_file!(
    "../../sql/install/40_worker.sql",
    name = "worker",
    requires = ["exports", _next_runs, progress, _data_tables]
);
extension_sql_file!("../../sql/install/50_readers.sql", name = "readers", requires = ["worker", _known_tables, _views]);
extension_sql_file!("../../sql/install/60_replication.sql", name = "replication", requires = ["readers", _data_tables]);
extension_sql_file!("../../sql/install/70_transforms.sql", name = "transforms", requires = ["replication"]);
extension_sql_file!(
    "../../sql/install/80_comments.sql",
    name = "comments",
    requires = [
        "transforms",
        add_transform,
        drop_transform,
        add_company,
        rotate_token,
        remove_company,
        request_sync,
        cancel_run,
        setup,
        enable_table,
        disable_table,
        sync_full,
        sync_incremental,
        export_fec,
        export_analytical_ledger,
        invoice_pdf,
        check
    ]
);
extension_sql_file!("../../sql/install/81_export_comments.sql", name = "export_comments", requires = ["comments"]);
extension_sql_file!("../../sql/install/90_privileges.sql", name = "privileges", finalize);
