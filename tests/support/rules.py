"""The rulebooks that tests stand on: a frozen set, so that a new version of a shipped one breaks only what is about it.

`earlier` is in force from 2026-11-18 and `ENTERPRISE`, `INDIVIDUAL`, `BUYER` from 2026-11-24. The tests of a module that asks for
the fixture `shipped_rules` see the program's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from credit.rulebooks import reading
from support.places import TESTS

SHIPPED = reading.FOLDER
FROZEN = TESTS / "support" / "rulebooks"

ENTERPRISE = FROZEN / "enterprise.yaml"
ENTERPRISE_EARLIER = FROZEN / "enterprise-earlier.yaml"
INDIVIDUAL = FROZEN / "individual.yaml"
INDIVIDUAL_EARLIER = FROZEN / "individual-earlier.yaml"
BUYER = FROZEN / "buyer.yaml"

# Before any test module is read: some ask for the shipped rulebooks as they are imported.
reading.FOLDER = FROZEN


@contextmanager
def shipped() -> Iterator[None]:
    """The program's own rulebooks within the block."""
    before = reading.FOLDER
    reading.FOLDER = SHIPPED
    try:
        yield
    finally:
        reading.FOLDER = before
