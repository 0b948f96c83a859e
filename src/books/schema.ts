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
  `
ALTER TABLE key ADD COLUMN project TEXT;
-- the most that a call without a known price or bound is admitted at on a budgeted key; null refuses such calls
ALTER TABLE key ADD COLUMN ceiling_pico INTEGER;
-- what this key's customer is charged on top of the provider's cost, in millionths
ALTER TABLE key ADD COLUMN markup_ppm INTEGER NOT NULL DEFAULT 0;

ALTER TABLE attempt ADD COLUMN project TEXT;
-- the end user, hashed under the tenant's own secret
ALTER TABLE attempt ADD COLUMN end_user TEXT;
ALTER TABLE attempt ADD COLUMN workflow TEXT;
ALTER TABLE attempt ADD COLUMN parent TEXT;
ALTER TABLE attempt ADD COLUMN tags TEXT;
-- what the tenant's customer is charged for it, and what a cached answer saved
ALTER TABLE attempt ADD COLUMN charge_pico INTEGER;
ALTER TABLE attempt ADD COLUMN avoided_pico INTEGER;

ALTER TABLE generation ADD COLUMN degradations TEXT;
ALTER TABLE generation ADD COLUMN fraction REAL;
-- whom to tell about the end: {url, origin}
ALTER TABLE generation ADD COLUMN webhook TEXT;

-- a running job: when it is looked at next, and until when somebody is looking
CREATE TABLE job (
  attempt_id TEXT PRIMARY KEY,
  generation_id TEXT NOT NULL,
  due INTEGER NOT NULL,
  leased_until INTEGER NOT NULL,
  deadline INTEGER NOT NULL,
  -- looks that did not come to an end of their own, in a row
  tries INTEGER NOT NULL DEFAULT 0,
  failures INTEGER NOT NULL DEFAULT 0,
  canceling INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX job_due ON job (due);

CREATE TABLE dead_letter (
  attempt_id TEXT PRIMARY KEY,
  generation_id TEXT NOT NULL,
  at INTEGER NOT NULL,
  reason TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- webhooks to send: kept until told, or given up
CREATE TABLE delivery (
  id TEXT PRIMARY KEY,
  event TEXT NOT NULL,
  url TEXT NOT NULL,
  -- the generation to show, or a body as it is
  generation_id TEXT,
  body TEXT,
  origin TEXT NOT NULL,
  -- pending, delivered, failed
  state TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  due INTEGER NOT NULL,
  leased_until INTEGER NOT NULL DEFAULT 0,
  tries INTEGER NOT NULL DEFAULT 0,
  answer TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX delivery_due ON delivery (due) WHERE state = 'pending';

CREATE TABLE idempotency (
  key_id TEXT NOT NULL,
  name TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  generation_id TEXT,
  -- the answer's status and headers, and where its body is kept
  answer TEXT,
  PRIMARY KEY (key_id, name)
) STRICT, WITHOUT ROWID;

-- amounts are pico-dollars where unit is usd, millionths of the unit elsewhere
CREATE TABLE budget (
  id TEXT PRIMARY KEY,
  scope TEXT NOT NULL,
  subject TEXT,
  modality TEXT,
  unit TEXT NOT NULL,
  "window" TEXT NOT NULL,
  time_zone TEXT NOT NULL,
  amount INTEGER NOT NULL,
  alerts TEXT NOT NULL,
  alert_url TEXT,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE budget_use (
  budget_id TEXT NOT NULL,
  subject TEXT NOT NULL,
  window_start INTEGER NOT NULL,
  spent INTEGER NOT NULL DEFAULT 0,
  held INTEGER NOT NULL DEFAULT 0,
  -- settlements above their hold
  breaches INTEGER NOT NULL DEFAULT 0,
  alerted INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (budget_id, subject, window_start)
) STRICT, WITHOUT ROWID;

CREATE TABLE hold (
  attempt_id TEXT NOT NULL,
  budget_id TEXT NOT NULL,
  subject TEXT NOT NULL,
  window_start INTEGER NOT NULL,
  amount INTEGER NOT NULL,
  PRIMARY KEY (attempt_id, budget_id)
) STRICT, WITHOUT ROWID;
`,
  `
-- what the generation that ended with this attempt came to: countable results
ALTER TABLE attempt ADD COLUMN units TEXT;
UPDATE attempt SET units = (SELECT g.units FROM generation g WHERE g.id = attempt.generation_id)
  WHERE outcome = 'succeeded' AND asked IS NULL;

-- settled attempts once more, by columns, for reports. Derived: see rollup.ts
CREATE TABLE rollup_state (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  -- counts rebuilds; what is of an older epoch is on its way out
  epoch INTEGER NOT NULL,
  clearing INTEGER NOT NULL,
  -- attempts up to this id have been taken in, save those that are late
  upto TEXT NOT NULL,
  -- counts steps
  serial INTEGER NOT NULL
) STRICT;
INSERT INTO rollup_state (id, epoch, clearing, upto, serial) VALUES (1, 1, 0, '', 0);

CREATE TABLE rollup_late (attempt_id TEXT PRIMARY KEY, ended INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX rollup_late_ended ON rollup_late (attempt_id) WHERE ended = 1;

CREATE TABLE rollup_name (
  epoch INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  text TEXT NOT NULL,
  code INTEGER NOT NULL,
  PRIMARY KEY (epoch, kind, text)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX rollup_name_code ON rollup_name (epoch, kind, code);

CREATE TABLE rollup_segment (
  id INTEGER PRIMARY KEY,
  epoch INTEGER NOT NULL,
  row_count INTEGER NOT NULL,
  level INTEGER NOT NULL,
  first_at INTEGER NOT NULL,
  last_at INTEGER NOT NULL
) STRICT;

CREATE TABLE rollup_column (id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, base INTEGER NOT NULL, data BLOB NOT NULL) STRICT;
`,
  `
-- rows of what summarizes a large segment, see rollup-summary.ts; 0 where it is not worth it
ALTER TABLE rollup_segment ADD COLUMN summary_rows INTEGER;
ALTER TABLE rollup_segment ADD COLUMN span_rows INTEGER;
ALTER TABLE rollup_segment ADD COLUMN chained_rows INTEGER;
DELETE FROM rollup_segment;
DELETE FROM rollup_column;
UPDATE rollup_state SET epoch = epoch + 1, upto = '', clearing = EXISTS (SELECT 1 FROM rollup_name);
DELETE FROM rollup_late;
`,
  `
-- what has aged: answers of the cache live longer than those of keys
CREATE INDEX idempotency_aged ON idempotency (key_id = 'cache', created_at);
`,
  `
-- pieces of what is too long for a row: see long-texts.ts
CREATE TABLE long_text (
  name TEXT NOT NULL,
  place INTEGER NOT NULL,
  text TEXT NOT NULL,
  PRIMARY KEY (name, place)
) STRICT, WITHOUT ROWID;
`,
];
