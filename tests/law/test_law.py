"""A sample of the matrix; `make law` runs it whole."""

from __future__ import annotations

import pytest

from law.matrix import cells, sample, violations

pytestmark = pytest.mark.slow


def test_no_fact_breaks_the_law() -> None:
    breaches, compared = violations(sample(120))
    assert compared > 120
    assert not breaches, "\n".join(map(str, breaches))


def test_the_matrix_is_whole() -> None:
    """Every fact with every quality, size and kind."""
    assert len({cell.name for cell in cells()}) == len(cells()) > 3_000
