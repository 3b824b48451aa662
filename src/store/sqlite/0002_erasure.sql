-- When the latest of what a conversation tells happened, in milliseconds since 1970: what is old is found by it.
ALTER TABLE conversation ADD COLUMN last_at INTEGER NOT NULL DEFAULT 0;
-- To the end of the second, and of now where SQLite cannot read a time: nothing may be erased too early.
UPDATE conversation SET last_at = COALESCE(
    (SELECT MAX(COALESCE(CAST(strftime('%s', at) AS INTEGER), CAST(strftime('%s', 'now') AS INTEGER)))
     FROM record WHERE record.conversation = conversation.seq) * 1000 + 999,
    CAST(strftime('%s', 'now') AS INTEGER) * 1000);
CREATE INDEX conversation_by_age ON conversation (tenant, last_at);

-- The latest snapshot of a conversation, where one was kept.
CREATE TABLE snapshot (
    conversation INTEGER PRIMARY KEY REFERENCES conversation (seq) ON DELETE CASCADE,
    version      INTEGER NOT NULL CHECK (version >= 0),
    form         INTEGER NOT NULL,
    payload      TEXT    NOT NULL
) STRICT;
