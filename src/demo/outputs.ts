import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Client, type Generation, type Output, RefusedError } from './client.ts';
import { trianglesOf } from './glb.ts';
import type { Job } from './plan.ts';

/** An output on disk. */
export type Saved = { file: string; bytes: number; output?: Output; triangles?: number };

const extensions: Record<string, string> = {
  'image/jpeg': 'jpg',
  'audio/mpeg': 'mp3',
  'audio/wav': 'wav',
  'audio/x-wav': 'wav',
  'model/gltf-binary': 'glb',
};

/** Saves what a generation made under the job's name: media as it is (first), text as .txt, vectors as .json. */
export async function save(client: Client, job: Job, generation: Generation, folder: string): Promise<Saved[]> {
  mkdirSync(folder, { recursive: true });
  const keep = async (name: string, content: string | Uint8Array, output?: Output): Promise<Saved> => {
    const file = join(folder, name);
    await writeFile(file, content);
    return { file, bytes: Buffer.byteLength(content), ...(output ? { output } : {}) };
  };

  const media = generation.outputs.filter((output) => output.url);
  const saved: Saved[] = [];
  for (const [place, output] of media.entries()) {
    const bytes = await client.download(output.url!);
    if (output.sha256 && createHash('sha256').update(bytes).digest('hex') !== output.sha256) {
      throw new RefusedError('damaged_output', 'The downloaded bytes do not match their sha256.');
    }
    const number = media.length > 1 ? `-${place + 1}` : '';
    const triangles = job.modality === 'model3d' ? trianglesOf(bytes) : undefined;
    if (job.modality === 'model3d' && !triangles)
      throw new RefusedError('damaged_output', 'The model has no triangles.');
    const kept = await keep(`${job.name}${number}.${extensionOf(output)}`, bytes, output);
    saved.push({ ...kept, ...(triangles ? { triangles } : {}) });
  }
  if (saved.length === 0 && isMedia(job)) {
    throw new RefusedError('empty_output', `The generation completed without any ${job.modality}.`);
  }
  const vectors = vectorsOf(generation);
  if (vectors.length > 0) {
    const page = { model: generation.model, input: job.body.input, vectors };
    saved.push(await keep(`${job.name}.json`, `${JSON.stringify(page)}\n`));
  }
  const text = textOf(generation);
  // A picture may come with a caption, a song with its lyrics.
  if (text) saved.push(await keep(`${job.name}.txt`, `${text}\n`));
  if (saved.length === 0) throw new RefusedError('empty_output', 'The generation completed, and made nothing.');
  return saved;
}

/** The text of a generation, without its reasoning. */
export function textOf(generation: Generation): string {
  return generation.outputs
    .flatMap((output) => (output.type === 'text' && output.text ? [output.text] : []))
    .join('\n');
}

export function vectorsOf(generation: Generation): number[][] {
  return generation.outputs.flatMap((output) => (output.vector ? [output.vector] : []));
}

function isMedia(job: Job): boolean {
  return !['text', 'transcription', 'embedding'].includes(job.modality);
}

function extensionOf(output: Output): string {
  const type = output.media_type ?? '';
  return extensions[type] ?? type.split('/')[1]?.replace(/[^a-z0-9]/g, '') ?? 'bin';
}
