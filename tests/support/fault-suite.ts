import { afterAll, beforeAll, describe, it } from 'vitest';
import { openWorld, type Scenario, type Start, type World } from './fault-world.ts';

/** Runs the scenarios on one runtime: those that wait at the same time, the others one after the other. */
export function faultSuite(
  runtime: 'Node' | 'workerd',
  start: Start,
  themes: readonly [theme: string, scenarios: readonly Scenario[]][],
): void {
  describe(`faults on ${runtime}`, () => {
    let world: World;
    beforeAll(async () => {
      world = await openWorld(runtime, start);
    }, 60_000);
    afterAll(() => world?.close());
    const here = themes.map(
      ([theme, scenarios]) => [theme, scenarios.filter(({ only }) => !only || only === runtime)] as const,
    );
    const test = ({ title, run, fails }: Scenario, theme = '') =>
      (fails ? it.fails : it)(`${title}${theme}`, () => run(world), 30_000);
    describe.concurrent('what waits', () => {
      for (const [theme, scenarios] of here) {
        for (const scenario of scenarios) if (scenario.waits) test(scenario, ` [${theme}]`);
      }
    });
    for (const [theme, scenarios] of here) {
      describe(theme, () => {
        for (const scenario of scenarios) if (!scenario.waits) test(scenario);
      });
    }
  });
}
