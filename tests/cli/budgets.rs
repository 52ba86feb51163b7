//! What a file can make a command do has an end, which is told.

use std::fs;

use strongroom::{DType, StateDict, Storage, Tensor};

use crate::room::{Room, text};

#[test]
fn output_has_an_end() {
    let room = Room::new();
    for line in ["inspect full_checkpoint.pt --all", "inspect full_checkpoint.pt --json"] {
        let output = room.run(&format!("{line} --max-output 100"));
        assert_eq!(output.status.code(), Some(4), "{line}");
        assert!(output.stdout.len() <= 100, "{line}");
        let error = text(&output.stderr);
        assert!(
            error.starts_with("error: the output is longer than the 100 bytes of --max-output\nhint: "),
            "{error}"
        );
        assert_eq!(room.run(&format!("{line} --max-output 1M")).status.code(), Some(0), "{line}");
    }
}

/// Four bytes, shown a thousand million times.
#[test]
fn what_is_shown_again_and_again_is_not_written_out_unasked() {
    let room = Room::new();
    let storage = Storage::new(vec![0u8; 4]);
    let vast = Tensor::view(storage, DType::Float32, 0, &[1 << 30], &[0]).unwrap();
    let mut state = StateDict::new();
    state.insert("vast", vast);
    strongroom::save(room.path("vast.pt"), &state).unwrap();
    assert!(fs::metadata(room.path("vast.pt")).unwrap().len() < 4096);
    let output = room.run("convert vast.pt out.safetensors");
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{error}");
    assert!(error.contains("its tensors have 4,294,967,296 bytes, written out in full"), "{error}");
    assert!(error.contains("--max-output SIZE raises the limit"), "{error}");
    assert!(!room.path("out.safetensors").exists());
    // As it is, it is small.
    assert_eq!(room.run("convert vast.pt out.pt").status.code(), Some(0));
}

/// The sandbox is quick with these values; naming and printing them is the host's work.
#[test]
fn the_time_of_the_host_counts() {
    let room = Room::new();
    let values = [b"\x80\x02](".as_slice(), &b"N".repeat(6_000_000), b"e."].concat();
    fs::write(room.path("values.pkl"), values).unwrap();
    let output = room.run("inspect values.pkl --json --timeout 2s --max-memory 8G --max-output 8G");
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{error}");
    assert!(error.contains("--timeout DURATION raises the limit"), "{error}");
}
