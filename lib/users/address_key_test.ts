import { assertEquals } from "@std/assert";
import { limitKeyOfAddress, networksOf } from "./address_key.ts";

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

Deno.test("networksOf() widens an address step by step", () => {
  const of = (address: string) => networksOf(limitKeyOfAddress(address));
  assertEquals(of("10.1.2.3"), ["10", "10.1", "10.1.2", "10.1.2.3"]);
  assertEquals(of("2001:db8:1:203::7"), [
    "2001:db8",
    "2001:db8:1",
    "2001:db8:1:02",
    "2001:db8:1:203::/64",
  ]);
  assertEquals(of("2001:db8:1:3::7")[2], "2001:db8:1:00");
});
