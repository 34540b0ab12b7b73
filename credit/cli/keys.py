"""The verbs `keys show|init|rotate|revoke`: the keys that sign what is published. Runbook: docs/how-to/keys.md."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from credit import settings
from credit.cli.consoles import err, out
from credit.cli.options import AsJson, Home, print_json
from credit.errors import UserError
from credit.settings import PREFIX

if TYPE_CHECKING:
    from credit.proof import Keys

app = typer.Typer(
    no_args_is_help=True,
    help="Keys that sign published versions (签名密钥): an offline root key, a nightly key. --home stands behind the verb: keys show --home FOLDER. Runbook: docs/how-to/keys.md",
)
PASSPHRASE = f"{PREFIX}ROOT_PASSPHRASE"
MAX_REASON = 500

RootFolder = Annotated[
    Path, typer.Option("--root", help="Folder of the root key: outside the home, best on a medium that is kept apart.")
]
ReplaceRootKey = Annotated[bool, typer.Option("--root-key", help="Replace the root key, too.")]


def _passphrase(*, new: bool = False) -> bytes:
    passphrase = os.environ.get(PASSPHRASE)
    if passphrase is None:
        try:
            passphrase = str(
                typer.prompt("Passphrase of the root key", hide_input=True, confirmation_prompt=new, err=True)
            )
        except typer.Abort:
            raise UserError(f"no passphrase was given; answer the prompt, or set {PASSPHRASE}") from None
    if not passphrase:
        raise UserError(f"{PASSPHRASE} is empty; expected the passphrase of the root key")
    return passphrase.encode()


@app.command()
def init(
    root: RootFolder,
    passphrase: Annotated[
        bool, typer.Option("--passphrase", help=f"Encrypt the root key; asks, or takes {PASSPHRASE}.")
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="The root key is lost for good: a new root of trust for every reader.")
    ] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Make the root key in a folder apart and the nightly key in the home: a new root of trust.

    A development key is replaced. Readers need the new root.json; what was signed before is not valid for it.

    Example: merchant-credit keys init --root /media/usb/merchant-credit
    """
    from credit.proof import keys

    conf = settings.load(home=home)
    secret = _passphrase(new=True) if passphrase else None
    keyring = keys.init(conf, root, datetime.now(UTC), secret, replace)
    _report(keyring, as_json)
    err.print(
        f"Root key 根密钥: {escape(str(root.expanduser().resolve()))}\n"
        "Copy this folder to a second medium, unmount both and keep them in two places, off line. Nightly work needs neither.\n"
        f"Give readers the root of trust 信任根 (public): {escape(str(keyring.folder / 'root.json'))}, SHA-256 {keyring.fingerprint}\n"
        "This is a new root of trust: readers of what was signed before need it, by a way they trust. "
        "The next publish signs with the new keys.",
        soft_wrap=True,
        highlight=False,
    )


@app.command()
def rotate(
    root: RootFolder,
    root_key: ReplaceRootKey = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Make a new nightly key and renew the root metadata for a year. Readers follow by themselves.

    Example: merchant-credit keys rotate --root /media/usb/merchant-credit
    """
    from credit.proof import keys

    keyring = keys.rotate(settings.load(home=home), root, datetime.now(UTC), _passphrase, new_root=root_key)
    _report(keyring, as_json)
    _next(keyring)


@app.command()
def revoke(
    root: RootFolder,
    reason: Annotated[str, typer.Option("--reason", help="Why; readers are shown it.")],
    root_key: ReplaceRootKey = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """The nightly key is compromised: revoke it. What it alone has signed is invalid from the next publish on.

    Example: merchant-credit keys revoke --root /media/usb/merchant-credit --reason "server broken into on 2026-11-20"
    """
    from credit.proof import keys

    if not reason.strip() or len(reason) > MAX_REASON or not reason.isprintable():
        raise UserError(f"--reason: expected one line of 1 to {MAX_REASON} characters; it is published")
    keyring = keys.rotate(
        settings.load(home=home), root, datetime.now(UTC), _passphrase, new_root=root_key, revoked=reason.strip()
    )
    _report(keyring, as_json)
    _next(keyring)


@app.command()
def show(home: Home = None, as_json: AsJson = False) -> None:
    """Show the keys in use and when they end; nothing secret.

    Example: merchant-credit keys show
    """
    from credit.proof import Keys

    conf = settings.load(home=home)
    if not (conf.home / "keys").exists():
        raise UserError(
            f"there are no keys in {conf.home}; `merchant-credit keys init --root FOLDER` makes them, and a publish without makes "
            "a development key"
        )
    _report(Keys.load(conf), as_json)


def _next(keyring: Keys) -> None:
    err.print(
        f"Root metadata {len(keyring.roots)} is in {escape(str(keyring.folder / 'tuf'))}. It reaches readers with the next publish: "
        "run `merchant-credit publish`, then `merchant-credit verify`. Take the root key off line again.",
        soft_wrap=True,
        highlight=False,
    )


def _report(keyring: Keys, as_json: bool) -> None:
    from credit.proof import keys

    document: dict[str, Any] = {
        "development": keyring.development,
        "fingerprint": keyring.fingerprint,
        "root_of_trust": str(keyring.folder / "root.json"),
        "root_version": len(keyring.roots),
        "root_expires": keyring.expires.isoformat(),
        "root_keys": keyring.root.roles["root"].keyids,
        "nightly_key": keyring.nightly.public_key.keyid,
        "revoked": keys.marks(keyring.root).get("revoked", []),
    }
    if as_json:
        print_json(document)
        return
    for name, value in document.items():
        if name == "revoked":
            value = "; ".join(f"{entry['keyid']} on {entry['on']}: {entry['reason']}" for entry in value) or "none"
        out.print(f"{name:<14} {escape(str(value))}", soft_wrap=True, highlight=False)
    if keyring.development:
        out.print(
            "[yellow]development keys 开发密钥[/yellow]: they prove nothing to others; see `keys init`", soft_wrap=True
        )
    if notice := keyring.notice():
        out.print(f"[yellow]note[/yellow] {escape(notice)}", soft_wrap=True)
