"""The memory system as the holder of a key sees it: the one place where every door's calls are held to the key."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final, NoReturn, TypeAlias, cast

from engine import ids
from engine.access.keys import Principal, Role
from engine.api import MemoryApi
from engine.errors import Forbidden, NotFound, Purged
from engine.types import Json

_NAMES: Final = ("idempotency_key", "operation_id")
_WITHOUT_PROJECT: Final = frozenset({"verify", "rebuild", "status"})


class How(Enum):
    """How a verb says which memories it is about."""

    SCOPE = auto()
    """By ids among its fields."""
    ITEMS = auto()
    """By ids in each of its items."""
    MEMORY = auto()
    """By the id of a memory."""
    OPERATION = auto()
    """By the id or the name of an operation."""
    NOTHING = auto()
    """It is about none."""
    PROJECT = auto()
    """It is about all of a project; no bound key may."""
    RUNTIME = auto()
    """It is about all projects; no key but the server's own may."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What a verb needs."""

    role: Role
    how: How


RULES: Final[Mapping[str, Rule]] = {
    "search": Rule(Role.READ, How.SCOPE),
    "context": Rule(Role.READ, How.SCOPE),
    "list": Rule(Role.READ, How.SCOPE),
    "graph_entities": Rule(Role.READ, How.SCOPE),
    "neighbours": Rule(Role.READ, How.SCOPE),
    "path": Rule(Role.READ, How.SCOPE),
    "communities": Rule(Role.READ, How.SCOPE),
    "operations": Rule(Role.READ, How.SCOPE),
    "export": Rule(Role.READ, How.SCOPE),
    "search_batch": Rule(Role.READ, How.ITEMS),
    "get": Rule(Role.READ, How.MEMORY),
    "history": Rule(Role.READ, How.MEMORY),
    "operation": Rule(Role.READ, How.OPERATION),
    "feedback": Rule(Role.READ, How.PROJECT),
    "embed": Rule(Role.READ, How.NOTHING),
    "entities": Rule(Role.READ, How.PROJECT),
    "ranking": Rule(Role.READ, How.PROJECT),
    "inference": Rule(Role.READ, How.PROJECT),
    "add": Rule(Role.WRITE, How.SCOPE),
    "preview": Rule(Role.WRITE, How.SCOPE),
    "make_export": Rule(Role.WRITE, How.SCOPE),
    "delete_all": Rule(Role.WRITE, How.SCOPE),
    "add_batch": Rule(Role.WRITE, How.ITEMS),
    "update": Rule(Role.WRITE, How.MEMORY),
    "delete": Rule(Role.WRITE, How.MEMORY),
    "rate": Rule(Role.WRITE, How.MEMORY),
    "retry": Rule(Role.WRITE, How.OPERATION),
    "reinfer": Rule(Role.ADMIN, How.SCOPE),
    "merge_entities": Rule(Role.ADMIN, How.SCOPE),
    "split_entity": Rule(Role.ADMIN, How.SCOPE),
    "purge": Rule(Role.ADMIN, How.PROJECT),
    "set_ranking": Rule(Role.ADMIN, How.PROJECT),
    "set_inference": Rule(Role.ADMIN, How.PROJECT),
    "verify": Rule(Role.ADMIN, How.RUNTIME),
    "rebuild": Rule(Role.ADMIN, How.RUNTIME),
    "status": Rule(Role.ADMIN, How.RUNTIME),
}
"""Every verb of `MemoryApi`; one that isn't here is refused."""

_Verb: TypeAlias = Callable[..., Awaitable[Any]]


def guarded(api: MemoryApi, principal: Principal) -> MemoryApi:
    """The same memory system, with what the principal may do in it, and nothing of it beside."""
    return cast(MemoryApi, _Guarded(api, principal))


