import {
  at,
  type Dims,
  type Json,
  listAt,
  numberAt,
  type Observed,
  stringAt,
  type Usage,
} from '../../src/contract/index.ts';
import { charactersOf, countAt, figureAt, firstFigure, firstWord, tierOf } from './asked.ts';
import { Leaves, Shares, special, split, trusted } from './leaves.ts';

/**
 * OpenAI's raw figures as disjoint meters, told apart by their shape: chat and completions (`prompt_tokens`), Responses and images
 * (`input_tokens`), transcription (`type: tokens | duration`), speech. What OpenAI bills without figures (tts-1, whisper) is derived
 * from the request. @see https://developers.openai.com/api/docs/pricing
 */
export function readOpenaiUsage(observed: Observed): Usage | undefined {
  const { usage, modality } = observed;
  if (modality === 'image') return readImages(observed);
  if (modality === 'transcription') return readTranscription(observed);
  if (modality === 'speech') return readSpeech(observed);
  if (modality === 'video') return readVideo(observed);
  if (numberAt(usage, 'prompt_tokens') !== undefined) return readChatTokens(usage, dimsOf(observed));
  if (numberAt(usage, 'input_tokens') !== undefined) return readResponses(observed);
  return undefined;
}

/** Tier and region as served, where the answer tells; else as asked. */
function dimsOf(observed: Observed): Dims {
  return special({
    service_tier: tierOf(observed),
    region: firstWord(observed.request, 'region', 'data_residency') ?? stringAt(observed.options, 'region'),
  });
}

/** Chat usage: cached, cache-write and audio tokens are inside `prompt_tokens`; reasoning inside `completion_tokens`. */
export function readChatTokens(usage: Json | undefined, dims: Dims, output = numberAt(usage, 'completion_tokens')) {
  const leaves = new Leaves();
  const consistent = addInput(leaves, usage, 'prompt_tokens', 'prompt_tokens_details');
  const spoken = numberAt(usage, 'completion_tokens_details', 'audio_tokens');
  if (output !== undefined) {
    const all = new Shares(output);
    const voice = all.take(spoken);
    leaves.add('output_text_tokens', all.rest).add('output_audio_tokens', voice);
  }
  const { source, basis } = trusted(consistent);
  return leaves.usage(source, { dims, raw: usage, basis });
}

/** @param seen true where pictures are sold apart: a chat counts theirs as text. */
function addInput(leaves: Leaves, usage: Json | undefined, total: string, details: string, seen = false): boolean {
  const input = numberAt(usage, total);
  if (input === undefined) return true;
  const cached = numberAt(usage, details, 'cached_tokens') ?? 0;
  const inner = new Shares(cached);
  const heardBefore = inner.take(numberAt(usage, details, 'cached_tokens_details', 'audio_tokens'));
  const seenBefore = inner.take(numberAt(usage, details, 'cached_tokens_details', 'image_tokens'));
  const outer = new Shares(input);
  const kept = new Shares(outer.take(cached));
  const written = outer.take(numberAt(usage, details, 'cache_write_tokens'));
  const heard = outer.take((numberAt(usage, details, 'audio_tokens') ?? 0) - heardBefore);
  const shown = seen ? outer.take((numberAt(usage, details, 'image_tokens') ?? 0) - seenBefore) : 0;
  const [keptHeard, keptSeen] = [kept.take(heardBefore), kept.take(seenBefore)];
  leaves.add('input_text_tokens', outer.rest);
  leaves.add('cached_input_tokens', kept.rest);
  leaves.add('cached_input_audio_tokens', keptHeard).add('cached_input_image_tokens', keptSeen);
  addWrites(leaves, written, at(usage, details, 'cache_write_tokens_details'));
  leaves.add('input_audio_tokens', heard).add('input_image_tokens', shown);
  return inner.consistent && outer.consistent;
}

const halfDay = { dims: { cache_ttl: '12h' } };

/** A 12-hour cache write has its own price; 30 minutes is the standard. */
function addWrites(leaves: Leaves, written: number, details: Json | undefined): void {
  const all = new Shares(written);
  const long = all.take(numberAt(details, 'ttl_12h_tokens'));
  leaves.add('cache_write_tokens', all.rest).add('cache_write_tokens', long, halfDay);
}

