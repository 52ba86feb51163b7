//! Archives: those that are as they should be, and each fault on its own.

mod benign;
mod build;
mod faults;
mod payloads;
mod size;
