"""The verb `map`."""
import typer
def register(app: typer.Typer) -> None:
    pass
