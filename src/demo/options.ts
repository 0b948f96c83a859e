import { parseArgs } from 'node:util';
import type { Env } from '../assemble.ts';
import { plan } from './plan.ts';

export type Options = {
  /** A running gateway; without one the demo starts its own. */
  running?: { url: string; key: string };
  /** Data folder of the demo's own gateway; a temporary one without it. */
  data?: string;
  out: string;
  only?: string[];
  json: boolean;
  help: boolean;
};

/** A wrong command line: exit code 2. */
export class UsageError extends Error {}

export const help = `Atelier's demo: makes one output of every kind through one endpoint and shows what each cost.

  npm run demo -- [options]

  --url URL     drive a running gateway (or ATELIER_URL); without it the demo starts its own
  --key KEY     its app key (or ATELIER_KEY, which other users of this machine cannot see)
  --data DIR    keep the own gateway's books and keys in DIR instead of a temporary folder
  --out DIR     where the outputs are saved (demo-output)
  --only KINDS  some kinds alone, as in --only image,speech
                (${kinds().join(', ')})
  --json        one JSON object a line on stdout instead of tables (with npm run -s)
  --help        this text

The own gateway answers from its simulators and spends nothing, even where provider keys are set,
unless ATELIER_SIMULATE says auto or off.

Exit codes: 0 all well, 1 a job failed or none could run, 2 wrong usage, 130 interrupted.
`;

/** Reads the command line. Throws UsageError. */
export function readOptions(argv: readonly string[], env: Env): Options {
  const values = parse(argv);
  const url = values.url ?? env.ATELIER_URL;
  const key = values.key ?? env.ATELIER_KEY;
  const options: Options = {
    out: values.out ?? 'demo-output',
    json: values.json ?? false,
    help: values.help ?? false,
    ...(values.data ? { data: values.data } : {}),
    ...(values.only === undefined ? {} : { only: readKinds(values.only) }),
  };
  if (options.help) return options;
  if (!url) {
    if (values.key) throw new UsageError('--key goes with --url: the key of which gateway?');
    return options;
  }
  if (!/^https?:\/\/./.test(url) || !URL.canParse(url)) throw new UsageError(`"${url}" is no http address.`);
  if (!key) throw new UsageError('--url needs --key (or ATELIER_KEY): an app key of that gateway.');
  if (options.data) throw new UsageError('--data is for the own gateway; it cannot go with --url or ATELIER_URL.');
  return { ...options, running: { url: url.replace(/\/+$/, ''), key } };
}

function parse(argv: readonly string[]) {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  try {
    return parseArgs({
      args: [...argv],
      options: { url: text, key: text, data: text, out: text, only: text, json: flag, help: { ...flag, short: 'h' } },
    }).values;
  } catch (thrown) {
    throw new UsageError(thrown instanceof Error ? thrown.message : String(thrown));
  }
}

function readKinds(list: string): string[] {
  const wanted = list.split(',').flatMap((kind) => kind.trim() || []);
  const unknown = wanted.find((kind) => !kinds().includes(kind));
  if (unknown || wanted.length === 0) {
    throw new UsageError(`--only takes any of ${kinds().join(', ')}${unknown ? `; "${unknown}" is not one` : ''}.`);
  }
  return wanted;
}

function kinds(): string[] {
  return [...new Set(plan.map((one) => one.modality))];
}
