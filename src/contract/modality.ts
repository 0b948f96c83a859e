/** What comes out. Routing, pricing and reports all start here. */
export const modalities = [
  'text',
  'embedding',
  'image',
  'speech',
  'transcription',
  'music',
  'sound_effect',
  'video',
  'model3d',
] as const;

export type Modality = (typeof modalities)[number];

export function isModality(value: unknown): value is Modality {
  return typeof value === 'string' && (modalities as readonly string[]).includes(value);
}
