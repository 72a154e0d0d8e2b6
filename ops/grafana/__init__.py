"""The Grafana dashboards, made from code: `python -m ops.grafana` writes `dashboards/*.json`."""
