import type { JsonObject } from '../contract/index.ts';
import { writeUsd } from '../meter/money.ts';
import type { Result } from './run-job.ts';

/** A result as one line of NDJSON. */
export function resultLine(result: Result): JsonObject {
  const { job, generation, words } = result;
  return {
    type: 'result',
    name: job.name,
    state: result.state,
    modality: job.modality,
    model: job.model,
    streamed: job.stream ?? false,
    generation: generation?.id ?? null,
    simulated: generation?.simulated ?? null,
    outputs: result.saved.map(({ file, bytes, output, triangles }) => ({
      file,
      bytes,
      ...(output?.width ? { width: output.width, height: output.height ?? 0 } : {}),
      ...(output?.seconds === undefined ? {} : { seconds: output.seconds }),
      ...(triangles === undefined ? {} : { triangles }),
    })),
    ...(words ? { words_heard: words.heard, words_said: words.said } : {}),
    latency_ms: result.latencyMs ?? null,
    ...(result.firstMs === undefined ? {} : { first_text_ms: result.firstMs }),
    cost_usd: result.costUsd ?? null,
    cost_status: generation?.receipt?.status ?? null,
    units: result.units.map((unit) => ({
      unit: unit.unit,
      quantity: unit.quantity,
      unit_cost_usd: unit.costPico === undefined || result.costUsd === null ? null : writeUsd(unit.costPico),
    })),
    warnings: generation?.warnings ?? [],
    ...(result.note ? { error: { code: result.code ?? result.state, message: result.note } } : {}),
  };
}
