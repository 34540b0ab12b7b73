"""Vetting of applicants: pass, refer or refuse by the platform's policy, with every reason and what to do.

application   the applicant's file
case          what is known of the applicant
categories    the permit and the deposit that each category needs
checks        the checks
policy        the policy: which checks, with which numbers
verdict       the verdict by all checks; kept
letter        the verdict as a letter to the applicant
"""
