//! What the integration tests share.

// Each test is a crate of its own and uses a part of this.
#![allow(dead_code, missing_docs)]

pub mod arena;
pub mod cases;
pub mod component;
pub mod describe;
pub mod faulty;
pub mod immutable;
pub mod meddling;
pub mod native;
pub mod paths;
pub mod process;
pub mod rank_process;
pub mod record;
pub mod same;
pub mod strategy;
pub mod unreadable;
