//! Conformance suites, one a port: every adapter, here or in a host, should pass them.
