-- One row a conversation; `seq` is the order of the first append. Texts are compared by their bytes.
CREATE TABLE attendant_conversation (
    seq     BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant  TEXT COLLATE "C" NOT NULL,
    id      TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL CHECK (version >= 0),
    -- When the latest of what it tells happened, in milliseconds since 1970.
    last_at BIGINT NOT NULL,
    UNIQUE (tenant, id)
);
CREATE INDEX attendant_conversation_by_order ON attendant_conversation (tenant, seq);
CREATE INDEX attendant_conversation_by_age ON attendant_conversation (tenant, last_at);

-- One row a record, numbered from 1 within its conversation. The payload is JSON that only the writer understands: a
-- new kind of event needs no migration. It is text, since JSONB cannot hold every string that JSON can. The time is
-- text, since TIMESTAMPTZ ends at microseconds.
CREATE TABLE attendant_record (
    conversation BIGINT  NOT NULL REFERENCES attendant_conversation (seq) ON DELETE CASCADE,
    version      BIGINT  NOT NULL CHECK (version >= 1),
    id           UUID    NOT NULL,
    kind         TEXT    NOT NULL,
    form         INTEGER NOT NULL,
    payload      TEXT    NOT NULL,
    at           TEXT    NOT NULL,
    PRIMARY KEY (conversation, version),
    UNIQUE (conversation, id)
);

-- The latest snapshot of a conversation, where one was kept.
CREATE TABLE attendant_snapshot (
    conversation BIGINT  PRIMARY KEY REFERENCES attendant_conversation (seq) ON DELETE CASCADE,
    version      BIGINT  NOT NULL CHECK (version >= 0),
    form         INTEGER NOT NULL,
    payload      TEXT    NOT NULL
);
