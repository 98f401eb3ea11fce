/**
 * IP addresses: ranges of them, loopback addresses, and the keys that limits
 * count clients by.
 *
 * @module
 */

import { BlockList, isIP } from "node:net";

/** Tells whether an address lies in one of some ranges. */
export type IsInRanges = (address: string) => boolean;

/**
 * Parses a comma-separated list of addresses and ranges: `10.0.0.0/8, ::1`.
 *
 * @returns `undefined` when an element is neither, or when there is none.
 */
export function parseIpRanges(list: string): IsInRanges | undefined {
  const ranges = new BlockList();
  for (const text of list.split(",")) {
    if (!addRange(ranges, text.trim())) return undefined;
  }
  // A check takes microseconds, and most requests come through one proxy.
  let last = "";
  let isLastInside = false;
  return (address) => {
    if (address !== last) {
      isLastInside = isIpAddress(address) &&
        ranges.check(withoutZone(address), familyOf(address));
      last = address;
    }
    return isLastInside;
  };
}

/** Whether the text is an IPv4 or IPv6 address. */
export function isIpAddress(text: string): boolean {
  return isIP(text) !== 0;
}

const LOOPBACK_ADDRESSES = parseIpRanges("127.0.0.0/8,::1");

/** Whether the IP address, in any notation, is one of this machine alone. */
export function isLoopbackAddress(address: string): boolean {
  return LOOPBACK_ADDRESSES?.(address) ?? false;
}

/**
 * The key that limits count an address by, so that a client cannot escape them
 * by changing its address: the address itself for IPv4 (mapped into IPv6 too),
 * the /64 network for IPv6, which is the least that a household gets.
 */
export function limitKeyOfAddress(address: string): string {
  if (isIP(address) !== 6) return address;
  const groups = groupsOf(address);
  const [a, b, c, d, , , high = "", low = ""] = groups;
  if (groups.slice(0, 6).join(":") === "0:0:0:0:0:ffff") {
    const bits = parseInt(high, 16) * 65_536 + parseInt(low, 16);
    return [24, 16, 8, 0].map((shift) => bits >>> shift & 255).join(".");
  }
  return `${a}:${b}:${c}:${d}::/64`;
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

/** Adds an address or a range; false when the text is neither. */
function addRange(ranges: BlockList, text: string): boolean {
  const [address = "", prefix, ...rest] = text.split("/");
  if (!isIpAddress(address) || rest.length > 0) return false;
  const family = familyOf(address);
  const bitsMax = family === "ipv4" ? 32 : 128;
  if (prefix !== undefined && !/^\d{1,3}$/.test(prefix)) return false;
  const bits = Number(prefix ?? bitsMax);
  if (bits > bitsMax) return false;
  ranges.addSubnet(withoutZone(address), bits, family);
  return true;
}

function familyOf(address: string): "ipv4" | "ipv6" {
  return address.includes(":") ? "ipv6" : "ipv4";
}

/** The zone names an interface of the machine, and is no part of the address. */
function withoutZone(address: string): string {
  const end = address.indexOf("%");
  return end < 0 ? address : address.slice(0, end);
}

/** The eight groups of an IPv6 address, in hexadecimal without leading zeros. */
function groupsOf(address: string): string[] {
  const { hostname } = new URL(`http://[${withoutZone(address)}]`);
  const [head = "", tail = ""] = hostname.slice(1, -1).split("::");
  const first = head === "" ? [] : head.split(":");
  const last = tail === "" ? [] : tail.split(":");
  const zeros = Array<string>(8 - first.length - last.length).fill("0");
  return [...first, ...zeros, ...last];
}
