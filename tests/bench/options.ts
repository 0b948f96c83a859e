import { parseArgs } from 'node:util';

export type Options = {
  /** Length of one measured stretch of plain chat; streams and latency take a part of it. */
  seconds: number;
  rounds: number;
  connections: number;
  /** Requests per second of the open loop. */
  rate: number;
  /** One minute at saturation for the memory figure. */
  minute: boolean;
  streams: boolean;
  json: boolean;
  /** Folder for a CPU profile of the gateway; the bare proxy and the latency rounds are then left out. */
  profile?: string;
};

export const usage = `npm run bench -- [options]
  --seconds 5       length of one stretch
  --rounds 3        rounds, taken in turn: gateway, bare proxy, gateway, …; medians are printed
  --connections 64  callers of the closed loop
  --rate 200        requests per second of the open loop
  --minute          one minute at saturation, for memory
  --no-streams      plain chat only
  --json            figures for machines
  --profile DIR     only load the gateway, with a CPU profile written to DIR`;

export function readOptions(args: string[]): Options | undefined {
  const { values } = parseArgs({
    args,
    options: {
      seconds: { type: 'string', default: '5' },
      rounds: { type: 'string', default: '3' },
      connections: { type: 'string', default: '64' },
      rate: { type: 'string', default: '200' },
      minute: { type: 'boolean', default: false },
      'no-streams': { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      profile: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  const number = (name: 'seconds' | 'rounds' | 'connections' | 'rate', highest: number) => {
    const value = Number(values[name]);
    if (value > 0 && value <= highest) return value;
    throw new Error(`--${name} is a number above 0 and at most ${highest}.\n${usage}`);
  };
  return {
    seconds: number('seconds', 600),
    rounds: Math.ceil(number('rounds', 100)),
    connections: Math.ceil(number('connections', 1024)),
    rate: number('rate', 20_000),
    minute: values.minute,
    streams: !values['no-streams'],
    json: values.json,
    ...(values.profile === undefined ? {} : { profile: values.profile }),
  };
}
