/** Hex SHA-256 of bytes, or of text as UTF-8. */
export async function hexDigest(bytes: Uint8Array | string): Promise<string> {
  const data = typeof bytes === 'string' ? new TextEncoder().encode(bytes) : bytes;
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', data as BufferSource));
  let text = '';
  for (const byte of digest) text += byte.toString(16).padStart(2, '0');
  return text;
}
