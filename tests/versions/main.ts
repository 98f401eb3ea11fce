/**
 * `deno task test:postgres-versions [VERSION …]`: the contract of the port, the
 * tests of the store, and some of the interface, over each version of PostgreSQL that
 * this folder's lock file names, such as 16. Linux on x64 only.
 *
 * @module
 */

import { dirname, fromFileUrl, join } from "@std/path";

const HERE = fromFileUrl(new URL("./", import.meta.url));
const LOCK = join(HERE, "deno.lock");

const TESTS = [
  "tests/contract/postgres_store_test.ts",
  "tests/storage/postgres_test.ts",
  "tests/storage/postgres_plants_test.ts",
  "tests/storage/postgres_login_test.ts",
  "tests/versions/interface.ts",
];

const wanted = Deno.args;
const { specifiers } = JSON.parse(await Deno.readTextFile(LOCK));
let failedCount = 0;
for (const specifier of Object.keys(specifiers)) {
  const version = /@(\d+)\.[^@]*$/.exec(specifier)?.[1] ?? "";
  if (wanted.length > 0 && !wanted.includes(version)) continue;
  const directory = await install(specifier);
  try {
    const beganMs = performance.now();
    const isGreen = await run(Deno.execPath(), [
      ...["test", "--lock=tests/deno.lock", "--frozen", "--allow-all"],
      ...["--parallel", "--quiet", ...TESTS],
    ], { QUIPU_POSTGRES_BIN: join(directory, "bin") });
    if (!isGreen) failedCount++;
    tell(
      `${specifier}: ${isGreen ? "passed" : "FAILED"}, ` +
        `${Math.round((performance.now() - beganMs) / 1000)} s`,
    );
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}
Deno.exit(failedCount === 0 ? 0 : 1);

/**
 * Installs a server where every user may run it; returns its directory. The
 * package lacks the links between its libraries, and the directory of packages
 * is private to its user.
 */
async function install(specifier: string): Promise<string> {
  const isCached = await run(Deno.execPath(), [
    ...["cache", "--quiet", "--no-config", `--lock=${LOCK}`, "--frozen"],
    specifier,
  ]);
  if (!isCached) throw new Error(`${specifier} cannot be had`);
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", "--no-config"],
  }).output();
  const { npmCache } = JSON.parse(new TextDecoder().decode(stdout));
  const [, name = "", version = ""] = /^npm:(.*)@([^@]+)$/.exec(specifier) ??
    [];
  const [registry = ""] = Array.from(
    Deno.readDirSync(npmCache),
    (entry) => entry.name,
  ).filter((host) => isThere(join(npmCache, host, name, version)));
  const source = join(npmCache, registry, name, version);
  const directory = await Deno.makeTempDir({ prefix: "quipu-version-" });
  await Deno.chmod(directory, 0o755);
  copy(join(source, "native"), directory);
  const links: { readonly source: string; readonly target: string }[] = JSON
    .parse(await Deno.readTextFile(join(directory, "pg-symlinks.json")));
  for (const { source, target } of links) {
    const path = join(directory, target.replace(/^native\//, ""));
    Deno.symlinkSync(source.slice(dirname(source).length + 1), path);
  }
  return directory;
}

function copy(source: string, target: string): void {
  Deno.mkdirSync(target, { recursive: true });
  for (const { name, isDirectory } of Deno.readDirSync(source)) {
    const from = join(source, name);
    const to = join(target, name);
    if (isDirectory) copy(from, to);
    else Deno.copyFileSync(from, to);
  }
}

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

async function run(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<boolean> {
  const command = new Deno.Command(program, {
    args: [...args],
    cwd: join(HERE, "../.."),
    env: { ...env },
  });
  const { success } = await command.spawn().status;
  return success;
}

function tell(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}
