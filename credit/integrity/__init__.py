"""Signs of manipulation: brushing, review bombing, bought and copied reviews, collusion between sellers.

    findings = scan(con, settings, day)

Each detector is one small file that counts in the warehouse and returns `Finding`s: which rows look wrong, how far they
are from what chance would make, and a sentence a person can check. A finding is evidence for a person and nothing
else: no grade, no row and no sanction changes by it until somebody upholds it.
"""
