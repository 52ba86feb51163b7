//! How a file's bytes are cut on their way in makes no difference: the same
//! checkpoint or the same error, to the letter.

mod common;

use common::cases::{Case, bad, good};
use common::native;
use strongroom_guest::validate::ValidateOptions;
use strongroom_guest::{Checkpoint, Error};

/// A prime, so that no piece ends where a record, a number or a string does.
const ODD: usize = 7;

#[test]
fn a_byte_at_a_time() {
    same_in_pieces_of(1, good().iter().chain(&bad()));
}

#[test]
fn seven_bytes_at_a_time() {
    same_in_pieces_of(ODD, good().iter().chain(&bad()));
}

#[test]
fn a_page_at_a_time() {
    same_in_pieces_of(4096, good().iter().chain(&bad()));
}

/// What is found wrong does not depend on it either.
#[test]
fn judged_in_pieces() {
    for case in good().iter().chain(&bad()) {
        let file = case.bytes();
        let (whole, _) = native::judge(&file, usize::MAX, ValidateOptions::default());
        for piece in [ODD, 4096] {
            let (found, _) = native::judge(&file, piece, ValidateOptions::default());
            assert!(whole == found, "{} differs in pieces of {piece}", case.name);
        }
    }
}

/// A file's every end: what a broken download leaves gets one error, however the
/// rest is brought.
#[test]
fn cut_anywhere() {
    for name in ["tied_and_views", "legacy_tied_and_views", "st_shapes"] {
        let file = common::cases::good_named(name).bytes();
        for length in (0..file.len()).step_by(file.len() / 150 + 1) {
            let whole = native::read(&file[..length], usize::MAX);
            assert!(whole.is_err(), "{name} was accepted with {length} of {} bytes", file.len());
            assert_eq!(whole, native::read(&file[..length], ODD), "{name} cut to {length} bytes");
        }
    }
}

fn same_in_pieces_of<'c>(piece: usize, cases: impl Iterator<Item = &'c Case>) {
    for case in cases {
        let file = case.bytes();
        let whole: Result<Checkpoint, Error> = native::read(&file, usize::MAX);
        assert!(whole == native::read(&file, piece), "{} differs in pieces of {piece}", case.name);
    }
}
