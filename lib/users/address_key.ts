/**
 * Addresses as keys of limits: what one client can change at will must not
 * make it another client.
 *
 * @module
 */

/**
 * The address itself for IPv4 (mapped into IPv6 too), the /64 network for
 * IPv6: a household or a machine owns at least that many addresses.
 */
export function limitKeyOfAddress(address: string): string {
  if (!address.includes(":")) return address;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (mapped?.[1] !== undefined) return mapped[1];
  const [headText = "", tailText] = address.split("%", 1)[0]?.split("::") ?? [];
  const head = headText === "" ? [] : headText.split(":");
  // Without `::` all eight groups are there.
  const missing = tailText === undefined
    ? 0
    : 8 - head.length - (tailText === "" ? 0 : tailText.split(":").length);
  const groups = [...head, ...Array(Math.max(0, missing)).fill("0")];
  if (tailText) groups.push(...tailText.split(":"));
  const network = groups.slice(0, 4).map((group) =>
    group.replace(/^0+(?=.)/, "").toLowerCase()
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
