//! How the machine code behaves. Whoever makes it and whoever runs it must agree on all of this, so
//! it is said once, and nothing is left to what wasmtime's features make its defaults: a program
//! that embeds strongroom may have others.

use wasmtime::Config;

/// Sets everything that machine code depends on.
///
/// Memory is checked at each access and moves when it grows: gigabytes of address space before and
/// behind it would be cheaper, and are more than a limited process may have. `windows` says whether the
/// code is for Windows, which does not run any that it cannot unwind.
pub fn tune(config: &mut Config, windows: bool) {
    config.epoch_interruption(true).consume_fuel(false);
    config.memory_reservation(0).memory_guard_size(GUARD).guard_before_linear_memory(false);
    config.memory_may_move(true).memory_reservation_for_growth(GROWTH).memory_init_cow(false);
    config.signals_based_traps(true).max_wasm_stack(STACK);
    // Nothing reads them without backtraces, and every start would load them.
    config.wasm_backtrace_max_frames(None).generate_address_map(false).native_unwind_info(windows);
    config.concurrency_support(false).shared_memory(false).gc_support(false).table_lazy_init(true);
    config.relaxed_simd_deterministic(false);
    config.wasm_component_model(true).wasm_bulk_memory(true).wasm_multi_value(true).wasm_simd(true);
    config.wasm_tail_call(false).wasm_relaxed_simd(false);
    config.wasm_multi_memory(true).wasm_memory64(false).wasm_extended_const(true);
}

/// Bytes behind memory that nobody can touch: what is accessed at a small offset needs one check.
const GUARD: u64 = 64 << 10;
/// Bytes that memory may grow by before it moves.
const GROWTH: u64 = 64 << 20;
/// Bytes of the stack that the component may use.
const STACK: usize = 512 << 10;
