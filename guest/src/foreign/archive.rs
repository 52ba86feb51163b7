use alloc::format;
use alloc::string::String;

use crate::show;

/// A zip archive that is a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    /// TorchScript
    Script,
    /// torch.package
    Package,
}

/// What a record makes of the archive it is in, by its name without the archive's.
pub(crate) fn program(within: &str) -> Option<Program> {
    let is = |name: &str| within.eq_ignore_ascii_case(name);
    let code = within.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("code/"));
    if is("constants.pkl") || is("bytecode.pkl") || code {
        return Some(Program::Script);
    }
    is(".data/extern_modules").then_some(Program::Package)
}

/// What a zip archive is by the names of its records, if it is no checkpoint.
pub(crate) fn describe<'n>(names: impl Iterator<Item = &'n str> + Clone) -> Option<String> {
    let within = || {
        let files = names.clone().filter(|name| !name.ends_with('/'));
        files.filter_map(|name| Some(name.split_once('/')?.1))
    };
    let has = |wanted: &str| within().any(|name| name == wanted);
    let programs = || within().filter_map(program);
    if programs().any(|program| program == Program::Script) {
        return Some("a TorchScript archive, which is a program: ask for the weights alone".into());
    }
    if programs().next().is_some() {
        return Some("a torch.package archive, which holds Python modules: ask for the weights alone".into());
    }
    if has("archive_format") || has("models/model.json") {
        return Some(
            "an exported program (.pt2): `torch.export.load` reads it, and its `state_dict` can be saved"
                .into(),
        );
    }
    // In another folder than torch's it is for the reader to tell.
    if names.clone().any(|name| name == "data.pkl" || name.ends_with("/data.pkl")) {
        return None;
    }
    let in_another_case = |name: &str| name.eq_ignore_ascii_case("data.pkl");
    if let Some(name) = within().find(|name| in_another_case(name)) {
        return Some(format!(
            "records whose names are in another case than torch.save writes, as {}: torch.load takes them \
             all the same, other readers do not",
            show::name(name)
        ));
    }
    let first = names.clone().next()?;
    if names.clone().all(|name| name.ends_with(".npy")) {
        return Some("numpy arrays (.npz): `numpy.load` reads them".into());
    }
    if names.clone().any(|name| name == "model.weights.h5") {
        return Some(
            "a Keras model: `keras.saving.load_model` reads it; it may hold programs (Lambda layers)".into(),
        );
    }
    // A checkpoint that lost its pickle is for the reader to tell.
    let torch = ["version", ".data/version", "data/0", "byteorder", ".data/serialization_id"];
    if torch.iter().any(|name| has(name)) {
        return None;
    }
    Some(format!(
        "a zip archive of other files, first of them {}: unpack it and validate what is inside",
        show::name(first)
    ))
}
