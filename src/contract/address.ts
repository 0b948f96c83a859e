/** Loopback, private, link-local and metadata addresses, in any literal form that URL parsing leaves. */
export function isPrivateHost(hostname: string): boolean {
  const host = hostname
    .toLowerCase()
    .replace(/\.$/, '')
    .replace(/^\[|\]$/g, '');
  if (host === 'localhost' || host.endsWith('.localhost') || host.endsWith('.local') || host.endsWith('.internal'))
    return true;
  const dotted = /^(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(host);
  if (dotted) return isPrivateIpv4(Number(dotted[1]), Number(dotted[2]), Number(dotted[3]));
  if (!host.includes(':')) return false;
  const mapped = /(?:^|:)ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(host);
  if (mapped) {
    const high = Number.parseInt(mapped[1]!, 16);
    const low = Number.parseInt(mapped[2]!, 16);
    return isPrivateIpv4(high >> 8, high & 255, low >> 8);
  }
  // Only global unicast (2000::/3) is public; 64:ff9b::/96 and 2002::/16 can reach IPv4 inside.
  return !/^[23][0-9a-f]{3}:/.test(host) || host.startsWith('2002:');
}

function isPrivateIpv4(one: number, two: number, three: number): boolean {
  return (
    one === 0 ||
    one === 10 ||
    one === 127 ||
    one >= 224 ||
    (one === 100 && two >= 64 && two < 128) ||
    (one === 169 && two === 254) ||
    (one === 172 && two >= 16 && two < 32) ||
    (one === 192 && (two === 168 || (two === 0 && (three === 0 || three === 2)))) ||
    (one === 198 && (two === 18 || two === 19 || (two === 51 && three === 100))) ||
    (one === 203 && two === 0 && three === 113)
  );
}
