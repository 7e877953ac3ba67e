"""Times as users write them."""

import pytest

from engine.errors import InvalidInput
from engine.times import iso, parse_date, parse_moment, parse_time

_BEYOND = "9999-12-31T23:59:59-01:00"
"""In UTC this is in the year 10000, which can't be shown."""


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (0, "1970-01-01T00:00:00.000000+00:00"),
        (1683554160, "2023-05-08T13:56:00.000000+00:00"),
        (1.5, "1970-01-01T00:00:01.500000+00:00"),
        ("2023-05-08", "2023-05-08T00:00:00.000000+00:00"),
        ("2023-05-08T13:56:00Z", "2023-05-08T13:56:00.000000+00:00"),
        ("2023-05-08T13:56:00+02:00", "2023-05-08T11:56:00.000000+00:00"),
    ],
)
def test_seconds_dates_and_iso_times_are_taken(raw: object, expected: str) -> None:
    assert iso(parse_time(raw, "timestamp")) == expected


@pytest.mark.parametrize("raw", [True, None, "", "yesterday", float("nan"), float("inf"), 1e30, -1e30, [], {}, _BEYOND])
def test_anything_else_is_refused(raw: object) -> None:
    with pytest.raises(InvalidInput, match="timestamp"):
        parse_time(raw, "timestamp")


@pytest.mark.parametrize("raw", ["2023-05-08T13:56", "2023-05-08 13:56:00", " 2023-05-08T13:56:00.5 ", "20230508T1356"])
def test_when_something_was_said_needs_its_offset(raw: str) -> None:
    with pytest.raises(InvalidInput, match="timestamp should say its offset"):
        parse_moment(raw, "timestamp")
    assert iso(parse_moment(f"{raw.strip()}+02:00", "timestamp")).startswith("2023-05-08T11:56:00")


@pytest.mark.parametrize("raw", [0, 1683554160, "2023-05-08", "20230508", "2023-05-08T13:56:00Z", "20230508T1356+0200"])
def test_seconds_and_days_need_none(raw: object) -> None:
    assert parse_moment(raw, "timestamp") == parse_time(raw, "timestamp")


@pytest.mark.parametrize("raw", [True, None, "", "yesterday", float("nan"), [], {}, _BEYOND])
def test_what_is_no_time_is_refused_as_one(raw: object) -> None:
    with pytest.raises(InvalidInput, match="unix seconds or an ISO 8601 time"):
        parse_moment(raw, "timestamp")


@pytest.mark.parametrize("raw", ["2023-02-30", "2023-5-8", "20230508", "x", 5, None, "2023-05-08T00:00"])
def test_a_date_is_a_date(raw: object) -> None:
    with pytest.raises(InvalidInput, match="expiration_date"):
        parse_date(raw, "expiration_date")
    assert parse_date("2023-05-08", "expiration_date") == "2023-05-08"
