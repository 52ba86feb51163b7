//! Damage to a committed checkpoint: one bit at every byte of every file, a cut at
//! every length, files swapped, gone, or something else than files. All of it is found
//! by `verify` and by a full load, and the error names where it is.

#[path = "../common/mod.rs"]
mod common;

mod command;
mod saved;

use std::collections::BTreeMap;
use std::sync::Arc;

use strongroom::{
    CheckpointReader, CheckpointReaderConfig, DType, Engine, RankInfo, Storage, Template, TensorTarget,
};

use common::cases::Failures;
use saved::{Damage, KINDS, Kind, Saved, load, open, state};

#[test]
fn a_bit_that_flips_is_found_at_every_byte_of_every_file() {
    each_kind(|saved, failures| {
        let damages = saved.files.iter().flat_map(|(name, bytes)| {
            // Each bit of a byte has its turn, the next byte's is another one.
            (0..bytes.len()).map(move |at| {
                let mut bytes = bytes.clone();
                bytes[at] ^= 1 << (at * 3 % 8);
                Damage { what: format!("{name}: a bit of byte {at}"), name, at: Some(at), bytes }
            })
        });
        saved.all_are_found(damages.collect(), failures);
    });
}

#[test]
fn a_cut_is_found_at_every_length() {
    each_kind(|saved, failures| {
        let damages = saved.files.iter().flat_map(|(name, bytes)| {
            (0..bytes.len()).map(move |length| Damage {
                what: format!("{name}: cut to {length}"),
                name,
                at: None,
                bytes: bytes[..length].to_vec(),
            })
        });
        saved.all_are_found(damages.collect(), failures);
    });
}

#[test]
fn bytes_too_many_are_found() {
    each_kind(|saved, failures| {
        let extended = |name, bytes: &[u8], front: &[u8], back: &[u8]| Damage {
            what: format!("{name}: {} bytes before and {} after", front.len(), back.len()),
            name,
            at: None,
            bytes: [front, bytes, back].concat(),
        };
        let damages = saved.files.iter().flat_map(|(name, bytes)| {
            [
                extended(name, bytes, &[], &[0]),
                extended(name, bytes, &[], b"\n"),
                extended(name, bytes, &[], &[0; 4096]),
                extended(name, bytes, &[0], &[]),
                extended(name, bytes, b" ", &[]),
                extended(name, bytes, bytes, &[]),
            ]
        });
        saved.all_are_found(damages.collect(), failures);
    });
}

#[test]
fn a_block_of_zeros_is_found() {
    // As a disk leaves a block that it never wrote.
    each_kind(|saved, failures| {
        let damages = saved.files.iter().flat_map(|(name, bytes)| {
            (0..bytes.len()).step_by(64).filter_map(move |start| {
                let mut zeroed = bytes.clone();
                let end = bytes.len().min(start + 512);
                zeroed[start..end].fill(0);
                let what = format!("{name}: zeros from {start} to {end}");
                (zeroed != *bytes).then_some(Damage { what, name, at: None, bytes: zeroed })
            })
        });
        saved.all_are_found(damages.collect(), failures);
    });
}

/// A file of another save, or of another rank: whole, and not the one that was
/// committed. The other saves differ in one value, or in one element, and their files
/// have the same lengths.
#[test]
fn a_file_of_elsewhere_is_found() {
    let mut failures = Failures::default();
    for kind in KINDS {
        let saved = Saved::new(kind, state(1, 0));
        for (difference, other) in [("step", state(2, 0)), ("element", state(1, 1)), ("both", state(2, 1))] {
            let other = Saved::new(kind, other);
            for (name, bytes) in &saved.files {
                let theirs = &other.files[name];
                if theirs != bytes {
                    let what = format!("{kind:?}: {name} of a save with another {difference}");
                    let found =
                        saved.found(&Damage { what: what.clone(), name, at: None, bytes: theirs.clone() });
                    found.unwrap_or_else(|error| failures.add(&what, error));
                }
            }
        }
        for (name, other) in pairs(&saved.files) {
            let (what, bytes) =
                (format!("{kind:?}: {other} in the place of {name}"), saved.files[other].clone());
            let found = saved.found(&Damage { what: what.clone(), name, at: None, bytes });
            found.unwrap_or_else(|error| failures.add(&what, error));
        }
    }
    failures.check();
}

/// A lazy load reads no payload. It says so, and everything else is checked.
/// Four bytes give any bytes the checksum that one wants: only the digest tells.
#[test]
fn bytes_with_the_checksum_of_others_are_found() {
    each_kind(|saved, failures| {
        for (name, file) in saved.ranks() {
            let mut bytes = file.clone();
            let (tensor, payload) = (0..file.len()).find_map(|at| saved.payload(name, at)).unwrap();
            let expected = crc32fast::hash(&file[payload.clone()]);
            bytes[payload.start] ^= 1;
            forge(&mut bytes[payload.clone()], expected);
            assert_eq!(crc32fast::hash(&bytes[payload]), expected);
            let store = saved.with(name, &bytes);
            match open(&store).and_then(|checkpoint| checkpoint.verify()) {
                Err(error) if error.to_string().contains("whose checksum is the same") => {}
                found => failures.add(&format!("{tensor} of {name}"), format!("{found:?}")),
            }
        }
    });
}

