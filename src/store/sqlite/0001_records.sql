-- One row a conversation; `seq` is the order of the first append.
CREATE TABLE conversation (
    seq     INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant  TEXT    NOT NULL,
    id      TEXT    NOT NULL,
    version INTEGER NOT NULL CHECK (version >= 0),
    UNIQUE (tenant, id)
) STRICT;

-- One row a record, numbered from 1 within its conversation. The payload is JSON that only the
-- writer understands: a new kind of event needs no migration.
CREATE TABLE record (
    conversation INTEGER NOT NULL REFERENCES conversation (seq) ON DELETE CASCADE,
    version      INTEGER NOT NULL CHECK (version >= 1),
    id           TEXT    NOT NULL,
    kind         TEXT    NOT NULL,
    form         INTEGER NOT NULL,
    payload      TEXT    NOT NULL,
    at           TEXT    NOT NULL,
    PRIMARY KEY (conversation, version),
    UNIQUE (conversation, id)
) STRICT, WITHOUT ROWID;