class _Guarded:
    """Verbs by their names, each held to its rule."""

    def __init__(self, api: MemoryApi, principal: Principal) -> None:
        self._api = api
        self._who = principal
        self._bound: Mapping[str, str] = cast(Mapping[str, str], principal.scope.ids())

    def __getattr__(self, verb: str) -> _Verb:
        rule = RULES.get(verb)

        async def call(*arguments: Any, **fields: Any) -> Any:
            if rule is None:
                _refuse(f"{verb} is not for keys")
            self._check(verb, rule)
            given = fields if verb in _WITHOUT_PROJECT else {**fields, "project": self._who.project}
            return await self._held(verb, rule.how, arguments, given)

        return call

    def _check(self, verb: str, rule: Rule) -> None:
        if rule.how is How.RUNTIME:
            _refuse(f"{verb} is about all projects: it needs the server's own key")
        if not self._who.role.may(rule.role):
            _refuse(f"{verb} needs the role {rule.role}; this key has {self._who.role}")
        if self._bound and rule.how is How.PROJECT:
            _refuse(f"{verb} is about a whole project; this key is bound to {self._told()}")

    async def _held(self, verb: str, how: How, arguments: tuple[Any, ...], fields: Json) -> Any:
        ask: _Verb = getattr(self._api, verb)
        if not self._bound or how is How.NOTHING:
            return await ask(*self._without_projects(how, arguments), **fields)
        match how:
            case How.SCOPE:
                return await ask(*arguments, **self._owned(fields))
            case How.ITEMS:
                items, *more = self._without_projects(how, arguments)
                return await ask([self._item(one) for one in items], *more, **fields)
            case How.MEMORY:
                memory_id, *more = arguments
                named = ids.canonical_id(memory_id)
                if verb == "history":
                    return await self._history(ask, named, fields)
                found = await self._own(named, fields)
                return found if verb == "get" else await ask(memory_id, *more, **self._named(fields))
            case How.OPERATION:
                name, *more = arguments
                operation = await self._operation(name, fields)
                return operation if verb == "operation" else await ask(operation["id"], *more, **fields)
            case _:
                raise Forbidden(f"{verb} is not for a key that is bound to {self._told()}. Nothing was done.")

    @staticmethod
    def _without_projects(how: How, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        """Items of no project of their own: it follows from the key."""
        if how is not How.ITEMS or not isinstance(arguments[0], list | tuple):
            return arguments
        items = [
            {name: value for name, value in one.items() if name != "project"} if isinstance(one, Mapping) else one
            for one in arguments[0]
        ]
        return (items, *arguments[1:])

    def _item(self, item: Any) -> Any:
        return self._owned(item) if isinstance(item, Mapping) else item

    def _owned(self, fields: Mapping[str, Any]) -> Json:
        """The fields with the ids of the key.

        Raises:
            Forbidden: they name somebody else.
        """
        for name, value in self._bound.items():
            if fields.get(name) is not None and str(fields[name]).strip() != value:
                _refuse(f"this key is bound to {self._told()}, and can't name another {name}")
        return self._named({**fields, **self._bound})

    def _named(self, fields: Mapping[str, Any]) -> Json:
        """The fields with names of operations that nobody else can have given."""
        return {
            name: self._name(value) if name in _NAMES and isinstance(value, str) else value
            for name, value in fields.items()
        }

    def _name(self, name: str) -> str:
        said = json.dumps([sorted(self._bound.items()), name]).encode()
        return f"bound-{hashlib.sha256(said).hexdigest()}"

    async def _own(self, memory_id: str, fields: Json) -> Json:
        """A memory of the key's. Raises NotFound, whatever else there is by this id."""
        asked = {name: fields[name] for name in ("project", "deadline_s", "as_of", "as_of_position") if name in fields}
        try:
            found = await self._api.get(memory_id, **asked)
        except Purged as error:
            raise _not_found(memory_id) from error
        if not self._is_own(found):
            raise _not_found(memory_id)
        return found

    async def _history(self, ask: _Verb, memory_id: str, fields: Json) -> Any:
        try:
            events = await ask(memory_id, **fields)
        except Purged as error:
            raise _not_found(memory_id) from error
        if not all(self._is_own(one) for one in events):
            raise _not_found(memory_id)
        return events

    async def _operation(self, name: Any, fields: Json) -> Json:
        """An operation of the key's, by its id or by the name that the key's holder gave it."""
        asked = {one: fields[one] for one in ("project", "deadline_s") if one in fields}
        for known_as in (name, self._name(name)) if isinstance(name, str) else (name,):
            try:
                found = await self._api.operation(known_as, **asked)
            except NotFound:
                continue
            if self._is_of(found):
                return found
        raise NotFound(f"no operation {name}", {"operation_id": name})

    def _is_of(self, operation: Mapping[str, Any]) -> bool:
        """Whether an operation is the key's: by its scope, or by the memories that it changed."""
        if operation.get("scope"):
            return self._is_within(operation["scope"])
        changed = [row.get("object") for row in operation["results"]]
        return bool(changed) and all(one is not None and self._is_own(one) for one in changed)

    def _is_own(self, row: Mapping[str, Any]) -> bool:
        return self._is_within({**row, "run_id": row.get("run_id", row.get("session_id"))})

    def _is_within(self, held: Mapping[str, Any]) -> bool:
        return all(held.get(name) == value for name, value in self._bound.items())

    def _told(self) -> str:
        return ", ".join(f"{name} {value}" for name, value in self._bound.items())


def _refuse(why: str) -> NoReturn:
    raise Forbidden(f"{why}. Nothing was done.")


def _not_found(memory_id: str) -> NotFound:
    return NotFound("Memory not found!", {"memory_id": memory_id})
