//! Whole processes, real sockets, real weights
