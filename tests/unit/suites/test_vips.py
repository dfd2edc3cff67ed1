"""Which addresses IPVS mode has to bind."""

from __future__ import annotations

from typing import Any

from suites.vips import vips


def service(*addresses: str, **more: Any) -> dict[str, Any]:
    return {"metadata": {}, "spec": {"clusterIPs": list(addresses)}} | more


def test_all_addresses_of_a_service_are_bound() -> None:
    made = service(
        "10.96.0.9",
        "fd00::9",
        status={"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}, {"hostname": "a.example"}]}},
    )
    made["spec"]["externalIPs"] = ["192.0.2.2"]
    assert vips([made]) == {"10.96.0.9", "fd00::9", "192.0.2.1", "192.0.2.2"}


def test_a_proxied_load_balancer_is_not_bound() -> None:
    ingress = [{"ip": "192.0.2.1", "ipMode": "Proxy"}]
    made = service("10.96.0.9", status={"loadBalancer": {"ingress": ingress}})
    assert vips([made]) == {"10.96.0.9"}


def test_services_of_others_are_not_bound() -> None:
    label = {"service.kubernetes.io/service-proxy-name": "other"}
    assert vips([service("None"), service("10.96.0.9", metadata={"labels": label})]) == set()
    assert vips([{"metadata": {}, "spec": {"type": "ExternalName"}}]) == set()
