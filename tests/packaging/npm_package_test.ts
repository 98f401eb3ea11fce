/**
 * The npm package, installed from its tarball: what is in it, and that the
 * program's workers and modules are found where npm puts them.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { readLock } from "../../packaging/locked_packages.ts";
import {
  buildNpmPackage,
  packNpmPackage,
} from "../../packaging/npm_package.ts";
import { DENO_FLAGS, NPM_NAME, VERSION } from "../../packaging/project.ts";
import { outputOf } from "../../packaging/run_command.ts";
import { startServer } from "../support/program.ts";
import {
  canReachRegistry,
  findTool,
  plainEnvironment,
  testWhere,
  tryServer,
} from "./ways.ts";

const registry = await canReachRegistry() ? undefined : "npm registry";

/** An empty directory with the package installed. */
async function installPackage(): Promise<
  AsyncDisposable & { readonly directory: string }
> {
  const directory = await Deno.makeTempDir({ prefix: "quipu-installed-" });
  await using package_ = await buildNpmPackage();
  await packNpmPackage(package_.directory, join(directory, "quipu.tgz"));
  await outputOf(
    ["npm", "install", "--no-audit", "--no-fund", "./quipu.tgz"],
    directory,
  );
  return {
    directory,
    [Symbol.asyncDispose]: () => Deno.remove(directory, { recursive: true }),
  };
}

testWhere(
  "the package has no TypeScript, and a notice for all that is bundled",
  registry,
  async () => {
    await using package_ = await buildNpmPackage();
    const files = await outputOf(
      ["npm", "pack", "--dry-run", "--json"],
      package_.directory,
    );
    const [{ files: packed }] = JSON.parse(files);
    const paths: string[] = packed.map(({ path }: { path: string }) => path);
    assertEquals(paths.filter((path) => /(?<!\.d)\.ts$/.test(path)), []);
    for (
      const path of [
        "LICENSE",
        "README.md",
        "THIRD_PARTY_NOTICES.txt",
        "dist/main.js",
        "dist/storage/index/index_worker.js",
        "package.json",
        "quipu.mjs",
      ]
    ) assert(paths.includes(path), path);
    const notices = await Deno.readTextFile(
      join(package_.directory, "THIRD_PARTY_NOTICES.txt"),
    );
    for (const { name, version } of readLock().packages) {
      const start = notices.indexOf(`\n${name} ${version} (`);
      assert(start >= 0, name);
      // Some licences begin with what they are for.
      const end = notices.indexOf("\n-----", start);
      assert(/copyright/i.test(notices.slice(start, end)), name);
    }
  },
);

testWhere("the installed program works", registry, async (t) => {
  await using place = await installPackage();
  const { directory } = place;
  await t.step(
    "it has the permissions of a checkout",
    () => hasFlags(directory),
  );
  await t.step("it starts its workers", () => startsWorkers(directory));
  await t.step("it has the client for Node", () => hasClient(directory));
  await t.step("it ends with the exit code", () => endsWithCode(directory));
  await t.step(
    "without its Deno, it says so",
    () => saysWhatIsMissing(directory),
  );
});

async function startsWorkers(directory: string): Promise<void> {
  const quipu = (...args: string[]) =>
    outputOf(["npx", "--no", NPM_NAME, ...args], directory);
  const options = ["--db=data", "--segment-size=8MiB", "--log-level=debug"];
  const { log } = await tryServer(
    [findTool("npx") ?? "npx", "--no", NPM_NAME, "serve", ...options],
    { directory, environment: plainEnvironment() },
    async (url) => {
      // Pages have files beside them: they are in the bundle.
      const page = await fetch(`${url}/web`);
      assertStringIncludes(await page.text(), "<html");
      await appendMany(url, EVENT_COUNT);
    },
  );
  // The index of a full segment is made by a worker, or else in the server.
  assertStringIncludes(log, "segment.sealed");
  assert(!log.includes("segment.index_made_here"), log);

  assertEquals(await quipu("version"), `${VERSION}\n`);
  assertStringIncludes(
    await quipu("verify", "--db=data"),
    "Nothing is damaged",
  );
  await quipu("export", "all.ndjson", "--stream=many", "--db=data");
  await Deno.writeTextFile(join(directory, "query.js"), QUERY);
  // Queries run in a worker.
  assertStringIncludes(
    await quipu("project", "query.js", "--events=all.ndjson"),
    `"count":${EVENT_COUNT}`,
  );
}

const QUERY = `fromStream("many").when({
  $init: () => ({ count: 0 }),
  one: (state) => { state.count++; },
});
`;

/** As many as fill a segment of 8 MiB. */
const EVENT_COUNT = 84_000;
const BATCH_COUNT = 4000;

async function appendMany(url: string, count: number): Promise<void> {
  for (let at = 0; at < count; at += BATCH_COUNT) {
    const events = Array.from({ length: BATCH_COUNT }, () => ({
      eventId: crypto.randomUUID(),
      eventType: "one",
      data: {},
    }));
    const { status, body } = await fetch(`${url}/streams/many`, {
      method: "POST",
      headers: { "Content-Type": "application/vnd.eventstore.events+json" },
      body: JSON.stringify(events),
    });
    await body?.cancel();
    assertEquals(status, 201);
  }
}

async function hasFlags(directory: string): Promise<void> {
  const { denoFlags } = JSON.parse(
    await Deno.readTextFile(
      join(directory, "node_modules", NPM_NAME, "package.json"),
    ),
  );
  assertEquals(denoFlags, DENO_FLAGS);
  assert(denoFlags.includes("--no-prompt"));
  assert(!denoFlags.includes("--allow-all"));
}

/** Node's part: appends an event and reads it. */
const CLIENT_SCRIPT = `
import { Client } from "${NPM_NAME}/client";
const client = new Client({ url: process.argv[2] });
await client.append("order-1", { eventType: "OrderPaid", data: { amount: 42 } });
for await (const event of client.read("order-1")) {
  console.log(event.eventType, JSON.stringify(event.data));
}
`;

async function hasClient(directory: string): Promise<void> {
  await using server = await startServer(["--mem-db"]);
  await Deno.writeTextFile(join(directory, "client.mjs"), CLIENT_SCRIPT);
  assertEquals(
    await outputOf(["node", "client.mjs", server.url], directory),
    'OrderPaid {"amount":42}\n',
  );
  const bundled = await Deno.readTextFile(
    join(directory, "node_modules", NPM_NAME, "client/client.js"),
  );
  assertEquals(bundled.match(/\bDeno\.|\bnode:|^import /m), null);
  const types = await Deno.readTextFile(
    join(directory, "node_modules", NPM_NAME, "client/client.d.ts"),
  );
  assertStringIncludes(types, "export declare class Client<");
}

async function saysWhatIsMissing(directory: string): Promise<void> {
  await Deno.remove(join(directory, "node_modules/deno"), { recursive: true });
  const { code, stderr } = await new Deno.Command("npx", {
    args: ["--no", NPM_NAME, "version"],
    cwd: directory,
  }).output();
  assertEquals(code, 1);
  const said = new TextDecoder().decode(stderr);
  assert(said.startsWith("quipu: Cannot find Deno for this system: "), said);
}

async function endsWithCode(directory: string): Promise<void> {
  const { code, stderr } = await new Deno.Command("npx", {
    args: ["--no", NPM_NAME, "serve", "--port=none"],
    cwd: directory,
  }).output();
  assertEquals(code, 2);
  assertStringIncludes(new TextDecoder().decode(stderr), "quipu: ");
}
