import { at, type Json, listAt, numberAt, type Observed, stringAt, type Usage } from '../../src/contract/index.ts';
import { tierOf as askedTier } from './asked.ts';
import { Leaves, special, split, trusted } from './leaves.ts';
import { readGoogleVideoUsage } from './usage-google-video.ts';

/**
 * Gemini's usageMetadata as disjoint meters: the prompt includes the cache, per modality; candidates exclude thoughts, which are
 * billed as text output; tool-use prompt tokens come on top. Lyria bills by song, Imagen by image.
 */
export function readGeminiUsage(observed: Observed): Usage | undefined {
  const { usage, modality, response, request } = observed;
  const leaves = new Leaves();
  const asked = askedTier(observed);
  const dims = special({
    service_tier: asked === 'batch' ? asked : (tierOf(usage) ?? asked),
    resolution: stringAt(request, 'resolution'),
  });
  if (modality === 'music') {
    // One call makes one song, where no answer is at hand to count.
    const songs = numberAt(response, 'audio_parts') ?? countParts(response) ?? 1;
    return leaves.add('songs', songs).usage(usage === undefined ? 'derived' : 'body', { raw: usage });
  }
  if (modality === 'video') return readGoogleVideoUsage(observed);
  if (modality === 'image' && numberAt(usage, 'promptTokenCount') === undefined) {
    return leaves.add('images', imagesOf(response)).usage('derived', { dims, raw: usage });
  }
  if (numberAt(usage, 'promptTokenCount') === undefined && numberAt(usage, 'candidatesTokenCount') === undefined)
    return modality === 'embedding' ? readBillable(observed) : undefined;
  const consistent = addPrompt(leaves, usage);
  addCandidates(leaves, usage, modality);
  addGrounding(leaves, response, usage, observed.model);
  const { source, basis } = trusted(consistent);
  return leaves.usage(source, { dims, raw: usage, basis });
}

/** Embeddings of Vertex tell the characters that are billed, or the tokens of each vector. */
function readBillable({ usage, response }: Observed): Usage | undefined {
  const characters =
    numberAt(usage, 'billableCharacterCount') ?? numberAt(response, 'metadata', 'billableCharacterCount');
  if (characters !== undefined) return new Leaves().add('input_characters', characters).usage('body', { raw: usage });
  const tokens = listAt(response, 'predictions').flatMap(
    (entry) => numberAt(entry, 'embeddings', 'statistics', 'token_count') ?? [],
  );
  const total = tokens.length > 0 ? tokens.reduce((sum, each) => sum + each, 0) : undefined;
  return new Leaves().add('input_text_tokens', total).usage('body', { raw: usage });
}

/** Images that came out: one that the safety filter held back is not billed. */
function imagesOf(response: Json | undefined): number | undefined {
  for (const name of ['generatedImages', 'images', 'predictions']) {
    const found = at(response, name);
    if (typeof found === 'number') return found;
    if (Array.isArray(found)) {
      return found.filter((image) => !stringAt(image, 'raiFilteredReason')).length;
    }
  }
  return undefined;
}

function addPrompt(leaves: Leaves, usage: Json | undefined): boolean {
  const prompt = numberAt(usage, 'promptTokenCount');
  if (prompt === undefined) return true;
  const details = at(usage, 'promptTokensDetails') ?? at(usage, 'promptTokenDetails');
  const cacheDetails = at(usage, 'cacheTokensDetails');
  const kinds = ['AUDIO', 'IMAGE', 'VIDEO'] as const;
  const cached = numberAt(usage, 'cachedContentTokenCount') ?? 0;
  const whole = split(
    prompt,
    kinds.map((kind) => tokensOf(details, kind)),
  );
  const kept = split(
    cached,
    kinds.map((kind) => tokensOf(cacheDetails, kind)),
  );
  // A cache without details is text as far as the text reaches, then the other kinds in turn.
  const cachedText = Math.min(kept.rest, whole.rest);
  let spill = kept.rest - cachedText;
  const cachedKinds = whole.parts.map((tokens, index) => {
    const known = Math.min(tokens, kept.parts[index] ?? 0);
    const more = Math.min(tokens - known, spill);
    spill -= more;
    return known + more;
  });
  const [cachedAudio = 0, cachedImage = 0, cachedVideo = 0] = cachedKinds;
  const [audio = 0, image = 0, video = 0] = whole.parts;
  const toolText = toolPrompt(usage, leaves);
  leaves.add('input_text_tokens', whole.rest - cachedText + toolText);
  leaves.add('input_audio_tokens', audio - cachedAudio);
  leaves.add('input_image_tokens', image - cachedImage).add('input_video_tokens', video - cachedVideo);
  leaves.add('cached_input_tokens', cachedText + cachedVideo);
  leaves.add('cached_input_audio_tokens', cachedAudio).add('cached_input_image_tokens', cachedImage);
  const placed = cachedText + cachedAudio + cachedImage + cachedVideo;
  return whole.consistent && kept.consistent && placed === cached;
}

