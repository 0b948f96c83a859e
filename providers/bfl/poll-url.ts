/** BFL's API hosts: the global one answers with the address of the region that took the task. */
const own = /^api(\.[a-z0-9-]+)?\.bfl\.(ai|ml)$/;

/**
 * Where a task is asked about. The address that BFL gave is used only where the key may go: on BFL's own API hosts when the base address is
 * one of them, else on the base address's own origin. Anything else is asked for at the base address.
 * https://docs.bfl.ai/api_integration/integration_guidelines
 */
export function pollUrlOf(baseUrl: string, id: string, given: string | undefined): string {
  const otherwise = `${baseUrl}/v1/get_result?${new URLSearchParams({ id })}`;
  if (given === undefined || !URL.canParse(given)) return otherwise;
  const url = new URL(given);
  const base = new URL(baseUrl);
  const plain = url.username === '' && url.password === '';
  const family =
    own.test(base.hostname) &&
    base.protocol === 'https:' &&
    url.protocol === 'https:' &&
    url.port === '' &&
    own.test(url.hostname);
  const trusted = plain && (url.origin === base.origin || family);
  return trusted && /\/get_result$/.test(url.pathname) ? url.href : otherwise;
}
