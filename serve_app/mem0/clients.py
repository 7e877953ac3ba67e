"""How Mem0's clients are known, and what they alone may say in a deletion. Pure."""

from __future__ import annotations

from starlette.datastructures import Headers

_MARKS = ("x-mem0-client", "x-mem0-client-language", "mem0-user-id")
"""Each of them sends one of these headers."""
HARMLESS = frozenset({"source", "org_id", "project_id"})
"""What clients add to every call."""
_IN_A_DELETION = frozenset({"filters", "delete_linked", "output_format", "async_mode", "enable_graph"})
"""`filters` hold ids. `delete_linked`: what a memory took the place of has ended already. The others are about nothing
that a deletion does."""


def is_mem0(headers: Headers) -> bool:
    """Whether one of Mem0's clients asks."""
    return any(name in headers for name in _MARKS)


def allowed_in_a_deletion(headers: Headers) -> frozenset[str]:
    """The parameters that a deletion may have beside Remora's own: none, unless one of Mem0's clients asks."""
    return _IN_A_DELETION if is_mem0(headers) else frozenset()
