extern crate std;
use super::*;
use crate::*;
use std::prelude::v1::*;
use std::{format, println};
use crate::model::*;

fn read(bytes: &[u8]) -> Result<Checkpoint, Error> {
    let mut reading = Reading::open(bytes.len() as u64, Limits::default());
    let mut chunks = Vec::new();
    loop {
        match reading.advance(chunks)? {
            Step::Fetch(r) => chunks = r.iter().map(|r| Chunk { offset: r.offset, bytes: bytes[r.offset as usize..(r.offset + r.length) as usize].to_vec() }).collect(),
            Step::Ready => return Ok(reading.into_checkpoint().unwrap()),
        }
    }
}

#[test]
fn tmp() {
    let mut names: Vec<_> = std::fs::read_dir("/tmp/w/st-cases").unwrap().map(|e| e.unwrap().path()).collect();
    names.sort();
    let (mut n, mut bad) = (0, 0);
    let mut msgs = std::collections::BTreeMap::new();
    for path in names {
        let name = path.file_name().unwrap().to_str().unwrap().to_string();
        let bytes = std::fs::read(&path).unwrap();
        let ok = name.ends_with(".ok");
        let result = read(&bytes);
        n += 1;
        if let Err(e) = &result { if !ok { let t = format!("{e}"); *msgs.entry(t.split("expected").nth(1).unwrap_or("").to_string()).or_insert((0,t)) = (1, format!("{name} {e}")); } }
        if result.is_ok() != ok { bad += 1; println!("DIFF {name} {:?}\n   {}", result.as_ref().err().map(|e| format!("{e}")), String::from_utf8_lossy(&bytes[8..])); }
        let Ok(c) = result else { continue };
        if !name.starts_with("save") { continue }
        let storages: Vec<_> = c.storages.iter().map(|s| Storage { length: s.range.length, location: "cpu".into() }).collect();
        let opt = SafetensorsOptions { metadata: c.metadata.clone(), tensors_only: false };
        let l = layout(&opt, &c.nodes, &storages, c.root).unwrap();
        let mut out = vec![0u8; l.length as usize];
        for s in &l.segments { out[s.offset as usize..][..s.bytes.len()].copy_from_slice(&s.bytes); }
        for s in &l.slots {
            let Source::Storage(id) = s.source else { panic!("{name}") };
            let r = c.storages[id as usize].range;
            assert_eq!(r.length, s.length);
            out[s.offset as usize..][..s.length as usize].copy_from_slice(&bytes[r.offset as usize..][..r.length as usize]);
        }
        if out != bytes { bad += 1; println!("WRITE {name}\n {}\n {}", String::from_utf8_lossy(&bytes), String::from_utf8_lossy(&out)); }
    }
    for (_, (_, m)) in msgs { println!("{m}"); }
    println!("{n} cases, {bad} bad");
}
