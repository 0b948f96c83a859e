import type { Json } from '../../../src/contract/index.ts';
import { isObject, stringAt } from '../../../src/contract/index.ts';
import { checkWord, missing, wrongType } from './check.ts';
import { WireError } from './wire.ts';

/** Messages as read: what the user last said, what came before, and what is attached. */
export type Read = {
  user: string;
  context: string;
  all: string;
  toolResults?: string[];
  attachments: number;
  audioParts: number;
};

const roles = ['system', 'developer', 'user', 'assistant', 'function', 'tool'];
const partTypes = ['text', 'image_url', 'input_audio', 'refusal', 'file'];

/** Reads and checks chat messages, including that tool calls and tool results answer each other where `strict`. `name` is the field they came in. */
export function readMessages(messages: Json[], strict: boolean, name = 'messages'): Read {
  const counted = { attachments: 0, audioParts: 0 };
  const lines: { role: string; text: string }[] = [];
  let open: string[] = [];
  messages.forEach((message, index) => {
    const param = `${name}[${index}]`;
    if (!isObject(message)) throw wrongType(param, ['object'], message);
    if (typeof message.role !== 'string') throw missing(`${param}.role`);
    checkWord(`${param}.role`, message.role, roles);
    if (message.role === 'tool') {
      const id = stringAt(message, 'tool_call_id');
      if (id === undefined) throw missing(`${param}.tool_call_id`);
      if (strict && !open.includes(id)) throw orphan(param);
      open = open.filter((other) => other !== id);
    } else if (strict && open.length > 0) throw unanswered(open, param);
    let text = readContent(message, param, counted);
    if (message.role === 'assistant' && Array.isArray(message.tool_calls)) {
      open = message.tool_calls.map((call) => stringAt(call, 'id') ?? '');
      text += JSON.stringify(message.tool_calls);
    }
    lines.push({ role: message.role, text });
  });
  if (strict && open.length > 0) throw unanswered(open, name);

  const last = lines.map((line) => line.role).lastIndexOf('user');
  const results: string[] = [];
  for (let place = lines.length - 1; place >= 0 && lines[place]?.role === 'tool'; place--) {
    results.unshift(lines[place]?.text ?? '');
  }
  const line = ({ role, text }: { role: string; text: string }) => `${role}: ${text}`;
  return {
    ...counted,
    user: lines[last]?.text ?? '',
    context: lines
      .filter((_, place) => place !== last)
      .map(line)
      .join('\n'),
    all: lines.map(line).join('\n'),
    toolResults: results.length > 0 ? results : undefined,
  };
}

function readContent(
  message: { [key: string]: Json },
  param: string,
  counted: { attachments: number; audioParts: number },
): string {
  const content = message.content;
  if (typeof content === 'string') return content;
  if (content === null || content === undefined) {
    if (message.role === 'assistant') return typeof message.refusal === 'string' ? message.refusal : '';
    throw new WireError(400, `Invalid value for 'content': expected a string, got null.`, {
      param: `${param}.content`,
    });
  }
  if (!Array.isArray(content)) throw wrongType(`${param}.content`, ['string', 'array'], content);
  const texts: string[] = [];
  content.forEach((part, index) => {
    const place = `${param}.content[${index}]`;
    const type = stringAt(part, 'type');
    if (type === undefined) throw missing(`${place}.type`);
    checkWord(`${place}.type`, type, partTypes);
    if (type === 'text' || type === 'refusal') {
      const text = stringAt(part, type);
      if (text === undefined) throw missing(`${place}.${type}`);
      texts.push(text);
      return;
    }
    counted.attachments++;
    if (type === 'image_url') checkImage(stringAt(part, 'image_url', 'url'), `${place}.image_url.url`);
    if (type === 'input_audio') {
      counted.audioParts++;
      if (!stringAt(part, 'input_audio', 'data')) throw missing(`${place}.input_audio.data`);
      checkWord(`${place}.input_audio.format`, stringAt(part, 'input_audio', 'format') ?? '', ['wav', 'mp3']);
    }
    if (type === 'file' && !stringAt(part, 'file', 'file_id') && !stringAt(part, 'file', 'file_data')) {
      throw missing(`${place}.file.file_id`);
    }
  });
  return texts.join('\n');
}

export function checkImage(url: string | undefined, param: string): void {
  if (url === undefined) throw missing(param);
  if (/^https?:\/\//.test(url)) return;
  if (/^data:image\/(png|jpe?g|gif|webp);base64,[A-Za-z0-9+/]+=*$/.test(url)) return;
  const message = `Invalid '${param}'. Expected a valid URL or a base64-encoded data URL with an image MIME type (e.g. 'data:image/png;base64,aW1nIGJ5dGVzIGhlcmU='), but got a value without it.`;
  throw new WireError(400, message, { param, code: 'invalid_value' });
}

function orphan(param: string): WireError {
  const message =
    "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.";
  return new WireError(400, message, { param: `${param}.role` });
}

function unanswered(ids: string[], param: string): WireError {
  const message = `An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The following tool_call_ids did not have response messages: ${ids.join(', ')}`;
  return new WireError(400, message, { param: `${param}.role` });
}