/** Responses and Realtime (whose details are called `input_token_details`): like chat, and `tool_usage` beside it, billed on top. */
function readResponses(observed: Observed): Usage | undefined {
  const { usage, response, sold } = observed;
  const leaves = new Leaves();
  const details = at(usage, 'input_token_details') ? 'input_token_details' : 'input_tokens_details';
  const seen = details === 'input_token_details' && sold?.includes('input_image_tokens');
  const consistent = addInput(leaves, usage, 'input_tokens', details, seen);
  const output = numberAt(usage, 'output_tokens');
  if (output !== undefined) {
    const spoken = ['output_token_details', 'output_tokens_details'].map((name) =>
      numberAt(usage, name, 'audio_tokens'),
    );
    const { parts, rest } = split(output, [spoken.find((tokens) => tokens !== undefined)]);
    leaves.add('output_text_tokens', rest).add('output_audio_tokens', parts[0]);
  }
  addTools(leaves, usage, response);
  const { source, basis } = trusted(consistent);
  return leaves.usage(source, { dims: dimsOf(observed), raw: usage, basis });
}

/** Calls of hosted tools: as they are counted for the bill, else as they stand in the answer. */
function addTools(leaves: Leaves, usage: Json | undefined, response: Json | undefined): void {
  const tools = at(response, 'tool_usage') ?? at(usage, 'tool_usage');
  // xAI's words for the same.
  const served = at(usage, 'server_side_tool_usage_details');
  const counted = (...names: string[]) => {
    const figures = names.map((name) => numberAt(served, name) ?? countAt(response, name));
    const known = figures.filter((figure) => figure !== undefined);
    return known.length > 0 ? known.reduce((sum, figure) => sum + figure, 0) : undefined;
  };
  const items = listAt(response, 'output');
  const ofType = (type: string) => items.filter((item) => stringAt(item, 'type') === type);
  // An `open_page` or `find_in_page` action is not a search.
  const searches = ofType('web_search_call').filter(
    (item) => (stringAt(item, 'action', 'type') ?? 'search') === 'search',
  );
  const asked = numberAt(tools, 'web_search', 'num_requests') ?? counted('web_search_calls', 'x_search_calls');
  leaves.add('tool_web_search_calls', asked ?? searches.length);
  leaves.add('tool_file_search_calls', counted('file_search_calls') ?? ofType('file_search_call').length);
  const containers = ofType('code_interpreter_call').map((item) => stringAt(item, 'container_id') ?? '');
  leaves.add('tool_code_runs', counted('code_interpreter_calls') ?? new Set(containers).size);
  addImageTool(leaves, at(tools, 'image_gen'), imageToolModel(response));
}

function addImageTool(leaves: Leaves, used: Json | undefined, model: string | undefined): void {
  const input = numberAt(used, 'input_tokens');
  if (input === undefined) return;
  const more = model === undefined ? {} : { model };
  const cachedText =
    numberAt(used, 'cached_tokens_details', 'cached_text_tokens') ?? numberAt(used, 'cached_tokens') ?? 0;
  const cachedImage = numberAt(used, 'cached_tokens_details', 'cached_image_tokens') ?? 0;
  const seen = (numberAt(used, 'input_tokens_details', 'image_tokens') ?? 0) - cachedImage;
  const shares = split(input, [cachedText, cachedImage, seen]);
  const made = splitImageOutput(used);
  leaves.add('input_text_tokens', shares.rest, more).add('cached_input_tokens', shares.parts[0], more);
  leaves.add('cached_input_image_tokens', shares.parts[1], more).add('input_image_tokens', shares.parts[2], more);
  leaves.add('output_text_tokens', made.text, more).add('output_image_tokens', made.image, more);
}

function imageToolModel(response: Json | undefined): string | undefined {
  const tool = listAt(response, 'tools').find((entry) => stringAt(entry, 'type') === 'image_generation');
  return stringAt(tool, 'model');
}

/** Output tokens of the image models without details are image tokens. */
function splitImageOutput(usage: Json | undefined): { text?: number; image?: number } {
  const output = numberAt(usage, 'output_tokens');
  if (output === undefined) return {};
  const { parts, rest } = split(output, [numberAt(usage, 'output_tokens_details', 'text_tokens')]);
  return { text: parts[0], image: rest };
}

