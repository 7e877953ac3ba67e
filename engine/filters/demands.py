"""What a filter asks of the scope of its matches."""

from __future__ import annotations

from engine.filters.scope_ids import SCOPE_NAMES
from engine.filters.tree import And, Compare, Everything, Filter, Not, Op, Or
from engine.types import SCOPE_FIELDS, ScopeField


def required_scope(node: Filter) -> tuple[ScopeField, str] | None:
    """An id that every match must have, or None: user_id if there is one, then agent_id, app_id, run_id."""
    found = _demands(node, negated=False)
    return min(found, key=lambda pair: (SCOPE_FIELDS.index(pair[0]), pair[1]), default=None)


def _demands(node: Filter, *, negated: bool) -> frozenset[tuple[ScopeField, str]]:
    match node:
        case Compare():
            return _compare_demands(node, negated=negated)
        case Not(part):
            return _demands(part, negated=not negated)
        case And(parts) | Or(parts):
            found = [_demands(part, negated=negated) for part in parts]
            every = isinstance(node, Or) is negated
            if not found:
                return frozenset()
            return frozenset.union(*found) if every else frozenset.intersection(*found)
        case Everything():
            return frozenset()


def _compare_demands(node: Compare, *, negated: bool) -> frozenset[tuple[ScopeField, str]]:
    name = SCOPE_NAMES.get(node.field)
    if name is None:
        return frozenset()
    if node.op is (Op.NE if negated else Op.EQ):
        return frozenset({(name, node.value)})
    if node.op is Op.IN and not negated and len(node.value) == 1:
        return frozenset({(name, node.value[0])})
    return frozenset()


def has_positive_scope(node: Filter) -> bool:
    """Whether the filter names a scope, as search and list demand: "*" counts, a `NOT` or `ne` alone doesn't."""
    return _names_scope(node, negated=False)


def _names_scope(node: Filter, *, negated: bool) -> bool:
    match node:
        case Compare(field=name, op=op):
            positive = op is Op.NE if negated else op in (Op.EQ, Op.IN, Op.PRESENT)
            return name in SCOPE_FIELDS and positive
        case Not(part):
            return _names_scope(part, negated=not negated)
        case And(parts) | Or(parts):
            return any(_names_scope(part, negated=negated) for part in parts)
        case Everything():
            return False
