"""The model holds what builds and libraries produce."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from pydantic import ValidationError

from reports.model import BuildVerdict, CaseResult, Outcome, Run

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass
class _Share:
    backend: str
    count: int


def test_observations_become_plain(make_result: Callable[..., CaseResult]) -> None:
    """Numbers of numpy, sets, paths, dataclasses and NaN are kept as JSON can hold them."""
    seen = make_result(
        observations={
            "p": np.float64(0.25),
            "counts": np.array([1, 2]),
            "nodes": {"node-1"},
            "path": Path("/x"),
            "shares": [_Share("web-0", 3)],
            "nothing": float("nan"),
            "far": [float("inf"), 1.0],
            7: b"\xff",
        }
    ).observations

    assert seen == {
        "p": 0.25,
        "counts": [1, 2],
        "nodes": ["node-1"],
        "path": "/x",
        "shares": [{"backend": "web-0", "count": 3}],
        "nothing": None,
        "far": [None, 1.0],
        "7": "_w==",
    }


def test_run_survives_json(run: Run) -> None:
    """A run read back from its JSON equals the run."""
    assert run == Run.model_validate_json(run.model_dump_json())


def test_undecodable_log_is_kept() -> None:
    """A log that is no UTF-8 does not stop the verdict on the build that wrote it."""
    verdict = BuildVerdict.model_validate({"kind": "crashes", "log_tail": "\udcff"})

    assert verdict.log_tail == "\\udcff"


def test_unknown_fields_are_ignored(make_result: Callable[..., CaseResult]) -> None:
    """A journal of a later version can be read."""
    assert make_result(since="1.0").outcome is Outcome.PASSED


def test_unknown_outcome_is_refused(make_result: Callable[..., CaseResult]) -> None:
    """An outcome that has no meaning here never counts as one that has."""
    with pytest.raises(ValidationError, match="passed-ish"):
        make_result("passed-ish")


def test_key_names_case_and_parameters(make_result: Callable[..., CaseResult]) -> None:
    """The key is the case with its parameters, or the case alone without any."""
    assert make_result().key == "SVC-001[ipvs-ipv4]"
    assert make_result(params={}).key == "SVC-001"
