"""What `runtime` asks of the head process, and how it travels. Neither side's work is here."""

from __future__ import annotations

import base64
import pickle
from dataclasses import dataclass

from engine.config import Settings


@dataclass(frozen=True, slots=True)
class Order:
    """`application`: `module:builder`, called with the settings; None: no HTTP.

    `attached`: stop when standard input closes, because whoever holds its other end has gone.
    """

    settings: Settings
    application: str | None
    attached: bool

    @property
    def mode(self) -> str:
        """The command that this is, for people."""
        return "remora serve" if self.attached else "remora up"


def encode(order: Order) -> bytes:
    """One line for standard input: settings hold secrets, which don't belong into arguments or variables."""
    return base64.b64encode(pickle.dumps(order)) + b"\n"


def decode(line: str) -> Order:
    """The order in a line that our own parent wrote."""
    order = pickle.loads(base64.b64decode(line))  # noqa: S301 - from our parent, over a pipe
    if not isinstance(order, Order):
        raise TypeError(f"an order was expected, not {type(order).__name__}")
    return order
