//! The files of invoices and entries: small, different for each, and as binary as real ones.

/// The PDF of a row of `customer_invoices` or `supplier_invoices`, as its link gives it.
pub fn pdf(table: &str, id: i64) -> Vec<u8> {
    named(&format!("{table}/{id}.pdf"))
}

/// A page that names its file, and a stream that holds every byte there is.
pub(crate) fn named(name: &str) -> Vec<u8> {
    let mut file =
        format!("%PDF-1.4\n% {name}\n1 0 obj<</Type/Catalog>>endobj\n2 0 obj<</Length 256>>stream\n").into_bytes();
    file.extend(0..=u8::MAX);
    file.extend_from_slice(b"\nendstream endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n");
    file
}
