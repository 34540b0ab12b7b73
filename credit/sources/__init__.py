"""Adapters from outside shapes to canonical tables.

An adapter reads what a path holds into temporary tables of the warehouse connection and says, part by part, how
their rows read as canonical rows. It neither checks nor converts values: `credit.intake` does, the same way for all.
"""
