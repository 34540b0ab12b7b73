"""merchant-credit: nightly credit evaluation of an e-commerce platform's merchants, by public rules."""

__version__ = "0.1.0"