function readImages(observed: Observed): Usage | undefined {
  const { usage, request, response, model } = observed;
  const resolved = (name: string) =>
    [stringAt(response, name), stringAt(request, name)].find((word) => word && word !== 'auto');
  // The older models draw 1024x1024 unless told otherwise; the newer ones choose, and say so.
  const size = resolved('size') ?? (/^dall-e/.test(model) ? '1024x1024' : undefined);
  const dims = special({ size, quality: resolved('quality'), service_tier: tierOf(observed) });
  const leaves = new Leaves();
  const input = numberAt(usage, 'input_tokens');
  if (input === undefined && numberAt(usage, 'output_tokens') === undefined) {
    const count = countOf(response) ?? numberAt(request, 'n') ?? 1;
    leaves.add('images', count, { dims });
    // The GPT image models bill by token: a count of images is only an estimate of theirs.
    return /gpt-image/.test(model)
      ? leaves.usage('estimated', { raw: usage, basis: 'computed_from_request' })
      : leaves.usage('derived', { raw: usage });
  }
  const cachedImage = numberAt(usage, 'input_tokens_details', 'cached_tokens_details', 'image_tokens') ?? 0;
  const cachedAll = numberAt(usage, 'input_tokens_details', 'cached_tokens') ?? 0;
  const seen = (numberAt(usage, 'input_tokens_details', 'image_tokens') ?? 0) - cachedImage;
  const shares = split(input ?? 0, [Math.max(0, cachedAll - cachedImage), cachedImage, seen]);
  const made = splitImageOutput(usage);
  leaves.add('input_text_tokens', shares.rest).add('cached_input_tokens', shares.parts[0]);
  leaves.add('cached_input_image_tokens', shares.parts[1]).add('input_image_tokens', shares.parts[2]);
  leaves.add('output_text_tokens', made.text).add('output_image_tokens', made.image);
  const drawing = at(response, 'svg_usage');
  const author = stringAt(drawing, 'model');
  if (author) {
    leaves.add('input_text_tokens', numberAt(drawing, 'input_tokens'), { model: author });
    leaves.add('output_text_tokens', numberAt(drawing, 'output_tokens'), { model: author });
  }
  const { source, basis } = trusted(shares.consistent);
  return leaves.usage(source, { dims, raw: usage, basis });
}

function countOf(response: Json | undefined): number | undefined {
  const data = at(response, 'data');
  return Array.isArray(data) ? data.length : numberAt(response, 'images');
}

function readTranscription(observed: Observed): Usage | undefined {
  const { usage, response, request } = observed;
  const leaves = new Leaves();
  const seconds = numberAt(usage, 'seconds');
  if (seconds !== undefined) return leaves.add('input_audio_seconds', seconds).usage('body', { raw: usage });
  const input = numberAt(usage, 'input_tokens');
  if (input === undefined) {
    leaves.add('input_audio_seconds', figureAt(response, 'duration') ?? heardOf(request));
    return leaves.usage('derived', { raw: usage });
  }
  // Undetailed input of a transcription is what it listened to.
  const { parts, rest } = split(input, [numberAt(usage, 'input_token_details', 'text_tokens')]);
  leaves.add('input_audio_tokens', rest).add('input_text_tokens', parts[0]);
  leaves.add('output_text_tokens', numberAt(usage, 'output_tokens'));
  return leaves.usage('body', { raw: usage });
}

function heardOf(request: Json | undefined): number | undefined {
  return firstFigure(request, 'audio_seconds', 'duration_seconds', 'audio_duration', 'duration', 'seconds');
}

function readSpeech(observed: Observed): Usage | undefined {
  const { usage, request, model } = observed;
  const leaves = new Leaves();
  if (numberAt(usage, 'output_tokens') !== undefined) {
    leaves.add('input_text_tokens', numberAt(usage, 'input_tokens'));
    leaves.add('output_audio_tokens', numberAt(usage, 'output_tokens'));
    return leaves.usage('body', { raw: usage });
  }
  if (!model.startsWith('tts-1') && !observed.sold?.includes('input_characters')) return undefined;
  const told = firstFigure(request, 'input_characters', 'text_characters', 'characters');
  leaves.add('input_characters', told ?? charactersOf(stringAt(request, 'input')));
  return leaves.usage('derived');
}

/** Videos carry no usage: the seconds and size that the job says it makes, else those asked for. */
function readVideo({ usage, request, response }: Observed): Usage | undefined {
  const asked = firstFigure(request, 'seconds', 'duration') ?? (request === undefined ? undefined : 4);
  const seconds = firstFigure(usage, 'seconds', 'duration') ?? firstFigure(response, 'seconds') ?? asked;
  const size = stringAt(response, 'size') ?? stringAt(request, 'size') ?? '720x1280';
  const leaves = new Leaves().add('output_video_seconds', seconds, { dims: { size } });
  return leaves.usage(firstFigure(usage, 'seconds', 'duration') === undefined ? 'derived' : 'body', { raw: usage });
}
