/**
 * From an empty home to the first answer within a minute, each way: with only
 * Node, with only Deno, with only the binary. `TEST_BINARY` names the
 * binary to try; without it that way is skipped.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import {
  buildNpmPackage,
  packNpmPackage,
} from "../../packaging/npm_package.ts";
import { NPM_NAME, ROOT, VERSION } from "../../packaging/project.ts";
import { type LoopbackRegistry, serveRegistry } from "./loopback_registry.ts";
import {
  canReachRegistry,
  findTool,
  openEmptyPlace,
  testWhere,
  tryServer,
} from "./ways.ts";

const isOnline = await canReachRegistry();
const registry = isOnline ? undefined : "npm registry";
const binary = Deno.env.get("TEST_BINARY");
const DENO = Deno.execPath();

/** From nothing to the first answer. */
const ANSWER_MS_MAX = 60_000;

/**
 * Checks the time where nothing else runs: in the workflow of a release, which
 * names a binary.
 */
function checkTime(answerMs: number): void {
  if (binary === undefined) return;
  assert(answerMs < ANSWER_MS_MAX, `${answerMs} ms`);
}

/** The package, as a registry has it after a release. */
async function publishPackage(directory: string): Promise<LoopbackRegistry> {
  await using package_ = await buildNpmPackage();
  const tarball = join(directory, "package.tgz");
  await packNpmPackage(package_.directory, tarball);
  const packageFile = JSON.parse(
    await Deno.readTextFile(join(package_.directory, "package.json")),
  );
  const published = serveRegistry(await Deno.readFile(tarball), packageFile);
  await published.configure(directory);
  return published;
}

function nodeTools(): string[] {
  return ["node", "npm", "npx"].map((name) => findTool(name) ?? name);
}

testWhere("with only Node, npx serves", registry, async () => {
  await using place = await openEmptyPlace(nodeTools());
  await using _registry = await publishPackage(place.directory);
  const npx = findTool("npx") ?? "npx";
  const { answerMs, log } = await tryServer(
    [npx, "-y", NPM_NAME, "serve", "--db=data"],
    place,
  );
  checkTime(answerMs);
  assertStringIncludes(log, `version=${VERSION}`);
  assertStringIncludes(log, "program.stopped");
});

testWhere("with only Deno, the package serves", registry, async () => {
  await using place = await openEmptyPlace([DENO]);
  await using _registry = await publishPackage(place.directory);
  const { answerMs, log } = await tryServer(
    [
      DENO,
      "run",
      "--allow-net",
      "--allow-read",
      "--allow-write",
      "--allow-env",
      "--allow-sys",
      "--unstable-kv",
      `npm:${NPM_NAME}`,
      "serve",
      "--db=data",
    ],
    place,
  );
  checkTime(answerMs);
  assertStringIncludes(log, "program.stopped");
});

testWhere("with only Deno, a checkout serves", registry, async () => {
  await using place = await openEmptyPlace([DENO]);
  const checkout = join(place.directory, "checkout");
  await copySources(checkout);
  const { answerMs, log } = await tryServer(
    [DENO, "task", "serve", "--db=data"],
    { ...place, directory: checkout },
  );
  checkTime(answerMs);
  assertStringIncludes(log, "program.stopped");
});

testWhere(
  "with only the binary, it serves",
  binary === undefined ? "binary in TEST_BINARY" : undefined,
  async () => {
    await using place = await openEmptyPlace([]);
    const own = join(place.directory, "quipu");
    await Deno.copyFile(binary ?? "", own);
    const { answerMs, log } = await tryServer(
      [own, "serve", "--db=data"],
      place,
    );
    checkTime(answerMs);
    assertStringIncludes(log, "program.stopped");
  },
);

/** What the program is started from, and nothing else of the checkout. */
async function copySources(target: string): Promise<void> {
  await Deno.mkdir(target);
  const { success } = await new Deno.Command("cp", {
    args: [
      "-R",
      "main.ts",
      "deno.json",
      "deno.lock",
      "docs",
      "lib",
      "storage",
      target,
    ],
    cwd: ROOT,
  }).output();
  assertEquals(success, true);
}