function toolPrompt(usage: Json | undefined, leaves: Leaves): number {
  const total = numberAt(usage, 'toolUsePromptTokenCount') ?? 0;
  const details = at(usage, 'toolUsePromptTokensDetails');
  const { parts, rest } = split(total, [
    tokensOf(details, 'AUDIO'),
    tokensOf(details, 'IMAGE'),
    tokensOf(details, 'VIDEO'),
  ]);
  leaves.add('input_audio_tokens', parts[0] || undefined).add('input_image_tokens', parts[1] || undefined);
  leaves.add('input_video_tokens', parts[2] || undefined);
  return rest;
}

function addCandidates(leaves: Leaves, usage: Json | undefined, modality: string): void {
  const thoughts = numberAt(usage, 'thoughtsTokenCount');
  const candidates = numberAt(usage, 'candidatesTokenCount') ?? numberAt(usage, 'responseTokenCount');
  if (candidates === undefined && thoughts === undefined) return;
  const details = at(usage, 'candidatesTokensDetails') ?? at(usage, 'responseTokensDetails');
  const total = candidates ?? 0;
  // Undetailed output is what was asked for.
  const detailed = Array.isArray(details) && details.length > 0;
  const of = (kind: string, made: string) => (detailed ? tokensOf(details, kind) : modality === made ? total : 0);
  const { parts, rest } = split(total, [of('AUDIO', 'speech'), of('IMAGE', 'image'), of('VIDEO', 'video')]);
  leaves.add('output_text_tokens', rest + (thoughts ?? 0)).add('output_audio_tokens', parts[0]);
  leaves.add('output_image_tokens', parts[1]).add('output_video_tokens', parts[2]);
}

/** Search grounding: Gemini 3 and later bill each distinct query, earlier models each grounded prompt. */
function addGrounding(leaves: Leaves, response: Json | undefined, usage: Json | undefined, model: string): void {
  const queries = new Set<string>();
  for (const holder of [response, ...listAt(response, 'candidates')]) {
    for (const metadata of [at(holder, 'groundingMetadata'), at(holder, 'grounding_metadata'), holder]) {
      for (const query of [...listAt(metadata, 'webSearchQueries'), ...listAt(metadata, 'web_search_queries')]) {
        if (typeof query === 'string' && query !== '') queries.add(query);
      }
    }
  }
  const counted = listAt(usage, 'groundingToolCount').reduce<number>(
    (sum, entry) => sum + (stringAt(entry, 'type') === 'google_search' ? (numberAt(entry, 'count') ?? 0) : 0),
    queries.size,
  );
  if (counted === 0) return;
  if (/gemini-(1|2)\b/.test(model)) leaves.add('tool_grounded_prompts', 1);
  else leaves.add('tool_grounding_queries', counted);
}

/** flex or priority, as served. */
function tierOf(usage: Json | undefined): string | undefined {
  const traffic = /^ON_DEMAND_(\w+)$/.exec(stringAt(usage, 'trafficType') ?? '');
  return traffic?.[1] ?? stringAt(usage, 'serviceTier');
}

function tokensOf(details: Json | undefined, kind: string): number {
  if (!Array.isArray(details)) return 0;
  return details.reduce<number>(
    (sum, entry) => (stringAt(entry, 'modality') === kind ? sum + (numberAt(entry, 'tokenCount') ?? 0) : sum),
    0,
  );
}

function countParts(response: Json | undefined): number | undefined {
  if (response === undefined) return undefined;
  return listAt(response, 'candidates')
    .flatMap((candidate) => listAt(candidate, 'content', 'parts'))
    .filter((part) => stringAt(part, 'inlineData', 'mimeType')?.startsWith('audio/')).length;
}