/// Chooses the last four bytes so that all have this checksum: each of their bits changes it
/// in a way of its own, whatever the others are.
fn forge(bytes: &mut [u8], expected: u32) {
    let last = bytes.len() - 4;
    bytes[last..].fill(0);
    let base = crc32fast::hash(bytes);
    // Of each bit what it changes, reduced until each change has a leading bit of its own.
    let mut changes: Vec<(u32, u32)> = Vec::new();
    for bit in 0..32u32 {
        bytes[last..].copy_from_slice(&(1u32 << bit).to_le_bytes());
        let (mut change, mut bits) = (crc32fast::hash(bytes) ^ base, 1u32 << bit);
        for &(known, of) in &changes {
            if change & (1 << known.ilog2()) != 0 {
                (change, bits) = (change ^ known, bits ^ of);
            }
        }
        changes.push((change, bits));
        changes.sort_unstable_by(|a, b| b.cmp(a));
    }
    let (mut wanted, mut bits) = (expected ^ base, 0);
    for (change, of) in changes {
        if wanted & (1 << change.ilog2()) != 0 {
            (wanted, bits) = (wanted ^ change, bits ^ of);
        }
    }
    bytes[last..].copy_from_slice(&bits.to_le_bytes());
}

#[test]
fn a_lazy_load_says_what_it_did_not_check() {
    for kind in KINDS {
        let saved = Saved::new(kind, state(1, 0));
        let (mut unnoticed, mut found) = (0, 0);
        for (name, bytes) in saved.ranks() {
            for at in 0..bytes.len() {
                let mut damaged = bytes.clone();
                damaged[at] ^= 0x10;
                let store = saved.with(name, &damaged);
                let rank = saved.ranks().position(|(other, _)| other == name).unwrap();
                match open(&store).unwrap().file(rank).and_then(|file| file.map()) {
                    Ok(mapped) => {
                        assert!(saved.payload(name, at).is_some(), "{kind:?}: {name}: byte {at}");
                        assert_eq!(mapped.unverified().count(), mapped.storages().len());
                        unnoticed += 1;
                    }
                    Err(error) => {
                        assert!(error.to_string().contains(name), "{error}");
                        found += 1;
                    }
                }
            }
        }
        // 40 and 24 bytes of payloads, in the files of all or on each rank.
        let copies = if let Kind::Own(ranks) = kind { ranks } else { 1 };
        assert_eq!(unnoticed, 64 * copies, "{kind:?}");
        assert!(found > 1000, "{kind:?}: {found}");
        let read = load(&saved.with("none", &[]), kind).unwrap();
        assert!(read.iter().all(|state| state.unverified().next().is_none()), "{kind:?}");
    }
}

/// A partial read says it, too, of new memory and of the caller's.
#[test]
fn a_partial_read_says_what_it_did_not_check() {
    let saved = Saved::new(Kind::Own(1), state(1, 0));
    let store = Arc::new(saved.with("none", &[]));
    for verify in [true, false] {
        let mut bias = [0u8; 24];
        let mut template = Template::dict([
            ("layer.bias", Template::from(TensorTarget::from_slice(&mut bias, &[24]).unwrap())),
            ("layer.weight", Template::from(TensorTarget::new(DType::Uint8, &[40]))),
            ("tied", Template::Any),
        ]);
        let config = CheckpointReaderConfig { verify, ..CheckpointReaderConfig::default() };
        let engine = Engine::shared().unwrap();
        let reader = CheckpointReader::new_in(engine, store.clone(), config, RankInfo::single());
        reader.read_into(saved::PATH, &mut template, true).unwrap();
        let read = template.into_state_dict();
        let unverified: Vec<u64> = read.unverified().map(Storage::length).collect();
        assert_eq!(unverified, if verify { vec![] } else { vec![24, 40, 40] });
    }
}

fn each_kind(test: impl Fn(&Saved, &mut Failures)) {
    let mut failures = Failures::default();
    for kind in KINDS {
        test(&Saved::new(kind, state(1, 0)), &mut failures);
    }
    failures.check();
}

fn pairs(files: &BTreeMap<String, Vec<u8>>) -> Vec<(&str, &str)> {
    let names = || files.keys().map(String::as_str);
    names()
        .flat_map(|name| names().filter(move |other| *other != name).map(move |other| (name, other)))
        .collect()
}
