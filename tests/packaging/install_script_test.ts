/**
 * `install.sh` against a release on loopback: what it installs, and what it
 * refuses without changing anything.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { ROOT } from "../../packaging/project.ts";
import { findTool, openEmptyPlace, testWhere } from "./ways.ts";

const SCRIPT = join(ROOT, "packaging/install.sh");
const SYSTEM = `${Deno.build.os === "darwin" ? "macos" : Deno.build.os}-${
  Deno.build.arch === "x86_64" ? "x64" : "arm64"
}`;
const BINARY = '#!/bin/sh\necho "quipu $*"\n';
const WRONG = "0".repeat(64);

const loaders = ["curl", "wget"].flatMap((name) => findTool(name) ?? []);
const missing = loaders.length === 0 ? "curl or wget" : undefined;

interface Release {
  /** Paths that are answered, with the text. */
  readonly files: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  readonly loader?: string;
  /** What the system says that it is; itself by default. */
  readonly uname?: string;
}

interface End {
  readonly code: number;
  readonly output: string;
  /** Files in the home afterwards. */
  readonly files: readonly string[];
  /** What the installed binary prints. */
  readonly ran: string | undefined;
}

/** Runs the script in an empty home, with as few tools as it may count on. */
async function install(
  { files, args = [], loader = loaders[0] ?? "curl", uname }: Release,
): Promise<End> {
  const tools = ["uname", "awk", "cut", "mktemp", "mkdir", "chmod", "mv", "rm"];
  await using place = await openEmptyPlace([
    loader,
    findTool("sha256sum") ?? findTool("shasum") ?? "openssl",
    ...tools.map((name) => findTool(name) ?? name),
  ]);
  if (uname !== undefined) {
    const path = join(place.directory, "bin/uname");
    await Deno.remove(path);
    await Deno.writeTextFile(path, `#!/bin/sh\necho ${uname}\n`, {
      mode: 0o755,
    });
  }
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    ({ url }) => {
      const text = files[new URL(url).pathname];
      return new Response(text ?? null, {
        status: text === undefined ? 404 : 200,
      });
    },
  );
  const { code, stdout, stderr } = await new Deno.Command("/bin/sh", {
    args: [
      SCRIPT,
      "--from",
      `http://127.0.0.1:${server.addr.port}`,
      ...args,
    ],
    cwd: place.directory,
    clearEnv: true,
    env: { ...place.environment },
  }).output();
  const decoder = new TextDecoder();
  const left = [...listFiles(place.directory)].filter((path) =>
    !path.startsWith("bin/")
  );
  const [installed = ""] = left;
  const ran = code === 0
    ? decoder.decode(
      (await new Deno.Command(join(place.directory, installed), {
        args: ["serve"],
      }).output()).stdout,
    )
    : undefined;
  return {
    code,
    output: (decoder.decode(stdout) + decoder.decode(stderr))
      .replaceAll(place.directory, "HOME"),
    files: left,
    ran,
  };
}

function* listFiles(root: string, below = ""): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(join(root, below))) {
    const path = below === "" ? name : `${below}/${name}`;
    if (isDirectory) yield* listFiles(root, path);
    else yield path;
  }
}

async function sumOf(text: string): Promise<string> {
  const bytes = new TextEncoder().encode(text);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

const goodSums = `${WRONG}  quipu-other\n${await sumOf(
  BINARY,
)}  quipu-${SYSTEM}\n`;

function releaseAt(directory: string, sums: string): Record<string, string> {
  return {
    [`${directory}/SHA256SUMS`]: sums,
    [`${directory}/quipu-${SYSTEM}`]: BINARY,
  };
}

for (const loader of loaders) {
  const name = loader.split("/").at(-1);
  testWhere(
    `install.sh with ${name} installs the newest release`,
    undefined,
    async () => {
      const end = await install({
        files: releaseAt("/latest/download", goodSums),
        loader,
      });
      assertEquals(end.code, 0, end.output);
      assertStringIncludes(end.output, "Installed HOME/.local/bin/quipu");
      assertEquals(end.files, [".local/bin/quipu"]);
      assertEquals(end.ran, "quipu serve\n");
    },
  );
}

testWhere("install.sh installs a version", missing, async () => {
  for (const version of ["1.2.3", "v1.2.3"]) {
    const end = await install({
      files: releaseAt("/download/v1.2.3", goodSums),
      args: [version],
    });
    assertEquals([end.code, end.files], [0, [".local/bin/quipu"]], end.output);
  }
});

testWhere(
  "install.sh installs nothing whose checksum it cannot confirm",
  missing,
  async () => {
    const cases: [Release, string][] = [
      [
        { files: releaseAt("/latest/download", `${WRONG}  quipu-${SYSTEM}\n`) },
        `wrong checksum of quipu-${SYSTEM}: expected ${WRONG}`,
      ],
      [
        { files: releaseAt("/latest/download", `${WRONG}  quipu-other\n`) },
        `the release has no quipu-${SYSTEM}`,
      ],
      [
        { files: { "/latest/download/SHA256SUMS": goodSums } },
        `/latest/download/quipu-${SYSTEM}`,
      ],
      [{ files: {} }, "cannot download"],
      [
        { files: releaseAt("/latest/download", goodSums), uname: "Plan9" },
        "there is no binary for Plan9",
      ],
    ];
    for (const [release, message] of cases) {
      const end = await install(release);
      assert(end.code !== 0, message);
      assertStringIncludes(end.output, message);
      assertEquals(end.files, [], message);
    }
  },
);

testWhere(
  "install.sh installs elsewhere, and refuses what it does not know",
  missing,
  async () => {
    const files = releaseAt("/latest/download", goodSums);
    const end = await install({ files, args: ["--to", "tools"] });
    assertEquals([end.code, end.files], [0, ["tools/quipu"]], end.output);
    for (const args of [["--too", "x"], ["--to"]]) {
      const refused = await install({ files, args });
      assertEquals([refused.code, refused.files], [1, []], refused.output);
    }
  },
);

testWhere(
  "install.sh is clean for shellcheck",
  findTool("shellcheck") === undefined ? "shellcheck" : undefined,
  async () => {
    const { success, stdout } = await new Deno.Command("shellcheck", {
      args: [SCRIPT, join(ROOT, ".ci/run")],
    }).output();
    assert(success, new TextDecoder().decode(stdout));
  },
);
