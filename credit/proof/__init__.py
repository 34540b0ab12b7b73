"""Proof that published files are the platform's, whole, of one night and the newest: signing and verification by TUF.

    keys    the offline root key, the nightly key it delegates to, their history
    signing `tuf/` of a version: signed metadata whose targets are manifest.json and feed.json
    verify  what a reader does: valid, invalid, stale or older than seen
    grade   one merchant's grade again, from its published explanation and rulebook

manifest.json holds length and SHA-256 of every other file, feed.json of the change feed; TUF signs these two.
"""

from __future__ import annotations

from credit.proof.keys import Keys
from credit.proof.signing import sign

__all__ = ["Keys", "sign"]
