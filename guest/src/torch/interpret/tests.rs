//! Stories told with hand-built graphs.
