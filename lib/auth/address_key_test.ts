import { assertEquals } from "@std/assert";
import { limitKeyOfAddress } from "./address_key.ts";

const CASES: readonly [string, string][] = [
  ["10.1.2.3", "10.1.2.3"],
  ["::ffff:10.1.2.3", "10.1.2.3"],
  ["::1", "0:0:0:0::/64"],
  ["2001:db8::1", "2001:db8:0:0::/64"],
  ["2001:0DB8:0:0:ffff::", "2001:db8:0:0::/64"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
  ["2001:db8:1:2::", "2001:db8:1:2::/64"],
  ["fe80::1%eth0", "fe80:0:0:0::/64"],
  ["", ""],
];

for (const [address, key] of CASES) {
  Deno.test(`limitKeyOfAddress() of "${address}" is "${key}"`, () => {
    assertEquals(limitKeyOfAddress(address), key);
  });
}
