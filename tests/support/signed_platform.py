"""A platform with real keys and versions that it has signed, and what a reader of them sees."""

from __future__ import annotations

import base64
import json
import shutil
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization

from credit.proof import Keys, sign
from credit.proof.verify import Verdict, verify_folder
from credit.settings import Settings
from support.proof_version import as_version

DAY = date(2026, 11, 24)
NOW = datetime(2026, 11, 24, 1, tzinfo=UTC)
LATER = NOW + timedelta(days=1)


@dataclass
class Platform:
    """A home with real keys and versions that it has signed; `usb` holds the root key."""

    conf: Settings
    usb: Path
    first: Path

    @property
    def keys(self) -> Keys:
        return Keys.load(self.conf)

    @property
    def trust(self) -> bytes:
        return self.first.read_bytes()

    @property
    def current(self) -> Path:
        return (self.conf.published / "current").resolve()

    def publish(self, content: Path, day: date, now: datetime, signer: Keys | None = None) -> Path:
        """A new version with a document that only it has, signed and switched to."""
        folder = self.conf.published / "versions" / f"{day}-{now:%H%M%S}"
        shutil.copytree(content, folder)
        for path in folder.glob("merchants/*/*.json"):
            document = json.loads(path.read_bytes())
            path.write_text(json.dumps(document | {"evaluated_on": day.isoformat()}), encoding="utf-8")
        as_version(folder, day.isoformat(), sequence=day.toordinal())
        sign(folder, self.conf.published, signer or self.keys, now)
        link = self.conf.published / "current"
        link.unlink(missing_ok=True)
        link.symlink_to(folder)
        return folder


def named(verdict: Verdict) -> set[str]:
    return {problem.file for problem in verdict.problems}


def judge(platform: Platform, folder: Path, now: datetime = NOW, **options: Any) -> Verdict:
    return verify_folder(folder, platform.trust, options.pop("state", None), now, **options)


def invalid(platform: Platform, folder: Path, file: str, now: datetime = NOW, **options: Any) -> Verdict:
    """The verdict, which must be invalid and name this file."""
    verdict = judge(platform, folder, now, **options)
    assert verdict.verdict == "invalid", verdict
    assert verdict.exit_code == 6
    assert file in named(verdict), verdict.problems
    return verdict


def first_match(folder: Path, pattern: str) -> Path:
    return sorted(folder.glob(pattern))[0]


def private_keys(*folders: Path) -> set[bytes]:
    """The private keys in all the forms in which they might be written."""
    secrets = set()
    for path in (path for folder in folders for path in folder.glob("*.pem")):
        key: Any = serialization.load_pem_private_key(path.read_bytes(), None)
        raw = key.private_bytes_raw()
        body = b"".join(path.read_bytes().splitlines()[1:-1])
        secrets |= {raw, raw.hex().encode(), raw.hex().upper().encode(), base64.b64encode(raw).rstrip(b"="), body}
    return secrets


def assert_no_secret(secrets: set[bytes], output: bytes, *folders: Path) -> None:
    """No private key in what was said, nor in any file that is not its own: warehouse, versions, states, root metadata."""
    assert len(secrets) > 20
    assert not any(secret in output for secret in secrets)
    for path in (path for folder in folders for path in folder.rglob("*") if path.is_file() and path.suffix != ".pem"):
        raw = path.read_bytes()
        assert not any(secret in raw for secret in secrets), path
    assert {path.parent for path in folders[0].rglob("*.pem")} == {folders[0] / "keys"}


def cases_of(content: Path) -> list[tuple[dict[str, Any], bytes, str]]:
    cases = []
    for path in sorted(content.glob("merchants/*/*.json")):
        document = json.loads(path.read_bytes())
        rules = document["rulebook"]["path"]
        cases.append((document, (content / rules).read_bytes(), rules))
    return cases


def rated_case(content: Path, *, vetoed: bool = False) -> tuple[dict[str, Any], bytes, str]:
    return next(c for c in cases_of(content) if c[0]["score"] is not None and bool(c[0]["vetoes"]) == vetoed)


def worse(document: dict[str, Any], rules: bytes) -> None:
    document["grade"] = "D" if document["grade"] != "D" else "AAA"
