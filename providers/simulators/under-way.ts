import type { CallsUnderWay } from './control.ts';

/** Calls from their arrival until their answer's last byte is out, or until their client has left. */
export class UnderWay implements CallsUnderWay {
  private readonly open = new Map<string, number>();
  private readonly waiting = new Set<() => void>();

  /** Notes a call; returns what to do at its end. More than one call may carry the same id. */
  begin(client: string | null): () => void {
    if (client === null) return () => {};
    this.open.set(client, (this.open.get(client) ?? 0) + 1);
    let over = false;
    return () => {
      if (over) return;
      over = true;
      const left = (this.open.get(client) ?? 1) - 1;
      if (left > 0) this.open.set(client, left);
      else this.open.delete(client);
      for (const look of [...this.waiting]) look();
    };
  }

  ended(client: string, patience: number): Promise<boolean> {
    return new Promise((resolve) => {
      const done = () => {
        this.waiting.delete(look);
        clearTimeout(timer);
        resolve(!this.open.has(client));
      };
      const look = () => {
        if (!this.open.has(client)) done();
      };
      const timer = setTimeout(done, patience);
      this.waiting.add(look);
      look();
    });
  }
}

/** The same answer, watched: `end` when its body is over in whatever way; `broke` breaks what carries a body that fails half-way. */
export function watch(answer: Response, end: () => void, broke: (thrown: unknown) => Promise<void>): Response {
  if (!answer.body) {
    end();
    return answer;
  }
  const reader = answer.body.getReader();
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const chunk = await reader.read();
          if (!chunk.done) return controller.enqueue(chunk.value);
          end();
          controller.close();
        } catch (thrown) {
          end();
          await broke(thrown);
          controller.close();
        }
      },
      async cancel(reason) {
        await reader.cancel(reason).catch(() => {});
        end();
      },
    },
    { highWaterMark: 0 },
  );
  return new Response(body, answer);
}
