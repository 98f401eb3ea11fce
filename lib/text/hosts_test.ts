import { assertEquals } from "@std/assert";
import { isLoopbackAddress } from "./addresses.ts";
import { isLoopbackHost } from "./hosts.ts";

const OWN_HOSTS = [
  "localhost",
  "LOCALHOST:1",
  "localhost.",
  "app.localhost",
  "127.0.0.1",
  "127.9.9.9:80",
  "::1",
  "[::1]",
  "[::1]:2113",
  "[0:0:0:0:0:0:0:1]:2113",
  "::ffff:127.0.0.1",
];

const FOREIGN_HOSTS = [
  "",
  "0.0.0.0",
  "::",
  "[::]:2113",
  "10.0.0.1",
  "127.0.0.1.example",
  "127.0.0.999",
  "localhost.example",
  "notlocalhost",
  "1270.0.0.1",
  "[::1",
  "[::1].example",
  "user@127.0.0.1",
];

Deno.test("isLoopbackHost() knows the machine's own names and addresses", () => {
  for (const host of OWN_HOSTS) assertEquals(isLoopbackHost(host), true, host);
  for (const host of FOREIGN_HOSTS) {
    assertEquals(isLoopbackHost(host), false, host);
  }
});

Deno.test("isLoopbackAddress() knows addresses, and no names", () => {
  for (const address of ["127.0.0.1", "127.255.0.3", "::1"]) {
    assertEquals(isLoopbackAddress(address), true, address);
  }
  for (const address of ["localhost", "", "128.0.0.1", "::2", "0.0.0.0"]) {
    assertEquals(isLoopbackAddress(address), false, address);
  }
});
