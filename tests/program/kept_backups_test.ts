/**
 * `quipu backup --keep` from outside: dated backups of a server over HTTPS,
 * asked for with a token, of which the newest are kept.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { runProgram, startServer } from "../support/program.ts";
import { basic } from "../support/test_auth.ts";

const TLS = fromFileUrl(new URL("../support/tls/", import.meta.url));

function namesIn(directory: string): string[] {
  return [...Deno.readDirSync(directory)].map(({ name }) => name).sort();
}

Deno.test("backup --keep takes dated backups, and removes complete older ones alone", async () => {
  const place = await Deno.makeTempDir();
  const kept = join(place, "kept");
  await using server = await startServer([
    `--db=${join(place, "db")}`,
    `--tls-cert=${TLS}server.cert.pem`,
    `--tls-key=${TLS}server.key.pem`,
  ]);
  const url = server.url.replace("http://", "https://");
  using client = Deno.createHttpClient({
    caCerts: [Deno.readTextFileSync(TLS + "ca.pem")],
  });
  const post = async (path: string, type: string, body: unknown) => {
    const response = await fetch(url + path, {
      client,
      method: "POST",
      headers: {
        "Authorization": basic("admin", "changeit"),
        "Content-Type": type,
      },
      body: JSON.stringify(body),
    });
    const text = await response.text();
    assert(response.ok, `${path}: ${response.status} ${text}`);
    return text;
  };
  const json = "application/json";
  const scopes = { scopes: ["backup"] };
  const made = await post("/users/admin/tokens", json, scopes);
  const tokenFile = join(place, "token");
  await Deno.writeTextFile(tokenFile, `${JSON.parse(made).token}\n`);
  const append = () =>
    post("/streams/s", "application/vnd.eventstore.events+json", [
      { eventId: crypto.randomUUID(), eventType: "t" },
    ]);
  const backup = (...more: string[]) =>
    runProgram([
      "backup",
      kept,
      `--url=${url}`,
      `--token-file=${tokenFile}`,
      "--quiet",
      ...more,
    ]);
  const trusted = `--ca-cert=${TLS}ca.pem`;

  // Nobody vouches for that certificate.
  const untrusted = await backup("--keep=2");
  assertEquals(untrusted.exitCode, 1);
  assertMatch(untrusted.log, /Cannot reach .*certificate/i);

  const taken: string[] = [];
  for (let round = 0; round < 4; round++) {
    await append();
    const { exitCode, log, output } = await backup(
      trusted,
      "--keep=2",
      "--json",
    );
    assertEquals(exitCode, 0, log);
    const { target, removed } = JSON.parse(output);
    taken.push(target.slice(kept.length + 1));
    assertEquals(taken.toSorted(), taken);
    assertEquals(removed, round < 2 ? [] : [taken[round - 2]]);
  }
  assertEquals(namesIn(kept), taken.slice(-2));

  // None of these is a complete backup of the program's own making.
  await Deno.mkdir(join(kept, "20200101T000000.000Z"));
  await Deno.mkdir(join(kept, "holidays"));
  await Deno.writeTextFile(join(kept, "20200102T000000.000Z"), "a file");
  await Deno.mkdir(join(place, "elsewhere"));
  await Deno.copyFile(
    join(kept, taken[2] ?? "", "manifest.json"),
    join(place, "elsewhere", "manifest.json"),
  );
  await Deno.symlink(
    join(place, "elsewhere"),
    join(kept, "20200103T000000.000Z"),
  );
  await Deno.mkdir(join(kept, "20200104T000000.000Z"));
  await Deno.writeTextFile(
    join(kept, "20200104T000000.000Z", "manifest.json"),
    "{}",
  );
  const planted = namesIn(kept).filter((name) => !taken.includes(name));
  assertEquals(planted.length, 5);
  const last = await backup(trusted, "--keep=1");
  assertEquals(last.exitCode, 0, last.log);
  assertMatch(last.output, /Removed 2 older: /);
  const names = namesIn(kept);
  assertEquals(names.filter((name) => planted.includes(name)), planted);
  assertEquals(names.length, planted.length + 1);
  assertEquals(namesIn(join(place, "elsewhere")), ["manifest.json"]);

  // The one that is left is whole, without those that it shared files with.
  const newest = names.filter((name) => !planted.includes(name))[0] ?? "";
  const restored = await runProgram([
    "restore",
    join(kept, newest),
    `--db=${join(place, "restored")}`,
    "--quiet",
  ]);
  assertEquals(restored.exitCode, 0, restored.log);
  const refused = await runProgram([
    "backup",
    join(kept, newest),
    `--db=${join(place, "restored")}`,
    "--keep=1",
  ]);
  assertEquals(refused.exitCode, 1);
  assertMatch(refused.log, /it is a backup itself/);
  await Deno.remove(place, { recursive: true });
});

Deno.test("backup --keep goes on with a backup that was interrupted", async () => {
  const place = await Deno.makeTempDir();
  const kept = join(place, "kept");
  const db = `--db=${join(place, "db")}`;
  {
    await using _server = await startServer([db]);
  }
  const interrupted = join(kept, "20260101T000000.000Z");
  await Deno.mkdir(join(interrupted, "segments"), { recursive: true });
  const { exitCode, log } = await runProgram(["backup", kept, db, "--keep=3"]);
  assertEquals(exitCode, 0, log);
  assertEquals(namesIn(kept), ["20260101T000000.000Z"]);
  assert(namesIn(interrupted).includes("manifest.json"));
  await Deno.remove(place, { recursive: true });
});
