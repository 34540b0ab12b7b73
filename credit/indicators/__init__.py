"""The catalogue of indicators, one module an evaluation element (buyers: one for all four). How to add one: README.md in this folder."""

from credit.indicators import (
    after_sales,
    buyers,
    conduct,
    counterparty,
    fulfilment,
    identity,
    listings,
    operation,
    public_record,
)
from credit.indicators.base import Catalogue, Indicator

MODULES = (identity, fulfilment, after_sales, counterparty, operation, public_record, conduct, listings, buyers)

CATALOGUE = Catalogue()
for _module in MODULES:
    for _indicator in _module.INDICATORS:
        CATALOGUE.add(_indicator)

__all__ = ["CATALOGUE", "MODULES", "Catalogue", "Indicator"]
