"""What is taken from upstream's tools is taken whole, or not at all."""

from __future__ import annotations

import pytest
import yaml

from clusters.errors import TestbedError
from clusters.parts.coredns import PLUGINS, render_main
from tests.upstream.parts import AGNHOST, named, without

MANIFEST = """[patches] Reading patches from path "/kind/patches"
---apiVersion: apps/v1
kind: Deployment
metadata:
  name: coredns
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: coredns
data:
  Corefile: |
    .:53 {
        errors
        health {
           lameduck 5s
        }
        kubernetes cluster.local in-addr.arpa ip6.arpa {
           ttl 30
        }
        forward . /etc/resolv.conf {
           max_concurrent 1000
        }
        cache 30 {
           disable success cluster.local
        }
        loop
        reload
    }
---
"""


def test_nothing_is_asked_further_on() -> None:
    """What would ask a name server outside is out, and all else is as kubeadm has it."""
    deployment, config = list(yaml.safe_load_all(without(MANIFEST)))
    assert deployment["kind"] == "Deployment"
    assert config["data"]["Corefile"].splitlines() == [
        ".:53 {",
        "    errors",
        "    health {",
        "       lameduck 5s",
        "    }",
        "    kubernetes cluster.local in-addr.arpa ip6.arpa {",
        "       ttl 30",
        "    }",
        "    cache 30 {",
        "       disable success cluster.local",
        "    }",
        "    reload",
        "}",
    ]


def test_image_names() -> None:
    """The one image of pods, not its private twin; what is not listed is said."""
    listed = (
        "gcr.io/k8s-authenticated-test/agnhost:2.6\n"
        "registry.k8s.io/e2e-test-images/agnhost:2.56\nregistry.k8s.io/pause:3.10.1\n"
    )
    assert named(listed, AGNHOST) == "registry.k8s.io/e2e-test-images/agnhost:2.56"
    with pytest.raises(TestbedError, match="0 images"):
        named(listed, "/coredns:")


def test_coredns_has_the_plugins() -> None:
    """Each is imported, and CoreDNS is started as its own main does."""
    source = render_main()
    assert all(f'_ "github.com/coredns/coredns/plugin/{plugin}"' in source for plugin in PLUGINS)
    assert "coremain.Run()" in source
