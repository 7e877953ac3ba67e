"""Filters: one syntax tree, its meaning as a Python predicate, and the strict parser of Mem0 Platform's grammar.

The predicate (`meaning`) defines what a filter means. A store may push a filter down as long as it selects too much,
never too little. `tree` has the nodes, `demands` says which scope a filter asks for. The parser is `grammar` on top of
`conditions`, `fields` and `moments`; what no grammar could take is refused by `checks`.
"""

from __future__ import annotations

from engine.filters.demands import has_positive_scope, required_scope
from engine.filters.grammar import parse
from engine.filters.meaning import matches, same
from engine.filters.scope_ids import entity_id, scope_filter
from engine.filters.tree import And, Compare, Everything, Filter, Not, Op, Or, conjunction

__all__ = [
    "And",
    "Compare",
    "Everything",
    "Filter",
    "Not",
    "Op",
    "Or",
    "conjunction",
    "entity_id",
    "has_positive_scope",
    "matches",
    "parse",
    "required_scope",
    "same",
    "scope_filter",
]
