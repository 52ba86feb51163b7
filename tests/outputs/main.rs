//! What is written goes where it was said to, and nothing else is touched: modes and
//! owners, links, pipes and devices, long names, and committed checkpoints.

#[path = "../common/mod.rs"]
mod common;

mod checkpoints;
mod meanwhile;
mod modes;
mod places;
mod room;
mod streams;
