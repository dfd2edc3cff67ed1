"""Defects in the ways in as IPVS mode writes them."""

from __future__ import annotations

from tests.mutation.defect import IPVS, Defect

DEFECTS = (
    Defect(
        "UDP NodePorts are put into the TCP set",
        ("ipvs",),
        {
            IPVS: (
                "nodePortSet = proxier.ipsetList[kubeNodePortSetUDP]",
                "nodePortSet = proxier.ipsetList[kubeNodePortSetTCP]",
            )
        },
        ("NP-002", "NP-003"),
    ),
    Defect(
        "externalIPs are missing in their set",
        ("ipvs",),
        {
            IPVS: (
                "proxier.ipsetList[kubeExternalIPSet].activeEntries.Insert(entry.String())\n",
                "_ = entry.String()\n",
            )
        },
        ("EXT-001",),
    ),
    Defect(
        "externalIPs with policy Local are refused",
        ("ipvs",),
        {
            IPVS: (
                'ipsetList[kubeExternalIPLocalSet].Name, "dst,dst", "-j", "RETURN")',
                'ipsetList[kubeExternalIPSet].Name, "dst,dst", "-j", "RETURN")',
            )
        },
        ("EXT-002",),
    ),
    Defect(
        "a VIP that the node has is bound once more",
        ("ipvs",),
        {
            IPVS: (
                (
                    "\t\t\t\tAddress:   ingress,\n\t\t\t\tPort:      uint16(svcInfo.Port()),\n"
                    "\t\t\t\tProtocol:  string(svcInfo.Protocol()),\n"
                    "\t\t\t\tScheduler: proxier.ipvsScheduler,\n\t\t\t}\n"
                ),
                (
                    "\t\t\t\tAddress:   ingress,\n\t\t\t\tPort:      uint16(svcInfo.Port()),\n"
                    "\t\t\t\tProtocol:  string(svcInfo.Protocol()),\n"
                    "\t\t\t\tScheduler: proxier.ipvsScheduler,\n\t\t\t}\n"
                    "\t\t\tnodeAddressSet.Delete(ingress.String())\n"
                ),
            )
        },
        ("LB-008",),
    ),
    Defect(
        "addresses stay bound",
        ("ipvs",),
        {
            IPVS: (
                "alreadyBoundAddrs.Difference(activeBindAddrs)",
                "activeBindAddrs.Difference(activeBindAddrs)",
            )
        },
        ("LB-003", "LB-009", "EXT-003"),
    ),
    Defect(
        "source ranges are ignored",
        ("ipvs",),
        {
            IPVS: (
                "proxier.ipsetList[kubeLoadBalancerFWSet].activeEntries.Insert(entry.String())\n",
                "_ = entry.String()\n",
            )
        },
        ("LB-005", "LB-006"),
    ),
    Defect(
        "nodes out of every range are let in",
        ("ipvs",),
        {
            IPVS: (
                "\t\t\t\t\tproxier.lbNoNodeAccessIPPortProtocolEntries = append(",
                "\t\t\t\t\t_ = append(",
            )
        },
        ("LB-006", "LB-012"),
    ),
    Defect(
        "NodePorts are at the addresses of VIPs, too",
        ("ipvs",),
        {
            IPVS: (
                (
                    "nodeAddressSet, err := proxier.netlinkHandle.GetAllLocalAddressesExcept"
                    "(defaultDummyDevice)"
                ),
                'nodeAddressSet, err := proxier.netlinkHandle.GetAllLocalAddressesExcept("none0")',
            )
        },
        ("LB-003", "LB-008", "NP-005"),
    ),
    Defect(
        "a NodePort's endpoints are the ClusterIP's",
        ("ipvs",),
        {
            IPVS: (
                (
                    "\t\t\t\t\tactiveIPVSServices.Insert(serv.String())\n"
                    "\t\t\t\t\tif err := proxier.syncEndpoint(svcPortName,"
                    " svcInfo.ExternalPolicyLocal(), serv)"
                ),
                (
                    "\t\t\t\t\tactiveIPVSServices.Insert(serv.String())\n"
                    "\t\t\t\t\tif err := proxier.syncEndpoint(svcPortName,"
                    " svcInfo.InternalPolicyLocal(), serv)"
                ),
            )
        },
        ("ETP-001", "ITP-001"),
    ),
)
