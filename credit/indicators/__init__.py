"""The catalogue of indicators, one module an evaluation element. How to add one: README.md in this folder."""

from credit.indicators import after_sales, counterparty, fulfilment, operation
from credit.indicators.base import Catalogue, Indicator

CATALOGUE = Catalogue()
for _module in (fulfilment, after_sales, counterparty, operation):
    for _indicator in _module.INDICATORS:
        CATALOGUE.add(_indicator)

__all__ = ["CATALOGUE", "Catalogue", "Indicator"]
