//! The reading job of an export: asked for, waited for with growing pauses, downloaded, taken apart.

use super::ports::Download;
use super::read::{Delivery, Lines, Reader, What};
use crate::api::export::{Link, Order, Progress};
use crate::api::request::Request;
use crate::catalogue::Export;
use crate::error::{Error, Result};
use crate::export;
use crate::period::Period;
use crate::row::Shape;
use std::sync::mpsc;
use std::time::Duration;

/// The pause before the first look at an export, and the longest: how long one takes is not published.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// An export may take this many times `pennylane.retry_for`: half an hour by default.
const PATIENCE: u32 = 6;
/// How often a link that is refused is replaced: it expires half an hour after it was issued.
const FRESH_LINKS: u32 = 3;
/// Batches of lines that may wait for the writer.
const BATCHES_AHEAD: usize = 4;

impl Reader<'_> {
    /// Brings the lines of an export. What is wrong with the file is told among its lines.
    pub(super) fn export(&mut self, export: &'static Export, shape: &Shape, period: Period) -> Result<()> {
        let (path, id) = self.create(export, period)?;
        let Download { file, sha256, .. } = self.file(path, id)?;
        let (sender, lines) = mpsc::sync_channel(BATCHES_AHEAD);
        self.tell(What::File(Delivery { sha256, lines }))?;
        let send = |lines| sender.send(lines).map_err(|_| Error::Interrupted);
        let done = export::read(export.layout, file, shape, &mut |rows| send(Ok(Lines::Some(rows))));
        send(done.map(Lines::Whole))
    }

    /// Asks for an export and gives its number, with the path at which it is known. Should the published path be gone,
    /// the one of older documents is tried once.
    fn create(&mut self, export: &'static Export, period: Period) -> Result<(&'static str, i64)> {
        let [published, older] = export.paths;
        match self.ask(published, export, period) {
            Err(Error::Refused { status: 404, .. }) => self.ask(older, export, period),
            asked => asked,
        }
    }

    fn ask(&mut self, path: &'static str, export: &Export, period: Period) -> Result<(&'static str, i64)> {
        let request = Request::export(path, export, period);
        let order = self.fetch(&request, |answer| Order::parse(path, &answer.body))?;
        Ok((path, order.id))
    }

    /// The file of an export. A link that its host refuses has expired: another look gives a fresh one.
    fn file(&mut self, path: &str, id: i64) -> Result<Download> {
        let mut links = 0;
        loop {
            let link = self.link(path, id)?;
            links += 1;
            match self.download(&link, None, "the file of the export") {
                Err(Error::Refused { .. }) if links <= FRESH_LINKS => {}
                done => return done,
            }
        }
    }

    /// Waits until an export is ready.
    fn link(&mut self, path: &str, id: i64) -> Result<Link> {
        let patience = self.api.retry_for() * PATIENCE;
        let start = self.api.now();
        let mut pause = FIRST_PAUSE;
        let request = Request::poll(path, id);
        loop {
            match self.fetch(&request, |answer| Order::parse(path, &answer.body))?.progress {
                Progress::Ready(link) => return Ok(link),
                Progress::Failed => return Err(Error::ExportFailed),
                Progress::Pending if self.api.now().saturating_sub(start) + pause > patience => {
                    return Err(Error::ExportNotReady(patience));
                }
                Progress::Pending => self.api.pause(pause)?,
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// A file that is there. `what` names it in a refusal.
    pub(super) fn download(&mut self, link: &Link, limit: Option<u64>, what: &str) -> Result<Download> {
        self.persist(|api| {
            let done = api.download(link, limit)?;
            match done.status {
                200 => Ok(done),
                500.. => Err(Error::Unavailable(done.status)),
                429 => Err(Error::TooManyRequests { retry_after: None }),
                status => {
                    let words = "the host of the file refuses its link".to_owned();
                    Err(Error::Refused { status, path: what.to_owned(), words })
                }
            }
        })
    }
}

#[cfg(test)]
mod tests;
