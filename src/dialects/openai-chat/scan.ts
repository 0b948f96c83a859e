import { isObject, type SseFrame, type StreamScan } from '../../contract/index.ts';

const marks = /"(?:usage|error)"\s*:\s*[{"]/;

/** A delta that says something: not the opening one, which has a role and empty content. */
const says =
  /"(?:content|reasoning_content|reasoning|refusal)"\s*:\s*(?:"(?!")|[[{])|"(?:tool_calls|images|audio|function_call|annotations|reasoning_details)"\s*:\s*[[{]|"finish_reason"\s*:\s*"/;
const finishes = /"finish_reason"\s*:\s*"/;

/** For the straight path: usage rides in its own last chunk, errors in a chunk of their own. */
export const scan: StreamScan = {
  interesting: (data) => marks.test(data),
  usage: (frame, before) => {
    const usage = isObject(frame)
      ? (frame.usage ?? (isObject(frame.x_groq) ? frame.x_groq.usage : undefined))
      : undefined;
    return isObject(usage) ? usage : before;
  },
  terminal: (data) => data === '[DONE]',
  error: (frame) => (isObject(frame) && frame.error ? frame.error : undefined),
  usageOfBody: (body) => (isObject(body) && isObject(body.usage) ? body.usage : undefined),
  begins: (data) => says.test(data),
  closing: (data) => finishes.test(data),
  closer: { data: '[DONE]' },
};

/** The same frames without the usage chunk, for a client that did not ask for `stream_options.include_usage`. */
export async function* withoutUsage(frames: AsyncIterable<SseFrame>): AsyncGenerator<SseFrame, void, undefined> {
  for await (const frame of frames) {
    if (!marks.test(frame.data) || !/"choices"\s*:\s*\[\s*\]/.test(frame.data) || /"error"\s*:\s*[{"]/.test(frame.data))
      yield frame;
  }
}
