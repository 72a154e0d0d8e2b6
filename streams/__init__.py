"""Stream processors: one module per process, wiring only (read, pure function, write)."""
