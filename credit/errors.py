"""Errors a user can cause: each names the file, row or setting, what was expected and what to do."""


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


class WarehouseLocked(UserError):
    """Another process has the warehouse open."""

    exit_code = 5
