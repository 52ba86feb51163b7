use std::io::{self, Write};

use super::runs::Runs;
use super::subject::{RankFile, Subject};
use crate::failure::named;
use crate::inventory::{Inventory, QuantizerEntry, TensorEntry, Totals};
use crate::output::table::{Side, Table};
use crate::output::{Embedded, Printable, grouped, size};

/// Writes a listing for people, long lists cut unless `all` of them is asked for.
pub fn write(out: &mut dyn Write, subject: &Subject, inventory: &Inventory<'_>, all: bool) -> io::Result<()> {
    head(out, subject)?;
    section(out, TENSORS, || inventory.tensors().map(|tensor| tensor_row(&tensor)))?;
    let most = if all { usize::MAX } else { SHOWN };
    section(out, VALUES, || {
        let rows = Runs::new(inventory.leaves(), most);
        rows.map(|leaf| [name(leaf.path), leaf.kind, leaf.value].map(printable))
    })?;
    section(out, OBJECTS, || {
        inventory.opaque().map(|object| [name(object.path), object.class].map(printable))
    })?;
    let metadata = || subject.state.metadata().iter().cloned();
    section(out, METADATA, || metadata().map(|(key, value)| [name(key), value].map(printable)))?;
    writeln!(out, "\n{}", totals(&subject.totals(inventory)))?;
    if subject.format == "pickle" && subject.totals(inventory).storages > 0 {
        let text = "It is the pickle of an unpacked file, or an outline: its storages are in other files.";
        writeln!(out, "{text}")?;
    }
    if subject.embedded > 0 {
        writeln!(out, "{}: tensors over these are not listed.", Embedded(subject.embedded))?;
    }
    if let Some(reason) = &subject.irreproducible {
        writeln!(out, "It cannot be written again as what it is: {}", Printable(reason))?;
    }
    Ok(())
}

fn head(out: &mut dyn Write, subject: &Subject) -> io::Result<()> {
    let Subject { path, format, bytes, archive, ranks, apart, .. } = subject;
    write!(out, "{}: {format}, {}", Printable(path), size(*bytes))?;
    if let Some(archive) = archive {
        write!(out, ", archive {}", Printable(&archive.name))?;
        if let Some(alignment) = archive.alignment {
            write!(out, ", alignment {alignment}")?;
        }
        write!(out, ", {} checksums", if archive.checksums { "with" } else { "without" })?;
    }
    if !ranks.is_empty() {
        write!(out, ", world size {}", ranks.len())?;
    }
    writeln!(out)?;
    section(out, RANKS, || ranks.iter().map(rank_row))?;
    if *apart {
        writeln!(out, "\nEach rank saved a state dict of its own: inspect a file to see what is in it.")?;
    }
    Ok(())
}

fn rank_row(file: &RankFile) -> [String; 5] {
    let RankFile { rank, path, format, bytes, totals, .. } = file;
    [rank.to_string(), printable(path.clone()), (*format).into(), size(*bytes), grouped(totals.tensors)]
}

/// A table, unless it is empty. The rows are made twice: to measure, and to print.
fn section<const N: usize, R: Iterator<Item = [String; N]>>(
    out: &mut dyn Write,
    columns: [(&'static str, Side); N],
    rows: impl Fn() -> R,
) -> io::Result<()> {
    let mut table = Table::new(columns);
    let mut empty = true;
    for row in rows() {
        table.measure(&row);
        empty = false;
    }
    if empty {
        return Ok(());
    }
    writeln!(out)?;
    table.head(out)?;
    rows().try_for_each(|row| table.row(out, &row))
}

fn tensor_row(tensor: &TensorEntry) -> [String; 5] {
    let TensorEntry { path, dtype, shape, bytes, storage, .. } = tensor;
    let size = if storage.is_some() { size(*bytes) } else { String::new() };
    [
        printable(name(path.clone())),
        dtype.unwrap_or_default().into(),
        format!("{shape:?}"),
        size,
        printable(remarks(tensor).join(", ")),
    ]
}

/// What is out of the ordinary about a tensor.
fn remarks(tensor: &TensorEntry) -> Vec<String> {
    let mut remarks = Vec::new();
    if tensor.kind != "tensor" {
        remarks.push(tensor.kind.clone());
    }
    remarks.extend(tensor.layout.filter(|layout| *layout != tensor.kind).map(str::to_owned));
    if tensor.wrapper {
        remarks.push("made of others".into());
    }
    match &tensor.quantizer {
        Some(QuantizerEntry::PerTensor { scale, zero_point, .. }) => {
            remarks.push(format!("scale {scale:?}, zero point {zero_point}"));
        }
        Some(QuantizerEntry::PerChannel { axis, .. }) => remarks.push(format!("along axis {axis}")),
        None => {}
    }
    // Trained parameters are the rule.
    match (tensor.kind.as_str(), tensor.requires_grad) {
        ("parameter", false) => remarks.push("frozen".into()),
        ("parameter", true) | (_, false) => {}
        _ => remarks.push("requires grad".into()),
    }
    match tensor.device.as_deref() {
        // A sparse tensor has none either: its parts have.
        None if tensor.stride.is_some() => remarks.push("meta: no data".into()),
        None | Some("cpu") => {}
        Some(device) => remarks.push(device.into()),
    }
    if !tensor.contiguous {
        remarks.push(format!("stride {:?}", tensor.stride.as_deref().unwrap_or_default()));
    }
    if tensor.conj {
        remarks.push("conjugate view".into());
    }
    if tensor.neg {
        remarks.push("negative view".into());
    }
    if let Some(first) = &tensor.tied_to {
        remarks.push(format!("shares the storage of {}", named(first)));
    }
    remarks
}

fn totals(totals: &Totals) -> String {
    let Totals { tensors, elements, bytes, storages, storage_bytes, leaves, opaque } = totals;
    let count = |count: u64, one: &str, many: &str| {
        format!("{} {}", grouped(count), if count == 1 { one } else { many })
    };
    let mut parts = vec![
        count(*tensors, "tensor", "tensors"),
        count(*elements, "element", "elements"),
        size(*bytes),
        format!("{} ({})", count(*storages, "storage", "storages"), size(*storage_bytes)),
    ];
    if *leaves > 0 {
        parts.push(count(*leaves, "other value", "other values"));
    }
    if *opaque > 0 {
        parts.push(count(*opaque, "object of a class unknown here", "objects of classes unknown here"));
    }
    parts.join(", ")
}

fn name(path: String) -> String {
    named(&path).into_owned()
}

fn printable(text: String) -> String {
    Printable(&text).to_string()
}

/// Values of a list that are shown before the rest is counted.
const SHOWN: usize = 5;

const RANKS: [(&str, Side); 5] = [
    ("rank", Side::Right),
    ("file", Side::Left),
    ("format", Side::Left),
    ("size", Side::Right),
    ("tensors", Side::Right),
];

const TENSORS: [(&str, Side); 5] = [
    ("tensor", Side::Left),
    ("dtype", Side::Left),
    ("shape", Side::Left),
    ("size", Side::Right),
    ("", Side::Left),
];

const VALUES: [(&str, Side); 3] = [("value", Side::Left), ("type", Side::Left), ("", Side::Left)];

const OBJECTS: [(&str, Side); 2] = [("object", Side::Left), ("class, which was not made", Side::Left)];

const METADATA: [(&str, Side); 2] = [("metadata", Side::Left), ("", Side::Left)];
