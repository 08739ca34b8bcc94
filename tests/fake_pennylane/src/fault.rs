//! Faults that tests ask for, and triggers that change the world under a reader's feet.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::config::Company;
use crate::world::World;

/// One thing to go wrong, and for which requests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fault {
    /// Substring of `METHOD /path?decoded query`; the empty string matches every request.
    #[serde(default)]
    pub path: String,
    /// So many matching requests pass first.
    #[serde(default)]
    pub skip: u32,
    /// Then so many are hit; `u32::MAX` is for ever.
    #[serde(default = "once")]
    pub times: u32,
    pub kind: FaultKind,
}

fn once() -> u32 {
    1
}

impl Fault {
    /// Hits the first matching request only.
    pub fn once(path: impl Into<String>, kind: FaultKind) -> Self {
        Self { path: path.into(), skip: 0, times: 1, kind }
    }

    /// Hits every matching request until the faults are cleared.
    pub fn always(path: impl Into<String>, kind: FaultKind) -> Self {
        Self { path: path.into(), skip: 0, times: u32::MAX, kind }
    }
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum FaultKind {
    /// This answer in place of the true one.
    Status {
        status: u16,
        #[serde(default)]
        headers: Vec<(String, String)>,
        #[serde(default)]
        body: String,
    },
    /// 429 with its plain text body.
    TooManyRequests {
        #[serde(default)]
        retry_after: Option<String>,
    },
    /// The connection is closed without an answer.
    Reset,
    /// The correct content-length, so many bytes, then the connection is closed.
    Truncate {
        keep_bytes: usize,
    },
    /// The content-length says so many bytes; the true body comes, then the connection is closed.
    ContentLength {
        bytes: u64,
    },
    /// The true body, then blanks for ever, as fast as they are taken.
    Endless,
    /// Accepted and never answered.
    Hang,
    /// One byte a second, for ever.
    Drip,
    Delay {
        ms: u64,
    },
    /// Status 200, content-type JSON, a body that is not JSON.
    GarbageJson,
    /// Status 200 with an HTML page.
    Html200,
    Redirect {
        to: String,
    },
    /// The answer's `next_cursor` is the request's own cursor.
    RepeatCursor,
    /// Ignores the cursor and any lower bound on id: the first page again.
    RepeatPage,
    /// Fields that no contract names, in each item.
    UnknownFields,
    /// Ids out of order within the page.
    Shuffle,
    /// Ignores `sort`: always newest first.
    Descending,
    /// No items, `has_more`, and a cursor that leads to the page that this one should have been.
    EmptyPage,
    /// No items and no more: what an outage looks like.
    EmptyList,
    /// The list ends after half of the table.
    HalfList,
    /// This row is missing from the answers.
    DropRow {
        id: i64,
    },
    /// The first item of the page has lost its id.
    RecordWithoutId,
    /// One field (dotted path) of one row, in the answer only.
    ReplaceField {
        id: i64,
        field: String,
        value: Value,
    },
    /// Textual replacement in the body, for what no JSON value can hold.
    RawReplace {
        from: String,
        to: String,
    },
    IgnoreFilter,
    /// Pages of 20 whatever was asked for.
    IgnoreLimit,
    NoDateHeader,
    /// 403 as for a scope that was not granted.
    ScopeDenied,
    /// 400 as for a cursor that is too old.
    ExpiredCursor,
    /// 422 as for a changelog window that has been dropped.
    Retention422,
    /// `GET /me` answers another company.
    FirstCompany {
        company: Company,
    },
}

/// A moment: the matching request, before or after its answer is computed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trigger {
    /// As in [`Fault::path`].
    pub path: String,
    #[serde(default)]
    pub skip: u32,
    pub when: When,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum When {
    Before,
    After,
}

/// The faults in force.
#[derive(Default)]
pub(crate) struct Faults {
    active: Vec<Fault>,
}

impl Faults {
    pub fn add(&mut self, fault: Fault) {
        self.active.push(fault);
    }

    pub fn clear(&mut self) {
        self.active.clear();
    }

    /// The faults that hit this request, in the order in which they were added; each one counts it.
    pub fn hits(&mut self, request: &str) -> Vec<FaultKind> {
        let mut kinds = Vec::new();
        for fault in self.active.iter_mut().filter(|fault| request.contains(&fault.path)) {
            if fault.skip > 0 {
                fault.skip -= 1;
            } else if fault.times > 0 {
                if fault.times != u32::MAX {
                    fault.times -= 1;
                }
                kinds.push(fault.kind.clone());
            }
        }
        self.active.retain(|fault| fault.times > 0);
        kinds
    }
}

type Action = Box<dyn FnOnce(&mut World) + Send>;

/// The actions that wait for their request.
#[derive(Default)]
pub(crate) struct Triggers {
    waiting: Vec<(Trigger, Action)>,
}

impl Triggers {
    pub fn add(&mut self, trigger: Trigger, action: Action) {
        self.waiting.push((trigger, action));
    }

    /// The actions that this request sets off at this moment.
    pub fn due(&mut self, request: &str, when: When) -> Vec<Action> {
        let mut due = Vec::new();
        let mut kept = Vec::new();
        for (mut trigger, action) in self.waiting.drain(..) {
            if trigger.when != when || !request.contains(&trigger.path) {
                kept.push((trigger, action));
            } else if trigger.skip > 0 {
                trigger.skip -= 1;
                kept.push((trigger, action));
            } else {
                due.push(action);
            }
        }
        self.waiting = kept;
        due
    }
}
