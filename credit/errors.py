"""Errors a user can cause: each names the file, row or setting, what was expected and what to do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ExitCode:
    """What the command's exit status `number` means; `verbs` where these alone give it."""

    number: int
    zh: str
    en: str
    verbs: tuple[str, ...] = ()


EXIT_CODES = (
    ExitCode(0, "完成", "done"),
    ExitCode(1, "程序缺陷", "a defect of the program"),
    ExitCode(2, "命令、设置或规则不可用", "command, setting or rulebook not usable"),
    ExitCode(3, "输入不可用，未作任何改动", "input not usable, nothing changed"),
    ExitCode(4, "批次未通过检查，未并入", "the batch fails its expectations, nothing merged"),
    ExitCode(5, "数据仓库正被占用", "the warehouse is in use"),
    ExitCode(6, "验证无效", "invalid", ("verify",)),
    ExitCode(7, "已过期", "stale", ("verify",)),
    ExitCode(8, "早于已见版本", "older than seen before", ("verify",)),
    ExitCode(9, "数据仓库缺少已登记的变更或已损坏", "the warehouse lacks what it held before, or is damaged"),
    ExitCode(10, "磁盘已满或不可写", "the disk is full or not writable"),
    ExitCode(11, "与已见版本的历史不同", "another history than seen before", ("verify",)),
    ExitCode(12, "有待处理", "something needs attention", ("status", "doctor")),
)
"""Every exit code of `merchant-credit`; `--help` and the page of exit codes are made from it."""

NEEDS_ATTENTION = 12
"""The exit code of a home that was looked at and is not in order."""


class UserError(Exception):
    """Something the user can put right. The command prints the message alone and exits with `exit_code`."""

    exit_code = 2


class InputError(UserError):
    """An input file or folder cannot be taken at all; nothing was changed."""

    exit_code = 3


class SourceUnreachable(InputError):
    """A database does not answer or does not let us in; trying again later can help."""


class CheckFailed(UserError):
    """The arriving batch failed its expectations and the setting says stop."""

    exit_code = 4


class WarehouseBehind(UserError):
    """The warehouse lacks changes that were recorded: an older copy, or one that lost its last writes."""

    exit_code = 9


class WarehouseDamaged(UserError):
    """The warehouse cannot be read as it was written."""

    exit_code = 9


class NotWritable(UserError):
    """The disk is full, or lets nothing be written."""

    exit_code = 10


class WarehouseLocked(UserError):
    """Another process has the warehouse open."""

    exit_code = 5
