"""What is piped into a command, and whether somebody sits there to be asked."""

from __future__ import annotations

import sys

from remora.errors import InvalidInput


def whole() -> str:
    """All of it, up to its end.

    Raises:
        InvalidInput: it is closed, or can't be read as text.
    """
    if sys.stdin is None:  # Closed before the command began, as by `<&-`.
        raise InvalidInput("there is no stdin to read from: it is closed")
    try:
        return sys.stdin.read()
    except UnicodeDecodeError as error:
        raise InvalidInput(f"stdin is no text: {error}") from error
    except OSError as error:
        raise InvalidInput(f"stdin can't be read: {error.strerror or error}") from error


def is_terminal() -> bool:
    """Whether a person can answer."""
    return sys.stdin is not None and sys.stdin.isatty()
