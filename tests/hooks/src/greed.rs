//! Using up what there is.

use std::hint::black_box;
use std::io::Write;
use std::thread;
use std::time::Duration;

use wasip2::clocks::monotonic_clock::subscribe_duration;
use wasip2::filesystem::preopens::get_directories;
use wasip2::filesystem::types::{DescriptorFlags, OpenFlags, PathFlags};
use wasip2::random::random::get_random_bytes;

use super::Outcome;

pub fn misdeed(name: &str) -> Option<Outcome> {
    match name {
        "loop" => loop {
            black_box(());
        },
        "sleep" => {
            thread::sleep(Duration::from_secs(1_000_000));
            Some(Ok(()))
        }
        "wait in the host again and again" => loop {
            thread::sleep(Duration::from_nanos(1));
        },
        "draw random bytes without end" => loop {
            black_box(get_random_bytes(1 << 20));
        },
        "draw all random bytes" => {
            black_box(get_random_bytes(u64::MAX));
            Some(Ok(()))
        }
        "hog" => {
            let blocks: Vec<Vec<u8>> = (0..10 << 10).map(|_| vec![1; 1 << 20]).collect();
            Some(if black_box(blocks).is_empty() { Err("got no memory".into()) } else { Ok(()) })
        }
        "recurse" => Some(if recurse(0) == 1 { Err("not so deep".into()) } else { Ok(()) }),
        "print without end" => {
            for _ in 0..1 << 20 {
                println!("{:1023}", "");
            }
            Some(Ok(()))
        }
        "print without end whatever is said" => loop {
            let _ = std::io::stdout().write_all(&[b'.'; 1 << 10]);
        },
        "hold files without end" => Some(hold_files()),
        "hold timers without end" => {
            let timers: Vec<_> = (0..1 << 20).map(|_| subscribe_duration(1 << 40)).collect();
            Some(if timers.is_empty() { Err("got no timers".into()) } else { Ok(()) })
        }
        "an error without end" => Some(Err("x".repeat(16 << 20))),
        "exit well" => std::process::exit(0),
        "exit badly" => std::process::exit(1),
        "abort" => std::process::abort(),
        "panic" => panic!("this is too much"),
        _ => None,
    }
}

fn hold_files() -> Outcome {
    let directories = get_directories();
    let (checkpoint, _) = directories.first().ok_or("no directory at all")?;
    let mut held = Vec::new();
    for _ in 0..1 << 20 {
        let opened = checkpoint.open_at(PathFlags::empty(), ".", OpenFlags::empty(), DescriptorFlags::READ);
        held.push(opened.map_err(|code| code.name().to_owned())?);
    }
    Ok(())
}

#[allow(unconditional_recursion)]
fn recurse(depth: u64) -> u64 {
    // Something on the stack, and something after the call.
    let frame = black_box([depth; 16]);
    recurse(depth + 1) + frame[0]
}
