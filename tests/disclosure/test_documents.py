"""Where the document of a merchant goes."""

from __future__ import annotations

import hashlib

from credit.disclosure import documents


def test_names_of_documents_differ_without_case() -> None:
    digests = {i: hashlib.sha256(i.encode()).hexdigest()[:2] for i in (f"{c}{n}" for n in range(3000) for c in "aA")}
    twins = [f"a{n}" for n in range(3000) if digests[f"a{n}"] == digests[f"A{n}"]]
    assert twins
    paths = documents.paths([*digests, "商" * 128, "商" * 127])
    assert len({path.lower() for path in paths.values()}) == len(paths)
    assert f"~{hashlib.sha256(twins[0].encode()).hexdigest()}.json" in paths[twins[0]]
    assert documents.paths(["M1"]) == {"M1": f"merchants/{hashlib.sha256(b'M1').hexdigest()[:2]}/M1.json"}
