"""datapackage.json: the bulk files described as a Frictionless Data Package (version 2)."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from credit.disclosure import bulk, sort_key
from credit.disclosure.bulk import Field
from credit.disclosure.versions import FileEntry
from credit.files.formats import to_json

PATH = "datapackage.json"
FILES = bulk.FILES | sort_key.FILES

_TYPES = {
    pa.string(): "string",
    pa.float64(): "number",
    pa.bool_(): "boolean",
    pa.int32(): "integer",
    pa.int64(): "integer",
}
_FORMATS = {
    "csv": {"format": "csv", "mediatype": "text/csv", "encoding": "utf-8-sig"},
    "ndjson": {"format": "ndjson", "mediatype": "application/x-ndjson", "encoding": "utf-8"},
    "parquet": {"format": "parquet", "mediatype": "application/vnd.apache.parquet"},
}


def descriptor(about: dict[str, Any], entries: dict[str, FileEntry]) -> bytes:
    """The descriptor of the bulk files among `entries`; `about` as in index.json."""
    publisher, development = about["by"], about["development"]
    resources = [
        {
            "name": path.removeprefix("bulk/").replace(".", "-").replace("_", "-"),
            "type": "table",
            "path": path,
            "title": zh,
            "description": en,
            **_size(path, entries[path]),
            **_FORMATS[path.rsplit(".", 1)[1]],
            "schema": _schema(fields),
        }
        for path, (fields, zh, en) in FILES.items()
    ]
    package = {
        "$schema": "https://datapackage.org/profiles/2.0/datapackage.json",
        "name": "merchant-credit-grades",
        "title": f"{publisher['zh']} 商家信用等级",
        "description": f"Credit grades of the merchants of {publisher['en']}, evaluated on {about['evaluated_on']}."
        + (" Signed by a development key: for trial only. 开发密钥签名，仅供试用。" if development else ""),
        "version": str(about["evaluated_on"]),
        "created": about["cut_off"],
        "contributors": [{"title": publisher["zh"], "roles": ["publisher"]}],
        "merchant-credit": {"development": development},
        "resources": resources,
    }
    return to_json(package, indent=1) + b"\n"


def _size(path: str, entry: FileEntry) -> dict[str, Any]:
    """Length and hash of a text file. Those of Parquet files stand in the manifest alone: readers of data packages do not
    read them as a stream of bytes and call a length that they cannot count an error."""
    if path.endswith(".parquet"):
        return {}
    return {"bytes": entry.bytes, "hash": f"sha256:{entry.sha256}"}


def _schema(fields: tuple[Field, ...]) -> dict[str, Any]:
    described = [
        {"name": f.name, "type": _TYPES.get(f.type, "date"), "title": f.zh, "description": f.en} for f in fields
    ]
    keys = [name for name in ("subject_id", "element", "indicator") if any(f.name == name for f in fields)]
    return {"fields": described, "primaryKey": keys, "missingValues": [""]}
