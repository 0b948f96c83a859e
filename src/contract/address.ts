/** Why a given URL was not opened, or broke off. */
export type UrlFault =
  /** Not https, a private address by literal, name or DNS, or credentials inside. */
  | 'refused'
  /** Points on to where we do not follow, or too often. */
  | 'redirect'
  | 'unreachable'
  | 'timeout'
  /** The connection broke, or the body was not as long as announced. */
  | 'interrupted'
  | 'too_large'
  /** Media of a type that was not asked for, or packed although we asked for it plain. */
  | 'media_type';

/** A URL that somebody gave us could not be opened or read. The door that was given it words the answer. */
export class UrlError extends Error {
  readonly fault: UrlFault;

  constructor(fault: UrlFault, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'UrlError';
    this.fault = fault;
  }

  /** Whether the same URL may work a moment later. */
  get passing(): boolean {
    return this.fault === 'unreachable' || this.fault === 'timeout' || this.fault === 'interrupted';
  }
}

/**
 * What can be checked of a given URL without the network: https, no credentials, no private host. Whoever opens it checks again, and
 * what DNS answers, too.
 * @param allowedOrigins origins (`http://127.0.0.1:9000`) that the operator vouches for: these may be http and private.
 * @throws UrlError with the fault `refused`.
 */
export function checkUrl(text: string, allowedOrigins: readonly string[] = []): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol)) throw new UrlError('refused', 'It is no https URL.');
  if (url.username || url.password) throw new UrlError('refused', 'A URL must not hold credentials.');
  if (allowedOrigins.includes(url.origin)) return url;
  if (url.protocol !== 'https:') throw new UrlError('refused', 'Only https URLs are opened.');
  if (isPrivateHost(url.hostname)) throw new UrlError('refused', 'It is not a public address.');
  return url;
}

/** Top-level names of networks of one's own. A name without a dot is one of the local network, too. */
const localNames = /(^|\.)(localhost|localdomain|local|internal|intranet|private|corp|home|lan|home\.arpa)$/;

/**
 * Loopback, private, link-local, reserved and metadata addresses, and names that only a local network knows.
 * @param hostname of a parsed URL (which has made octal, hexadecimal, short and full-width forms plain), or an address from DNS.
 */
export function isPrivateHost(hostname: string): boolean {
  const host = hostname
    .toLowerCase()
    .replace(/\.+$/, '')
    .replace(/^\[|\]$/g, '');
  if (host.includes(':')) return isPrivateIpv6(groupsOf(host));
  const dotted = /^(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(host);
  if (dotted) return isPrivateIpv4(dotted.slice(1).map(Number));
  // A last label of digits is an address in a form that no parser has made plain.
  return !host.includes('.') || localNames.test(host) || /\.(\d+|0x[0-9a-f]*)$/.test(host);
}

function isPrivateIpv4([one = 0, two = 0, three = 0, four = 0]: number[]): boolean {
  return (
    one === 0 ||
    one === 10 ||
    one === 127 ||
    one >= 224 ||
    (one === 100 && two >= 64 && two < 128) ||
    (one === 169 && two === 254) ||
    (one === 172 && two >= 16 && two < 32) ||
    (one === 192 && (two === 168 || (two === 0 && (three === 0 || three === 2)) || (two === 88 && three === 99))) ||
    (one === 198 && (two === 18 || two === 19 || (two === 51 && three === 100))) ||
    (one === 203 && two === 0 && three === 113) ||
    // Azure's metadata and health address.
    (one === 168 && two === 63 && three === 129 && four === 16)
  );
}

/** Only global unicast (2000::/3) is public, without the parts that are reserved or hold an IPv4 address (6to4, Teredo). */
function isPrivateIpv6(groups: number[] | undefined): boolean {
  if (!groups) return true;
  const [one = 0, two = 0] = groups;
  const [high = 0, low = 0] = groups.slice(6);
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    return isPrivateIpv4([high >> 8, high & 255, low >> 8, low & 255]);
  }
  if (one >> 13 !== 1 || one === 0x2002) return true;
  return (one === 0x2001 && (two < 0x200 || two === 0xdb8)) || (one === 0x3fff && two < 0x1000);
}

/** The eight numbers of an IPv6 address, however it is shortened; undefined for anything else. */
function groupsOf(text: string): number[] | undefined {
  const plain = text.replace(/%.*$/, '').replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...parts: string[]) => {
    const [one = 0, two = 0, three = 0, four = 0] = parts.slice(0, 4).map(Number);
    return `${(one * 256 + two).toString(16)}:${(three * 256 + four).toString(16)}`;
  });
  const halves = plain.split('::').map((half) => (half === '' ? [] : half.split(':')));
  const [left = [], right = []] = halves;
  const missing = 8 - left.length - right.length;
  if (halves.length > 2 || (halves.length === 2 ? missing < 1 : missing !== 0)) return undefined;
  const groups = [...left, ...new Array<string>(missing).fill('0'), ...right];
  return groups.every((group) => /^[0-9a-f]{1,4}$/.test(group))
    ? groups.map((group) => Number.parseInt(group, 16))
    : undefined;
}
