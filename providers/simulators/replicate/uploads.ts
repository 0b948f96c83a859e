import type { JsonObject } from '../../../src/contract/index.ts';
import type { SimulatorContext } from '../simulator.ts';

export type Upload = { bytes: Uint8Array; mediaType: string; view: JsonObject };

const dayMs = 86_400_000;

/** Files that callers upload to use as inputs: kept for a day. */
export class Uploads {
  private readonly files = new Map<string, Upload>();
  private readonly context: SimulatorContext;

  constructor(context: SimulatorContext) {
    this.context = context;
  }

  async add(id: string, file: File, metadata: JsonObject, api: string): Promise<Upload> {
    const bytes = new Uint8Array(await file.arrayBuffer());
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
    const now = this.context.now();
    const mediaType = file.type || 'application/octet-stream';
    const view = {
      id,
      name: file.name,
      content_type: mediaType,
      size: bytes.byteLength,
      etag: id,
      checksums: { sha256: Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('') },
      metadata,
      created_at: new Date(now).toISOString(),
      expires_at: new Date(now + dayMs).toISOString(),
      urls: { get: `${api}/files/${id}` },
    };
    const upload = { bytes, mediaType, view };
    this.files.set(id, upload);
    return upload;
  }

  find(id: string): Upload | undefined {
    const found = this.files.get(id);
    return found && Date.parse(String(found.view.expires_at)) > this.context.now() ? found : undefined;
  }

  list(): Upload[] {
    return [...this.files.values()].reverse();
  }

  remove(id: string): boolean {
    return this.files.delete(id);
  }

  clear(): void {
    this.files.clear();
  }
}
