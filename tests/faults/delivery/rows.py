"""The faults of the table, each with what is done. The README of cloud_sink quotes all of them."""

from __future__ import annotations

ROWS = (
    ("C1", "power cut"),
    ("C2", "kill -9 of the writer and of the uploader"),
    ("C3", "disk full"),
    ("C3", "quota reached after half a day of four"),
    ("C4", "1, 4, 16 or 64 random bytes of the file overwritten"),
    ("C5", "captive portal: 200 with HTML, 302, 511"),
    ("C6", "cut in the body, cut in the answer, wrong ETag, none"),
    ("C7", "400, 401, 403, 404, 408, 429, 500, 502, 503, 504, 507"),
    ("C8", "silence, an answer in drips, nonsense, a server that hangs up"),
    ("C9", "clock set: back 1 h"),
    ("C9", "clock set: forward 1 year"),
    ("C9", "clock set: to 1970"),
    ("C10", "older software on a newer file"),
    ("C10", "two processes on one outbox"),
    ("C10", "read-only data folder"),
    ("C11", "uplink back with 5,000 alerts, 1,000 events, 10 h of summaries waiting, 50 ms round trip"),
    ("C13", "gateway's name, targets, file length, model and features changed in an outage"),
)
