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
  key_id TEXT NOT NULL,
  modality TEXT NOT NULL,
  provider TEXT NOT NULL,
  model TEXT NOT NULL,
  simulated INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('dispatched', 'settled', 'released')),
  outcome TEXT,
  at INTEGER NOT NULL,
  ended_at INTEGER,
  bound TEXT,
  ref TEXT,
  cost_pico INTEGER,
  cost_status TEXT,
  cost_basis TEXT,
  catalogue TEXT,
  error TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX attempt_open ON attempt (at) WHERE state = 'dispatched';

CREATE TABLE ledger (
  attempt_id TEXT NOT NULL,
  line INTEGER NOT NULL,
  meter TEXT NOT NULL,
  quantity TEXT NOT NULL,
  quantity_micro INTEGER NOT NULL,
  dims TEXT,
  model TEXT,
  price TEXT,
  per TEXT,
  amount_pico INTEGER,
  PRIMARY KEY (attempt_id, line)
) STRICT, WITHOUT ROWID;

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
