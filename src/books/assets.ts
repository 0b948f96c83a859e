import type { Sql } from '../runtime/ports.ts';

/** A kept output. The bytes live in the asset store under its id; those of before under `sha256`. */
export type AssetRow = {
  id: string;
  generationId: string;
  sha256: string;
  mediaType: string;
  bytes: number;
  at: number;
};

export class AssetRecords {
  private readonly sql: Sql;

  constructor(sql: Sql) {
    this.sql = sql;
  }

  insert(asset: AssetRow): void {
    this.sql.run(
      'INSERT INTO asset (id, generation_id, sha256, media_type, bytes, created_at) VALUES (?, ?, ?, ?, ?, ?)',
      asset.id,
      asset.generationId,
      asset.sha256,
      asset.mediaType,
      asset.bytes,
      asset.at,
    );
  }

  remove(id: string): void {
    this.sql.run('DELETE FROM asset WHERE id = ?', id);
  }

  /** Those made before a time, oldest first. */
  aged(before: number, most: number): string[] {
    const rows = this.sql.all('SELECT id FROM asset WHERE created_at < ? ORDER BY id LIMIT ?', before, most);
    return rows.map((row) => String(row.id));
  }

  find(id: string): AssetRow | undefined {
    const row = this.sql.all('SELECT * FROM asset WHERE id = ?', id)[0];
    return (
      row && {
        id: String(row.id),
        generationId: String(row.generation_id),
        sha256: String(row.sha256),
        mediaType: String(row.media_type),
        bytes: Number(row.bytes),
        at: Number(row.created_at),
      }
    );
  }
}
