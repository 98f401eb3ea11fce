/**
 * What a release consists of: the plan, the files, their checksums, and the
 * bill of materials, judged by CycloneDX's own schema.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { Spec, Validation } from "@cyclonedx/cyclonedx-library";
// The library judges by these, if they are there.
import "ajv";
import "ajv-formats";
import "ajv-formats-draft2019";
import {
  parseLock,
  readLock,
  withLicenses,
} from "../../packaging/locked_packages.ts";
import {
  DENO_VERSION,
  EDITOR_COMMAND,
  ROOT,
  VERSION,
} from "../../packaging/project.ts";
import { buildRelease, parseRequest } from "../../packaging/release.ts";
import { FILES, planRelease, TARGETS } from "../../packaging/release_plan.ts";
import { outputOf } from "../../packaging/run_command.ts";
import { createBom } from "../../packaging/sbom.ts";
import project from "../../deno.json" with { type: "json" };
import { canReachRegistry, findTool, testWhere } from "./ways.ts";

Deno.test("a release has a binary for each system, compiled like the own one", () => {
  const steps = planRelease(parseRequest([]));
  const commands = steps.flatMap((step) =>
    step.kind === "compile" ? [step.command.join(" ")] : []
  );
  const { command } = project.tasks.compile;
  assertEquals(
    commands,
    TARGETS.map(({ triple, file }) =>
      command.replace(
        "--output quipu",
        `--target ${triple} --output dist/${file}`,
      )
    ),
  );
  assertEquals(TARGETS.map(({ file }) => file), [
    "quipu-linux-x64",
    "quipu-linux-arm64",
    "quipu-macos-x64",
    "quipu-macos-arm64",
    "quipu-windows-x64.exe",
  ]);
  assertEquals(steps.slice(TARGETS.length).map(({ file }) => file), [
    `quipu-npm-${VERSION}.tgz`,
    `quipu-${VERSION}.cdx.json`,
    "THIRD_PARTY_NOTICES.txt",
    "install.sh",
    `quipu-conformance-${VERSION}.js`,
    "SHA256SUMS",
  ]);
});

Deno.test("--only takes parts of a release, and --dry-run does nothing", async () => {
  const output = await outputOf([
    "deno",
    "task",
    "release",
    "--only=macos-arm64",
    "--only=files",
    "--out=elsewhere",
    "--dry-run",
  ]);
  const lines = output.trim().split("\n");
  assertEquals(lines.length, 1 + Object.keys(FILES).length);
  assertStringIncludes(lines[0] ?? "", "--target aarch64-apple-darwin");
  assertEquals(lines.at(-1), "write elsewhere/SHA256SUMS");
  let message = "";
  try {
    parseRequest(["--only=solaris"]);
  } catch (error) {
    message = String(error);
  }
  assertStringIncludes(message, "Unknown part solaris: expected linux-x64");
});

testWhere(
  "a release has all files, and checksums that sha256sum accepts",
  findTool("sha256sum") === undefined
    ? "sha256sum"
    : await canReachRegistry()
    ? undefined
    : "npm registry",
  async () => {
    const directory = await Deno.makeTempDir({ prefix: "quipu-release-" });
    try {
      const request = { ...parseRequest([]), directory };
      // What stands for the compiler here writes what it would compile.
      await buildRelease(request, {
        async run(command) {
          if (command === EDITOR_COMMAND) return;
          const path = command[command.indexOf("--output") + 1] ?? "";
          await Deno.writeTextFile(path, command.join(" "));
        },
      });
      const names = [...Deno.readDirSync(directory)].map(({ name }) => name);
      assertEquals(
        names.sort(),
        planRelease(request).map(({ file }) => file).sort(),
      );
      const checked = await outputOf(
        ["sha256sum", "--check", "--strict", FILES.checksums],
        directory,
      );
      assertEquals(checked.match(/: OK$/gm)?.length, names.length - 1);
      const notices = await Deno.readTextFile(join(directory, FILES.notices));
      assertStringIncludes(notices, "the Deno authors");
      await checkBom(await Deno.readTextFile(join(directory, FILES.bom)));
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
);

async function checkBom(text: string): Promise<void> {
  const validator = new Validation.JsonStrictValidator(
    Spec.Version.v1dot6,
  );
  assertEquals(await validator.validate(text), null);
  assert(await validator.validate(text.replace("SHA-512", "SHA")) !== null);
}

Deno.test("the bill of materials names what deno.lock names, and what needs what", async () => {
  const { packages, direct } = readLock();
  const bom = createBom(await withLicenses(packages), direct);
  await checkBom(JSON.stringify(bom));
  const components = bom["components"] as { purl: string }[];
  assertEquals(
    components.map(({ purl }) => purl),
    [
      `pkg:github/denoland/deno@v${DENO_VERSION}`,
      ...packages.map(({ name, version }) =>
        `pkg:npm/${name.replace("@", "%40")}@${version}`
      ),
    ],
  );
  const known = new Set(components.map(({ purl }) => purl));
  const rows = bom["dependencies"] as { ref: string; dependsOn?: string[] }[];
  for (const { dependsOn = [] } of rows) {
    for (const reference of dependsOn) assert(known.has(reference), reference);
  }
  assertEquals(rows.length, components.length + 1);
});

Deno.test("lock files are read with scopes, peers and several versions", () => {
  const row = (...dependencies: string[]) => ({ integrity: "", dependencies });
  const { packages, direct } = parseLock(JSON.stringify({
    specifiers: { "npm:@a/b@^1": "1.0.0_c@2.0.0", "npm:c@1.0.0": "1.0.0" },
    npm: {
      "@a/b@1.0.0_c@2.0.0": row("c@2.0.0", "d"),
      "c@1.0.0": row(),
      "c@2.0.0": row(),
      "d@3.1.0": row(),
    },
  }));
  assertEquals(direct, ["@a/b@1.0.0", "c@1.0.0"]);
  assertEquals(
    packages.map(({ name, version, dependencies }) => [
      name,
      version,
      dependencies,
    ]),
    [
      ["@a/b", "1.0.0", ["c@2.0.0", "d@3.1.0"]],
      ["c", "1.0.0", []],
      ["c", "2.0.0", []],
      ["d", "3.1.0", []],
    ],
  );
});

Deno.test("one version of Deno runs it everywhere", () => {
  for (
    const path of [".ci/run", "README.md", ".github/workflows/release.yml"]
  ) {
    assertStringIncludes(Deno.readTextFileSync(join(ROOT, path)), DENO_VERSION);
  }
});
