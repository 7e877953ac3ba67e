"""The routes, one noun a file. Each calls one verb of `MemoryApi`."""
