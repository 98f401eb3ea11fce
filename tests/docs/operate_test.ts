/**
 * The guide for operators: every command in it runs, in the order in which it
 * stands, and what it shows is what comes. Each section has a directory of its
 * own, with a server on `./data` that takes part in the service manager's
 * stead. Options that a section gives its server it shows as a file
 * `quipu.json`, before anything else.
 *
 * Understood are `quipu …`, `curl …` (with `-o FILE`, too), `systemctl start`,
 * `stop` and `restart quipu`, `cat > FILE <<'END'`, and plain file commands.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { LIMITS } from "../../lib/model/limits.ts";
import { runCurl } from "./curl.ts";
import {
  type RunningServer,
  runProgram,
  startServer,
} from "../support/program.ts";
import { parseScript } from "./shell_script.ts";
import {
  describeDifference,
  idsIn,
  matches,
  readShownSteps,
  settle,
  type ShownStep,
} from "./shown_output.ts";

/** The server of the guide. */
const SHOWN_ORIGIN = "http://127.0.0.1:2113";
/** How it shows a token. */
const SHOWN_TOKEN = "quipu.…";
const GUIDE = Deno.readTextFileSync(
  new URL("../../docs/operate.md", import.meta.url),
);

/** Commands of the system that may be shown: they only deal with files. */
const FILE_COMMANDS = ["cp", "ls", "mkdir", "mv", "rm", "tar"];

const sections = Map.groupBy(
  readShownSteps(GUIDE, "##"),
  ({ heading }) => heading,
);

for (const [heading, steps] of sections) {
  Deno.test(`the guide's section is as it says: ${heading}`, async (t) => {
    await using place = await openPlace();
    const fixedIds = idsIn(steps.map(({ script }) => script).join("\n"));
    for (const step of steps) {
      await t.step(step.script.split("\n").at(-1) ?? "", async () => {
        await checkStep(step, place, fixedIds);
      });
    }
  });
}

Deno.test("the guide has its sections, and commands in them", () => {
  assert(sections.size >= 1, "no section has commands");
  const headings = GUIDE.match(/^## .*$/gm);
  assertEquals(headings, [
    "## Commands",
    "## Watching",
    "## Backup",
    "## Scavenge",
    "## Disk full",
    "## Damage",
    "## Lost password",
    "## Upgrade",
    "## Sizing",
    "## Where the data lies",
    "## In front of the network",
    "## A proxy in front",
  ]);
});

Deno.test("the proxies of the guide allow what the server allows", () => {
  const nginx = blockOf("nginx");
  const caddy = blockOf("caddyfile");
  const numberOf = (text: string, pattern: RegExp) =>
    Number(pattern.exec(text)?.[1]);
  const mebibytes = LIMITS.requestBytesMax / 1024 / 1024;
  assertEquals(numberOf(nginx, /client_max_body_size (\d+)m;/), mebibytes);
  assertEquals(numberOf(caddy, /max_size (\d+)MiB/), mebibytes);
  const longPollSeconds = LIMITS.longPollMsMax / 1000;
  assert(numberOf(nginx, /proxy_read_timeout (\d+)s;/) > longPollSeconds);
  assert(numberOf(caddy, /read_timeout (\d+)s/) > longPollSeconds);
});

/** A section's directory, and its server. */
interface Place extends AsyncDisposable {
  readonly directory: string;
  /** Undefined while it is stopped. */
  server: RunningServer | undefined;
  /** The token that was shown last; `quipu.…` stands for it in commands. */
  token: string;
}

async function openPlace(): Promise<Place> {
  const directory = await Deno.makeTempDir({ prefix: "quipu-guide-" });
  const place: Place = {
    directory,
    server: undefined,
    token: "",
    async [Symbol.asyncDispose]() {
      await this.server?.[Symbol.asyncDispose]();
      await Deno.remove(directory, { recursive: true });
    },
  };
  return place;
}

async function checkStep(
  { script, output }: ShownStep,
  place: Place,
  fixedIds: ReadonlySet<string>,
): Promise<void> {
  let came = "";
  for (const statement of parseScript(script)) {
    if (statement.kind === "file") {
      const path = join(place.directory, statement.name);
      await Deno.writeTextFile(path, statement.text);
    } else {
      const words = statement.words.map((word) =>
        word.replace(SHOWN_TOKEN, place.token)
      );
      came += await run(words, place);
      place.token = /"token": "([^"]+)"/.exec(came)?.[1] ?? place.token;
    }
  }
  if (output === undefined) return;
  const url = place.server?.url;
  if (url !== undefined) came = came.replaceAll(url, SHOWN_ORIGIN);
  const shown = settle(output, fixedIds);
  const actual = settle(came, fixedIds);
  assert(matches(shown, actual), describeDifference(shown, actual));
}

