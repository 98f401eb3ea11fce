/**
 * The npm package: the program as bundled JavaScript, and a script that starts
 * it with the Deno that npm installs beside it.
 *
 * Deno does not run TypeScript below `node_modules`. So everything is bundled,
 * and the modules and files that the program finds beside its own
 * (`new URL("./x.ts", import.meta.url)`: workers, assets) are put where the
 * bundle finds them.
 *
 * @module
 */

import { dirname, fromFileUrl, join, relative, toFileUrl } from "@std/path";
import { noticesOf, readLock, withLicenses } from "./locked_packages.ts";
import {
  DENO_FLAGS,
  DENO_VERSION,
  EDITOR_COMMAND,
  NPM_NAME,
  REPOSITORY,
  ROOT,
  VERSION,
} from "./project.ts";
import { outputOf, runCommand } from "./run_command.ts";
import project from "../deno.json" with { type: "json" };

/** A package that is ready to be packed. Disposing of it removes it. */
export interface NpmPackage extends AsyncDisposable {
  readonly directory: string;
}

/**
 * Builds the package in a temporary directory.
 *
 * @throws {Error} If the program cannot be bundled, or if a licence is missing.
 */
export async function buildNpmPackage(): Promise<NpmPackage> {
  const directory = await Deno.makeTempDir({ prefix: "quipu-npm-" });
  const package_ = {
    directory,
    [Symbol.asyncDispose]: () => Deno.remove(directory, { recursive: true }),
  };
  try {
    await bundleProgram(join(directory, "dist"));
    await bundleClient(join(directory, CLIENT));
    for (
      const [from, to] of [
        ["packaging/npm/quipu.mjs", "quipu.mjs"],
        ["packaging/npm/README.md", "README.md"],
        ["LICENSE", "LICENSE"],
      ] as const
    ) {
      await Deno.copyFile(join(ROOT, from), join(directory, to));
    }
    const packages = await withLicenses(readLock().packages);
    await Deno.writeTextFile(
      join(directory, "THIRD_PARTY_NOTICES.txt"),
      noticesOf(packages, false),
    );
    await Deno.writeTextFile(
      join(directory, "package.json"),
      JSON.stringify(packageFile(), null, 2) + "\n",
    );
    return package_;
  } catch (error) {
    await package_[Symbol.asyncDispose]();
    throw error;
  }
}

/** Packs a package to the file `path`. */
export async function packNpmPackage(
  directory: string,
  path: string,
): Promise<void> {
  const output = await outputOf(
    ["npm", "pack", "--json", "--ignore-scripts"],
    directory,
  );
  const [{ filename }] = JSON.parse(output);
  await Deno.copyFile(join(directory, filename), path);
}

/** `package.json`. */
function packageFile(): Record<string, unknown> {
  return {
    name: NPM_NAME,
    version: VERSION,
    description:
      "Event store with the HTTP (AtomPub) API of Event Store 4.0.2, as one process with one directory",
    keywords: ["event store", "event sourcing", "events", "atompub", "deno"],
    license: "MIT",
    repository: {
      type: "git",
      url: `git+https://github.com/${REPOSITORY}.git`,
    },
    type: "module",
    bin: { quipu: "quipu.mjs" },
    exports: {
      "./client": {
        types: `./${CLIENT.replace(/js$/, "d.ts")}`,
        default: `./${CLIENT}`,
      },
      "./package.json": "./package.json",
    },
    engines: { node: ">=20" },
    dependencies: { deno: DENO_VERSION },
    denoFlags: DENO_FLAGS,
  };
}

/** Where the package has the client, for `import`. */
const CLIENT = "client/client.js";

/**
 * Bundles the client with its types, for Node and browsers: by itself, so that
 * it shares nothing with the program, which needs Deno.
 */
async function bundleClient(path: string): Promise<void> {
  await runCommand([
    "deno",
    "bundle",
    "--quiet",
    "--no-lock",
    "--config=packaging/npm/client_config.json",
    "--platform=browser",
    "--declaration",
    `--output=${path}`,
    project.exports["./client"],
  ]);
}

/** Bundles the program and its workers into a directory. */
async function bundleProgram(directory: string): Promise<void> {
  await runCommand(EDITOR_COMMAND);
  const { entries, assets, neighbours } = await findParts();
  await runCommand([
    "deno",
    "bundle",
    "--quiet",
    "--frozen",
    "--platform=deno",
    "--code-splitting",
    `--outdir=${directory}`,
    ...entries,
  ]);
  for (const asset of assets) {
    const target = join(directory, asset);
    await Deno.mkdir(dirname(target), { recursive: true });
    await Deno.copyFile(join(ROOT, asset), target);
  }
  const found = new Set<string>();
  for (const path of filesBelow(directory)) {
    if (!path.endsWith(".js")) continue;
    const text = await Deno.readTextFile(path);
    const moved = text.replace(NEIGHBOUR, (whole, reference: string) => {
      const target = neighbours.get(reference);
      if (target === undefined) return whole;
      found.add(reference);
      const place = relative(
        dirname(path),
        join(directory, target.replace(/\.ts$/, ".js")),
      ).replaceAll("\\", "/");
      return `new URL("./${place}", import.meta.url)`;
    });
    if (moved !== text) await Deno.writeTextFile(path, moved);
  }
  const lost = [...neighbours.keys()].find((one) => !found.has(one));
  if (lost !== undefined) throw new Error(`Nothing in the bundle has ${lost}`);
}

/** How a module names a file beside it. */
const NEIGHBOUR = /new URL\(\s*"(\.[^"]+)",\s*import\.meta\.url,?\s*\)/g;

interface Parts {
  /** Modules to bundle: the program and its workers. Paths from the root. */
  readonly entries: readonly string[];
  /** Other files that modules read. */
  readonly assets: readonly string[];
  /** What each reference leads to: a path from the root. */
  readonly neighbours: ReadonlyMap<string, string>;
}

/** Follows the program's imports, and the references of its modules. */
async function findParts(): Promise<Parts> {
  const entries = ["main.ts"];
  const assets = new Set<string>();
  const neighbours = new Map<string, string>();
  for (const entry of entries) {
    for (const module of await modulesOf(entry)) {
      const text = Deno.readTextFileSync(new URL(module));
      for (const [, reference = ""] of text.matchAll(NEIGHBOUR)) {
        const path = pathFromRoot(new URL(reference, module));
        if ((neighbours.get(reference) ?? path) !== path) {
          throw new Error(`Two modules mean different files by ${reference}`);
        }
        neighbours.set(reference, path);
        if (!path.endsWith(".ts")) assets.add(path);
        else if (!entries.includes(path)) entries.push(path);
      }
    }
  }
  return { entries, assets: [...assets], neighbours };
}

/** URLs of the project's modules that a module imports, and its own. */
async function modulesOf(entry: string): Promise<string[]> {
  const info = JSON.parse(
    await outputOf(["deno", "info", "--json", entry]),
  );
  const specifiers: string[] = info.modules.map(
    ({ specifier }: { specifier: string }) => specifier,
  );
  const root = toFileUrl(ROOT).href;
  return specifiers.filter((one) =>
    one.startsWith(root) && /\.[jt]s$/.test(one)
  );
}

function pathFromRoot(url: URL): string {
  return relative(ROOT, fromFileUrl(url)).replaceAll("\\", "/");
}

function* filesBelow(directory: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(directory)) {
    const path = join(directory, name);
    if (isDirectory) yield* filesBelow(path);
    else yield path;
  }
}
