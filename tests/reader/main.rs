//! Reading checkpoint directories: whole or in part, by any rank, committed or not.

#[path = "../common/mod.rs"]
mod common;

mod directories;
mod every_case;
mod faults;
mod partial;
mod rules;
mod setting;
