r"""Load on anything that speaks TCP, HTTP or UDP, by locust's own command line or web page.

    locust -f suites/load/locustfile.py --host tcp://10.96.0.10:80 --users 20 --rate 200
    locust -f suites/load/locustfile.py --host http://10.96.0.10:80 --headless --users 20 \
        --steps 100x10,400x2,100x10 --samples samples.json

Each attempt is a new connection at a moment of its own; docs/load.md lists the options.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from fixtures.load.users import Caller

__all__ = ["Caller"]
