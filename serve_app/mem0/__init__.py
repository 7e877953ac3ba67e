"""Mem0's wire API beside Remora's own, for its unmodified clients.

Where both have the same path, Remora's own route answers both. What is here is put together from the verbs of
`MemoryApi`: the routes, and pure modules that say what a request of Mem0's means (`scopes`, `queries`, `batches`,
`clients`, `settings`) and what it is answered (`shapes`).
"""

from __future__ import annotations

from serve_app.mem0 import batch, entities, events, exports, feedback, memories, older, project, unbuilt

ROUTES = tuple(part.routes for part in (memories, batch, entities, events, older, project, feedback, exports))
"""The routers of what there is."""

UNBUILT = unbuilt.routes
"""The router of what there isn't: the last of all, so that whatever is built takes its path."""
