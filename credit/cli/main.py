"""The command `merchant-credit`: a module for each verb, of which only the one that is asked for is read.

Exit codes: `credit.errors.EXIT_CODES`.
"""

from __future__ import annotations

import io
import sys
from importlib import import_module
from typing import Annotated, Any, NamedTuple, NoReturn

import typer
import typer.main
from rich.markup import escape
from typer.core import TyperCommand, TyperGroup

from credit import __version__
from credit.cli.consoles import err, out
from credit.errors import EXIT_CODES
from credit.files.text import printable

EPILOG = "--home stands behind the verb: keys show --home FOLDER\n\nExit codes: " + " · ".join(
    f"{code.number} {code.en}" + (f" ({', '.join(code.verbs)})" if code.verbs else "") for code in EXIT_CODES
)


class Verb(NamedTuple):
    """Where a verb is: a module of `credit.cli` and the function or Typer in it; its Chinese name and its line in `--help`."""

    module: str
    name: str
    zh: str
    help: str


NIGHT, LOOK, RULES, PEOPLE, OTHERS, HOME = (
    "The night 每夜运行",
    "Look 查看",
    "Rules 规则",
    "Decisions by people 台账",
    "To others 对外",
    "The home 数据目录",
)
VERBS: dict[str, dict[str, Verb]] = {
    NIGHT: {
        "nightly": Verb("night", "nightly", "整夜运行", "The whole night: ingest, check, evaluate, publish."),
        "ingest": Verb(
            "night", "ingest", "接收", "Land a delivery: check every row, quarantine the bad ones with a reason."
        ),
        "check": Verb(
            "night", "check", "检查", "Judge landed batches by their expectations and merge those that pass."
        ),
        "quarantine": Verb("quarantine", "app", "隔离区", "Rows that were set aside: list, explain, export to mend."),
        "evaluate": Verb("night", "evaluate", "评价", "Grade every merchant as of a night, past or present."),
        "publish": Verb("night", "publish", "公示", "Publish an evaluated night to published/current, atomically."),
        "rollback": Verb("night", "rollback", "回退", "Switch published/current back to a version that is kept."),
        "catch-up": Verb("operations", "catch_up", "补评", "Evaluate the nights that were missed, in their order."),
        "withdraw": Verb("operations", "withdraw", "撤回评价", "Take back the evaluation of a night."),
        "map": Verb(
            "mapping", "map_database", "数据映射", "Map a platform's own files or database to the canonical tables."
        ),
    },
    LOOK: {
        "grades": Verb("grades", "grades", "等级一览", "List grades of an evaluation, best first."),
        "explain": Verb("explanation", "explain", "等级说明", "Why a merchant has its grade, and what would raise it."),
        "watch": Verb("early_warning", "watch", "风险预警", "Merchants whose risk rises, with reasons."),
        "integrity": Verb("integrity", "app", "操纵线索", "Findings of manipulation."),
        "validate": Verb("validation", "app", "检验", "Compare past grades with what happened afterwards."),
    },
    RULES: {
        "rulebook": Verb("rulebook", "app", "评价规则", "Rulebooks: read, compare, propose, announce, enact."),
        "weights": Verb("weights", "app", "权重建议", "Propose weights for a rulebook."),
    },
    PEOPLE: {
        "objection": Verb("objections", "app", "异议", "Objections: file, decide, withdraw."),
        "repair": Verb("objections", "repair", "信用修复", "Enter the credit repair of a public record."),
        "sanction": Verb("sanctions", "app", "处置措施", "Sanctions imposed by command."),
        "closing": Verb("closings", "app", "停业公告", "Notices of closing, 30 days before."),
        "matches": Verb("matches", "app", "名单匹配", "Subjects of lists of authorities that are merchants by name."),
        "vet": Verb("vetting", "vet", "入驻审核", "Vet an applicant: pass, refer or refuse."),
        "vettings": Verb("vetting", "vettings", "审核记录", "List the vettings that were made, newest first."),
        "assess": Verb("assessing", "app", "平台自评", "Assess the platform itself by its standard, with evidence."),
    },
    OTHERS: {
        "export": Verb("export", "app", "导出", "Export to displays, and report to authorities."),
        "verify": Verb("verification", "verify", "验证", "Verify published files against the root of trust."),
        "keys": Verb("keys", "app", "签名密钥", "Keys that sign published versions."),
    },
    HOME: {
        "init": Verb("homes", "init", "建立", "Make a home: folder, warehouse, pseudonym key, config.toml."),
        "config": Verb("homes", "config", "设置", "Print every setting in force and where it comes from."),
        "status": Verb("upkeep", "status", "运行状态", "Tell a monitor how the home stands."),
        "doctor": Verb("upkeep", "doctor", "全面检查", "Examine the whole home."),
        "backup": Verb("upkeep", "backup", "备份", "Copy the home, each file with its hash, while readers read."),
        "restore": Verb("upkeep", "restore", "恢复", "Put a copy back as a home that is not there yet."),
        "accept-loss": Verb(
            "operations", "accept_loss", "登记损失", "Go on with a warehouse that lacks what it held before."
        ),
        "sample": Verb("homes", "sample", "样例数据", "Write a synthetic marketplace to try everything on."),
    },
}
PANELS = {name: panel for panel, verbs in VERBS.items() for name in verbs}


def command(name: str) -> Any:
    """The command of a verb, its module read."""
    verb = VERBS[PANELS[name]][name]
    target = getattr(import_module(f"credit.cli.{verb.module}"), verb.name)
    alone = typer.Typer(rich_markup_mode="rich", add_completion=False)
    if isinstance(target, typer.Typer):
        alone.add_typer(target, name=name)
    else:
        alone.command(name)(target)
    return typer.main.get_group(alone).commands[name]


class _Verbs(TyperGroup):
    """Lists the verbs by their lines, and reads the module of the one that is called."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for panel, verbs in VERBS.items():
            for name, verb in verbs.items():
                self.commands[name] = TyperCommand(name, help=f"{verb.help} {verb.zh}", rich_help_panel=panel)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, listed, rest = super().resolve_command(ctx, args)
        return name, command(name) if name else listed, rest


app = typer.Typer(
    cls=_Verbs,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Evaluate the credit of a platform's merchants by public rules (电子商务平台商家信用评价).",
    epilog=EPILOG,
)


def _version(value: bool) -> None:
    if value:
        out.print(f"merchant-credit {__version__}", highlight=False)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


def main() -> NoReturn:
    """Entry point: a user's error is one message and its exit code, no traceback."""
    for stream in (sys.stdout, sys.stderr):
        # A host whose locale lacks a character shows it escaped; the work is done all the same.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        app()
    except BrokenPipeError:
        sys.exit(0)
    except Exception as error:
        # DuckDB is not loaded for those who ask for help.
        from credit.warehouse.failures import as_user_error

        user_error = as_user_error(error)
        if user_error is None:
            raise
        err.print(f"[bold red]error[/bold red] {escape(printable(str(user_error)))}", highlight=False, soft_wrap=True)
        sys.exit(user_error.exit_code)
    sys.exit(0)


if __name__ == "__main__":
    main()
