import { assertEquals } from "@std/assert";
import {
  isIpAddress,
  limitKeyOfAddress,
  networksOf,
  parseIpRanges,
} from "./addresses.ts";

const INSIDE: readonly (readonly [ranges: string, address: string])[] = [
  ["10.0.0.1", "10.0.0.1"],
  ["10.0.0.0/8", "10.255.1.2"],
  ["10.0.0.0/8, 192.168.0.0/16", "192.168.77.1"],
  ["10.0.0.128/25", "10.0.0.200"],
  ["0.0.0.0/0", "203.0.113.9"],
  ["10.0.0.1", "::ffff:10.0.0.1"],
  ["10.0.0.1", "::FFFF:0a00:0001"],
  ["::ffff:10.0.0.0/104", "10.9.9.9"],
  ["::1", "::1"],
  ["::1", "0:0:0:0:0:0:0:1"],
  ["fd00::/8", "fdab:1::7"],
  ["2001:db8::/33", "2001:db8:7fff::1"],
  ["fe80::/10", "fe80::1%eth0"],
  ["::/0", "2001:db8::1"],
];

const OUTSIDE: readonly (readonly [ranges: string, address: string])[] = [
  ["10.0.0.1", "10.0.0.2"],
  ["10.0.0.0/8", "11.0.0.1"],
  ["10.0.0.128/25", "10.0.0.127"],
  ["0.0.0.0/0", "2001:db8::1"],
  ["::/0", "10.0.0.1"],
  ["2001:db8::/33", "2001:db8:8000::1"],
  ["10.0.0.0/8", ""],
  ["10.0.0.0/8", "10.0.0.1.example.org"],
  ["10.0.0.0/8", "unix"],
];

for (const [ranges, address] of INSIDE) {
  Deno.test(`${address} lies in ${ranges}`, () => {
    assertEquals(parseIpRanges(ranges)?.(address), true);
  });
}

for (const [ranges, address] of OUTSIDE) {
  Deno.test(`"${address}" lies outside ${ranges}`, () => {
    assertEquals(parseIpRanges(ranges)?.(address), false);
  });
}

Deno.test("parseIpRanges() refuses what is no list of ranges", () => {
  const wrong = [
    "",
    ",",
    "10.0.0.1,",
    "10.0.0.0/33",
    "10.0.0.0/-1",
    "10.0.0.0/8/8",
    "10.0.0.0/",
    "10.0.0",
    "010.0.0.1",
    "256.0.0.1",
    "::1/129",
    "::1::",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7::8",
    "12345::",
    "1.2.3.4::",
    "localhost",
  ];
  assertEquals(wrong.filter((text) => parseIpRanges(text) !== undefined), []);
});

Deno.test("isIpAddress() knows addresses from names and ranges", () => {
  const addresses = ["127.0.0.1", "::1", "::", "fe80::1%eth0"];
  const others = ["", "localhost", "10.0.0.0/8", "1.2.3", "[::1]"];
  assertEquals(addresses.filter(isIpAddress), addresses);
  assertEquals(others.filter(isIpAddress), []);
});

const LIMIT_KEYS: readonly [string, string][] = [
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

for (const [address, key] of LIMIT_KEYS) {
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
