"""Published for tests: the simulated clock, in-memory stores, conformance suites, generated histories."""
