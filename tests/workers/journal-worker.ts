import { runScript } from '../harness/scripted.ts';

export default { fetch: async () => new Response(await runScript()) };
