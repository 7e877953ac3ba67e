"""On which node of a cluster each actor runs. Pure: what the nodes have is asked by `nodes`.

A shard whose ledger or vectors lie in files lives where its files are, for good; everything else goes where least is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from actors.options import Address, Part, addresses, embedders, language_model, wants_gpu
from engine.config import Settings
from engine.errors import Conflict, Unavailable
from engine.vector import lite_path

_SQLITE = "sqlite:///"


@dataclass(frozen=True, slots=True)
class Node:
    """A node that is alive. `busy_cpus`: in use by others' work.

    `files`: the shards whose file lies there, each with its stamp: equal stamps are the same file on a shared disk.
    """

    id: str
    name: str
    cpus: float
    gpus: float = 0.0
    busy_cpus: float = 0.0
    files: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Spot:
    """Where an actor runs. `held`: there or nowhere, since its files are there."""

    node: Node
    held: bool


def shard_file(settings: Settings, shard: int) -> Path | None:
    """The file that ties a shard to a machine; None: it lies on servers."""
    url = settings.ledger.url
    if url is None:
        return settings.data_dir / f"ledger-{shard}.db"
    if url.startswith(_SQLITE):
        return Path(url.removeprefix(_SQLITE))
    if _vectors_on_server(settings):
        return None
    uri = settings.vector.uri
    return settings.data_dir / f"vector-{shard}.db" if uri is None else lite_path(uri, shard)


def _vectors_on_server(settings: Settings) -> bool:
    uri = settings.vector.uri
    return uri is not None and uri.startswith(("http://", "https://"))


def held_parts(settings: Settings) -> frozenset[Part]:
    """What can't leave the node that has a shard's files. A graph goes with the ledger: it can be made anew."""
    url = settings.ledger.url
    ledger = {Part.LEDGER, Part.GRAPH_STORE} if url is None or url.startswith(_SQLITE) else set()
    return frozenset(ledger | (set() if _vectors_on_server(settings) else {Part.VECTOR_STORE}))


def place(settings: Settings, nodes: Sequence[Node], known: Mapping[int, str]) -> dict[Address, Spot]:
    """Where each actor goes.

    Args:
        settings: how many shards and embedders there are, and what lies in files.
        nodes: all that are alive.
        known: the name of the node on which each shard has run before, as far as that is known.

    Raises:
        Unavailable: a shard's files are on no node that is alive.
        Conflict: two nodes have different files of one shard.
    """
    loads = _Loads(nodes)
    homes = _homes(settings, nodes, known, loads)
    held = held_parts(settings)
    spots = {
        address: Spot(home, part in held)
        for shard, home in homes.items()
        for part, address in addresses(settings, shard).items()
    }
    asked = language_model(settings)
    for address in [*embedders(settings), *([] if asked is None else [asked])]:
        fit = _with_gpus(nodes) if wants_gpu(address.part, settings, sum(node.gpus for node in nodes)) else []
        spots[address] = Spot(loads.take(fit or loads.workers), held=False)
    return spots


def _with_gpus(nodes: Sequence[Node]) -> list[Node]:
    return [node for node in nodes if node.gpus]


class _Loads:
    """What each node has to do, in CPUs; what is placed counts as one."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self._loads = {node.id: node.busy_cpus for node in nodes}
        # A node without CPUs, as a head often is, says that it wants no work.
        self.workers = [node for node in nodes if node.cpus] or list(nodes)

    def take(self, nodes: Iterable[Node]) -> Node:
        """The one with the least to do for its size, which has more to do now."""
        best = min(nodes, key=lambda node: (self._loads[node.id] / max(node.cpus, 1.0), -node.cpus, node.id))
        self._loads[best.id] += 1
        return best


def _homes(settings: Settings, nodes: Sequence[Node], known: Mapping[int, str], loads: _Loads) -> dict[int, Node]:
    """Those with files first, so that new ones go round them."""
    shards = range(settings.shards)
    having = {shard: [node for node in nodes if shard in node.files] for shard in shards}
    homes = {shard: loads.take(_same(shard, found)) for shard, found in having.items() if found}
    for shard in shards:
        if shard in homes:
            continue
        if shard in known and shard_file(settings, shard) is not None:
            raise Unavailable(
                f"the files of shard {shard} are on {known[shard]}, which is not in the cluster or has them no more: "
                "bring it back, or copy its data directory to another node",
                {"shard": shard, "node": known[shard]},
            )
        homes[shard] = loads.take(loads.workers)
    return homes


def _same(shard: int, found: Sequence[Node]) -> Sequence[Node]:
    if len({node.files[shard] for node in found}) > 1:
        names = sorted(node.name for node in found)
        raise Conflict(
            f"{' and '.join(names)} have different files of shard {shard}: move away those that don't count",
            {"shard": shard, "nodes": names},
        )
    return [node for node in found if node.cpus] or found
