import type { Json } from '../../../src/contract/index.ts';
import { at, isObject, stringAt } from '../../../src/contract/index.ts';
import { check, missing } from './check.ts';
import { requireKind } from './models.ts';
import { type Desk, readJson } from './wire.ts';

/** Words that flag a category: enough to try the path, no judgement. */
const marks: Record<string, RegExp | undefined> = {
  harassment: /\b(idiot|moron)\b/i,
  'harassment/threatening': undefined,
  hate: undefined,
  'hate/threatening': undefined,
  illicit: /\b(steal|smuggle)\b/i,
  'illicit/violent': undefined,
  'self-harm': undefined,
  'self-harm/intent': undefined,
  'self-harm/instructions': undefined,
  sexual: /\bporn/i,
  'sexual/minors': undefined,
  violence: /\b(kill|murder|stab)\b/i,
  'violence/graphic': undefined,
};
const alsoImages = new Set([
  'self-harm',
  'self-harm/intent',
  'self-harm/instructions',
  'sexual',
  'violence',
  'violence/graphic',
]);

/** POST /moderations: free, so nothing goes on the bill. */
export async function moderations(desk: Desk, request: Request): Promise<Response> {
  const { text, body } = await readJson(request);
  check(body, { input: { type: ['string', 'array'], min: 1, required: true }, model: { type: 'string' } }, 'argument');
  const model = stringAt(body, 'model') ?? 'omni-moderation-latest';
  requireKind(model, 'moderation', '/moderations');
  const input = body.input as Json;
  const list = Array.isArray(input) ? input : [input];
  const parts = list.some(isObject);
  const results = parts
    ? [judge(list.map(textOf).join('\n'), list.some(isImage))]
    : list.map((item) => judge(textOf(item), false));
  return Response.json({ id: desk.idFor('modr-', text), model, results });
}

function textOf(item: Json): string {
  if (typeof item === 'string') return item;
  if (isImage(item)) return '';
  const text = stringAt(item, 'text');
  if (text === undefined) throw missing('input[0].text');
  return text;
}

function isImage(item: Json): boolean {
  return at(item, 'type') === 'image_url';
}

function judge(text: string, image: boolean) {
  const categories: Record<string, boolean> = {};
  const scores: Record<string, number> = {};
  const types: Record<string, string[]> = {};
  for (const [name, mark] of Object.entries(marks)) {
    const found = mark?.test(text) ?? false;
    categories[name] = found;
    scores[name] = found ? 0.97 : 0.0001;
    types[name] = image && alsoImages.has(name) ? ['text', 'image'] : ['text'];
  }
  const flagged = Object.values(categories).includes(true);
  return { flagged, categories, category_scores: scores, category_applied_input_types: types };
}
