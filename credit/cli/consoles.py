"""The consoles of the command: results on standard output, all else on standard error."""

from rich.console import Console

out = Console()
err = Console(stderr=True)