async function run(words: readonly string[], place: Place): Promise<string> {
  const [command = "", ...args] = words;
  switch (command) {
    case "curl":
      return await curl(words, place);
    case "quipu":
      return await quipu(args, place);
    case "systemctl":
      await control(args, place);
      return "";
  }
  assert(FILE_COMMANDS.includes(command), `Not understood: ${command}`);
  return await runFileCommand(command, args, place);
}

/** Starts and stops the server as a service manager would. */
async function control(
  [verb = "", service]: readonly string[],
  place: Place,
): Promise<void> {
  assertEquals(service, "quipu");
  assert(["start", "stop", "restart"].includes(verb), verb);
  await place.server?.[Symbol.asyncDispose]();
  place.server = undefined;
  if (verb !== "stop") await serverOf(place);
}

async function serverOf(place: Place): Promise<RunningServer> {
  const { directory } = place;
  const options = await hasFile(join(directory, "quipu.json"))
    ? ["--config=quipu.json"]
    : [];
  place.server ??= await startServer(["--db=data", ...options], {}, 0, {
    directory,
  });
  return place.server;
}

async function hasFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch {
    return false;
  }
}

async function curl(words: readonly string[], place: Place): Promise<string> {
  const { url } = await serverOf(place);
  const { directory } = place;
  const at = words.indexOf("-o");
  if (at >= 0) {
    const path = join(directory, words[at + 1] ?? "");
    await download(words.toSpliced(at, 2), { path, url });
    return "";
  }
  return await runCurl(words, {
    readFile: (name) => Deno.readTextFileSync(join(directory, name)),
    originOf(origin) {
      assertEquals(origin, SHOWN_ORIGIN);
      return url;
    },
  });
}

/** What `curl -u LOGIN URL -o FILE` does: bytes stay what they are. */
async function download(
  words: readonly string[],
  { path, url }: { readonly path: string; readonly url: string },
): Promise<void> {
  const rest = [...words.slice(1)];
  const headers = new Headers();
  let address = "";
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === "-u") {
      headers.set("Authorization", `Basic ${btoa(rest.shift() ?? "")}`);
    } else {
      assert(!word.startsWith("-"), `Not understood beside -o: ${word}`);
      address = word;
    }
  }
  const response = await fetch(address.replace(SHOWN_ORIGIN, url), { headers });
  assertEquals(response.status, 200, address);
  await Deno.writeFile(path, await response.bytes());
}

/** Runs a command of the program; it must succeed. Its output is all it prints. */
async function quipu(args: readonly string[], place: Place): Promise<string> {
  const { directory, server } = place;
  const actual = args.map((argument) =>
    argument.replace(SHOWN_ORIGIN, server?.url ?? SHOWN_ORIGIN)
  );
  const end = await runProgram(actual, {}, { directory });
  assertEquals(end.exitCode, 0, `quipu ${args.join(" ")}\n${end.log}`);
  return end.output;
}

async function runFileCommand(
  command: string,
  args: readonly string[],
  { directory }: Place,
): Promise<string> {
  const isInside = args.every((arg) =>
    !arg.startsWith("/") && !arg.split("/").includes("..")
  );
  assert(isInside, `Leads elsewhere: ${command} ${args.join(" ")}`);
  const { success, stdout, stderr } = await new Deno.Command(command, {
    args: [...args],
    cwd: directory,
  }).output();
  const decoder = new TextDecoder();
  assert(success, `${command} ${args.join(" ")}: ${decoder.decode(stderr)}`);
  return decoder.decode(stdout);
}

/** The one block of that language. */
function blockOf(language: string): string {
  const block = new RegExp(`^\`\`\`${language}\\n([^]*?)\\n\`\`\`$`, "m")
    .exec(GUIDE)?.[1];
  assert(block !== undefined, `No block of ${language}`);
  return block;
}
