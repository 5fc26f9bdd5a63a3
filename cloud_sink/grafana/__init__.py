"""Dashboards for Grafana over InfluxDB, as code. `python -m cloud_sink.grafana` writes them into `dashboards/`.

The language is InfluxQL: the one that InfluxDB 1, 2 (with a DBRP mapping) and 3 all answer.
"""
