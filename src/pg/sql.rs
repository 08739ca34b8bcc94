//! The install files, in order. `setup()` runs the files of `sql/tables/`; these are the extension's own objects.

use pgrx::prelude::*;

extension_sql_file!("../../sql/install/10_guard.sql", name = "guard", bootstrap);
extension_sql_file!("../../sql/install/20_state.sql", name = "state", requires = ["guard"]);
extension_sql_file!(
    "../../sql/install/80_comments.sql",
    name = "comments",
    requires = ["state", setup, sync_full, sync_incremental, check]
);
extension_sql_file!("../../sql/install/90_privileges.sql", name = "privileges", finalize);
