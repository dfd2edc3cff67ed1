"""Wires the pytest plugins, nothing else."""

pytest_plugins = ["fixtures.plugin"]
