//! Where the command runs, and on what.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use strongroom::{StateDict, Tensor};
use tempfile::TempDir;

/// A directory with fixtures in it, of good files and of what can happen to them.
pub struct Room {
    directory: TempDir,
}

impl Room {
    pub fn new() -> Self {
        let room = Self { directory: tempfile::tempdir().unwrap() };
        for (case, file) in good() {
            let extension = file.extension().unwrap();
            fs::copy(&file, room.path(&case).with_extension(extension)).unwrap();
        }
        fs::copy(data("bad/pickle_deep/model.pt"), room.path("pickle_deep.pt")).unwrap();
        room.make_damaged();
        room.make_directories();
        room.make_dangerous();
        room.make_escapes();
        room.make_old_model();
        room
    }

    /// The same with a directory of checkpoints: a whole one, and one that never was committed.
    pub fn with_run() -> Self {
        let room = Self::new();
        assert!(room.run("save full_checkpoint.pt run/step-100 --ranks 2").status.success());
        fs::create_dir_all(room.path("run/interrupted")).unwrap();
        fs::create_dir_all(room.path("run/.step-300.00000000000004a1.strongroom-staging")).unwrap();
        room
    }

    fn make_damaged(&self) {
        let whole = fs::read(self.path("full_checkpoint.pt")).unwrap();
        fs::write(self.path("truncated.pt"), &whole[..whole.len() / 2]).unwrap();
        let payload = self.path("damaged.pt");
        let mut state = StateDict::new();
        state.insert("weight", Tensor::from_slice(&[0x4b42_4b42u32; 64], &[64]).unwrap());
        strongroom::save(&payload, &state).unwrap();
        let mut bytes = fs::read(&payload).unwrap();
        let at = bytes.windows(8).position(|window| window == b"BKBKBKBK").unwrap();
        bytes[at] ^= 1;
        fs::write(&payload, bytes).unwrap();
        let header = br#"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#;
        fs::write(self.path("malformed.safetensors"), safetensors(header, 4)).unwrap();
    }

    /// Directories that are no committed checkpoint.
    fn make_directories(&self) {
        let files: [(&str, &[&str]); 7] = [
            ("ranks", &["checkpoint_0.pt", "checkpoint_1.pt"]),
            ("dcp", &[".metadata", "__0_0.distcp"]),
            ("unpacked", &["data.pkl", "version", "byteorder"]),
            ("sharded", &["config.json", "model.safetensors.index.json", "model-00001-of-00001.safetensors"]),
            ("hub", &["config.json", "model.safetensors"]),
            ("mine", &["config.json", "step.pt"]),
            ("site", &["config.json", "search.index.json", "data.pkl"]),
        ];
        for (directory, names) in files {
            fs::create_dir(self.path(directory)).unwrap();
            for name in names {
                fs::copy(self.path("zero_size.pt"), self.path(directory).join(name)).unwrap();
            }
        }
        let whole = fs::read(self.path("st_metadata.safetensors")).unwrap();
        fs::write(self.path("model.safetensors.incomplete"), &whole[..whole.len() - 4]).unwrap();
    }

