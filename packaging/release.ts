/**
 * `deno task release`: builds a release into a directory.
 *
 *   deno task release                     everything, for all systems
 *   deno task release --only linux-x64    that binary alone; may be repeated
 *   deno task release --only files        everything but the binaries
 *   … --out DIRECTORY                     `dist` by default
 *   … --dry-run                           prints the steps and does nothing
 *
 * Deno downloads the runtime of each other system for `deno compile`.
 *
 * @module
 */

import { join } from "@std/path";
import { parseArgs } from "node:util";
import { noticesOf, readLock, withLicenses } from "./locked_packages.ts";
import { buildNpmPackage, packNpmPackage } from "./npm_package.ts";
import { EDITOR_COMMAND, ROOT } from "./project.ts";
import { runCommand } from "./run_command.ts";
import {
  CONFORMANCE_COMMAND,
  FILES,
  planRelease,
  type ReleaseRequest,
  type ReleaseStep,
  TARGETS,
} from "./release_plan.ts";
import { createBom } from "./sbom.ts";

/** What else is needed to build a release; another in tests. */
export interface ReleaseParts {
  /** Runs a command in the directory of the project. */
  run(command: readonly string[]): Promise<void>;
}

/**
 * Makes what was asked for.
 *
 * @throws {Error} If a step fails; later ones are not begun.
 */
export async function buildRelease(
  request: ReleaseRequest,
  { run }: ReleaseParts,
): Promise<void> {
  await Deno.mkdir(request.directory, { recursive: true });
  if (request.targets.length > 0) await run(EDITOR_COMMAND);
  for (const step of planRelease(request)) {
    await takeStep(step, join(request.directory, step.file), { run });
  }
}

async function takeStep(
  step: ReleaseStep,
  path: string,
  { run }: ReleaseParts,
): Promise<void> {
  switch (step.kind) {
    case "compile":
      return await run(step.command);
    case "npm": {
      await using package_ = await buildNpmPackage();
      return await packNpmPackage(package_.directory, path);
    }
    case "bom": {
      const { packages, direct } = readLock();
      const bom = createBom(await withLicenses(packages), direct);
      return await Deno.writeTextFile(
        path,
        JSON.stringify(bom, null, 2) + "\n",
      );
    }
    case "notices": {
      const packages = await withLicenses(readLock().packages);
      return await Deno.writeTextFile(path, noticesOf(packages, true));
    }
    case "installer":
      return await Deno.copyFile(join(ROOT, "packaging/install.sh"), path);
    case "conformance":
      return await run([...CONFORMANCE_COMMAND, "--output", path]);
    case "checksums":
      return await Deno.writeTextFile(path, await checksumsOf(path));
  }
}

/**
 * The checksums of the files beside `path`, as `sha256sum` writes and checks
 * them.
 */
async function checksumsOf(path: string): Promise<string> {
  const directory = join(path, "..");
  const names = [...Deno.readDirSync(directory)]
    .filter(({ name, isFile }) => isFile && name !== FILES.checksums)
    .map(({ name }) => name).sort();
  let lines = "";
  for (const name of names) {
    const bytes = await Deno.readFile(join(directory, name));
    const digest = await crypto.subtle.digest("SHA-256", bytes);
    lines += `${new Uint8Array(digest).toHex()}  ${name}\n`;
  }
  return lines;
}

/** @throws {Error} If an argument makes no sense. */
export function parseRequest(
  args: readonly string[],
): ReleaseRequest & { readonly isDryRun: boolean } {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: "string", multiple: true },
      out: { type: "string", default: "dist" },
      "dry-run": { type: "boolean", default: false },
    },
  });
  const names = [...TARGETS.map(({ system }) => system), "files"];
  const wanted = values.only ?? names;
  const unknown = wanted.find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw new Error(`Unknown part ${unknown}: expected ${names.join(", ")}`);
  }
  return {
    targets: TARGETS.filter(({ system }) => wanted.includes(system)),
    withFiles: wanted.includes("files"),
    directory: values.out,
    isDryRun: values["dry-run"],
  };
}

function describeStep(step: ReleaseStep, directory: string): string {
  return step.kind === "compile"
    ? step.command.join(" ")
    : `write ${directory}/${step.file}`;
}

async function main(): Promise<void> {
  const { isDryRun, ...request } = parseRequest(Deno.args);
  if (!isDryRun) return await buildRelease(request, { run: runCommand });
  for (const step of planRelease(request)) {
    // deno-lint-ignore no-console
    console.log(describeStep(step, request.directory));
  }
}

if (import.meta.main) await main();
