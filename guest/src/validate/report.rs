use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use super::dcp::items::Item;
use super::dcp::matching::Root;
use super::finding::{Finding, Rule, Verdict};
use super::level::Level;
use crate::dcp::Metadata;
use crate::step::Range;

/// What was found in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// What the file is.
    pub kind: Kind,
    /// The worst of all findings.
    pub verdict: Verdict,
    /// The strictest level that all findings leave; of what is not safe it says nothing.
    pub level: Level,
    /// The findings, in the order they were made.
    pub findings: Vec<Finding>,
    /// Findings beyond the first hundred of a rule: counted, not kept.
    pub unlisted: u64,
    /// Stored bytes that were not read.
    pub payloads: Vec<Payload>,
    /// The archives that the file is made of, one after another: those of a distributed checkpoint
    /// are its items.
    pub items: Vec<Item>,
    /// What it says, if it is the metadata of a distributed checkpoint.
    pub metadata: Option<Metadata>,
    counts: BTreeMap<&'static str, u32>,
}

/// What a file is, told by its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A zip archive as `torch.save` writes it since torch 1.6.
    TorchZip,
    /// The stream `torch.save` wrote before.
    TorchLegacy,
    /// A TorchScript archive: a program.
    TorchScript,
    /// The metadata of a distributed checkpoint.
    DcpMetadata,
    /// Items of a distributed checkpoint: archives, one after another.
    DcpItems,
    /// safetensors
    Safetensors,
    /// One pickle, or several in a row.
    Pickle,
    /// A numpy array.
    Npy,
    /// A zip archive of numpy arrays.
    Npz,
    /// Another zip archive.
    Zip,
    /// A GGUF file, as llama.cpp reads it.
    Gguf,
    /// What llama.cpp read before.
    Ggml,
    /// An ONNX model.
    Onnx,
    /// An ONNX Runtime model.
    OnnxRuntime,
    /// An OpenVINO model.
    OpenVino,
    /// An HDF5 file, as Keras writes it.
    Hdf5,
    /// A TFLite model.
    TfLite,
    /// A Core ML model.
    CoreMl,
    /// A TensorFlow SavedModel.
    SavedModel,
    /// A TensorRT plan.
    TensorRt,
    /// A PyTorch Mobile model.
    TorchMobile,
    /// An ExecuTorch program.
    ExecuTorch,
    /// A LibTorch archive of tensors: TorchScript without functions.
    LibTorch,
    /// MessagePack, as flax writes it.
    Msgpack,
    /// Another protocol buffer.
    Protobuf,
    /// A SentencePiece model.
    SentencePiece,
    /// An event file of TensorBoard.
    TfEvents,
    /// A tar archive.
    Tar,
    /// A compressed archive.
    Archive,
    /// A program for a machine.
    Program,
    /// A script.
    Script,
    /// A PDF document.
    Pdf,
    /// A Parquet file.
    Parquet,
    /// An Arrow file.
    Arrow,
    /// An SQLite database.
    Sqlite,
    /// A picture.
    Image,
    /// A sound.
    Audio,
    /// A video.
    Video,
    /// A font.
    Font,
    /// A text.
    Text,
    /// JSON.
    Json,
    /// An HTML page.
    Html,
    /// What stands for a file of Git LFS.
    LfsPointer,
    /// What stands for a file of git-annex.
    AnnexPointer,
    /// Nothing.
    Empty,
    /// Something else.
    Unknown,
}

/// Bytes of the file that hold data and were not looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    /// The member.
    pub part: String,
    /// Where its bytes lie in the file.
    pub range: Range,
    /// CRC-32 of the bytes, where the format has one.
    pub crc32: Option<u32>,
}

impl Default for Report {
    fn default() -> Self {
        Self {
            kind: Kind::Unknown,
            verdict: Verdict::Safe,
            level: Level::TensorsOnly,
            findings: Vec::new(),
            unlisted: 0,
            payloads: Vec::new(),
            items: Vec::new(),
            metadata: None,
            counts: BTreeMap::new(),
        }
    }
}

impl Kind {
    /// Whether no reader of models opens it, whatever is in it.
    pub(super) fn is_media(self) -> bool {
        matches!(self, Self::Image | Self::Audio | Self::Video | Self::Font | Self::Pdf)
    }

    /// Whether it is known by name, and not judged: what programs of its own open.
    pub(super) fn is_format(self) -> bool {
        matches!(
            self,
            Self::Ggml
                | Self::Onnx
                | Self::OnnxRuntime
                | Self::OpenVino
                | Self::Hdf5
                | Self::TfLite
                | Self::CoreMl
                | Self::SavedModel
                | Self::TensorRt
                | Self::TorchMobile
                | Self::ExecuTorch
                | Self::LibTorch
                | Self::Msgpack
                | Self::Protobuf
                | Self::SentencePiece
                | Self::Parquet
                | Self::Arrow
                | Self::Sqlite
        )
    }

