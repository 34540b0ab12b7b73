"""What contributors rely on: the Makefile's list, the lock, the hooks."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
HOOKS = ROOT / ".pre-commit-config.yaml"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCKED = dict(
    re.findall(
        r"^([a-z0-9-]+)==(\S+)[^\n]* \\\n    --hash=sha256:", (ROOT / "requirements.lock").read_text(), re.MULTILINE
    )
)
"""Version by name, of what stands in the lock with a hash."""


def test_help_lists_every_target() -> None:
    [targets] = re.findall(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    done = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert re.findall(r"^make (\S+) +\S", done.stdout, re.MULTILINE) == targets.split()


def test_the_lock_has_the_build_backend_and_uv() -> None:
    for requirement in PROJECT["build-system"]["requires"]:
        name, version = requirement.split("==")
        assert LOCKED[name] == version
    assert {"uv", "editables"} <= set(LOCKED)


def test_the_lock_names_no_index_and_hashes_everything() -> None:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert "://" not in text
    assert set(re.findall(r"^([a-z0-9-]+)==", text, re.MULTILINE)) == set(LOCKED)


def test_hooks_run_from_the_environment_and_fetch_nothing() -> None:
    for repo in yaml.safe_load(HOOKS.read_text(encoding="utf-8"))["repos"]:
        assert repo["repo"] == "local"
        for hook in repo["hooks"]:
            assert hook["language"] in ("system", "pygrep")
            if hook["entry"].startswith(".venv/bin/"):
                assert shutil.which(Path(hook["entry"].split()[0]).name, path=str(Path(sys.executable).parent))


@pytest.mark.parametrize(
    ("message", "passes"),
    [
        ("a" * 72, True),
        ("a" * 73, False),
        ("逐" * 72, True),
        ("逐" * 73, False),
        ("Short\n\n" + "a" * 100, True),
        ("a" * 73 + "\n\nA body.", False),
    ],
    ids=["72", "73", "72 Chinese", "73 Chinese", "a long body", "73 and a body"],
)
def test_a_commit_subject_has_at_most_72_characters(message: str, passes: bool, tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    shutil.copy(HOOKS, tmp_path)
    subprocess.run(["git", "add", "."], cwd=tmp_path, check=True)
    (tmp_path / "message").write_text(message + "\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pre_commit", "run", "--hook-stage", "commit-msg", "--commit-msg-filename", "message"],
        cwd=tmp_path, env=os.environ | {"PRE_COMMIT_HOME": str(tmp_path / "cache")}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode == 0) is passes, done.stdout + done.stderr
    assert "commit subject" in done.stdout


def test_variables_are_named_by_what_they_hold() -> None:
    """No variable or parameter is called by a word of its grammar. A field of a class is an attribute, as methods are."""
    empty_names = {"found", "one", "told", "said", "of"}
    misnamed = []
    for folder in ("credit", "pipelines", "expectations", "docs", "benchmarks", "tests"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            fields = {
                id(line.target)
                for node in ast.walk(tree)
                if isinstance(node, ast.ClassDef)
                for line in node.body
                if isinstance(line, ast.AnnAssign)
            }
            for node in ast.walk(tree):
                name = (
                    node.id
                    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and id(node) not in fields
                    else node.arg
                    if isinstance(node, ast.arg)
                    else None
                )
                if name in empty_names:
                    misnamed.append(f"{path.relative_to(ROOT)}:{node.lineno} {name}")
    assert not misnamed
