"""Kubernetes objects as plain mappings, over the configured client's connections."""

from __future__ import annotations

import json
from typing import Any

from kubernetes.client.exceptions import ApiException

from clusters.errors import TestbedError

NOT_FOUND = 404
CONFLICT = 409

MERGE = "application/merge-patch+json"


class Kube:
    """Create, read, patch and delete by URL path.

    Objects stay what the API says they are: building the client's typed models costs more than
    the request itself, and cases name fields by their API words.
    """

    def __init__(self, api: Any) -> None:
        self.api = api
        self.writes = 0
        """Requests so far that may have changed something."""

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        kind: str = "application/json",
        timeout: float = 30,
        **query: Any,
    ) -> dict[str, Any]:
        """Make a request and return the object; raises `ApiException` or `TestbedError`.

        The answer has `timeout` seconds.
        """
        self.writes += method != "GET"
        where = f"{path}{_query(query)}"
        text = self._request(method, where, body, kind, "application/json", timeout)
        result: dict[str, Any] = json.loads(text)
        return result

    def _request(
        self, method: str, path: str, body: Any, kind: str, accept: str, timeout: float
    ) -> str:
        headers = {
            "Accept": accept,
            "Content-Type": kind,
            **_authorization(self.api.configuration),
        }
        try:
            answer = self.api.call_api(
                method,
                f"{self.api.configuration.host}{path}",
                headers,
                body,
                _request_timeout=timeout,
            )
            data = answer.read()
        except ApiException:
            raise
        except Exception as error:
            raise TestbedError(f"{method} {path}: {error}") from error
        if answer.status >= 300:
            failed = ApiException(status=answer.status, reason=answer.reason)
            failed.body = data
            raise failed
        return data.decode(errors="replace") if isinstance(data, bytes) else str(data)

    def text(self, path: str) -> str:
        """Read what is no object, such as a log; raises as `call` does."""
        return self._request("GET", path, None, "application/json", "*/*", 30)

    def get(self, path: str) -> dict[str, Any]:
        """Read an object or a list."""
        return self.call("GET", path)

    def find(self, path: str) -> dict[str, Any] | None:
        """Read an object that may not be there."""
        try:
            return self.get(path)
        except ApiException as error:
            if error.status == NOT_FOUND:
                return None
            raise

    def create(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Create an object in a collection."""
        return self.call("POST", path, body)

    def patch(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Merge `body` into an object (RFC 7386)."""
        return self.call("PATCH", path, body, kind=MERGE)

    def replace(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Replace an object."""
        return self.call("PUT", path, body)

    def delete(self, path: str, *, grace: int | None = None) -> None:
        """Delete an object; one that has gone already is as good."""
        options: dict[str, Any] = {"propagationPolicy": "Background"}
        if grace is not None:
            options["gracePeriodSeconds"] = grace
        try:
            self.call("DELETE", path, options)
        except ApiException as error:
            if error.status not in (NOT_FOUND, CONFLICT):
                raise


def _query(query: dict[str, Any]) -> str:
    return "?" + "&".join(f"{name}={value}" for name, value in query.items()) if query else ""


def _authorization(configuration: Any) -> dict[str, str]:
    token = configuration.get_api_key_with_prefix("authorization") or (
        configuration.get_api_key_with_prefix("BearerToken")
    )
    return {"Authorization": token} if token else {}
