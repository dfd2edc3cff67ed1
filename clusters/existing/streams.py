"""Streams into pods through the API server: commands, and connections to ports.

Both are websockets with a channel number before each message (k8s.io/apimachinery
pkg/util/remotecommand and k8s.io/kubelet portforward; protocol v4.channel.k8s.io). They work
wherever the API does: through proxies, with client certificates, tokens and exec plugins. The
client library's own wrappers swap a method of a shared client while they connect, which threads
cannot share, so its websocket is used directly.
"""

from __future__ import annotations

import contextlib
import select
import ssl
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlencode

from clusters.errors import TestbedError

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

CHUNK = 1 << 16
PROTOCOL = "v4.channel.k8s.io"


def open_websocket(api: Any, path: str, query: Sequence[tuple[str, str]]) -> Any:
    """Return a connected websocket to a subresource of the API; raises `TestbedError`."""
    from kubernetes.stream import ws_client  # noqa: PLC0415 - a second of imports

    configuration, library = api.configuration, cast("Any", ws_client)
    url = library.get_websocket_url(f"{configuration.host}{path}?{urlencode(query)}")
    headers = {"sec-websocket-protocol": PROTOCOL}
    token = configuration.get_api_key_with_prefix("authorization") or (
        configuration.get_api_key_with_prefix("BearerToken")
    )
    if token:
        headers["authorization"] = token
    try:
        return library.create_websocket(configuration, url, headers)
    except Exception as error:
        said = getattr(error, "resp_body", None) or b""
        reason = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
        raise TestbedError(f"{path}: {reason or error}") from error


class Command:
    """A process in a container: lines in, lines out; one thread at a time.

    Raises `TestbedError` for a stream that ended, with what the process said last.
    """

    def __init__(
        self, api: Any, namespace: str, pod: str, container: str, argv: Sequence[str]
    ) -> None:
        self.name = f"{namespace}/{pod}"
        query = [("container", container)]
        query += [(name, "true") for name in ("stdin", "stdout", "stderr")]
        query += [("command", word) for word in argv]
        path = f"/api/v1/namespaces/{namespace}/pods/{pod}/exec"
        self._socket = open_websocket(api, path, query)
        self._read = b""
        self._said = b""

    def ask(self, line: bytes, within: float) -> bytes:
        """Write a line and return the next one; `within` is in seconds."""
        try:
            self._socket.settimeout(within)
            for start in range(0, len(line), CHUNK):
                self._socket.send_binary(b"\0" + line[start : start + CHUNK])
            while b"\n" not in self._read:
                self._take()
        except TestbedError:
            raise
        except Exception as error:
            raise TestbedError(f"{self.name}: {error}") from error
        answer, _, self._read = self._read.partition(b"\n")
        return answer

    def _take(self) -> None:
        from websocket import ABNF  # noqa: PLC0415 - see above

        code, frame = self._socket.recv_data_frame(control_frame=True)
        if code == ABNF.OPCODE_CLOSE:
            said = self._said.decode(errors="replace").strip().splitlines()[-1:]
            raise TestbedError(f"{self.name}: the command ended: {''.join(said) or 'silently'}")
        if code in (ABNF.OPCODE_BINARY, ABNF.OPCODE_TEXT) and frame.data:
            if frame.data[0] == 1:
                self._read += frame.data[1:]
            else:
                self._said = (self._said + frame.data[1:])[-4096:]

    def close(self) -> None:
        """Close the stream, which ends a process that reads its input."""
        with contextlib.suppress(Exception):
            self._socket.close(timeout=1)

    def forget(self) -> None:
        """Close this process's copy only; the stream is its parent's."""
        with contextlib.suppress(Exception):
            self._socket.sock.detach()


def forward(api: Any, namespace: str, pod: str, port: int, local: socket.socket) -> None:
    """Carry bytes between `local` and a port on a pod's loopback until either side ends."""
    path = f"/api/v1/namespaces/{namespace}/pods/{pod}/portforward"
    with contextlib.closing(local), contextlib.suppress(OSError, TestbedError):
        remote = open_websocket(api, path, [("ports", str(port))])
        with contextlib.closing(remote):
            _carry(local, remote)


def _carry(local: socket.socket, remote: Any) -> None:
    from websocket import ABNF, WebSocketException  # noqa: PLC0415 - see above

    poll = select.poll()
    poll.register(local, select.POLLIN)
    poll.register(remote.sock, select.POLLIN)
    heads = {0: True, 1: True}
    while True:
        # What TLS has decrypted already no longer shows on the socket.
        waiting = isinstance(remote.sock, ssl.SSLSocket) and remote.sock.pending()
        ready = {} if waiting else dict(poll.poll())
        if local.fileno() in ready:
            data = local.recv(CHUNK)
            if not data:
                return
            remote.send_binary(b"\0" + data)
        if not waiting and remote.sock.fileno() not in ready:
            continue
        try:
            code, frame = remote.recv_data_frame(control_frame=True)
        except WebSocketException:
            return
        if code == ABNF.OPCODE_CLOSE:
            return
        if code != ABNF.OPCODE_BINARY or not frame.data:
            continue
        channel = frame.data[0]
        if heads.pop(channel, False):
            # The first message of each channel names the port.
            continue
        if channel == 1:
            return
        local.sendall(frame.data[1:])