    /// What a validator has something to say about.
    fn make_dangerous(&self) {
        fs::write(self.path("evil.pkl"), b"cos\nsystem\n(S'echo owned'\ntR.").unwrap();
        fs::write(self.path("note.txt"), "Dear reader,\n").unwrap();
        fs::write(self.path("train.py"), "import torch\n\nprint(torch.load(\"model.pt\"))\n").unwrap();
        fs::copy(data("hostile/names_defaultdict/model.pt"), self.path("beyond.pt")).unwrap();
        let classes = (0..30).map(|index| format!("cmylib.part{}\nThing{index}\n0", index % 3));
        fs::write(self.path("many.pkl"), classes.collect::<String>() + "}.").unwrap();
        let few = (0..9).map(|index| format!("cmylib\nThing{index}\n0"));
        fs::write(self.path("foreign.pkl"), few.collect::<String>() + "}.").unwrap();
        fs::write(self.path("allow.toml"), "allow = [\n  \"argparse.Namespace\",\n  \"os.*\",\n]\n").unwrap();
        fs::write(self.path("range.pkl"), b"c__builtin__\nrange\n(I3\ntR.").unwrap();
        fs::write(self.path("unknown.toml"), "require = \"no-code\"\npolicy = \"strict\"\n").unwrap();
        fs::write(self.path("wrong.toml"), "fail-on = \"never\"\n").unwrap();
        fs::write(self.path("strict.toml"), "require = \"weights-only\"\n").unwrap();
        for directory in ["objects", "refs"] {
            fs::create_dir_all(self.path("links/.git").join(directory)).unwrap();
        }
        fs::write(self.path("links/.git/HEAD"), "ref: refs/heads/main\n").unwrap();
        fs::create_dir(self.path("links/blobs")).unwrap();
        fs::create_dir(self.path("links/old")).unwrap();
        fs::copy(self.path("evil.pkl"), self.path("links/blobs/0a1b2c")).unwrap();
        for link in ["links/model.pkl", "links/old/model.pkl", "links/other.bin", "links/.git/left-out"] {
            fs::hard_link(self.path("links/blobs/0a1b2c"), self.path(link)).unwrap();
        }
        let mut state = StateDict::new();
        let numbers = vec![f32::NAN, 1.0, f32::INFINITY, f32::NAN];
        state.insert("weight", Tensor::from_vec(numbers, &[4]).unwrap());
        strongroom::save(self.path("nan.pt"), &state).unwrap();
    }

    /// Names that would clear the screen and hide what follows.
    fn make_escapes(&self) {
        let name = "\u{1b}[2J\u{202e}weight\n";
        let mut state = StateDict::new();
        state.insert(name, Tensor::from_slice(&[1.0f32], &[1]).unwrap());
        strongroom::save(self.path("escapes.safetensors"), &state).unwrap();
        let header = br#"{"\u001b[2J":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#;
        fs::write(self.path("escapes-malformed.safetensors"), safetensors(header, 4)).unwrap();
    }

    /// A whole model as PyTorch wrote it before 1.6: with the source of its class.
    fn make_old_model(&self) {
        let parts: [&[u8]; 5] = [
            b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.",
            b"\x80\x02M\xe9\x03.",
            b"\x80\x02}(X\x10\0\0\0protocol_versionM\xe9\x03X\r\0\0\0little_endian\x88X\n\0\0\0type_sizes}\
              (X\x05\0\0\0shortK\x02X\x03\0\0\0intK\x04X\x04\0\0\0longK\x04uu.",
            b"\x80\x02(X\x06\0\0\0modulecnet\nNet\nX\x06\0\0\0net.pyX\x0f\0\0\0class Net: passtQ)\x81}\
              X\x05\0\0\0widthK\x02sb.",
            b"\x80\x02].",
        ];
        fs::write(self.path("old_model.pt"), parts.concat()).unwrap();
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_strongroom"));
        // Help is wrapped to the terminal; here it is always 100 wide.
        command.args(arguments).current_dir(self.directory.path()).env_remove("COLUMNS").stdin(Stdio::null());
        command
    }

    pub fn run(&self, line: &str) -> Output {
        let arguments: Vec<&str> = line.split(' ').collect();
        self.command(&arguments).output().unwrap()
    }

    pub fn run_on(&self, arguments: &[&str], file: &Path) -> Output {
        self.command(arguments).arg(file).output().unwrap()
    }
}

fn safetensors(header: &[u8], payload: usize) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header);
    bytes.resize(bytes.len() + payload, 0);
    bytes
}

pub fn good() -> Vec<(String, PathBuf)> {
    files("good")
}

/// The name and the checkpoint file of each case in a folder of `tests/data`.
pub fn files(kind: &str) -> Vec<(String, PathBuf)> {
    let mut files: Vec<_> = fs::read_dir(data(kind))
        .unwrap()
        .filter_map(|case| {
            let case = case.unwrap();
            let file = ["model.pt", "model.safetensors"].map(|name| case.path().join(name));
            let file = file.into_iter().find(|file| file.exists())?;
            Some((case.file_name().into_string().unwrap(), file))
        })
        .collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

pub fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
