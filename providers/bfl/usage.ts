import { type Json, type Meter, numberAt, type Observed, stringAt, type Usage } from '../../src/contract/index.ts';
import { figureAt, firstFigure } from '../shared/asked.ts';
import { Leaves } from '../shared/leaves.ts';
import { wholeMegapixels } from '../shared/pixels.ts';

/**
 * What a task consumed. BFL tells the credits of a task when it takes it (`cost`), and they are what is billed. Without them: one picture,
 * which FLUX.2 sells with its first megapixel in it, every further megapixel that comes out or goes in apart.
 * Moderated and broken tasks cost nothing. https://docs.bfl.ai/quick_start/pricing
 */
export function readUsage(observed: Observed): Usage | undefined {
  const { response, usage, sold = [] } = observed;
  if (/Moderated$|^Error$/.test(stringAt(response, 'status') ?? '')) return new Leaves().add('images', 0).usage('body');
  const credits = numberAt(response, 'cost') ?? numberAt(usage, 'cost');
  if (credits !== undefined && (sold.length === 0 || sold.includes('provider_credits'))) {
    const raw = rawOf(response) ?? rawOf(usage);
    return new Leaves().add('provider_credits', credits, { dims: { unit: 'credit' } }).usage('body', { raw });
  }
  const sells = (meter: Meter) => (sold.length > 0 ? sold.includes(meter) : observed.model.startsWith('flux-2'));
  const leaves = new Leaves().add('images', 1);
  if (sells('megapixels')) leaves.add('megapixels', furtherMegapixels(observed));
  return leaves.usage('derived');
}

function rawOf(value: Json | undefined): Json | undefined {
  const cost = numberAt(value, 'cost');
  if (cost === undefined) return undefined;
  const [input, output] = [numberAt(value, 'input_mp'), numberAt(value, 'output_mp')];
  return {
    cost,
    ...(input === undefined ? {} : { input_mp: input }),
    ...(output === undefined ? {} : { output_mp: output }),
  };
}

function furtherMegapixels({ request, response, usage }: Observed): number {
  const [width, height] = [figureAt(request, 'width'), figureAt(request, 'height')];
  const asked = width && height ? wholeMegapixels(width, height) : 1;
  const output = firstFigure(response, 'output_mp') ?? firstFigure(usage, 'output_mp') ?? asked;
  const input = firstFigure(response, 'input_mp') ?? firstFigure(usage, 'input_mp') ?? 0;
  return Math.max(0, Math.ceil(output) - 1) + Math.ceil(input);
}
