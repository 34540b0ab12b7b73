"""Published files, read from a folder or a server, by size limits."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from tuf.api import exceptions
from tuf.ngclient import FetcherInterface
from tuf.ngclient.urllib3_fetcher import Urllib3Fetcher

from credit import __version__
from credit.errors import InputError

FILE_NAME = r"(?!\.{1,2}(?:/|$))[^/\\\x00-\x1f:]+"
"""Regular expression of one part of a path: no `..`, no separator, no control character."""

MAX_TEXT = 1_000
"""Characters of a name or message."""
_MERCHANTS = re.compile(r"merchants/([0-9a-f]{2})/")
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Problem:
    """What is wrong with which file: signature, hash, length, missing, not_listed, not_a_file, form, grade."""

    file: str
    what: str
    message: str


# --- where files come from ---------------------------------------------------------------------------------------


Inodes = dict[str, int]
"""Path within a version -> inode."""


class Absent(Exception):
    """There is no such file."""


class TooLong(Exception):
    """It goes on after the length it may have."""


class Source(FetcherInterface):
    """Files by path within a version; for TUF a fetcher of paths. `last` is the file asked for last."""

    base = "version:/"
    last = ""

    def _fetch(self, url: str) -> Iterator[bytes]:
        self.last = url.removeprefix(self.base)
        try:
            return self.open(self.last)
        except Absent:
            raise exceptions.DownloadHTTPError("not there", 404) from None

    def open(self, path: str) -> Iterator[bytes]:
        """The content in pieces. Raises Absent."""
        raise NotImplementedError

    def read(self, path: str, limit: int) -> bytes:
        """Raises Absent, TooLong past `limit` bytes."""
        pieces, size = [], 0
        for piece in self.open(path):
            size += len(piece)
            if size > limit:
                raise TooLong
            pieces.append(piece)
        return b"".join(pieces)

    def digest(self, path: str, limit: int) -> tuple[int, str]:
        """(length, SHA-256) of at most `limit` + 1 bytes. Raises Absent, TooLong."""
        size, sha256 = 0, hashlib.sha256()
        for piece in self.open(path):
            size += len(piece)
            if size > limit:
                raise TooLong
            sha256.update(piece)
        return size, sha256.hexdigest()


class Folder(Source):
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._name = str(folder)

    def open(self, path: str) -> Iterator[bytes]:
        try:
            handle = os.open(f"{self._name}/{path}", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            raise Absent from None
        return self._pieces(handle)

    @staticmethod
    def _pieces(handle: int) -> Iterator[bytes]:
        try:
            while piece := os.read(handle, _CHUNK):
                yield piece
        finally:
            os.close(handle)

    def scan(self, first: str = "") -> tuple[Inodes, list[Problem], set[str]]:
        """Of what is in the folder `first` and below: every file by its path, what is neither file nor folder, and the
        folders of merchants, which are not gone into unless one is the first."""
        files: Inodes = {}
        odd = []
        apart: set[str] = set()
        waiting = [first]
        while waiting:
            inner = waiting.pop()
            try:
                entries = list(os.scandir(f"{self._name}/{inner}"))
            except FileNotFoundError:
                continue
            except OSError as error:
                raise InputError(
                    f"{self._name}/{inner} cannot be read: {error.strerror}; nothing was verified"
                ) from None
            for entry in entries:
                path = inner + entry.name
                if entry.is_dir(follow_symlinks=False):
                    (apart.add if _MERCHANTS.fullmatch(f"{path}/") else waiting.append)(f"{path}/")
                elif entry.is_file(follow_symlinks=False):
                    files[path] = entry.inode()
                else:
                    kind = "a symbolic link" if entry.is_symlink() else "not a file"
                    odd.append(Problem(plain(path), "not_a_file", f"{kind}; a version holds files alone"))
        return files, odd, apart


class Server(Source):
    def __init__(self, url: str) -> None:
        self.url = url if url.endswith("/") else f"{url}/"
        self._http = Urllib3Fetcher(app_user_agent=f"merchant-credit/{__version__}")

    def open(self, path: str) -> Iterator[bytes]:
        # Names of files are percent-encoded ids: the % itself is encoded again in a URL.
        url = self.url + quote(path)
        try:
            return self._pieces(self._http.fetch(url), url)
        except exceptions.DownloadHTTPError as error:
            if error.status_code in (403, 404, 410):
                raise Absent from None
            raise InputError(
                f"{url} cannot be read: the server answers {error.status_code}; nothing was verified"
            ) from None
        except exceptions.DownloadError as error:
            raise InputError(f"{url} cannot be read: {cause_of(error)}; nothing was verified") from None

    @staticmethod
    def _pieces(pieces: Iterator[bytes], url: str) -> Iterator[bytes]:
        try:
            yield from pieces
        except Exception as error:
            raise InputError(f"{url} cannot be read to its end: {cause_of(error)}; nothing was verified") from None


def cause_of(error: BaseException) -> str:
    if isinstance(error, exceptions.SlowRetrievalError):
        return "the server is too slow"
    cause = error.__cause__ or error
    return str(getattr(cause, "reason", None) or cause or type(cause).__name__)


def plain(text: str) -> str:
    """Harmless to print: names of files and what they say may hold anything."""
    return "".join(c if c.isprintable() else _escaped(ord(c)) for c in text[:MAX_TEXT])


def _escaped(code: int) -> str:
    """A character by its number, or the byte that stands for none."""
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"\\u{code:04x}"
