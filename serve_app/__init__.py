"""HTTP on Ray Serve. Makes no decisions: it authenticates, limits, parses, calls `MemoryApi` and shapes answers."""
