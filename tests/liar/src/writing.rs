use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use crate::Liar;
use crate::bindings::exports::strongroom::format::types::{Dtype, Error, Node, NodeId, Tensor};
use crate::bindings::exports::strongroom::format::writer as wit;
use crate::misdeeds;

/// The truth is a file of 32 bytes: 16 known, a storage of 8, 8 that are sealed.
pub struct Writing {
    lie: String,
}

impl wit::Guest for Liar {
    type Writing = Writing;
}

impl wit::GuestWriting for Writing {
    fn begin(options: wit::WriteOptions) -> Result<wit::Writing, Error> {
        let lie = match options {
            wit::WriteOptions::TorchZip(options) => options.file_name.unwrap_or_default(),
            wit::WriteOptions::Safetensors(_) | wit::WriteOptions::Pickle => String::new(),
        };
        Ok(wit::Writing::new(Self { lie }))
    }

    fn add(&self, _: Vec<Node>, _: Vec<wit::Storage>) -> Result<(), Error> {
        Ok(())
    }

    fn plan(&self, _: NodeId) -> Result<wit::Plan, Error> {
        misdeeds::commit(&self.lie)?;
        Ok(wit::Plan {
            length: match self.lie.as_str() {
                "a file of all there could be" => u64::MAX,
                "a file of a petabyte" => 1 << 50,
                "a file that would fill the disk" => 1 << 30,
                "a file longer than its parts" => 33,
                "a file shorter than its parts" => 31,
                _ => 32,
            },
            segments: if self.lie == "four billion segments" { u32::MAX } else { 1 },
            slots: match self.lie.as_str() {
                "four billion slots" => u32::MAX,
                "two slots in one place" => 2,
                _ => 1,
            },
            seal: self.lie != "nothing to seal where something is missing",
            left_out: Vec::new(),
        })
    }

    fn segments(&self, _: u32, count: u32) -> Result<Vec<wit::Segment>, Error> {
        Ok(match self.lie.as_str() {
            "a page without segments" => Vec::new(),
            "a page of too many segments" => vec![segment(0, 16); count as usize + 1],
            "four billion segments" => vec![segment(0, 0); count as usize],
            "a segment beyond the file" => vec![segment(32, 1)],
            "a segment past the last offset" => vec![segment(u64::MAX, 16)],
            "a segment over the slot" => vec![segment(0, 17)],
            "a gap before the slot" => vec![segment(0, 15)],
            "a gap at the start" => vec![segment(1, 15)],
            lie if WRONG.contains(&lie) => {
                vec![wit::Segment { offset: 0, bytes: format!("{lie:<16}").into_bytes() }]
            }
            _ => vec![segment(0, 16)],
        })
    }

    fn slots(&self, _: u32, count: u32) -> Result<Vec<wit::Slot>, Error> {
        let whole = wit::Source::Storage(0);
        let tensor = |tensor: Tensor| vec![slot(16, 8, wit::Source::Tensor(tensor))];
        Ok(match self.lie.as_str() {
            "a page without slots" => Vec::new(),
            "a page of too many slots" => vec![slot(16, 8, whole); count as usize + 1],
            "two slots in one place" => vec![slot(16, 8, whole.clone()), slot(16, 8, whole)],
            "four billion slots" => vec![slot(16, 8, whole); count as usize],
            "a slot beyond the file" => vec![slot(32, 8, whole)],
            "a slot past the last offset" => vec![slot(u64::MAX - 3, 8, whole)],
            "a slot shorter than its storage" => vec![slot(16, 7, whole)],
            "a slot longer than its storage" => vec![slot(16, 9, whole)],
            "a slot for a storage that does not exist" => vec![slot(16, 8, wit::Source::Storage(1))],
            "a slot for a tensor outside its storage" => tensor(Tensor { offset: 1, ..honest() }),
            "a slot for a tensor of another length" => tensor(Tensor { shape: vec![1], ..honest() }),
            "a slot for a tensor without data" => tensor(Tensor { storage: None, ..honest() }),
            "a slot for a tensor of no elements and all dimensions" => {
                vec![slot(16, 0, wit::Source::Tensor(Tensor { shape: vec![u64::MAX, 0], ..honest() }))]
            }
            _ => vec![slot(16, 8, whole)],
        })
    }

    fn seal(&self, _: Vec<wit::Checksum>) -> Result<u32, Error> {
        match self.lie.as_str() {
            "trap at the seal" => misdeeds::commit("trap")?,
            "loop at the seal" => misdeeds::commit("loop")?,
            _ => {}
        }
        Ok(match self.lie.as_str() {
            "sealed with nothing" => 0,
            "sealed with four billion segments" => u32::MAX,
            _ => 1,
        })
    }

    fn sealed(&self, _: u32, count: u32) -> Result<Vec<wit::Segment>, Error> {
        Ok(match self.lie.as_str() {
            "a seal beyond the file" => vec![segment(25, 8)],
            "a seal over the payload" => vec![segment(16, 16)],
            "a seal too short" => vec![segment(24, 7)],
            "a seal of other bytes" => vec![segment(24, 1)],
            "sealed with four billion segments" => vec![segment(24, 0); count as usize],
            "a page without seals" => Vec::new(),
            _ => vec![segment(24, 8)],
        })
    }
}

/// Lies about what is in the file, which its reader finds in its first bytes.
const WRONG: [&str; 11] = [
    "another place",
    "another device",
    "a checksum",
    "another order",
    "no alignment",
    "another shape",
    "another dtype",
    "values swapped",
    "a value dropped",
    "a value added",
    "another key",
];

/// Whether a file that begins so is one that was written here.
pub fn is_of(start: &str) -> bool {
    start == "!".repeat(16) || WRONG.contains(&start)
}

fn segment(offset: u64, length: usize) -> wit::Segment {
    wit::Segment { offset, bytes: vec![b'!'; length] }
}

fn slot(offset: u64, length: u64, source: wit::Source) -> wit::Slot {
    wit::Slot { offset, length, source }
}

fn honest() -> Tensor {
    Tensor {
        storage: Some(0),
        dtype: Dtype::Float32,
        offset: 0,
        shape: vec![2],
        stride: vec![1],
        requires_grad: false,
        conj: false,
        neg: false,
    }
}
