"""Vetting of applicants: pass, refer or refuse by the platform's policy, with every reason and what to do.

application   the applicant's file
policy        the policy: which checks, with which numbers
case          what is known of the applicant
checks        the checks
verdict       what they come to; kept
letter        told to the applicant
"""
