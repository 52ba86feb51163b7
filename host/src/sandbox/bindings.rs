//! The one bindgen call: the host's side of `wit/`.

#![allow(missing_docs, unused_qualifications, clippy::all, clippy::pedantic)]

wasmtime::component::bindgen!({
    path: "wit/format",
    world: "checkpoint",
    additional_derives: [PartialEq, serde::Serialize, serde::Deserialize],
});

pub(crate) use exports::strongroom::format::{reader, types, validator, writer};
