//! What a file is.

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

impl Kind {
    /// Whether no reader of models opens it, whatever is in it.
    pub(crate) fn is_media(self) -> bool {
        matches!(self, Self::Image | Self::Audio | Self::Video | Self::Font | Self::Pdf)
    }

    /// Whether it is known by name, and not judged: what programs of its own open.
    pub(crate) fn is_format(self) -> bool {
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
