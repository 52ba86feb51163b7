//! Archives: those that are as they should be, and each fault on its own.

mod benign;
