"""Server-sent events: whatever a stream holds and however its bytes are cut, the same events come out."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from serve_app.chat.events import EventStream

LINES = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=12)
ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])
NOISE = st.sampled_from([b": a comment", b"event: message", b"id: 7", b"retry: 10", b"data", b"unknown: x", b":"])
CUTS = st.lists(st.integers(0, 400), max_size=30)


@st.composite
def streams(draw: st.DrawFn) -> tuple[bytes, list[bytes]]:
    """The bytes of a stream, and the data of its events."""
    raw, events = draw(st.sampled_from([b"", b"\xef\xbb\xbf"])), []
    for lines in draw(st.lists(st.lists(LINES, min_size=1, max_size=3), max_size=6)):
        end = draw(ENDS)
        for line in lines:
            if draw(st.booleans()):
                raw += draw(NOISE.filter(lambda noise: noise != b"data")) + end
            raw += b"data: " + line.encode() + end
        raw += end
        events.append("\n".join(lines).encode())
    return raw, events


def cut(raw: bytes, places: list[int]) -> list[bytes]:
    at = [0, *sorted(place for place in places if place < len(raw)), len(raw)]
    return [raw[start:stop] for start, stop in pairwise(at)]


@given(streams(), CUTS)
def test_events_come_out_however_the_bytes_are_cut(stream: tuple[bytes, list[bytes]], places: list[int]) -> None:
    raw, events = stream
    reader = EventStream()
    found = [event for piece in cut(raw, places) for event in reader.feed(piece).events]
    assert [*found, *reader.end()] == events


@given(streams(), CUTS)
def test_one_byte_after_the_other_is_the_same(stream: tuple[bytes, list[bytes]], places: list[int]) -> None:
    raw, events = stream
    reader = EventStream()
    assert [event for byte in raw for event in reader.feed(bytes([byte])).events] == events


@given(streams(), ENDS, st.sampled_from([b"data: [DONE]", b"data:[DONE]", b"data:  [DONE] "]), CUTS)
def test_nothing_of_the_last_event_that_ends_it_is_before_the_place_that_is_told(
    stream: tuple[bytes, list[bytes]], end: bytes, last: bytes, places: list[int]
) -> None:
    """What a client has before that place is no whole last event; all that came before is there."""
    raw = stream[0] + last + end + end
    reader, before, after = EventStream(), b"", b""
    for piece in cut(raw, places):
        at = None if after else reader.feed(piece).last_at
        before, after = (
            (before + piece, after)
            if not after and at is None
            else (before + piece[: at or 0], after + piece[at or 0 :])
        )
    assert before + after == raw
    first = 0 if stream[0] == b"\xef\xbb\xbf" else len(stream[0])
    assert first <= len(before) < len(stream[0]) + len(last.rstrip())
    assert not any(event.strip() == b"[DONE]" for event in EventStream().feed(before).events[len(stream[1]) :])


@given(st.binary(max_size=200), CUTS)
def test_any_bytes_are_taken(raw: bytes, places: list[int]) -> None:
    whole, reader = EventStream(), EventStream()
    expected = [*whole.feed(raw).events, *whole.end()]
    found = [event for piece in cut(raw, places) for event in reader.feed(piece).events]
    assert [*found, *reader.end()] == expected


def test_what_broke_off_is_told_at_the_end() -> None:
    reader = EventStream()
    assert reader.feed(b'data: {"a": 1}\n\ndata: half').events == (b'{"a": 1}',)
    assert reader.end() == (b"half",)
    assert reader.end() == ()


def test_a_line_without_end_is_let_go() -> None:
    reader = EventStream()
    for _ in range(20):
        assert reader.feed(b"data: " + b"x" * 1_000_000).events == ()
    assert len(reader._line) <= 16 * 1024 * 1024
