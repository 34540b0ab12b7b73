"""The platform under its own standard: assessments of what it does itself, by published criteria, with evidence.

catalogue      a catalogue of criteria: what each asks, of whom, and how it is shown; read from YAML
seen           what an assessment sees: the tables as known at the cut-off, the home, the published version
measuring      what a measurement is: cases in order, not in order, not recorded
merchants, orders, publications, keeping   the measurements, by what they look at
judging        an assessment: each line with its result, what it rests on and what would mend it
difference     what changed between two assessments
files          documents kept by hash in the home
report         an assessment for people: HTML, XLSX, JSON
"""
