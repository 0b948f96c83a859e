/**
 * The `data:` payloads of a server-sent stream, one at a time, without keeping the stream.
 * The end of the stream proves nothing: the reader must look for its terminal event.
 */
export async function* sseData(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let kept = '';
  let data: string[] = [];
  try {
    while (true) {
      const { done, value } = await reader.read();
      kept += done ? decoder.decode() : decoder.decode(value, { stream: true });
      const lines = kept.split(/\r?\n/);
      kept = lines.pop() ?? '';
      for (const line of lines) {
        if (line.startsWith('data:')) data.push(line.slice(line[5] === ' ' ? 6 : 5));
        else if (line === '' && data.length > 0) {
          yield data.join('\n');
          data = [];
        }
      }
      if (done) return;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
