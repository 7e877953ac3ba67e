"""The images in a message, as OpenAI's and Mem0's clients send them: by URL, or as a data URI."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence

from engine.config import LimitSettings
from engine.errors import InvalidInput, TooLarge
from engine.values import text_of

_MOST = 20
_MOST_URL_CHARS = 4096
_ADDRESSES = ("https://", "http://")
_DATA = "data:image/"
_DIGEST_CHARS = 12


def images_in(content: object, where: str) -> tuple[str, ...]:
    """The images of a message's content, in order; none of a text.

    Raises:
        InvalidInput: one is neither a web address nor a data URI of an image.
        TooLarge: there are too many.
    """
    parts = [content] if isinstance(content, Mapping) else content if isinstance(content, list) else []
    found = tuple(_images(parts, where))
    if len(found) > _MOST:
        raise TooLarge(f"more than {_MOST} images in {where}", {"field": where, "limit": _MOST})
    return found


def named(image: str) -> str:
    """The line of a message's text that stands for an image: it is what a store without images remembers of it."""
    if not image.startswith(_DATA):
        return f"(image: {image})"
    kind, _, data = image.partition(",")
    digest = hashlib.sha256(data.encode()).hexdigest()[:_DIGEST_CHARS]
    return f"(image: {kind.removeprefix('data:').partition(';')[0]}, {digest})"


def check_size(images: Sequence[str], limits: LimitSettings) -> None:
    """Raises TooLarge when the images of a request are more than a request may hold."""
    if sum(map(len, images)) > limits.body_bytes:
        raise TooLarge(f"the images have more than {limits.body_bytes} bytes", {"limit": limits.body_bytes})


def _images(parts: Sequence[object], where: str) -> Iterator[str]:
    for part in parts:
        if isinstance(part, Mapping) and part.get("type") == "image_url":
            given = part.get("image_url")
            url = given.get("url") if isinstance(given, Mapping) else given
            yield _checked(url, f"{where}.image_url")


def _checked(url: object, where: str) -> str:
    image = text_of(url, where, _MOST_URL_CHARS if not str(url).startswith(_DATA) else len(str(url)))
    if image.startswith(_DATA) and "," in image:
        return image
    if image.startswith(_ADDRESSES):
        return image
    raise InvalidInput(f"{where} should be a web address or a data URI of an image", {"field": where})
