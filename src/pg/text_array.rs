//! A `text[]` made in one piece. PostgreSQL's own way allocates and copies each value three times, and a load makes a dozen
//! of them for every row.

use pgrx::pg_sys;
use pgrx::prelude::*;

/// The bytes of a `text[]` of one dimension, as `array.h` of PostgreSQL lays them out: the very ones that it would make.
pub struct TextArray(Vec<u8>);

/// An array's fixed part, and then the length and the first index of its one dimension.
const FIXED: usize = size_of::<pg_sys::ArrayType>();
const HEADER: usize = FIXED + 2 * size_of::<i32>();

impl TextArray {
    /// The array of these values; `None` is NULL.
    pub fn of<'a>(values: impl ExactSizeIterator<Item = Option<&'a str>> + Clone) -> TextArray {
        let count = values.len();
        let nulls = values.clone().any(|value| value.is_none());
        // An array without a value has no dimension, and one without a NULL no bits for them.
        let header = if count == 0 { FIXED } else { HEADER };
        let bits = if nulls { count.div_ceil(8) } else { 0 };
        let start = (header + bits).next_multiple_of(pg_sys::MAXIMUM_ALIGNOF as usize);
        let mut bytes = vec![0; start];
        for (place, value) in values.enumerate() {
            let Some(value) = value else { continue };
            if nulls {
                bytes[header + place / 8] |= 1 << (place % 8);
            }
            bytes.extend(length_word(size_of::<u32>() + value.len()));
            bytes.extend(value.as_bytes());
            bytes.resize(bytes.len().next_multiple_of(align_of::<i32>()), 0);
        }
        let words = [
            length_word(bytes.len()),
            i32::from(count > 0).to_ne_bytes(),
            (if nulls { start as i32 } else { 0 }).to_ne_bytes(),
            pg_sys::TEXTOID.to_u32().to_ne_bytes(),
            (count as i32).to_ne_bytes(),
            1_i32.to_ne_bytes(),
        ];
        bytes[..header].copy_from_slice(&words.concat()[..header]);
        TextArray(bytes)
    }
}

/// The word with which a value of variable length begins: `SET_VARSIZE_4B` of PostgreSQL.
fn length_word(length: usize) -> [u8; 4] {
    let length = length as u32;
    if cfg!(target_endian = "big") { length } else { length << 2 }.to_ne_bytes()
}

impl IntoDatum for TextArray {
    fn into_datum(self) -> Option<pg_sys::Datum> {
        // SAFETY: as many bytes as were asked for are written. `palloc` raises what is too long for a value.
        unsafe {
            let copy = pg_sys::palloc(self.0.len());
            std::ptr::copy_nonoverlapping(self.0.as_ptr(), copy.cast(), self.0.len());
            Some(copy.into())
        }
    }

    fn type_oid() -> pg_sys::Oid {
        pg_sys::TEXTARRAYOID
    }
}
