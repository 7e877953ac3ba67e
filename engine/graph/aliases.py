"""Names that a person has said to mean the same: which key stands for which. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.types import Entity


class Aliases:
    """Keys of entities, and the keys that stand for them. Nothing in the memories is different for it.

    Args:
        standing: by the key of another name, the name of the entity that is meant, whose key is never one of these.
    """

    def __init__(self, standing: Mapping[str, str] | None = None) -> None:
        self._standing = {other: Entity(name).key for other, name in (standing or {}).items()}
        self._names = {Entity(name).key: name for name in (standing or {}).values()}
        self._under: dict[str, list[str]] = {}
        for other, key in sorted(self._standing.items()):
            self._under.setdefault(key, [key]).append(other)

    def __bool__(self) -> bool:
        return bool(self._standing)

    def of(self, key: str) -> str:
        """The key that stands for this one."""
        return self._standing.get(key, key)

    def under(self, key: str) -> list[str]:
        """All keys for which it stands, itself first."""
        return self._under.get(key) or [key]

    def shared(self, key: str) -> bool:
        """Whether it stands for others too."""
        return key in self._under

    def shown(self, key: str, mentioned: str, entity: Entity) -> Entity:
        """The entity of `key` as it is shown, which memories mention by the key `mentioned` as `entity`."""
        return entity if mentioned == key else Entity(self._names[key], entity.kind)

    def distinct(self, keys: Sequence[str]) -> Sequence[str]:
        """The keys that stand for these, each once."""
        return tuple(dict.fromkeys(map(self.of, keys))) if self._standing else keys
