"""The one door to the client side of asyncua. Written against asyncua 2.1.0.

Used of it: socket, secure channel, session, cryptography, encoding of requests. Not used: its subscriptions, its
publish loop and its reconnection (they can stall silently, and they re-create items by namespace index). Four names
are private there: `private.py` alone uses them, and `tests/connectors/opcua/test_seam.py` fails when one has moved:

- `UASocketProtocol._send_request`: a request without a deadline, answered by a future: the publish requests;
- `UASocketProtocol._connection._limits`: 2.1.0 takes the server's buffer sizes the wrong way round;
- `Client._server_nonce`, `Client._policy_ids`: what a session needs to be activated on another channel.

`connect.py` opens and secures a connection, `requests.py` and `history.py` build what is asked on it, `channel.py`
asks, `explain.py` turns what the library raises into this room's errors.
"""

from __future__ import annotations
