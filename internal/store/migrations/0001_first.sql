-- The store's first schema. Times are microseconds since 1970 (UTC); 0 is none.
-- Hashes are xxhash64 as signed integers; a match is verified against the text.

CREATE TABLE settings (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

-- One row: what every group adds to. Read at open, then owned by the commit group.
CREATE TABLE counters (
    id              INTEGER PRIMARY KEY CHECK (id = 1),
    delivery        INTEGER NOT NULL,
    job             INTEGER NOT NULL, -- numbers jobs, and versions
    commit_seq      INTEGER NOT NULL,
    event           INTEGER NOT NULL,
    body            INTEGER NOT NULL,
    received_at     INTEGER NOT NULL, -- of the last delivery; no two have the same
    expired         INTEGER NOT NULL, -- the last delivery whose parts have expired
    documents       INTEGER NOT NULL, -- live
    chunks          INTEGER NOT NULL,
    vectors_pending INTEGER NOT NULL,
    available       INTEGER NOT NULL,
    done            INTEGER NOT NULL,
    dead            INTEGER NOT NULL
);
INSERT INTO counters VALUES (1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

CREATE TABLE deliveries (
    seq         INTEGER PRIMARY KEY,
    key         TEXT,
    key_hash    INTEGER, -- of source and key; NULL when every delivery is new
    source      TEXT NOT NULL,
    event_type  TEXT NOT NULL,
    collection  TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    result      TEXT NOT NULL,
    bytes       INTEGER NOT NULL,
    crawl       TEXT,
    elements    INTEGER NOT NULL,
    first_job   INTEGER NOT NULL, -- its jobs are first_job .. first_job + jobs - 1
    jobs        INTEGER NOT NULL,
    last_job    INTEGER NOT NULL  -- the job counter after it: maps a time to a version
);
CREATE INDEX deliveries_key ON deliveries (key_hash) WHERE key_hash IS NOT NULL;

-- id = delivery << 14 | element, so that parts are appended and read in order.
CREATE TABLE parts (
    id       INTEGER PRIMARY KEY,
    key      TEXT,    -- of an element refused at acceptance
    key_hash INTEGER,
    url      TEXT,
    reason   TEXT,    -- why there is no job
    failed   INTEGER NOT NULL DEFAULT 0,
    body     BLOB     -- NULL once expired, or when refused
);
CREATE INDEX parts_refused ON parts (key_hash) WHERE key_hash IS NOT NULL;

CREATE TABLE jobs (
    id          INTEGER PRIMARY KEY,
    delivery    INTEGER NOT NULL,
    element     INTEGER NOT NULL,
    kind        TEXT NOT NULL,
    source      TEXT NOT NULL,
    collection  TEXT NOT NULL,
    key         TEXT NOT NULL,
    key_hash    INTEGER NOT NULL,
    url         TEXT,            -- NULL when equal to key
    version     INTEGER NOT NULL,
    priority    INTEGER NOT NULL,
    turn        TEXT NOT NULL,
    crawl       TEXT,
    bytes       INTEGER NOT NULL,
    state       TEXT NOT NULL,
    attempt     INTEGER NOT NULL DEFAULT 0,
    deaths      INTEGER NOT NULL DEFAULT 0,
    suspect     INTEGER NOT NULL DEFAULT 0,
    accepted_at INTEGER NOT NULL,
    run_at      INTEGER NOT NULL DEFAULT 0,
    started_at  INTEGER NOT NULL DEFAULT 0,
    ended_at    INTEGER NOT NULL DEFAULT 0,
    outcome     TEXT,
    reason      TEXT,
    last_error  TEXT,
    commit_seq  INTEGER NOT NULL DEFAULT 0, -- made by it; for an embed job: the one it adds to
    wait_us     INTEGER NOT NULL DEFAULT 0,
    clean_us    INTEGER NOT NULL DEFAULT 0,
    chunk_us    INTEGER NOT NULL DEFAULT 0,
    embed_us    INTEGER NOT NULL DEFAULT 0,
    commit_us   INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX jobs_key ON jobs (key_hash);
CREATE INDEX jobs_open ON jobs (id) WHERE state <> 'done';

CREATE TABLE documents (
    id              INTEGER PRIMARY KEY,
    collection      TEXT NOT NULL,
    key             TEXT NOT NULL,
    key_hash        INTEGER NOT NULL, -- of collection and key
    host            TEXT NOT NULL,    -- of the key, without port
    url             TEXT,             -- NULL when equal to key
    title           TEXT NOT NULL,
    description     TEXT NOT NULL,
    language        TEXT NOT NULL,
    country         TEXT NOT NULL,
    is_mobile       INTEGER NOT NULL,
    metadata        TEXT,             -- JSON object; NULL when empty
    content_hash    TEXT NOT NULL,
    version         INTEGER NOT NULL,
    job             INTEGER NOT NULL, -- that set version
    state           TEXT NOT NULL,
    source          TEXT NOT NULL,
    delivery        INTEGER NOT NULL,
    crawl           TEXT,
    layout          INTEGER NOT NULL, -- of the commit; 0 for a tombstone
    commit_seq      INTEGER NOT NULL, -- 0 for a tombstone of a page never seen
    received_at     INTEGER NOT NULL,
    committed_at    INTEGER NOT NULL,
    seen_at         INTEGER NOT NULL,
    body            INTEGER NOT NULL DEFAULT 0, -- bodies.id; 0 for a tombstone
    chunks          INTEGER NOT NULL DEFAULT 0,
    vectors_pending INTEGER NOT NULL DEFAULT 0,
    partial         INTEGER NOT NULL DEFAULT 0  -- chunks that the embedder refused
);
CREATE INDEX documents_key ON documents (key_hash);
CREATE INDEX documents_commit ON documents (commit_seq);

-- Text, markdown and html as sent, each in compressed frames; replaced, never changed.
CREATE TABLE bodies (
    id   INTEGER PRIMARY KEY,
    data BLOB NOT NULL
);
-- Bodies written ahead of the commit that will refer to them; what is left is swept at open.
CREATE TABLE staged (
    body INTEGER PRIMARY KEY
);

CREATE TABLE chunks (
    document   INTEGER NOT NULL,
    layout     INTEGER NOT NULL,
    commit_seq INTEGER NOT NULL, -- of the text that they were cut from
    n          INTEGER NOT NULL,
    packed     BLOB NOT NULL,
    PRIMARY KEY (document, layout)
) WITHOUT ROWID;

CREATE TABLE vectors (
    document INTEGER NOT NULL,
    layout   INTEGER NOT NULL,
    body     INTEGER NOT NULL, -- bodies.id
    PRIMARY KEY (document, layout)
) WITHOUT ROWID;

CREATE TABLE erasures (
    id         INTEGER PRIMARY KEY,
    collection TEXT NOT NULL,
    scope      TEXT NOT NULL,
    value      TEXT NOT NULL,
    version    INTEGER NOT NULL,
    job        INTEGER NOT NULL
);

CREATE TABLE events (
    seq        INTEGER PRIMARY KEY,
    kind       TEXT NOT NULL,
    collection TEXT NOT NULL,
    key        TEXT NOT NULL,
    version    INTEGER NOT NULL,
    job        INTEGER NOT NULL,
    at         INTEGER NOT NULL
);

CREATE TABLE crawls (
    id        TEXT PRIMARY KEY,
    source    TEXT NOT NULL,
    origin    TEXT NOT NULL,
    state     TEXT NOT NULL,
    received  INTEGER NOT NULL DEFAULT 0,
    indexed   INTEGER NOT NULL DEFAULT 0,
    unchanged INTEGER NOT NULL DEFAULT 0,
    refused   INTEGER NOT NULL DEFAULT 0,
    failed    INTEGER NOT NULL DEFAULT 0,
    missing   INTEGER NOT NULL DEFAULT 0,
    started   INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    ended     INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

CREATE TABLE layouts (
    id   INTEGER PRIMARY KEY,
    hash TEXT NOT NULL UNIQUE,
    spec TEXT NOT NULL, -- JSON
    made INTEGER NOT NULL
);

CREATE TABLE collections (
    name   TEXT PRIMARY KEY,
    layout INTEGER NOT NULL -- the active one
) WITHOUT ROWID;

CREATE TABLE aliases (
    collection TEXT NOT NULL,
    asked      TEXT NOT NULL, -- key of the address that was asked for
    key        TEXT NOT NULL, -- of the page that it led to
    version    INTEGER NOT NULL, -- of the change that said so; the newest stands
    PRIMARY KEY (collection, asked)
) WITHOUT ROWID;

-- One row per batch that a follower applied.
CREATE TABLE applied (
    follower TEXT NOT NULL,
    seq      INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    PRIMARY KEY (follower, seq)
) WITHOUT ROWID;

CREATE TABLE keys (
    hash        TEXT PRIMARY KEY,
    name        TEXT NOT NULL,
    scopes      TEXT NOT NULL,
    collections TEXT NOT NULL,
    made        INTEGER NOT NULL
) WITHOUT ROWID;
