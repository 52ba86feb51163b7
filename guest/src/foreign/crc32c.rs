//! The checksums of TensorFlow's records.

/// The length of the record that a header says, if its checksum is right.
pub(crate) fn record(header: &[u8; 12]) -> Option<u64> {
    let (length, sum) = header.split_first_chunk::<8>()?;
    let sum = sum.first_chunk().map(|sum| u32::from_le_bytes(*sum))?;
    (masked(length) == sum).then(|| u64::from_le_bytes(*length))
}

/// CRC-32C as TensorFlow stores it: turned, and with a number added.
fn masked(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 0 { crc >> 1 } else { crc >> 1 ^ CASTAGNOLI };
        }
    }
    (!crc).rotate_right(15).wrapping_add(MASK)
}

/// Bytes before a record.
pub(crate) const HEADER: u64 = 12;
/// The polynomial, its bits turned around.
const CASTAGNOLI: u32 = 0x82f6_3b78;
const MASK: u32 = 0xa282_ead8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_tensorflow() {
        // CRC-32C of `123456789` is e3069283.
        assert_eq!(masked(b"123456789"), 0xe306_9283_u32.rotate_right(15).wrapping_add(MASK));
        assert_eq!(record(&[0; 12]), None);
    }
}