    /// Its name: `torch-zip`.
    pub fn name(self) -> &'static str {
        match self {
            Self::TorchZip => "torch-zip",
            Self::TorchLegacy => "torch-legacy",
            Self::TorchScript => "torch-script",
            Self::DcpMetadata => "dcp-metadata",
            Self::DcpItems => "dcp-items",
            Self::Safetensors => "safetensors",
            Self::Pickle => "pickle",
            Self::Npy => "npy",
            Self::Npz => "npz",
            Self::Zip => "zip",
            Self::Gguf => "gguf",
            Self::Ggml => "ggml",
            Self::Onnx => "onnx",
            Self::OnnxRuntime => "onnx-runtime",
            Self::OpenVino => "openvino",
            Self::Hdf5 => "hdf5",
            Self::TfLite => "tflite",
            Self::CoreMl => "coreml",
            Self::SavedModel => "tf-saved-model",
            Self::TensorRt => "tensorrt",
            Self::TorchMobile => "torch-mobile",
            Self::ExecuTorch => "executorch",
            Self::LibTorch => "libtorch",
            Self::Msgpack => "msgpack",
            Self::Protobuf => "protobuf",
            Self::SentencePiece => "sentencepiece",
            Self::TfEvents => "tfevents",
            Self::Tar => "tar",
            Self::Archive => "archive",
            Self::Program => "program",
            Self::Script => "script",
            Self::Pdf => "pdf",
            Self::Parquet => "parquet",
            Self::Arrow => "arrow",
            Self::Sqlite => "sqlite",
            Self::Image => "image",
            Self::Audio => "audio",
            Self::Video => "video",
            Self::Font => "font",
            Self::Text => "text",
            Self::Json => "json",
            Self::Html => "html",
            Self::LfsPointer => "git-lfs-pointer",
            Self::AnnexPointer => "git-annex-pointer",
            Self::Empty => "empty",
            Self::Unknown => "unknown",
        }
    }
}

impl Report {
    /// The strictest level that a safe file reaches.
    pub fn reached(&self) -> Option<Level> {
        matches!(self.verdict, Verdict::Safe | Verdict::Trusting).then_some(self.level)
    }

    /// Adds a finding, and counts it where there are too many of its rule: a
    /// hostile file could have millions.
    pub(super) fn add(&mut self, finding: Finding) {
        self.verdict = self.verdict.max(finding.rule.verdict);
        self.level = self.level.min(finding.rule.level);
        let count = self.counts.entry(finding.rule.id).or_default();
        if *count < LISTED {
            *count += 1;
            self.findings.push(finding);
        } else {
            self.unlisted = self.unlisted.saturating_add(1);
        }
    }

    /// The findings of some rules.
    pub(super) fn only(self, is_wanted: fn(&Rule) -> bool) -> Self {
        let mut report = Self::default();
        self.findings.into_iter().filter(|found| is_wanted(found.rule)).for_each(|found| report.add(found));
        report
    }

    /// Adds all findings of another report.
    pub(super) fn merge(&mut self, other: Self) {
        other.findings.into_iter().for_each(|finding| self.add(finding));
        self.verdict = self.verdict.max(other.verdict);
        self.level = self.level.min(other.level);
        self.unlisted = self.unlisted.saturating_add(other.unlisted);
        self.payloads.extend(other.payloads);
        self.metadata = self.metadata.take().or(other.metadata);
    }

    /// Takes all from another report but its findings. Every field is named here: what is
    /// added to a report must not be lost.
    pub(super) fn take_rest(&mut self, other: &mut Self) {
        let Self { kind, verdict: _, level, findings: _, unlisted, payloads, items, metadata, counts: _ } =
            other;
        (self.kind, self.level) = (*kind, *level);
        self.unlisted = self.unlisted.saturating_add(*unlisted);
        self.payloads = core::mem::take(payloads);
        self.items = core::mem::take(items);
        self.metadata = metadata.take();
    }

    /// Says what the pickle builds of the item that lies here, if there is one.
    pub(super) fn root(&mut self, range: Range, root: Root) {
        let at = self.items.partition_point(|item| item.range.offset < range.offset);
        if let Some(item) = self.items.get_mut(at).filter(|item| item.range == range) {
            item.root = Some(root);
        }
    }
}

/// Findings of one rule that are kept.
const LISTED: u32 = 100;
