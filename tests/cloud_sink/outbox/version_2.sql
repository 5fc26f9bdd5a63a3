-- The outbox as the software before several targets made it, without its alarm history: what must still be opened.
PRAGMA journal_mode = WAL;
CREATE TABLE outbox(
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  lane INTEGER NOT NULL,
  key TEXT NOT NULL UNIQUE,
  time INTEGER NOT NULL,
  created INTEGER NOT NULL,
  body BLOB,
  size INTEGER NOT NULL,
  crc INTEGER NOT NULL,
  batch TEXT,
  state INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX outbox_waiting ON outbox(lane, seq) WHERE state = 0;
CREATE INDEX outbox_frozen ON outbox(lane, seq) WHERE state = 0 AND batch IS NOT NULL;
CREATE INDEX outbox_summaries ON outbox(time, seq) WHERE state = 0 AND batch IS NULL AND lane = 2;
CREATE INDEX outbox_set_aside ON outbox(lane, seq) WHERE state IN (2, 3);
CREATE INDEX outbox_tombstones ON outbox(seq) WHERE state IN (1, 4);
CREATE TABLE meta(k TEXT PRIMARY KEY, v ANY NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE held(
  lane INTEGER, state INTEGER, rows INTEGER NOT NULL, bytes INTEGER NOT NULL, PRIMARY KEY(lane, state)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER held_insert AFTER INSERT ON outbox BEGIN
  UPDATE held SET rows = rows + 1, bytes = bytes + new.size WHERE lane = new.lane AND state = new.state;
END;
CREATE TRIGGER held_delete AFTER DELETE ON outbox BEGIN
  UPDATE held SET rows = rows - 1, bytes = bytes - old.size WHERE lane = old.lane AND state = old.state;
END;
CREATE TRIGGER held_update AFTER UPDATE OF state, size ON outbox BEGIN
  UPDATE held SET rows = rows - 1, bytes = bytes - old.size WHERE lane = old.lane AND state = old.state;
  UPDATE held SET rows = rows + 1, bytes = bytes + new.size WHERE lane = new.lane AND state = new.state;
END;
INSERT INTO held SELECT l.value, s.value, 0, 0 FROM json_each('[0, 1, 2]') AS l, json_each('[0, 1, 2, 3, 4]') AS s;
