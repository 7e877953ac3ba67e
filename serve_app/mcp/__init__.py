"""The memory as tools of the Model Context Protocol, whatever carries it: HTTP (`door`) or a pipe (`remora.mcp_stdio`).

`tools` and `openmemory` are what a model sees, put together from the verbs of `MemoryApi`; `arguments` says what a call
means and `answers` how it is told; `server` makes a server of them.
"""
