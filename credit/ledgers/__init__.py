"""Ledgers of single merchants: objections, adjustments of facts, sanctions, closings; only ever added to.

`overlay` lets evaluations read them, `published` gives what is shown.
"""

from credit.ledgers.objections import Objection
from credit.ledgers.publishing import Notice, Published, published, told

__all__ = ["Notice", "Objection", "Published", "published", "told"]
