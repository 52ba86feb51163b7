use std::os::fd::AsFd;
use std::panic::{self, AssertUnwindSafe};
use std::thread;

use super::*;
use crate::store::Memory;
use crate::sys::shared_memory::SharedMemory;
use crate::{CheckpointWriterConfig, LocalBarrier, Tensor};

/// A writer into memory, wherever a mad path leads.
fn writer(_: &CheckpointWriterSpec) -> Result<CheckpointWriter> {
    let barrier = Arc::new(LocalBarrier::single());
    let (engine, config) = (Engine::shared()?, CheckpointWriterConfig::default());
    Ok(CheckpointWriter::new_in(engine, Arc::new(Memory::default()), config, barrier))
}

fn body(request: &Request<'_>) -> Vec<u8> {
    postcard::to_allocvec(request).unwrap()
}

/// A state dict of each kind of thing that has a length, an index or an offset.
fn write(memory: &SharedMemory) -> Vec<u8> {
    let storage = Storage::new(vec![1u8; 256]);
    let mut state = StateDict::new();
    state.insert("bytes", Tensor::new(storage.clone(), crate::DType::Uint8, &[16, 16]).unwrap());
    state.insert("tied", Tensor::view(storage, crate::DType::Uint8, 4, &[3, 2], &[2, 4]).unwrap());
    state.insert("list", crate::Value::List(vec![crate::Value::Int(7), crate::Value::Str("seven".into())]));
    assert!(memory.as_ref().len() >= 256);
    body(&Request::Write(Box::new(Write {
        number: 3,
        path: b"run/step-3".into(),
        shared: false,
        arguments: r#"{"epoch": 1}"#.into(),
        arena: 7,
        storages: vec![Place { offset: 64, length: 256, location: "cpu".into() }],
        nodes: state.nodes().into(),
        root: state.root_id(),
        metadata: vec![("format".to_owned(), "pt".to_owned())].into(),
    })))
}

/// Says all this to a process that serves, and returns what it answered and how
/// it ended. None for a panic.
fn tell(memory: &SharedMemory, bodies: &[&[u8]]) -> Option<(Vec<u8>, Result<()>)> {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let serving =
        thread::spawn(move || panic::catch_unwind(AssertUnwindSafe(|| serve_over(theirs, writer))).ok());
    for (index, body) in bodies.iter().enumerate() {
        let frame = [&u32::try_from(body.len()).unwrap().to_le_bytes()[..], body].concat();
        let descriptors = [memory.descriptor()];
        let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = rustix::net::SendAncillaryBuffer::new(&mut space);
        if index == 1 {
            ancillary.push(rustix::net::SendAncillaryMessage::ScmRights(&descriptors));
        }
        let parts = [io::IoSlice::new(&frame)];
        // It may have had enough.
        let _ = rustix::net::sendmsg(ours.as_fd(), &parts, &mut ancillary, rustix::net::SendFlags::NOSIGNAL);
    }
    ours.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answers = Vec::new();
    let _ = io::Read::read_to_end(&mut &ours, &mut answers);
    Some((answers, serving.join().unwrap()?))
}

fn init() -> Vec<u8> {
    let spec = serde_json::to_string(&CheckpointWriterSpec::default()).unwrap();
    body(&Request::Init { version: VERSION, spec: spec.into() })
}

#[test]
fn what_is_right_is_written() {
    let memory = SharedMemory::new(4096).unwrap();
    let (answers, ended) =
        tell(&memory, &[&init(), &body(&Request::Arena(7)), &write(&memory), &write(&memory)]).unwrap();
    ended.unwrap();
    // Ready, Written, and that there is something already.
    assert_eq!(answers[..11], [2, 0, 0, 0, 0, 1, 1, 0, 0, 0, 2]);
    assert!(String::from_utf8_lossy(&answers[11..]).contains("run/step-3"));
}

#[test]
fn a_damaged_message_is_an_error_and_never_the_end_of_the_world() {
    let memory = SharedMemory::new(4096).unwrap();
    let (init, arena, write) = (init(), body(&Request::Arena(7)), write(&memory));
    let (mut refused, mut written) = (0, 0);
    for at in 0..write.len() {
        for value in [0, 1, 0x7f, 0x80, 0xff, write[at] ^ 1, write[at].wrapping_add(1)] {
            let mut damaged = write.clone();
            damaged[at] = value;
            let told = tell(&memory, &[&init, &arena, &damaged]);
            let (answers, ended) = told.unwrap_or_else(|| panic!("it panics with {value} at {at}"));
            match (ended, answers.get(10)) {
                (Ok(()), Some(2)) => written += 1,
                (Ok(()), Some(4)) | (Err(_), None) => refused += 1,
                other => panic!("{other:?} with {value} at {at}"),
            }
        }
        let (_, cut) = tell(&memory, &[&init, &arena, &write[..at]]).expect("no panic");
        cut.unwrap_err();
    }
    // Damage in a text or a number makes another state dict, which is one.
    assert!(refused > 300 && written > 300, "{refused} refused, {written} written");
}

#[test]
fn memory_that_is_none_is_an_error() {
    let memory = SharedMemory::new(4096).unwrap();
    let (_, ended) = tell(
        &memory,
        &[&init(), &body(&Request::Ping), &body(&Request::Arena(1)), &body(&Request::Arena(2))],
    )
    .unwrap();
    assert_eq!(ended.unwrap_err().to_string(), "the checkpoint process was told memory without a descriptor");
}
