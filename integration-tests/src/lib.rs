//! Whole processes, real sockets, real weights: see `tests/cluster`.
