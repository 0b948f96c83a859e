import type { Scenario } from '../support/fault-world.ts';
import { answers } from './answers.ts';
import { clients, money } from './clients.ts';
import { jobs } from './jobs.ts';
import { network } from './network.ts';
import { refusals } from './refusals.ts';
import { events, streams } from './streams.ts';

/** Every fault that is shown through HTTP alone, by theme. */
export const themes: [theme: string, scenarios: Scenario[]][] = [
  ['refusals', refusals],
  ['network', network],
  ['streams', streams],
  ['events', events],
  ['answers', answers],
  ['jobs', jobs],
  ['clients', clients],
  ['money', money],
];
