"""Whatever is asked by the OpenAPI description is answered as it says: a thousand requests that nobody thought of."""

from __future__ import annotations

import pytest

from tests.fuzz.run import fuzz

CALLS = 1000


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_a_thousand_requests_get_answers_that_are_described() -> None:
    found = await fuzz(CALLS, seed=1, deadline_s=540)
    assert not found.failed, found.report
    assert found.calls >= CALLS
