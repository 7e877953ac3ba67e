"""The REST API of Mem0's self-hosted server beside Remora's own: no version in the path, its shapes, its filters.

Put together from the verbs of `MemoryApi`: the routes, and pure modules that say what a request means (`filters`,
`queries`).
"""

from __future__ import annotations

from serve_app.mem0_oss import entities, memories, unbuilt

ROUTES = tuple(part.routes for part in (memories, entities))
"""The routers of what there is."""

UNBUILT = unbuilt.routes
"""The router of what there isn't."""
