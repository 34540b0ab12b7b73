"""From rows to grades: a pure function of (rows known by the cut-off, rulebook, day).

engine    indicators' measures compiled into one scan of each table
scoring   counts to marks, points and scores
grading   scores to grades: edges, margin, vetoes
night     the evaluation of a night, stored
results   what is stored, read
explain   why a merchant has its grade
outlook   what would change it
impact    what another rulebook would make of the same night
"""
