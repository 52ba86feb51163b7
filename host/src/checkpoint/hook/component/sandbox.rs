//! All that a component has in one call.

use std::path::Path;

use wasmtime::{ResourceLimiter, Store};
use wasmtime_wasi::p2::pipe::MemoryOutputPipe;
use wasmtime_wasi::{FsPerms, ResourceTable, WasiCtx, WasiCtxView, WasiView};

use super::HookLimits;

/// Where a component finds the checkpoint's files.
pub(super) const MOUNTED: &str = "/checkpoint";

pub(super) struct Sandbox {
    wasi: WasiCtx,
    handles: ResourceTable,
    memory: Memory,
}

impl Sandbox {
    /// A sandbox with the files in `directory`, and one place for what is printed.
    pub(super) fn new(
        directory: &Path,
        limits: &HookLimits,
        printed: &MemoryOutputPipe,
    ) -> wasmtime::Result<Self> {
        let mut wasi = WasiCtx::builder();
        // What the builder starts with is nothing: no environment, no arguments, no
        // input, no files. The network is said here all the same.
        wasi.allow_tcp(false).allow_udp(false).allow_ip_name_lookup(false);
        wasi.preopened_dir(directory, MOUNTED, FsPerms::ReadOnly)?;
        wasi.stdout(printed.clone()).stderr(printed.clone());
        let mut handles = ResourceTable::new();
        handles.set_max_capacity(limits.handles);
        let memory = Memory { used: 0, most: limits.memory };
        Ok(Self { wasi: wasi.build(), handles, memory })
    }

    /// The store for one instance.
    pub(super) fn into_store(self, engine: &wasmtime::Engine) -> Store<Self> {
        // One call from the component may bring no more than it can have itself.
        let fuel = self.memory.most;
        let mut store = Store::new(engine, self);
        store.limiter(|sandbox| &mut sandbox.memory);
        store.set_hostcall_fuel(fuel);
        // At each tick the deadline's timer gets to look.
        store.set_epoch_deadline(1);
        store.epoch_deadline_async_yield_and_update(1);
        store
    }
}

impl WasiView for Sandbox {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.handles }
    }
}

/// One budget for all memories and tables: a component may have many of each.
struct Memory {
    used: usize,
    most: usize,
}

/// A component was refused memory.
#[derive(Debug, thiserror::Error)]
#[error("it was refused memory")]
pub(super) struct Starved;

impl Memory {
    /// Ends the component where it would get too much. What it does with a refusal
    /// depends on its language, and most often says nothing of memory.
    fn grow(&mut self, current: usize, desired: usize, size: usize) -> wasmtime::Result<bool> {
        let more = desired.saturating_sub(current).saturating_mul(size);
        self.used = self.used.saturating_add(more);
        if self.used <= self.most { Ok(true) } else { Err(Starved.into()) }
    }
}

impl ResourceLimiter for Memory {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        self.grow(current, desired, 1)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        self.grow(current, desired, ELEMENT)
    }

    fn instances(&self) -> usize {
        PARTS
    }

    fn tables(&self) -> usize {
        PARTS
    }

    fn memories(&self) -> usize {
        // Each has 4 GiB of addresses, of which a process has 128 TiB.
        PARTS
    }
}

/// Bytes of a table's element, at most: a reference and what goes with it.
const ELEMENT: usize = 2 * size_of::<usize>();

/// Instances, tables and memories in a component. One of many shared libraries,
/// as Python's are, has some dozens.
const PARTS: usize = 256;
