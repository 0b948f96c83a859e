/** What we use of the platform's own module: its full types would clash with the DOM library. */
declare module 'cloudflare:workers' {
  export abstract class DurableObject<Bindings = unknown> {
    protected readonly ctx: import('@cloudflare/workers-types').DurableObjectState;
    protected readonly env: Bindings;
    constructor(state: import('@cloudflare/workers-types').DurableObjectState, bindings: Bindings);
  }
}
