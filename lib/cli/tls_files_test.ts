import { assert, assertEquals, assertThrows } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { RunError } from "./failures.ts";
import { readTlsPair, type TlsSources } from "./tls_files.ts";

const FOLDER = fromFileUrl(
  new URL("../../tests/support/tls/", import.meta.url),
);
const IN_2040 = Date.UTC(2040, 0);

function read(sources: Partial<TlsSources> = {}) {
  return readTlsPair({
    certPath: FOLDER + "server.cert.pem",
    keyPath: FOLDER + "server.key.pem",
    nowMs: IN_2040,
    ...sources,
  });
}

function refusalOf(sources: Partial<TlsSources>): string {
  const { message } = assertThrows(() => read(sources), RunError);
  assert(!message.includes("\n"), message);
  return message.replaceAll(FOLDER, "");
}

Deno.test("readTlsPair() reads a certificate and its key", () => {
  const pair = read();
  assert(pair.cert.includes("BEGIN CERTIFICATE"));
  assert(pair.key.includes("PRIVATE KEY"));
});

Deno.test("readTlsPair() says what is wrong in one line", () => {
  const cases: [Partial<TlsSources>, string | RegExp][] = [
    [
      { certPath: FOLDER + "none.pem" },
      'Cannot read the certificate "none.pem": there is no such file',
    ],
    [
      { keyPath: FOLDER + "none.pem" },
      'Cannot read the key "none.pem": there is no such file',
    ],
    [
      { keyPath: FOLDER + "other.key.pem" },
      'Cannot use the certificate "server.cert.pem": the key "other.key.pem" ' +
      "belongs to another certificate",
    ],
    [
      { certPath: FOLDER + "README.md" },
      'Cannot use the certificate "README.md": it is not a PEM certificate',
    ],
    [
      { keyPath: FOLDER + "server.cert.pem" },
      'Cannot use the key "server.cert.pem": it is not a PEM private key',
    ],
    [
      { certPath: FOLDER + "server.key.pem" },
      'Cannot use the certificate "server.key.pem": it is not a PEM certificate',
    ],
    [
      { nowMs: Date.UTC(3000, 0) },
      /^Cannot use the certificate "server.cert.pem": it expired on 2\d{3}-\d\d-\d\d$/,
    ],
    [
      { nowMs: Date.UTC(2000, 0) },
      /^Cannot use the certificate "server.cert.pem": it is not valid before 2\d{3}-\d\d-\d\d$/,
    ],
  ];
  for (const [sources, wanted] of cases) {
    const message = refusalOf(sources);
    if (typeof wanted === "string") assertEquals(message, wanted);
    else assert(wanted.test(message), message);
  }
});

Deno.test("readTlsPair() knows a key with a password", () => {
  const encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n" +
    "-----END ENCRYPTED PRIVATE KEY-----\n";
  const keyPath = Deno.makeTempFileSync({ prefix: "quipu-key-" });
  try {
    Deno.writeTextFileSync(keyPath, encrypted);
    assertEquals(
      refusalOf({ keyPath }),
      `Cannot use the key "${keyPath}": it is protected by a password`,
    );
  } finally {
    Deno.removeSync(keyPath);
  }
});
