"""How often a trial by chance is repeated: seldom in every run, often where MERCHANT_CREDIT_THOROUGH is set (`make thorough`)."""

from __future__ import annotations

import os

THOROUGH = bool(os.environ.get("MERCHANT_CREDIT_THOROUGH"))


def trials(usual: int, thorough: int) -> int:
    """How many of them this run makes."""
    return thorough if THOROUGH else usual
