"""What the cloud is promised: records, the outbox that keeps them, and the delivery that empties it.

Words owned here: record, alert, summary, event, lane, outbox, batch, target, idempotency key.
"""

from __future__ import annotations
