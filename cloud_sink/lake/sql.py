"""SQL over what was delivered: the one door to DuckDB. Works without a network, but for the place itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb

from cloud_sink.errors import QueryError
from cloud_sink.lake.places import Days, Place
from cloud_sink.lake.tables import alert_table, documents, event_table, summaries

# It would fetch what it lacks from the internet; all that is needed here is built in.
_OFFLINE: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}

VIEWS = {
    "summaries": """
        SELECT * EXCLUDE (hour, sketch_since, sketch_bucket, sketch_count)
               REPLACE (start::TIMESTAMPTZ AS start, "end"::TIMESTAMPTZ AS "end",
                        coalesce(backfilled, false) AS backfilled)
        FROM delivered_summaries
        QUALIFY row_number() OVER (PARTITION BY site, asset, tag, start, "end", partial ORDER BY date) = 1""",
    # What stands for the values of a bucket is cloud_sink.sketch.value_of
    "sketches": """
        SELECT *, sign(bucket) * pow(1.01 / 0.99, abs(bucket) - 2048) * 0.99 AS value
        FROM (SELECT site, asset, tag, sketch_since::TIMESTAMPTZ AS since, "end"::TIMESTAMPTZ AS "end",
                     unnest(sketch_bucket) AS bucket, unnest(sketch_count) AS count
              FROM delivered_summaries WHERE sketch_since IS NOT NULL
              QUALIFY row_number() OVER (PARTITION BY site, asset, tag, start, "end", partial ORDER BY date) = 1)""",
    "transitions": """
        SELECT * REPLACE (contributions::JSON AS contributions, evidence::JSON AS evidence,
                          CASE WHEN alarm_state != '' THEN alarm_state
                               WHEN state = 'cleared' THEN 'NORM' ELSE 'UNACK' END AS alarm_state)
        FROM delivered_alerts QUALIFY row_number() OVER (PARTITION BY site, key ORDER BY date) = 1""",
    "alerts": """
        SELECT site, alert_id, arg_min(asset, "at") AS asset, arg_min(rule, "at") AS rule, arg_min(tag, "at") AS tag,
               arg_min(severity, "at") AS severity, min(opened_at) AS opened_at,
               min("at") FILTER (state = 'acknowledged') AS acknowledged_at,
               arg_min("by", "at") FILTER (state = 'acknowledged') AS acknowledged_by,
               max("at") FILTER (state = 'cleared') AS cleared_at, arg_max(state, "at") AS last_state,
               arg_max(alarm_state, "at") AS alarm_state, arg_min(score, "at") AS score,
               arg_min(threshold, "at") AS threshold, arg_min(model, "at") AS model,
               arg_min(contributions, "at") AS contributions, arg_min(evidence, "at") AS evidence,
               arg_min(detail, "at") AS detail, count(*) AS transitions
        FROM transitions WHERE opened_at IS NOT NULL GROUP BY site, alert_id""",
    "events": """
        SELECT * REPLACE (report::JSON AS report) FROM delivered_events
        QUALIFY row_number() OVER (PARTITION BY site, key ORDER BY date) = 1""",
    "gaps": """
        SELECT site, asset, kind, reason, start, "end", epoch("end") - epoch(start) AS seconds, count, source, detail
        FROM events WHERE kind IN ('gap', 'dropped')""",
}
"""In order of dependence. `alerts` has a row for each alert, `transitions` one for each change of it."""

COLUMNS = """
    SELECT table_name AS "view", column_name AS "column", data_type AS "type" FROM information_schema.columns
    WHERE table_name NOT LIKE 'place%' AND table_name NOT LIKE 'delivered%' ORDER BY table_name, ordinal_position"""


class Lake:
    """The views over one place or several; what lies in two of them is there once."""

    def __init__(self, places: Sequence[Place], days: Days, site: str | None = None) -> None:
        """Read alerts and events; summaries are read by each query, as far as it needs them.

        Args:
            places: One or several.
            days: Others are not looked at.
            site: The same; None = all.

        Raises:
            PlaceError: A place cannot be read.
        """
        self._connection = duckdb.connect(config=_OFFLINE)
        self._connection.execute("SET TimeZone = 'UTC'")
        found = [each for place in places for each in documents(place, days, site=site)]
        self._connection.register("delivered_alerts", alert_table(found))
        self._connection.register("delivered_events", event_table(found))
        for number, place in enumerate(places):
            self._connection.register(f"place_{number}", summaries(place, days, site))
        together = " UNION ALL BY NAME ".join(f"FROM place_{number}" for number in range(len(places)))
        self._connection.execute(f"CREATE VIEW delivered_summaries AS {together}")
        for name, text in VIEWS.items():
            self._connection.execute(f"CREATE VIEW {name} AS {text}")

    def query(self, sql: str) -> Any:
        """The answer as an Arrow table; None where the statement has none.

        Raises:
            QueryError: DuckDB does not understand it, or it failed.
        """
        try:
            relation = self._connection.sql(sql)
            return None if relation is None else relation.to_arrow_table()
        except duckdb.Error as error:
            raise QueryError(str(error)) from error

    def close(self) -> None:
        """Let go of everything."""
        self._connection.close()
