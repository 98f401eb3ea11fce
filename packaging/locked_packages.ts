/**
 * The npm packages that the program is made of, as `deno.lock` names them, with
 * their licences from Deno's cache.
 *
 * @module
 */

import { join } from "@std/path";
import { ROOT } from "./project.ts";

/** A package of the lock file. */
export interface LockedPackage {
  readonly name: string;
  readonly version: string;
  /** SHA-512 of its tarball, as npm writes it: `sha512-…` in base64. */
  readonly integrity: string;
  /** The packages that it needs, as `name@version`. */
  readonly dependencies: readonly string[];
}

/** A package with the terms on which it is passed on. */
export interface LicensedPackage extends LockedPackage {
  /** SPDX identifier, such as `MIT`. */
  readonly license: string;
  /** The text of the licence, with the copyright. */
  readonly licenseText: string;
}

interface LockFile {
  readonly specifiers: Readonly<Record<string, string>>;
  readonly npm?: Readonly<
    Record<string, { integrity: string; dependencies?: readonly string[] }>
  >;
}

/** What a lock file names, and what of it the program itself imports. */
export interface LockedPackages {
  readonly packages: readonly LockedPackage[];
  /** The packages that the program imports, as `name@version`. */
  readonly direct: readonly string[];
}

/**
 * Reads a lock file of version 5.
 *
 * @throws {Error} If it names anything but npm packages.
 */
export function parseLock(text: string): LockedPackages {
  const { specifiers, npm = {} }: LockFile = JSON.parse(text);
  const known = Object.keys(npm).map(withoutPeers);
  // A version is only written where there are several.
  const idOf = (reference: string) =>
    known.find((id) => id === withoutPeers(reference)) ??
      known.find((id) => id.startsWith(`${reference}@`)) ?? reference;
  const packages = Object.entries(npm).map(([id, row]) => ({
    ...nameAndVersion(withoutPeers(id)),
    integrity: row.integrity,
    dependencies: (row.dependencies ?? []).map(idOf),
  }));
  const direct = Object.entries(specifiers).map(([specifier, version]) => {
    const name = /^npm:(@?[^@]+)/.exec(specifier)?.[1];
    if (name === undefined) {
      throw new Error(`Cannot describe ${specifier}: only npm is understood`);
    }
    return idOf(`${name}@${version}`);
  });
  return { packages, direct };
}

/** `name@1.2.3_peer@4.5.6` → `name@1.2.3`. */
function withoutPeers(id: string): string {
  return /^@?[^@]+@[^_]+/.exec(id)?.[0] ?? id;
}

function nameAndVersion(id: string): { name: string; version: string } {
  const at = id.lastIndexOf("@");
  return { name: id.slice(0, at), version: id.slice(at + 1) };
}

/** The packages of `deno.lock`. */
export function readLock(): LockedPackages {
  return parseLock(Deno.readTextFileSync(join(ROOT, "deno.lock")));
}

/**
 * Adds the licences. `packaging/licenses/NAME.txt` stands in for packages that
 * carry no text of their own.
 *
 * @throws {Error} If a package is not in the cache, names no licence or has no
 * text: it must not be passed on without.
 */
export async function withLicenses(
  packages: readonly LockedPackage[],
): Promise<LicensedPackage[]> {
  const cache = await npmCaches();
  return packages.map((one) => {
    const directory = cache
      .map((root) => join(root, one.name, one.version))
      .find((path) => readIfThere(join(path, "package.json")) !== undefined);
    if (directory === undefined) {
      throw new Error(
        `${one.name} is not in Deno's cache: run deno cache main.ts`,
      );
    }
    const own = JSON.parse(
      Deno.readTextFileSync(join(directory, "package.json")),
    );
    const text = licenseTextIn(directory) ?? readIfThere(
      join(ROOT, "packaging/licenses", `${one.name.replace("/", "-")}.txt`),
    );
    if (typeof own.license !== "string" || text === undefined) {
      throw new Error(
        `${one.name} lacks its licence: add its text to packaging/licenses`,
      );
    }
    return { ...one, license: own.license, licenseText: text.trim() };
  });
}

/** Where Deno keeps npm packages: a directory for each registry. */
async function npmCaches(): Promise<string[]> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json"],
    cwd: ROOT,
  }).output();
  const { npmCache } = JSON.parse(new TextDecoder().decode(stdout));
  return [...Deno.readDirSync(npmCache)].filter(({ isDirectory }) =>
    isDirectory
  ).map(({ name }) => join(npmCache, name));
}

/** The file of the licence, or else the section of the README. */
function licenseTextIn(directory: string): string | undefined {
  const names = [...Deno.readDirSync(directory)].map(({ name }) => name);
  const file = names.find((name) => /^licen[cs]e(\.(md|txt))?$/i.test(name));
  if (file !== undefined) return readIfThere(join(directory, file));
  const readme = names.find((name) => /^readme\.md$/i.test(name));
  const text = readme && readIfThere(join(directory, readme));
  const section = text && /^#+ *licen[cs]e\n([^]*)/im.exec(text)?.[1];
  return section && /copyright/i.test(section) ? section : undefined;
}

function readIfThere(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/**
 * The notices that packages and binaries carry: the licence of each package
 * that is bundled.
 *
 * @param withRuntime Whether Deno itself is inside, as in a binary.
 */
export function noticesOf(
  packages: readonly LicensedPackage[],
  withRuntime: boolean,
): string {
  const parts = packages.map((one) =>
    `${one.name} ${one.version} (${one.license})\n\n${one.licenseText}\n`
  );
  if (withRuntime) {
    const text = Deno.readTextFileSync(
      join(ROOT, "packaging/licenses/deno.txt"),
    );
    parts.push(
      `Deno, with the libraries that it lists at https://deno.com (MIT)\n\n${text}`,
    );
  }
  const line = "\n" + "-".repeat(72) + "\n\n";
  return "Quipu contains the following software.\n" + line + parts.join(line);
}
