"""Errors by who is at fault; a fault of the build under judgement is never an exception here."""

from __future__ import annotations


class ProxyproofError(Exception):
    """Root of all errors this project raises on purpose; the message is one clear line."""


class ConfigError(ProxyproofError):
    """The user asked for something that cannot be: exit status 4."""


class TestbedError(ProxyproofError):
    """The machine or the cluster failed, not the build: exit status 3."""

    __test__ = False


class HarnessError(ProxyproofError):
    """This project failed: exit status 3."""


class BuildError(ProxyproofError):
    """The build under judgement failed before a case could judge it.

    `kind` is one of does-not-start, crashes, never-syncs, mode-not-offered; `log` holds the last
    lines that the build wrote.
    """

    def __init__(self, message: str, *, kind: str, node: str, log: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.node = node
        self.log = log
