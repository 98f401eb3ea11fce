/**
 * The image, the compose example and the systemd unit, as far as they can be
 * judged without a container engine and without systemd as process 1.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { validate } from "dockerfile-utils";
import { environmentNameOf, OPTIONS } from "../../lib/cli/options/options.ts";
import { LIMITS } from "../../lib/model/limits.ts";
import { ROOT } from "../../packaging/project.ts";
import { runProgram, startServer } from "../support/program.ts";
import { findTool, freePort, testWhere } from "./ways.ts";

function readPackaging(path: string): string {
  return Deno.readTextFileSync(join(ROOT, "packaging", path));
}

const variables = new Set(
  Object.values(OPTIONS).map(({ flag }) => environmentNameOf(flag)),
);

Deno.test("the Dockerfile is clean for its linter, and its user is not root", () => {
  const text = readPackaging("docker/Dockerfile");
  assertEquals(validate(text).map(({ message }) => message), []);
  const instructions = [...text.matchAll(/^([A-Z]+) (.+)$/gm)]
    .map(([, name, rest]) => [name, rest]);
  const names = instructions.map(([name]) => name);
  // Nothing runs while it is built, so one machine builds it for all.
  assert(!names.includes("RUN"));
  for (const name of ["HEALTHCHECK", "VOLUME", "USER"]) {
    assert(names.includes(name), name);
  }
  const [, user = ""] = instructions.find(([name]) => name === "USER") ?? [];
  assert(/^[1-9]\d*:[1-9]\d*$/.test(user), user);
});

Deno.test("the health check of the image says how the server is", async () => {
  const text = readPackaging("docker/Dockerfile");
  const check = /HEALTHCHECK [^]*?CMD (\[.*\])/.exec(text)?.[1] ?? "[]";
  const [program, ...args]: string[] = JSON.parse(check);
  assertEquals(program, "/usr/local/bin/quipu");
  const port = freePort();
  const own = args.map((arg) =>
    arg.replace("http://127.0.0.1:2113", `http://127.0.0.1:${port}`)
  );
  assert(own.join() !== args.join());
  // The variables of the image are there for it, too.
  const variables = { QUIPU_DB: "unused", QUIPU_HOST: "0.0.0.0" };
  assertEquals((await runProgram(own, variables)).exitCode, 1);
  await using _server = await startServer(["--mem-db"], {}, port);
  const { exitCode, log } = await runProgram(own, variables);
  assertEquals(exitCode, 0, log);
});

Deno.test("the image, the compose example and the unit name options that there are", () => {
  let count = 0;
  for (
    const path of [
      "docker/Dockerfile",
      "compose/compose.yaml",
      "compose/scale-out.yaml",
      "systemd/quipu.service",
    ]
  ) {
    for (
      const [, name = ""] of readPackaging(path).matchAll(/\b(QUIPU_\w+)[=:]/g)
    ) {
      assert(variables.has(name), `${path}: ${name}`);
      count++;
    }
  }
  assertEquals(count, 11);
});

const COMPOSE_EXAMPLES = {
  "compose.yaml": {
    mountCount: 5,
    ports: [
      "127.0.0.1:2113:8080",
      "127.0.0.1:9090:9090",
      "127.0.0.1:3000:3000",
    ],
  },
  "scale-out.yaml": { mountCount: 4, ports: ["127.0.0.1:2113:8080"] },
};

for (const [file, wanted] of Object.entries(COMPOSE_EXAMPLES)) {
  Deno.test(`${file} mounts files that are there, and opens ports on loopback alone`, () => {
    const text = readPackaging(`compose/${file}`);
    const mounted = [...text.matchAll(/- \.\/([\w.-]+):/g)];
    assertEquals(mounted.length, wanted.mountCount);
    for (const [, name = ""] of mounted) readPackaging(`compose/${name}`);
    const ports = [...text.matchAll(/^ +- "([\d.:]+)"$/gm)].map(([, port]) =>
      port
    );
    assertEquals(ports, wanted.ports);
    // Each image is a version; only our own follows its newest.
    for (const [, image = ""] of text.matchAll(/image: (.+)/g)) {
      assert(/:v?\d/.test(image) || image.includes("/quipu:latest"), image);
    }
  });
}

Deno.test("the proxy of the compose example allows what the server allows", () => {
  const text = readPackaging("compose/nginx.conf");
  const numberOf = (pattern: RegExp) => Number(pattern.exec(text)?.[1]);
  assertEquals(
    numberOf(/client_max_body_size (\d+)m;/),
    LIMITS.requestBytesMax / 1024 / 1024,
  );
  const longPollSeconds = LIMITS.longPollMsMax / 1000;
  assert(numberOf(/proxy_read_timeout (\d+)s;/) > longPollSeconds);
});

testWhere(
  "the compose example's Prometheus accepts its configuration",
  findTool("promtool") === undefined ? "promtool" : undefined,
  async () => {
    const path = join(ROOT, "packaging/compose/prometheus.yml");
    await run("promtool", ["check", "config", path]);
  },
);

testWhere(
  "the unit is valid, and exposes little",
  findTool("systemd-analyze") === undefined ? "systemd-analyze" : undefined,
  async () => {
    const directory = await Deno.makeTempDir();
    try {
      // It is checked with a program that is there.
      const path = join(directory, "quipu.service");
      const text = readPackaging("systemd/quipu.service");
      assertStringIncludes(text, "ExecStart=/usr/local/bin/quipu serve ");
      await Deno.writeTextFile(
        path,
        text.replace("/usr/local/bin/quipu", "/bin/true"),
      );
      assertEquals(await run("systemd-analyze", ["verify", path]), "");
      // Of 100; it fails above, and a unit without any of it has 96.
      await run("systemd-analyze", [
        "security",
        "--no-pager",
        "--offline=true",
        "--threshold=20",
        path,
      ]);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
);

/** What a command says; it must succeed. */
async function run(name: string, args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(name, {
    args: [...args],
  }).output();
  const [output = "", errors = ""] = [stdout, stderr].map((bytes) =>
    new TextDecoder().decode(bytes)
  );
  assert(success, output + errors);
  return errors;
}
