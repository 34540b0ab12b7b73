from typing import Any


class Merchants:
    def __init__(self, context: dict[str, Any]) -> None:
        pass

    def page(self, document: dict[str, Any], path: str) -> bytes:
        return b"<html>"


def pages(*a: Any):
    return iter(())


def search(e: Any):
    return iter(())


def assets():
    return iter(())


def badge(grade: str, meaning: dict[str, str], context: dict[str, Any]) -> bytes:
    return b"<svg/>"
