"""A configuration that kube-proxy has to refuse."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Callable


def refusal(start: Callable[[], object], what: str) -> BuildError:
    """Start a kube-proxy with `what` it must not take; return how it ended.

    Raises AssertionError when it serves all the same.
    """
    try:
        start()
    except BuildError as error:
        return error
    raise AssertionError(f"kube-proxy serves with {what}, which it has to refuse")
