/**
 * The tenant's book, version by version. A step is never edited once it has shipped; a new one is appended.
 * Money columns are integer pico-dollars; times are milliseconds since 1970 UTC.
 */
export const migrations: readonly string[] = [
  `
CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE key (
  id TEXT PRIMARY KEY,
  hash TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  hint TEXT NOT NULL,
  scopes TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER,
  revoked_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE generation (
  id TEXT PRIMARY KEY,
  key_id TEXT NOT NULL,
  modality TEXT NOT NULL,
  model TEXT NOT NULL,
  status TEXT NOT NULL,
  simulated INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  completed_at INTEGER,
  request TEXT,
  outputs TEXT,
  units TEXT,
  warnings TEXT,
  tags TEXT,
  error TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE attempt (
  id TEXT PRIMARY KEY,
  generation_id TEXT NOT NULL,
  -- the model as the caller wrote it, where this attempt is its own generation: a plain call that keeps nothing else
  asked TEXT,
  key_id TEXT NOT NULL,
  modality TEXT NOT NULL,
  provider TEXT NOT NULL,
  model TEXT NOT NULL,
  simulated INTEGER NOT NULL,
  -- dispatched, then settled (it cost, or may have) or released (it cost nothing)
  state TEXT NOT NULL,
  outcome TEXT,
  at INTEGER NOT NULL,
  ended_at INTEGER,
  bound TEXT,
  ref TEXT,
  cost_pico INTEGER,
  cost_status TEXT,
  cost_basis TEXT,
  catalogue TEXT,
  -- the receipt's lines as JSON; read through the view ledger
  lines TEXT,
  error TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX attempt_open ON attempt (at) WHERE state = 'dispatched';

CREATE VIEW ledger AS
  SELECT a.id AS attempt_id, CAST(l.key AS INTEGER) AS line, l.value ->> 'meter' AS meter,
    l.value ->> 'quantity' AS quantity, l.value ->> 'dims' AS dims, l.value ->> 'model' AS model,
    l.value ->> 'price' AS price, l.value ->> 'per' AS per, CAST(l.value ->> 'amount' AS INTEGER) AS amount_pico
  FROM attempt a, json_each(a.lines) l;

CREATE TABLE asset (
  id TEXT PRIMARY KEY,
  generation_id TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  media_type TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
`,
  `
CREATE TABLE response (
  id TEXT PRIMARY KEY,
  key_id TEXT NOT NULL,
  provider TEXT NOT NULL,
  status TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  input TEXT NOT NULL,
  context TEXT NOT NULL,
  body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
`,
];
