"""What is put into a cluster that is not ours: labels, probes, who may reach what."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

from clusters.existing import objects
from clusters.existing.daemon_set import KEEP_OFF, keeping_off
from clusters.existing.doctor import Finding, say
from clusters.existing.proxy_pod import own_pod


def pod(**spec: Any) -> dict[str, Any]:
    """Return a pod as cases ask for one."""
    container = {"name": "agent", "image": "proxyproof/agent", "args": ["--serve", "tcp:8080"]}
    return {
        "metadata": {"name": "web-1", "labels": {"app": "web"}},
        "spec": {"nodeName": "n1", "containers": [container], **spec},
    }


def made(**spec: Any) -> dict[str, Any]:
    """Return such a pod as a kubelet gets it."""
    return objects.agent_pod(pod(**spec), "case-1", "python:3", lambda: 28_500)


def test_agents_are_controlled_on_the_loopback_only() -> None:
    """Nobody but the API reaches the control port of an agent."""
    container = made()["spec"]["containers"][0]
    control = container["command"][container["command"].index("--control") + 1]
    assert control == f"127.0.0.1:{objects.CONTROL_PORT}"
    assert container["image"] == "python:3"


def test_ready_means_that_the_last_port_is_open() -> None:
    """The startup probe asks for the port that the agent opens after all others."""
    container = made()["spec"]["containers"][0]
    assert container["args"][:2] == ["--serve", "tcp:8080"]
    asked = container["startupProbe"]["tcpSocket"]["port"]
    assert container["args"][-2:] == ["--serve", f"tcp:{asked}"]


def test_pods_in_a_nodes_network_have_ports_of_their_own() -> None:
    """Two of them on one node meet neither in control nor in startup ports."""
    take = iter(objects.HOST_PORTS).__next__
    host = pod(hostNetwork=True)
    found = [objects.agent_pod(host, "case-1", "python:3", take) for _ in range(20)]
    ports = [int(one["metadata"]["annotations"][objects.CONTROL]) for one in found]
    assert len(set(ports)) == len(ports)
    assert all(port in objects.HOST_PORTS for port in ports)
    assert all("securityContext" not in one["spec"] for one in found)


def test_the_manifest_of_the_case_stays_as_it_was() -> None:
    """The provider changes a copy."""
    before = pod()
    objects.agent_pod(before, "case-1", "python:3", lambda: 28_500)
    assert before == pod()


def test_no_token_is_mounted() -> None:
    """A pod of ours can do nothing to the cluster it is in."""
    assert made()["spec"]["automountServiceAccountToken"] is False
    node = objects.node_pod("n1", "python:3", "run", 21_000)
    assert node["spec"]["automountServiceAccountToken"] is False


def test_everything_is_labelled() -> None:
    """What a run makes carries our label, so that it can be found and removed."""
    things = [
        objects.namespace("x", "run"),
        objects.agent_config_map(),
        objects.node_config_map(),
        objects.node_pod("n1", "python:3", "run", 21_000),
        own_pod(TEMPLATE["spec"], "kube-proxy-n1-1", "n1", "image", ""),
    ]
    for thing in things:
        assert thing["metadata"]["labels"][objects.MANAGED] == "proxyproof"


def test_a_nodes_pod_has_all_that_its_programs_import() -> None:
    """Whatever the command server imports of this project is in the ConfigMap."""
    data = objects.node_config_map()["data"]
    assert len(data) == len(objects.NODE_FILES)
    for path, source in objects.NODE_FILES.items():
        if not path.startswith("clusters/"):
            continue
        for node in ast.walk(ast.parse((objects.ROOT / source).read_text())):
            module = getattr(node, "module", None) or ""
            if isinstance(node, ast.ImportFrom) and module.startswith("clusters"):
                names = [module, *(f"{module}.{alias.name}" for alias in node.names)]
                files = [f"{name.replace('.', '/')}.py" for name in names]
                assert any(file in objects.NODE_FILES for file in files), names


TEMPLATE: dict[str, Any] = {
    "metadata": {"labels": {"k8s-app": "kube-proxy"}},
    "spec": {
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "affinity": {"nodeAffinity": {}},
        "containers": [
            {
                "name": "kube-proxy",
                "image": "upstream:1",
                "command": ["/usr/local/bin/kube-proxy", "--config=/x"],
            }
        ],
        "volumes": [
            {"name": "kube-proxy", "configMap": {"name": "kube-proxy"}},
            {"name": "lib", "hostPath": {"path": "/lib/modules"}},
        ],
    },
}


def test_own_kube_proxy_is_the_daemon_sets_with_another_build() -> None:
    """Bound to its node, with its own configuration; the template is not touched."""
    made = own_pod(TEMPLATE["spec"], "kube-proxy-n1-1", "n1", "candidate:1", "old:1")
    spec = made["spec"]
    assert spec["nodeName"] == "n1"
    assert spec["containers"][0]["image"] == "candidate:1"
    assert spec["volumes"][0]["configMap"]["name"] == "kube-proxy-n1-1"
    (cleanup,) = spec["initContainers"]
    assert (cleanup["image"], cleanup["command"]) == (
        "old:1",
        ["/usr/local/bin/kube-proxy", "--cleanup"],
    )
    assert not {"nodeSelector", "affinity"} & spec.keys()
    assert not made["metadata"]["labels"].keys() & TEMPLATE["metadata"]["labels"].keys()
    assert TEMPLATE["spec"]["containers"][0]["image"] == "upstream:1"
    assert "initContainers" not in own_pod(TEMPLATE["spec"], "x", "n1", "candidate:1", "")["spec"]


def test_the_daemon_set_keeps_off_labelled_nodes() -> None:
    """Each of its terms is narrowed, for terms are alternatives; no term at all becomes one."""
    terms: list[dict[str, Any]] = [
        {"matchExpressions": [{"key": "a", "operator": "Exists"}]},
        {"matchFields": []},
    ]
    kept = keeping_off(terms)
    for term in kept["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]:
        assert KEEP_OFF in term["matchExpressions"]
    alone = keeping_off([])["requiredDuringSchedulingIgnoredDuringExecution"]
    assert alone == {"nodeSelectorTerms": [{"matchExpressions": [KEEP_OFF]}]}


def test_disruption_is_asked_for_and_allowed() -> None:
    """Cases that change kube-proxies need the option and the rights, and say which is missing."""
    found = Finding(nodes=["n1"], mode="iptables", families=["ipv4"])
    assert found.usable
    assert "disruption" not in found.capabilities(disruption=False)
    assert "--kp-allow-disruption" in found.reasons(disruption=False)["disruption"]
    assert "disruption" in found.capabilities(disruption=True)
    found.refused_disruption = ["patch nodes"]
    assert "disruption" not in found.capabilities(disruption=True)
    assert "patch nodes" in found.reasons(disruption=True)["disruption"]


def test_the_doctor_says_what_is_missing() -> None:
    """What keeps cases from running stands in the doctor's words."""
    found = Finding(nodes=["n1"], no_proxy="there is no DaemonSet", refused=["create pods in x"])
    said = say(found, Path("/k"))
    assert "there is no DaemonSet" in said
    assert "may not create pods in x" in said
    assert "no case can run" in said
    assert not found.usable
