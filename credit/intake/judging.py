"""Great Expectations judges a frame by a suite and keeps the result in its own store under `checks/` of the home.

The store is Great Expectations' own (`expectations/README.md` shows how to read it); what it costs is the import, some
four seconds of CPU, so it is imported only where a batch is judged.
"""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from credit.intake.suites import Expectation

if TYPE_CHECKING:
    import pandas as pd


@dataclass
class Judged:
    """`unmet`: the numbers of expectations not met, with what was observed; `broken`: lines about those that cannot be evaluated."""

    evaluated: int = 0
    unmet: list[tuple[int, Any]] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)


@contextmanager
def great_expectations(store: Path) -> Iterator[Any]:
    """A context that keeps results under `store`, nothing else; it reports nothing home and prints nothing on standard output."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    os.environ["DO_NOT_TRACK"] = "1"
    log = logging.getLogger("great_expectations")
    level = log.level
    with redirect_stdout(sys.stderr), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        log.setLevel(logging.CRITICAL)
        try:
            import great_expectations as gx
            from great_expectations.data_context.types.base import (
                DataContextConfig,
                InMemoryStoreBackendDefaults,
                ProgressBarsConfig,
            )

            in_memory = InMemoryStoreBackendDefaults(init_temp_docs_sites=False)
            in_memory.stores[in_memory.validation_results_store_name]["store_backend"] = {
                "class_name": "TupleFilesystemStoreBackend",
                "base_directory": str(store),
            }
            config = DataContextConfig(
                store_backend_defaults=in_memory,
                analytics_enabled=False,
                progress_bars=ProgressBarsConfig(globally=False, metric_calculations=False),
            )
            yield gx.get_context(mode="ephemeral", project_config=config)
        finally:
            log.setLevel(level)


def judge(
    context: Any,
    name: str,
    frame: pd.DataFrame,
    stated: Sequence[Expectation],
    bounds: dict[str, Any],
    batch_id: int,
    as_of: datetime,
) -> Judged:
    """Run one suite on one frame; its result is stored as run `batch-<number>`."""
    from great_expectations import ExpectationSuite, RunIdentifier, ValidationDefinition
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
    from great_expectations.expectations.metadata_types import FailureSeverity

    judged, suite = Judged(), ExpectationSuite(name=name)
    for number, expectation in enumerate(stated):
        try:
            suite.add_expectation(
                ExpectationConfiguration(
                    type=expectation.type,
                    kwargs=expectation.kwargs,
                    description=f"{expectation.text('zh', bounds)} / {expectation.text('en', bounds)}",
                    severity=FailureSeverity(expectation.severity),
                    meta={"number": number, "why": expectation.why, "action": expectation.action},
                ).to_domain_obj()
            )
        except Exception as error:
            judged.broken.append(f"{expectation.where()}: {_first_line(error)}")
    if judged.broken:
        return judged
    asset = context.data_sources.add_pandas(name).add_dataframe_asset(name)
    batch = asset.add_batch_definition_whole_dataframe("landed")
    definition = ValidationDefinition(name=name, data=batch, suite=context.suites.add(suite))
    try:
        outcome = context.validation_definitions.add(definition).run(
            batch_parameters={"dataframe": frame},
            expectation_parameters=bounds,
            run_id=RunIdentifier(run_name=f"batch-{batch_id:06d}", run_time=as_of),
        )
    except Exception as error:
        # Great Expectations gives up on the whole suite and doesn't say where: run them one by one.
        if len(stated) == 1:
            judged.broken.append(f"{stated[0].where()}: {_first_line(error)}")
            return judged
        for number, expectation in enumerate(stated):
            alone = judge(context, f"{name}-{number}", frame, [expectation], bounds, batch_id, as_of)
            judged.broken += alone.broken
        if not judged.broken:
            raise
        return judged
    for result in outcome.results:
        number = result.expectation_config.meta["number"]
        expectation = stated[number]
        judged.evaluated += 1
        if raised := _raised(result.exception_info):
            judged.broken.append(f"{expectation.where()}: {raised}")
        elif not result.success:
            judged.unmet.append((number, _observed(expectation, result.result)))
    return judged


def _observed(expectation: Expectation, result: Mapping[str, Any]) -> Any:
    """What was found instead: the fact, the figure, or the share of rows that are not as expected."""
    if expectation.on_facts:
        return _plain(result["partial_unexpected_list"][0])
    if "observed_value" in result:
        return _plain(result["observed_value"])
    return {"unexpected_share": _plain(result.get("unexpected_percent") or 0) / 100}


def _plain(value: Any) -> Any:
    """As JSON has it, numbers to six digits."""
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float):
        return float(f"{value:.6g}")
    return value if isinstance(value, (int, str, bool, dict)) or value is None else str(value)


def _raised(info: Mapping[str, Any]) -> str | None:
    """The message of the exception in an expectation's `exception_info`, which is one entry or one a metric."""
    entries = [info] if "raised_exception" in info else list(info.values())
    for entry in entries:
        if entry.get("raised_exception"):
            return _first_line(entry.get("exception_message"))
    return None


def _first_line(error: object) -> str:
    text = str(error).strip() or type(error).__name__
    return " ".join(text.split())[:300]
