import { assert, assertEquals, assertThrows } from "@std/assert";
import { parseDatabaseUrl } from "./database_url.ts";
import { QuipuError } from "../model/errors.ts";

const START = "postgres://user@db.example.org/events";

Deno.test("parseDatabaseUrl() reads hosts, ports, and what is encoded", () => {
  const { hosts, user, database, schema } = parseDatabaseUrl(
    "postgresql://o%40x@a,b:5433,[::1]:6000/my%20db?schema=s_1",
  );
  assertEquals(hosts, [
    { host: "a", port: 5432 },
    { host: "b", port: 5433 },
    { host: "::1", port: 6000 },
  ]);
  assertEquals([user, database, schema], ["o@x", "my db", "s_1"]);
});

Deno.test("parseDatabaseUrl() takes modes of TLS as libpq does", () => {
  const cases: [parameters: string, tls: string, root: string | undefined][] = [
    ["", "verify-full", undefined],
    ["?sslmode=disable", "disable", undefined],
    ["?sslmode=require", "require", undefined],
    ["?sslmode=require&sslrootcert=ca.pem", "verify-ca", "ca.pem"],
    ["?sslmode=verify-ca&sslrootcert=ca.pem", "verify-ca", "ca.pem"],
    ["?sslmode=verify-full&sslrootcert=ca.pem", "verify-full", "ca.pem"],
    ["?sslmode=verify-full&sslrootcert=system", "verify-full", undefined],
  ];
  for (const [parameters, tls, root] of cases) {
    const address = parseDatabaseUrl(START + parameters);
    assertEquals([address.tls, address.rootCertificateFile], [tls, root]);
  }
});

Deno.test("parseDatabaseUrl() asks for no TLS on loopback addresses and sockets", () => {
  for (
    const url of [
      "postgres://u@127.0.0.1,localhost,[::1]/d",
      "postgres://u@/d?host=/run/postgresql",
    ]
  ) {
    assertEquals(parseDatabaseUrl(url).tls, "disable");
  }
  assertEquals(
    parseDatabaseUrl("postgres://u@localhost,b/d").tls,
    "verify-full",
  );
});

Deno.test("parseDatabaseUrl() takes what services add to their URLs", () => {
  const { tls, channelBinding } = parseDatabaseUrl(
    `${START}?sslmode=require&channel_binding=require&target_session_attrs=read-write`,
  );
  assertEquals([tls, channelBinding], ["require", "require"]);
});

Deno.test("parseDatabaseUrl() refuses what it cannot keep, and says why", () => {
  const cases: Record<string, string> = {
    "?sslmode=prefer": "may go on without TLS",
    "?sslmode=allow": "may go on without TLS",
    "?sslmode=yes": "sslmode is disable, require, verify-ca, verify-full",
    "?sslmode=verify-ca": "needs sslrootcert",
    "?sslmode=disable&channel_binding=require": "needs TLS",
    "?channel_binding=maybe": "channel_binding is prefer, disable, require",
    "?target_session_attrs=any": "target_session_attrs is primary",
    "?sslcert=me.pem": 'unknown parameter "sslcert"',
    "?schema=Events": "small letters",
    "?notify=maybe": "notify is auto, on, off",
  };
  for (const [parameters, why] of Object.entries(cases)) {
    assertThrows(() => parseDatabaseUrl(START + parameters), QuipuError, why);
  }
});

Deno.test("parseDatabaseUrl() refuses a password, and does not repeat it", () => {
  const refused = assertThrows(
    () => parseDatabaseUrl("postgres://user:s3cret@a/d"),
    QuipuError,
    "QUIPU_DB_PASSWORD",
  );
  assert(!refused.message.includes("s3cret"));
});
