"""The verbs `export postgres|mysql|files|report`: the version in force to displays, and the periodic report to authorities."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from credit import settings
from credit.cli.consoles import err, out
from credit.cli.options import AsJson, Home, named_day, print_json
from credit.errors import UserError
from credit.home import open_warehouse
from credit.settings import Settings

if TYPE_CHECKING:
    from credit.databases.dialect import Dialect

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="Export what is published to displays, and report to authorities (对外展示与定期报送).",
)

Advertised = Annotated[
    Path | None,
    typer.Option("--advertised", help="The platform's own list of paid placement: a text file, one subject_id a line."),
]


Schema = Annotated[str, typer.Option("--schema", help="Schema of the tables; made if it is not there.")]


@app.command()
def postgres(
    url: Annotated[
        str | None,
        typer.Option(
            "--url",
            help="postgresql://… Better in the environment MERCHANT_CREDIT_POSTGRES_URL: others see command lines.",
        ),
    ] = None,
    schema: Schema = "merchant_credit",
    advertised: Advertised = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Upsert the version in force into PostgreSQL in one transaction; only what changed is sent.

    Withdrawn merchants keep their row, with withdrawn_on. Without --advertised the marks on the server stay.

    Example: MERCHANT_CREDIT_POSTGRES_URL=postgresql://display@db/shop merchant-credit export postgres
    """
    from credit.databases.postgres import PostgreSQL

    _to_database(PostgreSQL(), settings.load(home=home, postgres_url=url), url, schema, advertised, as_json)


@app.command()
def mysql(
    url: Annotated[
        str | None,
        typer.Option(
            "--url",
            help="mysql://… Better in the environment MERCHANT_CREDIT_MYSQL_URL: others see command lines.",
        ),
    ] = None,
    schema: Annotated[
        str, typer.Option("--schema", help="Database of the tables on the server; made if it is not there.")
    ] = "merchant_credit",
    advertised: Advertised = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Upsert the version in force into MySQL, MariaDB, OceanBase or TiDB in one transaction; only what changed is sent.

    Withdrawn merchants keep their row, with withdrawn_on. Without --advertised the marks on the server stay.

    Example: MERCHANT_CREDIT_MYSQL_URL=mysql://display@db/merchant_credit merchant-credit export mysql
    """
    from credit.databases.mysql import MySQL

    _to_database(MySQL(), settings.load(home=home, mysql_url=url), url, schema, advertised, as_json)


def _to_database(
    dialect: Dialect, conf: Settings, given: str | None, schema: str, advertised: Path | None, as_json: bool
) -> None:
    from credit.disclosure import sort_key
    from credit.exports import database, published

    setting = f"{dialect.key}_url"
    secret = getattr(conf, setting)
    text = secret.get_secret_value() if secret else ""
    if not text.strip():
        raise UserError(f"no database is named; give --url, or set {settings.PREFIX}{setting.upper()} or {setting}")
    where = dialect.url(text, "--url" if given else settings.origin(conf, setting))
    version = published.current(conf)
    marked = sort_key.advertised(advertised, _ids(version)) if advertised else None
    upserts = database.export(version, dialect, where, schema, marked)
    if as_json:
        print_json(upserts.to_json() | {"server": where.server, "schema": schema})
        return
    out.print(
        f"{escape(where.server)} {schema}: version {upserts.version} · {upserts.added:,} added 新增 · {upserts.changed:,} changed 变更 · "
        f"{upserts.withdrawn:,} withdrawn 撤下 · {upserts.unchanged:,} unchanged 未变",
        highlight=False,
    )
    if marked is not None:
        out.print(f"{upserts.advertisements_changed:,} advertisement marks changed 广告标识变更", highlight=False)
    if upserts.replaced:
        err.print(
            f"[yellow]note[/yellow] not every database stores NUL and broken characters; they stand as \ufffd in: "
            f"{escape(', '.join(upserts.replaced[:10]))}" + (" …" if len(upserts.replaced) > 10 else ""),
            highlight=False,
        )


@app.command()
def files(
    to: Annotated[
        Path, typer.Option("--to", help="A folder, for example of a mounted share; made if it is not there.")
    ],
    keep: Annotated[int, typer.Option("--keep", min=1, help="Versions kept there.")] = 3,
    advertised: Advertised = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Copy the version in force to a folder and switch current.json (and the link `current`, where links work) to it.

    Only files that are not there yet are copied; an interrupted copy is taken up again and is never seen half.

    Example: merchant-credit export files --to /mnt/display/credit
    """
    from credit.disclosure import sort_key
    from credit.exports import files as target
    from credit.exports import published

    conf = settings.load(home=home)
    version = published.current(conf)
    marked = sort_key.advertised(advertised, _ids(version)) if advertised else None
    copied = target.export(version, conf, to, keep, marked)
    if as_json:
        print_json(copied.to_json() | {"to": str(to)})
        return
    out.print(
        f"{escape(str(to))}: version {copied.version} · {copied.copied:,} files copied 复制 · {copied.linked:,} linked 链接 · "
        f"{copied.there:,} there already 已有 · {copied.removed:,} old versions removed 清理",
        highlight=False,
        soft_wrap=True,
    )


@app.command()
def report(
    since: Annotated[str, typer.Option("--from", metavar="YYYY-MM-DD", help="First day of the period.")],
    until: Annotated[str, typer.Option("--to", metavar="YYYY-MM-DD", help="Last day of the period.")],
    folder: Annotated[Path, typer.Option("--out", help="Folder for the files; made if it is not there.")],
    unmasked: Annotated[
        bool,
        typer.Option("--unmasked", help="With natural persons' names, numbers, addresses and contacts, in full."),
    ] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """The periodic report to authorities: identity of operators and key figures, as XLSX and CSV.

    Natural persons are masked as in what is published, unless --unmasked; either way the files are readable by their
    owner only (mode 0600).

    Example: merchant-credit export report --from 2026-10-01 --to 2026-12-31 --out ./report
    """
    from credit.exports import report as target

    conf = settings.load(home=home)
    first, last = (named_day(text, option, "2026-10-01") for text, option in ((since, "--from"), (until, "--to")))
    with open_warehouse(conf, read_only=True) as con:
        report = target.build(con, conf, first, last, unmasked=unmasked)
    written = target.write(report, folder)
    if as_json:
        print_json({"files": [str(path) for path in written], "rows": report.counts, "unmasked": unmasked})
        return
    if unmasked:
        err.print(
            "[yellow]note[/yellow] 含个人信息 contains personal information: pass on only as the law asks",
            highlight=False,
        )
    for path in written:
        out.print(escape(str(path)), soft_wrap=True, highlight=False)


def _ids(version: Any) -> set[str]:
    return set(version.grades()["subject_id"].to_pylist())
