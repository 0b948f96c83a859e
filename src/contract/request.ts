import type { DialectName } from './dialect.ts';
import type { Json, JsonObject } from './json.ts';
import type { Asset, Part } from './part.ts';

export type Role = 'system' | 'developer' | 'user' | 'assistant' | 'tool';
export type Message = { role: Role; parts: Part[]; name?: string };

export type Tool =
  | { type: 'function'; name: string; description?: string; parameters?: JsonObject; strict?: boolean }
  /** A provider-side tool (web search, code execution): passes on its own dialect only. */
  | { type: 'other'; dialect: DialectName; data: Json };

export type ToolChoice = 'auto' | 'none' | 'required' | { name: string };

export type OutputFormat =
  | { type: 'text' }
  | { type: 'json' }
  | { type: 'json_schema'; schema: JsonObject; name?: string; strict?: boolean; description?: string };

export type Effort = 'none' | 'minimal' | 'low' | 'medium' | 'high' | 'xhigh' | 'max';

/** Fields a codec does not know. Same dialect: spread back. Other dialect: one warning each. */
export type Extra = { dialect: DialectName; params: JsonObject };

export type TextRequest = {
  model: string;
  messages: Message[];
  stream?: boolean;
  maxOutputTokens?: number;
  temperature?: number;
  topP?: number;
  topK?: number;
  stop?: string[];
  seed?: number;
  /** How many answers. */
  n?: number;
  frequencyPenalty?: number;
  presencePenalty?: number;
  logprobs?: { top?: number };
  tools?: Tool[];
  toolChoice?: ToolChoice;
  parallelToolCalls?: boolean;
  output?: OutputFormat;
  reasoning?: { effort?: Effort; budgetTokens?: number; include?: boolean };
  serviceTier?: string;
  /** An end-user id; stored hashed. */
  user?: string;
  extra?: Extra;
};

export type FinishReason = 'stop' | 'length' | 'tool_calls' | 'content_filter' | 'refusal' | 'pause' | 'other';

/** Token counts as clients read them: `input` includes cached and cache writes; `output` includes reasoning. Absent = unknown, never 0. */
export type TokenCounts = {
  input?: number;
  cachedInput?: number;
  cacheWrite?: number;
  output?: number;
  reasoning?: number;
};

export type Choice = { parts: Part[]; finish: FinishReason; rawFinish?: string; logprobs?: Json };

export type TextAnswer = {
  id?: string;
  model?: string;
  created?: number;
  choices: Choice[];
  counts?: TokenCounts;
  /** The provider's usage object, untouched. */
  rawUsage?: Json;
  extra?: Extra;
};

/** Provider-specific parameters a caller adds by name; passed to that provider as they are. */
type Params = { params?: JsonObject; seed?: number; user?: string };

export type EmbeddingRequest = Params & {
  modality: 'embedding';
  input: string[];
  /** The inputs as token ids, for models that take them; `input` then only stands for their lengths. */
  tokens?: number[][];
  dimensions?: number;
  task?: string;
};

/** `size` is "WxH" pixels or a provider word such as "auto"; `ratio` is "16:9". `images`/`mask` make it an edit. */
export type ImageRequest = Params & {
  modality: 'image';
  prompt: string;
  n?: number;
  size?: string;
  ratio?: string;
  quality?: string;
  format?: string;
  background?: string;
  negativePrompt?: string;
  images?: Asset[];
  mask?: Asset;
  /** How many previews to show before the end (`Call.progress`). */
  partialImages?: number;
  inputFidelity?: string;
  moderation?: string;
  /** 0 to 100, for JPEG and WebP. */
  compression?: number;
};

/** `format`: mp3, wav, pcm, opus, aac, flac. `speed` 1 = natural. */
export type SpeechRequest = Params & {
  modality: 'speech';
  text: string;
  voice?: string;
  /** Several speakers: `text` holds lines "Name: words". */
  voices?: { speaker: string; voice: string }[];
  /** Wants the time of every character or word beside the sound. */
  timestamps?: boolean;
  format?: string;
  speed?: number;
  instructions?: string;
  language?: string;
};

/** `format`: json, text, srt, vtt, verbose_json, diarized_json. */
export type TranscriptionRequest = Params & {
  modality: 'transcription';
  audio: Asset;
  language?: string;
  prompt?: string;
  format?: string;
  translate?: boolean;
  temperature?: number;
  timestamps?: ('word' | 'segment')[];
  /** Wants to know who speaks. */
  diarize?: boolean;
};

export type MusicRequest = Params & {
  modality: 'music';
  prompt: string;
  seconds?: number;
  lyrics?: string;
  instrumental?: boolean;
  format?: string;
  audio?: Asset;
};

export type SoundEffectRequest = Params & {
  modality: 'sound_effect';
  prompt: string;
  seconds?: number;
  format?: string;
};

export type VideoRequest = Params & {
  modality: 'video';
  prompt: string;
  seconds?: number;
  size?: string;
  ratio?: string;
  resolution?: string;
  audio?: boolean;
  negativePrompt?: string;
  /** The first is the first frame; a second is the last frame where the model takes one. */
  images?: Asset[];
  video?: Asset;
};

export type Model3dRequest = Params & {
  modality: 'model3d';
  prompt: string;
  images?: Asset[];
  format?: string;
  texture?: boolean;
};

export type MediaRequest =
  | EmbeddingRequest
  | ImageRequest
  | SpeechRequest
  | TranscriptionRequest
  | MusicRequest
  | SoundEffectRequest
  | VideoRequest
  | Model3dRequest;

export type MediaModality = MediaRequest['modality'];
export type MediaRequestOf<M extends MediaModality> = Extract<MediaRequest, { modality: M }>;
