/** What fetch throws under Node where the connection never carried an answer, by fault. */
const codes: Record<string, string> = {
  dns: 'ENOTFOUND',
  refused: 'ECONNREFUSED',
  'connect-timeout': 'UND_ERR_CONNECT_TIMEOUT',
  tls: 'DEPTH_ZERO_SELF_SIGNED_CERT',
  reset: 'ECONNRESET',
  'billed-reset': 'ECONNRESET',
  fin: 'UND_ERR_SOCKET',
  'huge-header': 'UND_ERR_HEADERS_OVERFLOW',
  'many-headers': 'UND_ERR_HEADERS_OVERFLOW',
};

/** The connection failed before the headers. The server reads the code and does it to the socket. */
export function failedFetch(name: string, argument?: string): TypeError {
  const code = codes[name] ?? 'ECONNRESET';
  return new TypeError('fetch failed', {
    cause: Object.assign(new Error(`Simulated ${name}.`), { code, argument, name }),
  });
}

/** The body broke: `ECONNRESET` reset, `UND_ERR_SOCKET` closed, `HPE_INVALID_CHUNK_SIZE` bad chunk, `Z_DATA_ERROR` bad gzip. */
export function brokenBody(code: string): TypeError {
  return new TypeError('terminated', { cause: Object.assign(new Error('Simulated.'), { code }) });
}

/** The code that a thrown fault carries. */
export function faultCode(thrown: unknown): string | undefined {
  const cause = thrown instanceof Error ? (thrown.cause as { code?: unknown } | undefined) : undefined;
  return typeof cause?.code === 'string' ? cause.code : undefined;
}

export function faultArgument(thrown: unknown): string | undefined {
  const cause = thrown instanceof Error ? (thrown.cause as { argument?: unknown } | undefined) : undefined;
  return typeof cause?.argument === 'string' ? cause.argument : undefined;
}
