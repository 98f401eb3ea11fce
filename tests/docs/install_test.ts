/**
 * The ways to install it: the commands of `docs/install.md`, and those that the
 * README starts with, run in a shell, each block in an empty home. A registry
 * and a release on loopback stand for those that the document names, and a
 * command that serves must answer.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import {
  buildNpmPackage,
  packNpmPackage,
} from "../../packaging/npm_package.ts";
import { DENO_FLAGS, REPOSITORY, ROOT } from "../../packaging/project.ts";
import { TARGETS } from "../../packaging/release_plan.ts";
import { serveRegistry } from "../packaging/loopback_registry.ts";
import {
  canReachRegistry,
  type EmptyPlace,
  findTool,
  plainEnvironment,
  testWhere,
  tryServer,
} from "../packaging/ways.ts";
import { startServer } from "../support/program.ts";
import { runCurl } from "./curl.ts";
import { parseScript } from "./shell_script.ts";
import {
  describeDifference,
  matches,
  readShownSteps,
  type ShownStep,
} from "./shown_output.ts";

const RELEASES = `https://github.com/${REPOSITORY}/releases`;
const SOURCE = `git clone https://github.com/${REPOSITORY}\n`;
const SHOWN_ORIGIN = "http://127.0.0.1:2113";

/** First words of blocks that need what a test cannot have. */
const NOT_RUN = ["docker", "gh", "sudo"];

const guide = readShownSteps(readDocument("docs/install.md"));
const readme = readShownSteps(readDocument("README.md"))
  .filter(({ heading }) => heading === "Start");

const missing =
  ["curl", "git", "sha256sum"].find((name) => findTool(name) === undefined) ??
    (await canReachRegistry() ? undefined : "npm registry");

testWhere(
  "every command of the ways to install it does what it says",
  missing,
  async (t) => {
    const shared = await Deno.makeTempDir({ prefix: "quipu-install-" });
    try {
      await using registry = await publishPackage(shared);
      await using release = await serveRelease();
      for (const step of [...readme, ...guide]) {
        const lines = step.script.split("\n");
        await t.step({
          name: `${step.heading}: ${lines.at(-1)}`,
          ignore: NOT_RUN.includes(firstWord(step)),
          async fn() {
            await using place = await openHome();
            await registry.configure(place.directory);
            await runStep(step, place, release.url);
          },
        });
      }
    } finally {
      await Deno.remove(shared, { recursive: true });
    }
  },
);

Deno.test("the ways to install it are all there, and few commands are not run", () => {
  const headings = [...new Set(guide.map(({ heading }) => heading))];
  assertEquals(headings, [
    "npm",
    "The binary",
    "systemd",
    "The image",
    "Compose",
    "The source",
    "The first event",
  ]);
  assertEquals(readme.length, 1);
  const notRun = guide.map(firstWord).filter((word) => NOT_RUN.includes(word));
  assertEquals(notRun.toSorted(), ["docker", "docker", "gh", "sudo"]);
});

function readDocument(path: string): string {
  return Deno.readTextFileSync(join(ROOT, path));
}

function firstWord({ script }: Pick<ShownStep, "script">): string {
  return script.split(" ")[0] ?? "";
}

async function publishPackage(directory: string) {
  await using package_ = await buildNpmPackage();
  const tarball = join(directory, "package.tgz");
  await packNpmPackage(package_.directory, tarball);
  return serveRegistry(
    await Deno.readFile(tarball),
    JSON.parse(
      await Deno.readTextFile(join(package_.directory, "package.json")),
    ),
  );
}

/** A release whose binaries start the program from here. */
async function serveRelease(): Promise<AsyncDisposable & { url: string }> {
  const binary = `#!/bin/sh\nexec "${Deno.execPath()}" run --quiet ${
    DENO_FLAGS.join(" ")
  } --config="${ROOT}deno.json" "${ROOT}main.ts" "$@"\n`;
  const digest = await crypto.subtle.digest(
    "SHA-256",
    new TextEncoder().encode(binary),
  );
  const sum = new Uint8Array(digest).toHex();
  const sums = TARGETS.map(({ file }) => `${sum}  ${file}\n`).join("");
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    ({ url }) => {
      const { origin, pathname } = new URL(url);
      const name = pathname.replace("/latest/download/", "");
      if (name === "SHA256SUMS") return new Response(sums);
      if (TARGETS.some(({ file }) => file === name)) {
        return new Response(binary);
      }
      assertEquals(name, "install.sh");
      return new Response(
        readDocument("packaging/install.sh").replace(RELEASES, origin),
      );
    },
  );
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** An empty home, with the tools of this machine. */
async function openHome(): Promise<EmptyPlace> {
  const directory = await Deno.makeTempDir({ prefix: "quipu-home-" });
  const globals = join(directory, "global");
  return {
    directory,
    environment: {
      ...plainEnvironment(),
      HOME: directory,
      PATH: `${globals}/bin:${Deno.env.get("PATH")}`,
      npm_config_prefix: globals,
    },
    [Symbol.asyncDispose]: () => Deno.remove(directory, { recursive: true }),
  };
}

/** Runs a block; if its last command serves, that must answer. */
async function runStep(
  { script, output }: ShownStep,
  place: EmptyPlace,
  release: string,
): Promise<void> {
  const actual = script
    .replaceAll(RELEASES, release)
    .replace(SOURCE, `git clone --quiet "${ROOT}" quipu\n`);
  if (
    firstWord({ script }) === "curl" &&
    !script.includes(RELEASES)
  ) return await checkFirstEvent(script, output);
  const serving = actual.replace(/ serve( *#.*)?$/, ' serve "$@"');
  assert(serving !== actual, `The last command does not serve: ${script}`);
  const { log, output: came } = await tryServer(
    ["/bin/sh", "-ec", serving, "sh"],
    place,
  );
  assert(log.includes("program.stopped"), log);
  if (output === undefined) return;
  assert(came.includes(output), describeDifference(output, came));
}

async function checkFirstEvent(
  script: string,
  output: string | undefined,
): Promise<void> {
  await using server = await startServer(["--mem-db"]);
  let came = "";
  for (const statement of parseScript(script)) {
    assert(statement.kind === "command");
    came += await runCurl(statement.words, {
      readFile: (name) => assert(false, name) as never,
      originOf(origin) {
        assertEquals(origin, SHOWN_ORIGIN);
        return server.url;
      },
    });
  }
  assert(matches(output ?? "", came), describeDifference(output ?? "", came));
}
