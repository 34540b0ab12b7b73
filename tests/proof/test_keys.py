"""Keys: who may sign, where they are, and that they go nowhere else."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tuf.api.metadata import Metadata
from typer.testing import CliRunner

from credit.cli.main import app
from credit.errors import UserError
from credit.files import durable
from credit.home import open_warehouse
from credit.proof import Keys, keys, sign
from credit.proof.verify import verify_folder
from credit.settings import Settings
from support.places import ROOT
from support.proof_version import as_version
from support.signed_platform import (
    DAY,
    LATER,
    NOW,
    Platform,
    assert_no_secret,
    first_match,
    invalid,
    judge,
    private_keys,
)

pytestmark = pytest.mark.slow


def _forged(platform: Platform, stolen: Keys, folder: Path, now: datetime, **changes: Any) -> None:
    """What an attacker with the nightly key can do: change a file and sign it all."""
    roots = {path.name: path.read_bytes() for path in folder.glob("tuf/*.root.json")}
    (folder / "index.json").write_text("forged")
    as_version(folder, "2026-11-25")
    elsewhere = folder.parent / ".attacker"
    elsewhere.mkdir(exist_ok=True)
    (elsewhere / "version").write_text("90000000")
    sign(folder, elsewhere, replace(stolen, folder=elsewhere, retired=(), **changes), now)
    for name, raw in roots.items():
        (folder / "tuf" / name).write_bytes(raw)


def test_a_revoked_key_is_refused(platform: Platform, content: Path, tmp_path: Path) -> None:
    stolen = platform.keys
    night = platform.publish(content, DAY, NOW)
    seen, unseen = tmp_path / "seen", tmp_path / "unseen"
    assert judge(platform, night, state=unseen).verdict == "valid"
    keys.rotate(platform.conf, platform.usb, NOW, revoked="stolen")
    newer = platform.publish(content, DAY + timedelta(days=1), LATER)
    assert judge(platform, newer, LATER, state=seen).verdict == "valid"
    copy = tmp_path / "copy"
    shutil.copytree(newer, copy)
    _forged(platform, stolen, copy, LATER)
    for state in (seen, unseen, None):  # has seen root 2; has seen root 1; starts from root 1 and can reach 2
        verdict = invalid(platform, copy, "tuf/timestamp.json", LATER, state=state)
        assert "revoked on 2026-11-24: stolen" in verdict.message
    # Root 2 withheld: whoever has seen it is not fooled.
    _forged(platform, stolen, night, LATER)
    assert "revoked" in invalid(platform, night, "tuf/timestamp.json", LATER, state=seen).message


def test_a_replaced_key_is_refused(platform: Platform, content: Path, tmp_path: Path) -> None:
    replaced = platform.keys
    keys.rotate(platform.conf, platform.usb, NOW)
    night = platform.publish(content, DAY, NOW)
    _forged(platform, replaced, night, NOW)
    assert "replaced" in invalid(platform, night, "tuf/timestamp.json").message


def test_the_nightly_key_cannot_change_the_root(platform: Platform, night: Path, tmp_path: Path) -> None:
    thief = platform.keys
    false: Any = Metadata.from_bytes(thief.roots[-1])
    false.signed.version = 3
    false.signatures.clear()
    false.sign(thief.nightly, append=True)
    (night / "tuf" / "3.root.json").write_bytes(false.to_bytes())
    invalid(platform, night, "tuf/3.root.json")


def test_another_root_of_trust_is_not_ours(platform: Platform, night: Path, tmp_path: Path) -> None:
    other = Settings(home=tmp_path / "other")
    other.home.mkdir()
    trust = keys.init(other, tmp_path / "usb2", NOW).roots[0]
    verdict = verify_folder(night, trust, None, NOW)
    assert verdict.verdict == "invalid"
    with pytest.raises(UserError, match="no TUF root metadata"):
        verify_folder(night, b"{}", None, NOW)


def test_a_later_root_of_trust_will_do(platform: Platform, night: Path) -> None:
    assert verify_folder(night, platform.keys.roots[1], None, NOW).verdict == "valid"


def test_development_keys_say_so(tmp_path: Path, content: Path) -> None:
    conf = Settings(home=tmp_path / "home")
    conf.home.mkdir()
    development_keys = Keys.load(conf)
    assert development_keys.development
    assert Keys.load(conf).fingerprint == development_keys.fingerprint
    folder = conf.published / "versions" / "a"
    shutil.copytree(content, folder)
    as_version(folder, DAY.isoformat())
    sign(folder, conf.published, development_keys, datetime.now(UTC))
    root = json.loads((folder / "tuf" / "1.root.json").read_bytes())
    assert root["signed"]["x-merchant-credit"] == {"development": True}
    state = ["--state", str(tmp_path / "state")]
    result = CliRunner().invoke(app, ["verify", str(folder), "--json", *state])
    assert result.exit_code == 0
    assert json.loads(result.stdout)["development"] is True
    assert json.loads(result.stdout)["trust"] == "itself"
    assert "trusts itself 自我信任" in result.stderr
    # Real keys take their place, as a new root of trust.
    real = keys.init(conf, tmp_path / "usb", datetime.now(UTC))
    assert not Keys.load(conf).development
    assert not list(real.folder.glob("root-*.pem"))
    sign(folder, conf.published, real, datetime.now(UTC))
    assert verify_folder(folder, real.roots[0], None).verdict == "valid"
    assert verify_folder(folder, development_keys.roots[0], None).verdict == "invalid"
    with pytest.raises(UserError, match="--root is needed"):
        CliRunner().invoke(app, ["verify", str(folder), *state], catch_exceptions=False, standalone_mode=False)


def test_a_development_root_renews_itself_and_a_real_one_asks(tmp_path: Path, platform: Platform, night: Path) -> None:
    conf = Settings(home=tmp_path / "dev")
    conf.home.mkdir()
    Keys.load(conf, NOW)
    assert len(Keys.load(conf, NOW + timedelta(days=340)).roots) == 2
    assert platform.keys.notice(NOW) is None
    assert "keys rotate" in (platform.keys.notice(NOW + timedelta(days=340)) or "")
    with pytest.raises(UserError, match="keys rotate"):
        sign(night, platform.conf.published, platform.keys, NOW + timedelta(days=365))


def test_where_keys_may_be(platform: Platform, content: Path, tmp_path: Path) -> None:
    for folder in (platform.conf.home, platform.conf.published, platform.conf.home / "new" / ".." / "x"):
        with pytest.raises(UserError, match="lies in the home"):
            keys.rotate(platform.conf, folder, NOW)
    (tmp_path / "link").symlink_to(platform.conf.home)
    with pytest.raises(UserError, match="lies in the home"):
        keys.init(platform.conf, tmp_path / "link" / "keys", NOW, replace=True)
    with pytest.raises(UserError, match="keys rotate"):
        keys.init(platform.conf, tmp_path / "usb2", NOW)
    with pytest.raises(UserError, match="does not hold the root key"):
        keys.rotate(platform.conf, tmp_path / "empty", NOW)
    folder = platform.keys.folder
    modes = {path: path.stat().st_mode & 0o777 for path in (folder, *folder.glob("*.pem"), *platform.usb.glob("*.pem"))}
    assert set(modes.values()) == {0o700, 0o600}
    nightly = first_match(folder, "nightly-*.pem")
    nightly.chmod(0o640)
    with pytest.raises(UserError, match="chmod 600"):
        _ = platform.keys
    nightly.unlink()
    with pytest.raises(UserError, match="lacks the nightly key"):
        _ = platform.keys


def test_a_disk_that_cannot_be_written(platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", "x")

    monkeypatch.setattr(durable, "put", full)
    with pytest.raises(UserError, match="No space left"):
        keys.rotate(platform.conf, platform.usb, NOW)
    monkeypatch.undo()
    assert len(platform.keys.roots) == 1  # as before


def test_lost_keys_do_not_become_development_keys(platform: Platform, night: Path) -> None:
    shutil.rmtree(platform.keys.folder)
    with pytest.raises(UserError, match="restore"):
        _ = platform.keys


def test_a_root_key_with_a_passphrase(tmp_path: Path) -> None:
    conf = Settings(home=tmp_path / "home")
    conf.home.mkdir()
    keys.init(conf, tmp_path / "usb", NOW, b"correct horse")
    assert b"ENCRYPTED" in first_match(tmp_path / "usb", "*.pem").read_bytes()
    with pytest.raises(UserError, match="passphrase"):
        keys.rotate(conf, tmp_path / "usb", NOW, lambda: b"wrong")
    rotated = keys.rotate(conf, tmp_path / "usb", NOW, lambda: b"correct horse", new_root=True)
    assert len(rotated.roots) == 2
    assert all(b"ENCRYPTED" in path.read_bytes() for path in (tmp_path / "usb").glob("*.pem"))
    assert len(keys.rotate(conf, tmp_path / "usb", NOW, lambda: b"correct horse").roots) == 3


def test_private_keys_are_in_their_files_alone(tmp_path: Path, content: Path) -> None:
    home, usb, runner = tmp_path / "home", tmp_path / "usb", CliRunner()
    conf = Settings(home=home, threads=1)
    with open_warehouse(conf):
        pass
    output = b""
    secrets = private_keys(Keys.load(conf).folder)
    for command in (["init"], ["rotate"], ["rotate", "--root-key"], ["revoke", "--reason", "stolen"], ["show"]):
        root = [] if command == ["show"] else ["--root", str(usb)]
        result = runner.invoke(app, ["keys", *command, *root, "--home", str(home), "--json"])
        assert result.exit_code == 0, result.output
        secrets |= private_keys(home / "keys", usb)
        output += result.output.encode()
    platform = Platform(conf, usb, usb / "root.json")
    platform.publish(content, DAY, datetime.now(UTC))
    state = tmp_path / "state"
    result = runner.invoke(
        app, ["verify", str(platform.current), "--root", str(usb / "root.json"), "--state", str(state)]
    )
    assert result.exit_code == 0, result.output
    output += result.output.encode()
    secrets |= private_keys(home / "keys", usb)
    assert_no_secret(secrets, output, home, state, usb)


@pytest.mark.thorough
def test_the_runbook_is_rehearsed(tmp_path: Path, content: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command of docs/how-to/keys.md, in order, in a home of its own."""
    text = (ROOT / "docs" / "how-to" / "keys.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 9
    home = tmp_path / "srv" / "merchant-credit"
    shutil.copytree(content.parent / "home", home)
    for name in ("keys", "published"):
        shutil.rmtree(home / name, ignore_errors=True)
    for name in ("usb1", "usb2"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    ran, output, secrets = set(), b"", set()
    for line in (
        "".join(blocks).replace("/media/usb", f"{tmp_path}/usb").replace("/srv/", f"{tmp_path}/srv/").splitlines()
    ):
        first, *arguments = shlex.split(os.path.expandvars(line))
        if first == "merchant-credit":
            ran.add(" ".join(arguments[:2] if arguments[0] == "keys" else arguments[:1]))
            result = CliRunner().invoke(app, arguments)
            assert result.exit_code == 0, (line, result.output, result.exception)
            output += result.output.encode()
            secrets |= private_keys(home / "keys", *tmp_path.glob("usb*/merchant-credit*"))
        elif first == "export":
            monkeypatch.setenv(*arguments[0].split("=", 1))
        else:
            subprocess.run(["sh", "-c", line], check=True)
    assert ran >= {"keys init", "keys rotate", "keys revoke", "keys show", "publish", "verify"}
    root = (home / "keys" / "root.json").read_bytes()
    assert verify_folder(home / "published" / "current", root, None).verdict == "valid"
    assert_no_secret(secrets, output, home, tmp_path / "state")
