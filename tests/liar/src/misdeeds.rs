//! What is no lie but worse.

use alloc::string::String;
use alloc::vec::Vec;
use core::hint::black_box;

use crate::bindings::exports::strongroom::format::types::{Error, Fault, Unfit};

/// Does what `name` says if it is no lie but a misdeed.
pub fn commit(name: &str) -> Result<(), Error> {
    match name {
        "trap" => core::arch::wasm32::unreachable(),
        "loop" => loop {
            black_box(());
        },
        "hog" => {
            let mut hoard: Vec<Vec<u8>> = Vec::new();
            loop {
                hoard.push(black_box(alloc::vec![1; 1 << 20]));
            }
        }
        "overflow the stack" => Err(Error::Misuse(deeper(u64::MAX))),
        "error of garbage" => Err(Error::Malformed(Fault {
            offset: u64::MAX,
            part: String::from("\u{1b}[2J\u{0}\r\u{202e}"),
            expected: String::new(),
            found: "x".repeat(1 << 20),
        })),
        "error without end" => {
            let unfit = Unfit { path: "p".repeat(100), reason: "r".repeat(100) };
            Err(Error::Unrepresentable(alloc::vec![unfit; 100_000]))
        }
        _ => Ok(()),
    }
}

/// Calls itself until the stack ends.
fn deeper(depth: u64) -> String {
    let mut room = black_box([depth; 64]);
    room[0] = room[0].wrapping_sub(1);
    if room[0] == 0 { String::new() } else { deeper(black_box(room)[0]) }
}
