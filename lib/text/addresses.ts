/**
 * IP addresses: ranges of them, those of this machine alone, and the keys that
 * limits count them by.
 *
 * @module
 */

/** Tells whether an address lies in one of some ranges. */
export type IsInRanges = (address: string) => boolean;

interface Range {
  readonly bytes: readonly number[];
  readonly prefixBits: number;
}

/**
 * Parses a comma-separated list of addresses and ranges: `10.0.0.0/8, ::1`.
 *
 * @returns `undefined` when an element is neither, or when there is none.
 */
export function parseIpRanges(list: string): IsInRanges | undefined {
  const ranges = list.split(",").map((text) => parseRange(text.trim()));
  if (!ranges.every((range) => range !== undefined)) return undefined;
  return (address) => {
    const bytes = parseAddress(address);
    return bytes !== undefined && ranges.some((range) => covers(range, bytes));
  };
}

/** Whether the text is an IPv4 or IPv6 address. */
export function isIpAddress(text: string): boolean {
  return parseAddress(text) !== undefined;
}

const LOOPBACK_ADDRESSES = parseIpRanges("127.0.0.0/8,::1");

/** Whether the IP address, in any notation, is one of this machine alone. */
export function isLoopbackAddress(address: string): boolean {
  return LOOPBACK_ADDRESSES?.(address) ?? false;
}

/**
 * What limits count an address by: what one client can change at will must not
 * make it another client. The address itself for IPv4 (mapped into IPv6 too),
 * the /64 network for IPv6: a household or a machine owns at least that many
 * addresses.
 */
export function limitKeyOfAddress(address: string): string {
  if (!address.includes(":")) return address;
  const bytes = parseAddress(address);
  if (bytes === undefined) return address;
  if (bytes.length === 4) return bytes.join(".");
  const network = [0, 2, 4, 6].map((at) =>
    ((bytes[at] ?? 0) * 256 + (bytes[at + 1] ?? 0)).toString(16)
  );
  return network.join(":") + "::/64";
}

/**
 * Networks that an address is in, the widest first, itself last: /8, /16 and
 * /24 for IPv4, /32, /48 and /56 for IPv6.
 *
 * @param key What `limitKeyOfAddress` made of the address.
 */
export function networksOf(key: string): string[] {
  if (!key.includes(":")) {
    const [a, b, c] = key.split(".");
    return [`${a}`, `${a}.${b}`, `${a}.${b}.${c}`, key];
  }
  const [a, b, c, d = ""] = key.split(":");
  const subnet = d.padStart(4, "0").slice(0, 2);
  return [`${a}:${b}`, `${a}:${b}:${c}`, `${a}:${b}:${c}:${subnet}`, key];
}

function parseRange(text: string): Range | undefined {
  const [addressText = "", prefixText, ...rest] = text.split("/");
  const bytes = parseAddress(addressText);
  if (bytes === undefined || rest.length > 0) return undefined;
  const bits = bytes.length * 8;
  if (prefixText === undefined) return { bytes, prefixBits: bits };
  if (!/^\d{1,3}$/.test(prefixText)) return undefined;
  const isMapped = bytes.length === 4 && addressText.includes(":");
  const prefixBits = Number(prefixText) - (isMapped ? 96 : 0);
  return prefixBits >= 0 && prefixBits <= bits
    ? { bytes, prefixBits }
    : undefined;
}

function covers(range: Range, bytes: readonly number[]): boolean {
  if (range.bytes.length !== bytes.length) return false;
  for (let bit = 0; bit < range.prefixBits; bit += 8) {
    const index = bit / 8;
    const unused = Math.max(0, 8 - (range.prefixBits - bit));
    const one = (range.bytes[index] ?? 0) >> unused;
    if (one !== (bytes[index] ?? 0) >> unused) return false;
  }
  return true;
}

/** Bytes of an address, 4 or 16, the first of the wire first. */
function parseAddress(text: string): readonly number[] | undefined {
  if (!text.includes(":")) return parseIpv4(text);
  // The zone names an interface of the machine, and is no part of the address.
  const address = text.replace(/%[\w.-]+$/, "");
  const bytes = parseIpv6(address);
  if (bytes === undefined) return undefined;
  const isMapped = bytes.slice(0, 10).every((byte) => byte === 0) &&
    bytes[10] === 0xff && bytes[11] === 0xff;
  return isMapped ? bytes.slice(12) : bytes;
}

function parseIpv4(text: string): readonly number[] | undefined {
  const parts = text.split(".");
  // Leading zeros are octal to some readers: they are no number here.
  const isShaped = parts.length === 4 &&
    parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part));
  if (!isShaped) return undefined;
  const bytes = parts.map(Number);
  return bytes.every((byte) => byte <= 255) ? bytes : undefined;
}

function parseIpv6(text: string): readonly number[] | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [head = "", tail] = halves;
  const first = parseGroups(head, tail === undefined);
  const last = tail === undefined ? [] : parseGroups(tail, true);
  if (first === undefined || last === undefined) return undefined;
  const missing = 16 - first.length - last.length;
  // `::` stands for one group at least.
  if (tail === undefined ? missing !== 0 : missing < 2) return undefined;
  return [...first, ...Array<number>(missing).fill(0), ...last];
}

function parseGroups(
  text: string,
  mayEndInIpv4: boolean,
): readonly number[] | undefined {
  if (text === "") return [];
  const bytes: number[] = [];
  const groups = text.split(":");
  for (const [index, group] of groups.entries()) {
    if (group.includes(".")) {
      const isLast = index === groups.length - 1;
      const ipv4 = mayEndInIpv4 && isLast ? parseIpv4(group) : undefined;
      if (ipv4 === undefined) return undefined;
      bytes.push(...ipv4);
    } else {
      if (!/^[0-9a-f]{1,4}$/i.test(group)) return undefined;
      const value = parseInt(group, 16);
      bytes.push(value >> 8, value & 0xff);
    }
  }
  return bytes;
}
