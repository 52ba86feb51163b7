//! The bugs. Each is one that was made, or nearly so, or that an honest change could bring.

/// A change of one text in a file.
pub struct Edit {
    pub file: &'static str,
    /// What is there, once.
    pub find: &'static str,
    /// What is there then.
    pub put: &'static str,
}

/// A bug, and the run that must find it.
pub struct Bug {
    pub name: &'static str,
    /// What is wrong then.
    pub breaks: &'static str,
    pub edit: Edit,
    /// A script of tests/interop, and its options.
    pub run: &'static [&'static str],
}

/// The runs that are asked for, each once.
pub fn runs() -> Vec<&'static [&'static str]> {
    let mut runs: Vec<_> = BUGS.iter().map(|bug| bug.run).collect();
    runs.sort_unstable();
    runs.dedup();
    runs
}

/// Headers of other formats where safe files have room for any bytes.
const DISGUISED: &[&str] = &["recognise", "--count", "3000"];
/// Damaged files, and files that are made to cost much.
const DAMAGED: &[&str] = &["readers", "--damaged", "--count", "3000"];
/// Pickles of numpy's arrays, with their names allowed.
const TRUSTED: &[&str] = &["arrays", "--count", "4000"];

#[rustfmt::skip]
pub const BUGS: &[Bug] = &[
    // Recognisers that go off less often than their readers.
    Bug {
        name: "tar-signed",
        breaks: "a tar header whose sum is of signed bytes is none",
        edit: Edit {
            file: "guest/src/foreign/tar.rs",
            find: "[sum(i128::from), sum(|byte| i8::from_ne_bytes([byte]).into())]",
            put: "[sum(i128::from)]",
        },
        run: DISGUISED,
    },
    Bug {
        name: "tar-octal",
        breaks: "a tar header whose sum has blanks before it is none",
        edit: Edit {
            file: "guest/src/foreign/tar.rs",
            find: "let (negative, digits) = match text.get(start..end)? {",
            put: "let (negative, digits) = match text.get(..end)? {",
        },
        run: DISGUISED,
    },
    Bug {
        name: "tar-base-256",
        breaks: "a tar header whose sum is a number of bytes is none",
        edit: Edit {
            file: "guest/src/foreign/tar.rs",
            find: "let checksum = number(block.get(CHECKSUM)?)?;",
            put: "let checksum = number(block.get(CHECKSUM).filter(|field| field.first() < Some(&0x80))?)?;",
        },
        run: DISGUISED,
    },
    Bug {
        name: "zip-end-exact",
        breaks: "an archive's end is only looked for where its comment ends with the file",
        edit: Edit {
            file: "guest/src/validate/file/sniff.rs",
            find: "ends.retain(|end| end.exact || content.is_judged());",
            put: "ends.retain(|end| end.exact);",
        },
        run: DISGUISED,
    },
    Bug {
        name: "zip-end-search",
        breaks: "an archive's end is looked for as far back as zipfile does, and not as PyTorch",
        edit: Edit {
            file: "guest/src/validate/file/zip_end.rs",
            find: "END_RECORD_BYTES + u16::MAX as u64 + (8 << 10);",
            put: "END_RECORD_BYTES + u16::MAX as u64;",
        },
        run: DISGUISED,
    },
    Bug {
        name: "zip-directory-by-offset",
        breaks: "a directory is looked for where its offset says, and not where its size does",
        edit: Edit {
            file: "guest/src/validate/file/zip_end.rs",
            find: "Proof::Directory([before, record.directory_offset.into()])",
            put: "Proof::Directory([record.directory_offset.into(); 2])",
        },
        run: DISGUISED,
    },
    Bug {
        name: "hdf5-offsets",
        breaks: "an HDF5 file is only looked for at 0",
        edit: Edit {
            file: "guest/src/foreign/signature.rs",
            find: "(9..64).map(|power| 1u64 << power)",
            put: "(64..64).map(|power| 1u64 << power)",
        },
        run: DISGUISED,
    },
    Bug {
        name: "gzip",
        breaks: "a gzip stream is not known",
        edit: Edit {
            file: "guest/src/foreign/signature.rs",
            find: r#"0 b"\x1f\x8b\x08""#,
            put: r#"0 b"\x1f\x8b\xff""#,
        },
        run: DISGUISED,
    },
    Bug {
        name: "mobile",
        breaks: "a mobile module, which is a program, is not known",
        edit: Edit {
            file: "guest/src/foreign/signature.rs",
            find: r#"4 b"PTMF""#,
            put: r#"4 b"PTM\xff""#,
        },
        run: DISGUISED,
    },
    Bug {
        name: "onnx-first-bytes",
        breaks: "an ONNX model is only known where its first field is the version",
        edit: Edit {
            file: "guest/src/validate/file/onnx.rs",
            find: "(walk != Walk::None)",
            put: "(walk != Walk::None && head.first() == Some(&8))",
        },
        run: DISGUISED,
    },
    // Looks that are dropped.
    Bug {
        name: "pickle-in-safetensors",
        breaks: "nobody looks whether a safetensors file is a pickle as well",
        edit: Edit {
            file: "guest/src/validate/file/content.rs",
            find: "vec![safetensors::child(scope), Hidden::same(scope)]",
            put: "vec![safetensors::child(scope)]",
        },
        run: DISGUISED,
    },
    Bug {
        name: "pickle-behind-pickle",
        breaks: "what follows the first pickle of a file is not looked at",
        edit: Edit {
            file: "guest/src/validate/pickle/bare.rs",
            find: "                    if end >= scope.length {\n                        return None;",
            put: "                    if end > 0 {\n                        return None;",
        },
        run: DAMAGED,
    },
    Bug {
        name: "numpy-object-field",
        breaks: "a field of objects does not make an array one of objects, which is a pickle",
        edit: Edit {
            file: "guest/src/validate/numpy/descr.rs",
            find: "whole.objects |= descr.objects;",
            put: "",
        },
        run: DAMAGED,
    },
    // Bytes that nobody accounts for.
    Bug {
        name: "comment",
        breaks: "an archive may have a comment",
        edit: Edit {
            file: "guest/src/validate/zip/comment.rs",
            find: "if comment.is_empty() {",
            put: "if comment.len() < 256 {",
        },
        run: DAMAGED,
    },
    Bug {
        name: "extra-field",
        breaks: "a record may have extra fields of any kind",
        edit: Edit {
            file: "guest/src/zip/extra.rs",
            find: "        _ => false,\n    }\n}\n\nconst PADDING",
            put: "        _ => true,\n    }\n}\n\nconst PADDING",
        },
        run: DAMAGED,
    },
    Bug {
        name: "gap",
        breaks: "bytes between two records are not looked at",
        edit: Edit {
            file: "guest/src/validate/zip/spans.rs",
            find: "if span.start > reached {",
            put: "if span.start > reached && reached == 0 {",
        },
        run: DAMAGED,
    },
    Bug {
        name: "folder-bytes",
        breaks: "a folder may have bytes",
        edit: Edit {
            file: "guest/src/validate/zip/attributes.rs",
            find: "if member.name.ends_with('/') && (member.size > 0 || !is_nothing) {",
            put: "if member.name.ends_with('/') && member.size > 0 && is_nothing {",
        },
        run: DAMAGED,
    },
    Bug {
        name: "empty-blocks",
        breaks: "a deflate stream may have any number of empty blocks",
        edit: Edit {
            file: "guest/src/validate/zip/inflate.rs",
            find: "self.blocks.most > FLUSHED",
            put: "self.blocks.most == usize::MAX",
        },
        run: DAMAGED,
    },
    // Promises that are not checked.
    Bug {
        name: "folder-attribute",
        breaks: "a record with the attribute of a folder is taken for a file",
        edit: Edit {
            file: "guest/src/validate/zip/attributes.rs",
            find: "if fixed.attributes & DOS_FOLDER != 0 && !member.name.ends_with('/') {",
            put: "if fixed.attributes & DOS_FOLDER != 0 && member.name.is_empty() {",
        },
        run: DAMAGED,
    },
    Bug {
        name: "format-version",
        breaks: "nobody looks whether storages lie where `.format_version` promises",
        edit: Edit {
            file: "guest/src/validate/zip/torch/notes.rs",
            find: "self.promise = bytes >= b\"1\";",
            put: "self.promise = false;",
        },
        run: DAMAGED,
    },
    Bug {
        name: "record-order",
        breaks: "the records of a promise may be in any order, where each begins and ends well",
        edit: Edit {
            file: "guest/src/validate/zip/torch/storages.rs",
            find: "None if storage.key != \"0\" => {",
            put: "None if storage.key.is_empty() => {",
        },
        run: DAMAGED,
    },
    Bug {
        name: "byteorder",
        breaks: "numbers may be in the other byte order",
        edit: Edit {
            file: "guest/src/validate/zip/torch/notes.rs",
            find: "                if self.big_endian {",
            put: "                if self.big_endian && bytes.is_empty() {",
        },
        run: DAMAGED,
    },
    Bug {
        name: "storage-size",
        breaks: "a storage's record may have another size than the pickle says",
        edit: Edit {
            file: "guest/src/validate/zip/torch/storages.rs",
            find: "Some(member) if member.size != storage.length => {",
            put: "Some(member) if member.size < storage.length => {",
        },
        run: DAMAGED,
    },
    Bug {
        name: "tensor-extent",
        breaks: "a tensor may end beyond its storage",
        edit: Edit {
            file: "guest/src/torch/interpret/tensors.rs",
            find: "if tensor.extent().is_none_or(|extent| extent > length) {",
            put: "if tensor.extent().is_none_or(|extent| extent / 64 > length) {",
        },
        run: DAMAGED,
    },
    Bug {
        name: "numpy-order",
        breaks: "an array's order may be anything",
        edit: Edit {
            file: "guest/src/validate/numpy/parse.rs",
            find: "if !matches!(order, Some(Literal::Bool(_))) {",
            put: "if order.is_none() {",
        },
        run: DAMAGED,
    },
    // Costs that are not counted.
    Bug {
        name: "hash-cost",
        breaks: "keys on one place of a hash table cost nothing",
        edit: Edit {
            file: "guest/src/validate/pickle/cost/table.rs",
            find: "    table.time\n}",
            put: "    table.time.min(INSERT)\n}",
        },
        run: DAMAGED,
    },
    Bug {
        name: "call-cost",
        breaks: "a call that makes a set of a list costs nothing",
        edit: Edit {
            file: "guest/src/validate/pickle/cost/calls.rs",
            find: "Work::Set => self.table_of(Kind::Set, first),",
            put: "Work::Set => Cost::default(),",
        },
        run: DAMAGED,
    },
    Bug {
        name: "depth",
        breaks: "values may lie in each other to any depth",
        edit: Edit {
            file: "guest/src/validate/pickle/costly.rs",
            find: "if depth.deepest > allowed {",
            put: "if depth.deepest == u32::MAX {",
        },
        run: DAMAGED,
    },
    // What no name is trusted with.
    Bug {
        name: "numpy-flags",
        breaks: "a dtype may say of its elements that they are no objects",
        edit: Edit {
            file: "guest/src/validate/pickle/allowed/numpy/dtype.rs",
            find: "if said != element.flags &&",
            put: "if said < 0 && said != element.flags &&",
        },
        run: TRUSTED,
    },
    Bug {
        name: "numpy-field-end",
        breaks: "a field may end beyond its dtype",
        edit: Edit {
            file: "guest/src/validate/pickle/allowed/numpy/dtype.rs",
            find: ".filter(|&end| end <= size)",
            put: ".filter(|&end| end / 64 <= size)",
        },
        run: TRUSTED,
    },
];
