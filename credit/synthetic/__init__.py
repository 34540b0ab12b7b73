"""Marketplaces that are made, not met: to try things on, to test by, and to attack.

market      a marketplace as one delivery of canonical files, with a story for some merchants and bad rows
stories     what these merchants do
in_memory   a marketplace as a warehouse in memory
attacks     manipulation laid over it, each with the rows that are known to be false
"""
