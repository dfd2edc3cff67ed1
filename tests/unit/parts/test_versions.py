"""Which version the user means."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from clusters.errors import ConfigError
from clusters.parts.gomod import MODULE
from clusters.parts.memo import Memo
from clusters.parts.versions import describe, is_version, newest_patch, normalise, resolve

if TYPE_CHECKING:
    from clusters.parts.workshop import Workshop

KNOWN = ["v1.34.0", "v1.34.2", "v1.34.10", "v1.34.11-rc.0", "v1.35.1", "v1.36.0-alpha.1"]


@pytest.mark.parametrize("text", ["v1.34", "1.34", "v1.34.4", "1.34.4", "v1.36.0-alpha.1"])
def test_these_are_versions(text: str) -> None:
    """With or without the v, with or without the patch."""
    assert is_version(text)


@pytest.mark.parametrize("text", ["", "v1", "1.34.x", "./v1.34", "v2.0.0", "v1.34.4+vendor"])
def test_these_are_not(text: str) -> None:
    """Anything else is taken for a path."""
    assert not is_version(text)


def test_the_newest_patch_is_by_number_and_released() -> None:
    """10 is newer than 2; a release candidate is never chosen."""
    assert newest_patch("1.34", KNOWN) == "v1.34.10"


def test_an_unknown_minor_lists_what_there_is() -> None:
    """The user sees which versions would work."""
    with pytest.raises(ConfigError, match=r"no Kubernetes v1\.36; .*v1\.34\.10, v1\.35\.1"):
        newest_patch("v1.36", KNOWN)


def test_an_unknown_patch_lists_the_patches_of_its_minor() -> None:
    """Other minors would only be noise."""
    assert describe(KNOWN, "v1.34") == "available: v1.34.0, v1.34.2, v1.34.10"


def test_versions_are_normalised() -> None:
    """One spelling in cache keys and reports."""
    assert normalise("1.34.4") == "v1.34.4"
    with pytest.raises(ConfigError):
        normalise("1.34")


def test_a_minor_is_resolved_from_the_kept_list(workshop: Workshop) -> None:
    """Within a day of the last answer nothing is asked."""
    Memo(workshop.cache, "versions").put(MODULE, KNOWN)
    assert resolve(workshop, "v1.35") == "v1.35.1"


def test_an_old_list_serves_when_no_new_one_can_be_had(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that lost its network still resolves what it resolved before."""
    Memo(workshop.cache, "versions").put(MODULE, KNOWN)
    monkeypatch.setattr("clusters.parts.versions._FRESH_SECONDS", -1.0)
    monkeypatch.setattr("clusters.parts.versions.go_tool", lambda: "false")
    assert resolve(workshop, "1.34") == "v1.34.10"
