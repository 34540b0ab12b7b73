"""Rulebooks: dated YAML files that say what counts, how much, and which grade a score is.

book        what a rulebook is: validated, each number with its source
reading     read from YAML, every error at once with its line; the shipped ones
diff        two versions compared
places      where in a text a rule stands
conformity  which numbers are the standard's and which are reconstruction
weights     weights by comparison or entropy, proposed

A rulebook is identified by id, version and the SHA-256 of its bytes.
"""
