"""InfluxDB beside the cloud: what the dashboards show. It is not the record: that is the outbox."""
