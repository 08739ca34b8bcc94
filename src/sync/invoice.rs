//! The file of one invoice: a fresh link at each call, since links expire and none is kept, and the file behind it.

use super::engine::Ports;
use super::ports::Download;
use super::read::{Job, Read, Reader, What};
use crate::api::invoice::{self, LARGEST};
use crate::api::request::Request;
use crate::catalogue::Resource;
use crate::error::{Error, Result};
use std::io::Read as _;

/// How often a link that is refused is replaced: it is seconds old, and may yet have expired by the clock of its host.
const FRESH_LINKS: u32 = 1;

/// What there is of an invoice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Invoice {
    /// Pennylane shows no such invoice to this token.
    Absent,
    /// It has no file, or not yet: one that was just made has none until Pennylane has drawn it.
    WithoutFile,
    Pdf(Vec<u8>),
}

/// Brings the file of an invoice.
///
/// # Errors
/// Those of the requests, `TooLarge`, `Document` when the file is no PDF, and `Interrupted`.
pub fn run(list: &'static Resource, id: i64, ports: &mut Ports) -> Result<Invoice> {
    ports.fetch.submit(Job { id: 0, read: Read::Invoice { list, id } });
    loop {
        match ports.next()?.what {
            What::Invoice(invoice) => return Ok(invoice),
            What::Failed(error) => return Err(error),
            _ => {}
        }
    }
}

impl Reader<'_> {
    pub(super) fn invoice(&mut self, list: &'static Resource, id: i64) -> Result<()> {
        let found = self.find_invoice(list, id)?;
        self.tell(What::Invoice(found))
    }

    fn find_invoice(&mut self, list: &'static Resource, id: i64) -> Result<Invoice> {
        let request = Request::record(list, id);
        let mut links = 0;
        loop {
            let link = match self.fetch(&request, |answer| invoice::link(&request.path, id, &answer.body)) {
                Ok(Some(link)) => link,
                Ok(None) => return Ok(Invoice::WithoutFile),
                Err(Error::Refused { status: 404, .. }) => return Ok(Invoice::Absent),
                Err(error) => return Err(error),
            };
            links += 1;
            match self.download(&link, Some(LARGEST), "the file of the invoice") {
                Err(Error::Refused { .. }) if links <= FRESH_LINKS => {}
                done => return pdf(done?),
            }
        }
    }
}

fn pdf(download: Download) -> Result<Invoice> {
    let Download { mut file, content_type, .. } = download;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(|error| Error::Document {
        what: format!("what was kept of it in a temporary file cannot be read ({})", error.kind()),
    })?;
    invoice::check_pdf(content_type.as_deref(), &bytes)?;
    Ok(Invoice::Pdf(bytes))
}

#[cfg(test)]
mod tests;
