/**
 * Rules for the source as a whole that formatter, linter and compiler do not
 * know: who may import whom, what may be called where, what must be documented.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { dirname } from "@std/path";
import { PARTS, TABLES, withGenerated } from "./docs/generated_docs.ts";
import project from "../deno.json" with { type: "json" };

const ROOT = new URL("../", import.meta.url);

/** Packages that only tests use; what serves does not fetch them. */
const TEST_IMPORTS = project.scopes["./tests/"];
/** What is bundled for browsers imports these; the program does not. */
const EDITOR_IMPORTS = project.scopes["./lib/web/editor/"];

/** Everything that may lie at the top; git's own and ignored files aside. */
const TOP_LEVEL = new Set([
  ".ci",
  ".git",
  ".github",
  ".gitignore",
  "CHANGELOG.md",
  "LICENSE",
  "README.md",
  "bench",
  "deno.json",
  "deno.lock",
  "docs",
  "lib",
  "main.ts",
  "packaging",
  "storage",
  "tests",
]);

/** What puts the program together from all of its areas. */
const PROGRAM_ROOTS = ["main.ts", "lib/cli", "lib/embed"];

/** Which areas each area may import; itself always, the roots everything. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  "lib/text": [],
  "lib/formats": ["lib/model", "lib/text"],
  "lib/model": ["lib/text"],
  "lib/store": ["lib/model", "lib/text"],
  "lib/streams": ["lib/model", "lib/store", "lib/text"],
  "lib/subscriptions": ["lib/model", "lib/store", "lib/text", "lib/streams"],
  "lib/projections": ["lib/model", "lib/store", "lib/text", "lib/streams"],
  "lib/users": ["lib/model", "lib/store", "lib/text"],
  "lib/maintenance": ["lib/model", "lib/store", "lib/text"],
  "lib/migrate": ["lib/client", "lib/model", "lib/store", "lib/text"],
  "lib/telemetry": ["lib/model", "lib/store", "lib/text"],
  "lib/web": [
    "lib/model",
    "lib/store",
    "lib/text",
    "lib/formats",
    "lib/maintenance",
    "lib/projections",
    "lib/subscriptions",
    "lib/telemetry",
    "lib/users",
    "docs",
  ],
  "lib/http": [
    "lib/web",
    "lib/model",
    "lib/store",
    "lib/text",
    "lib/formats",
    "lib/maintenance",
    "lib/projections",
    "lib/streams",
    "lib/subscriptions",
    "lib/users",
    "lib/telemetry",
  ],
  // Another engine: of the store of files it knows nothing.
  "storage/postgres": ["lib/model", "lib/store", "lib/text"],
  "lib/runtime": ["lib/model", "lib/text", "deno.json"],
  // Runs in browsers, too: nothing of the server may come along.
  "lib/client": ["lib/text"],
  // The store in layers: each imports only those that stand before it.
  ...inLayers(["lib/model", "lib/store", "lib/text"], {
    "storage/disk": [],
    "storage/log": ["disk"],
    "storage/index": ["disk", "log"],
    "storage/commit": ["disk", "log"],
    "storage/memory": ["disk", "commit"],
    "storage/write": ["disk", "log", "index", "commit"],
    "storage/open": ["disk", "log", "index", "commit", "write"],
    "storage/maintenance/verify": ["disk", "log", "index", "commit", "open"],
    "storage/maintenance/repair": [
      "disk",
      "log",
      "index",
      "commit",
      "open",
      "maintenance/verify",
    ],
    "storage/maintenance/scavenge": ["disk", "log", "index", "write"],
    "storage/maintenance/backup": ["disk", "log", "commit", "write", "open"],
    "storage/maintenance/transfer": [
      "disk",
      "log",
      "index",
      "commit",
      "write",
      "open",
      "maintenance/backup",
    ],
    "storage": [
      "disk",
      "commit",
      "memory",
      "open",
      "maintenance/scavenge",
      "maintenance/backup",
      "maintenance/transfer",
      "maintenance/verify",
    ],
  }),
};

/**
 * Folders of the store, from the lowest on, and which of them each may import.
 *
 * @param all What all of them may import.
 */
function inLayers(
  all: readonly string[],
  layers: Readonly<Record<string, readonly string[]>>,
): Record<string, readonly string[]> {
  const rows: Record<string, readonly string[]> = {};
  for (const [folder, names] of Object.entries(layers)) {
    const below = names.map((name) => `storage/${name}`);
    for (const one of below) {
      assert(one in rows, `${folder} imports ${one}, which is not below it`);
    }
    rows[folder] = [...all, ...below];
  }
  return rows;
}

interface Ban {
  readonly pattern: RegExp;
  readonly instead: string;
  /** Where it is allowed. */
  readonly except?: RegExp;
}

/** What the program's own code must not say, comments and texts aside. */
const PROGRAM_BANS: readonly Ban[] = [
  {
    pattern: /\bconsole\./,
    instead: "take a Logger",
    except: /^lib\/telemetry\//,
  },
  {
    pattern: /\bDate\.now\(|\bnew Date\(\)/,
    instead: "take a Clock",
    except: /^lib\/runtime\//,
  },
  {
    pattern: /\brandomUUID\(/,
    instead: "take newEventId",
    except: /^lib\/(?:runtime|client)\//,
  },
  {
    pattern: /\bDeno\.exit\(|\bprocess\.exit\(/,
    instead: "throw; main.ts ends the program",
    except: /^lib\/runtime\//,
  },
  {
    pattern: /\bDeno\.(?:env|args)\b|\bprocess\.(?:env|argv)\b/,
    instead: "take an option (lib/cli/options/options.ts)",
    except: /^main\.ts$/,
  },
  {
    pattern: /\bDeno\.std(?:out|err)\b/,
    instead: "take a Logger, or lib/cli/terminal.ts",
    except: /^lib\/cli\//,
  },
  {
    pattern:
      /\bnew Text(?:De|En)coder\(|\bTextDecoderStream\b|\.text\(\)|\.toString\( {6,7}\)|\b(?:Deno\.)readTextFile(?:Sync)?\(/,
    instead:
      "take lib/text/utf8.ts: it keeps a mark, and refuses what is wrong",
    // HTTP drops a mark at the start of a body; the client runs in browsers,
    // which have no isUtf8.
    except: /^lib\/(?:text\/utf8|http\/receiving|client\/\w+)\.ts$/,
  },
  { pattern: /^\s*export default\b/m, instead: "export it by name" },
  { pattern: /^\s*export \*/m, instead: "import from the file itself" },
  {
    pattern: /^\s*(?:export )?(?:const |declare )?enum\b/m,
    instead: "use a union of strings",
  },
];

/** What no source must say, tests and benches neither. */
const SOURCE_BANS: readonly Ban[] = [
  {
    pattern: /(?::|<|\bas|,|\||&|=>)\s*any\b(?!\s*[(:=])/,
    instead: "use unknown and decode it",
  },
  {
    pattern: /\bDeno\.test\.only\b|\bonly: true\b/,
    instead: "let all tests run",
  },
];

/** What no text must say, comments included. */
const TEXT_BANS: readonly Ban[] = [
  { pattern: /\b(?:TO{1}DO|FIX{1}ME)\b/, instead: "finish it" },
  {
    pattern: /@ts-(?:ignore|nocheck|expect-error)|deno-lint-ignore-{1}file/,
    instead: "mend the type or the code",
  },
  {
    pattern: /(?<![\w.:/])\/(?:work|home|root|Users)\/\w/,
    instead: "name no path of one machine",
  },
  {
    pattern: /\bregistry\.npm{1}js|\bnpm\.js{1}r\.io/,
    instead: "let deno.json say where packages come from",
  },
];

/** A file above this needs a reason: it may be two things in one. */
const LINES_MAX = 600;

/** Files that are longer, and why. */
const LONG_FILES: Readonly<Record<string, string>> = {};

/** Whoever opens it wants to start; the rest has pages of its own. */
const README_LINES_MAX = 180;

const CHANGELOG_GROUPS = [
  "Safety and performance",
  "Features",
  "Fixes",
  "Internals",
];

Deno.test("areas import only what they may", async () => {
  const wrong: string[] = [];
  for (const { path, imports } of await readModules()) {
    const area = areaOf(path);
    if (!isProgram(path) || PROGRAM_ROOTS.includes(area)) continue;
    const allowed = MAY_IMPORT[area];
    assert(allowed !== undefined, `${area} needs a row in MAY_IMPORT`);
    for (const imported of imports) {
      const target = areaOf(imported);
      if (target !== area && !allowed.includes(target)) {
        wrong.push(`${path} must not import ${imported}`);
      }
    }
  }
  assertEquals(wrong, []);
});

Deno.test("a server does not carry what commands on files are made of", async () => {
  const modules = (await readModules()).filter(({ path }) =>
    path.startsWith("lib/cli/") && path !== "lib/cli/serve.ts"
  );
  const ofStore = (target: string) => target.startsWith("storage/");
  assert(modules.some(({ imports }) => imports.some(ofStore)));
  const wrong = modules.flatMap(({ path, loads }) =>
    loads.filter(ofStore).map((target) => `${path} loads ${target}`)
  );
  assertEquals(wrong, [], "import it when the command runs");
});

Deno.test("external libraries are imported by their names in deno.json", async () => {
  const names = new Set(Object.keys(project.imports));
  const wrong = (await readModules()).flatMap(({ path, specifiers }) =>
    specifiers.filter((specifier) =>
      !/^\.\.?\//.test(specifier) && !specifier.startsWith("node:") &&
      !names.has(specifier) &&
      !(path.startsWith("tests/") && specifier in TEST_IMPORTS)
    ).map((specifier) => `${path} imports ${specifier}`)
  );
  assertEquals(wrong, []);
});

Deno.test("every external library is used, and a document says why", () => {
  const sources = listSources().map(readText).join("\n");
  const reasons = readTableRows("lib/DESIGN.md");
  const names = [project.imports, TEST_IMPORTS, EDITOR_IMPORTS]
    .flatMap((imports) => Object.keys(imports));
  const wrong = names.filter((name) =>
    !new RegExp(`(?:from|import) "${name}"`).test(sources) ||
    ![...reasons].some((row) => row.startsWith(`\`${name}\` | `))
  );
  assertEquals(wrong, [], "delete it, or give it a row in lib/DESIGN.md");
});

Deno.test("what only tests use is not fetched with the program", () => {
  const lock: { specifiers: Record<string, string> } = JSON.parse(
    readText("deno.lock"),
  );
  const fetched = Object.keys(lock.specifiers);
  const wanted = new Set(Object.values(project.imports).map(packageOf));
  assertEquals(
    new Set(fetched),
    wanted,
    "git checkout deno.lock; tests take --lock=tests/deno.lock",
  );
});

Deno.test("imports have no cycles", async () => {
  const importsByPath = new Map(
    (await readModules()).map(({ path, imports }) => [path, imports]),
  );
  const done = new Set<string>();
  function findCycle(path: string, trail: readonly string[]): string[] {
    const start = trail.indexOf(path);
    if (start >= 0) return [...trail.slice(start), path];
    if (done.has(path)) return [];
    for (const imported of importsByPath.get(path) ?? []) {
      const cycle = findCycle(imported, [...trail, path]);
      if (cycle.length > 0) return cycle;
    }
    done.add(path);
    return [];
  }
  assertEquals(findCycle("main.ts", []), []);
});

Deno.test("every file of the program is imported by it", async () => {
  const imported = new Set((await readModules()).map(({ path }) => path));
  const dead = listSources().filter((path) =>
    isProgram(path) && !imported.has(path)
  );
  assertEquals(dead, [], "delete them, or move what tests need to tests/");
});

Deno.test("nothing banned is called or written", () => {
  const found: string[] = [];
  for (const path of listTexts()) {
    const text = readText(path);
    const code = isSource(path) ? withoutCommentsAndTexts(text) : "";
    const checks: [string, readonly Ban[]][] = [[text, TEXT_BANS]];
    if (code !== "") checks.push([code, SOURCE_BANS]);
    if (isProgram(path)) checks.push([code, PROGRAM_BANS]);
    for (const [searched, bans] of checks) {
      for (const { pattern, instead, except } of bans) {
        const match = pattern.exec(searched);
        if (match === null || except?.test(path)) continue;
        const line = searched.slice(0, match.index).split("\n").length;
        found.push(`${path}:${line}: "${match[0].trim()}": ${instead}`);
      }
    }
  }
  assertEquals(found, []);
});

Deno.test("every file of the program says what it owns, and is long for a reason only", () => {
  const wrong: string[] = [];
  for (const path of listSources().filter(isProgram)) {
    const text = readText(path);
    const lineCount = text.split("\n").length - 1;
    if (lineCount > LINES_MAX && LONG_FILES[path] === undefined) {
      wrong.push(`${path} has ${lineCount} lines: give a reason, or cut it`);
    }
    if (!/^\/\*\*\n(?: \*.*\n)*? \* @module\n \*\/\n/.test(text)) {
      wrong.push(`${path} lacks its module comment`);
    }
  }
  assertEquals(wrong, []);
});

Deno.test("source files have snake_case names", () => {
  const wrong = listSources().filter((path) =>
    !/^(?:[a-z0-9_]+\/)*[a-z0-9_]+(?:\.d)?\.tsx?$/.test(path)
  );
  assertEquals(wrong, []);
});

Deno.test("nothing else lies at the top", () => {
  const ignored = new Set(
    readText(".gitignore").split("\n").map((line) => line.replaceAll("/", "")),
  );
  const unknown = [...Deno.readDirSync(ROOT)].map(({ name }) => name)
    .filter((name) =>
      !TOP_LEVEL.has(name) && !ignored.has(name) &&
      !name.endsWith(".cpuprofile")
    );
  assertEquals(unknown, []);
});

Deno.test("documents show options, commands and exit codes as the program has them", () => {
  const marks: string[] = [];
  for (const path of listTexts().filter((path) => path.endsWith(".md"))) {
    const text = readText(path);
    assertEquals(text, withGenerated(text), `${path}: run deno task docs`);
    marks.push(
      ...text.matchAll(/^<!-- (.+) -->$/gm).map(([, mark]) => mark ?? ""),
    );
  }
  for (
    const mark of [
      ...Object.keys(TABLES).map((name) => `table: ${name}`)
        .filter((mark) => !mark.startsWith("table: figures of ")),
      ...Object.keys(PARTS),
    ]
  ) {
    assert(marks.includes(mark), `no document has ${mark}`);
  }
});

Deno.test("documents name files that are there", () => {
  const sources = listSources();
  const wrong: string[] = [];
  for (const path of listTexts().filter((path) => path.endsWith(".md"))) {
    if (path === "CHANGELOG.md") continue;
    for (const [, name = ""] of readText(path).matchAll(/`([\w/]+\.tsx?)`/g)) {
      const isThere = sources.some((source) =>
        source === name || source.endsWith(`/${name}`)
      );
      if (!isThere) wrong.push(`${path}: ${name}`);
    }
  }
  assertEquals(wrong, []);
});

Deno.test("the README is short", () => {
  const lineCount = readText("README.md").split("\n").length - 1;
  assert(lineCount <= README_LINES_MAX, `${lineCount} lines`);
});

Deno.test("links between documents lead somewhere", () => {
  const broken: string[] = [];
  for (const path of listTexts().filter((path) => path.endsWith(".md"))) {
    for (const [, target = ""] of readText(path).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^(?:[a-z]+:|#)/.test(target)) continue;
      const url = new URL(target.replace(/#.*/, ""), new URL(path, ROOT));
      if (!exists(url)) broken.push(`${path}: ${target}`);
    }
  }
  assertEquals(broken, []);
});

Deno.test("the changelog is well-formed", () => {
  const lines = readText("CHANGELOG.md").split("\n");
  assertEquals(lines[0], "# Changelog");
  const versions: string[] = [];
  for (const line of lines) {
    if (line.startsWith("## ")) {
      const match = /^## (?:Unreleased|(\d+\.\d+\.\d+) \(\d{4}-\d\d-\d\d\))$/
        .exec(line);
      assert(match !== null, line);
      versions.push(match[1] ?? "Unreleased");
    } else if (line.startsWith("#") && line !== lines[0]) {
      assert(CHANGELOG_GROUPS.includes(line.replace("### ", "")), line);
    }
  }
  const released = versions.filter((version) => version !== "Unreleased");
  assert(versions.indexOf("Unreleased") <= 0, "Unreleased comes first");
  assertEquals(released, released.toSorted(compareVersions).reverse());
  assertEquals(new Set(versions).size, versions.length);
  for (const section of readText("CHANGELOG.md").split(/^### /m).slice(1)) {
    assert(/^- /m.test(section), `Empty: ${section.split("\n")[0]}`);
  }
});

Deno.test("the compiled program has the modules of all workers", () => {
  const started = listSources().filter(isProgram).flatMap((path) =>
    [...readText(path).matchAll(/new Worker\(\s*new URL\("([^"]+)"/g)].map(
      ([, target = ""]) =>
        new URL(target, new URL(path, ROOT)).href.slice(ROOT.href.length),
    )
  );
  assertEquals(started.toSorted(), WORKERS.toSorted());
});

Deno.test("the compiled program may run others for --exec, the server may not", () => {
  const { serve, quipu, dev, compile } = project.tasks;
  const permissions = settingsOf(serve.command);
  assert(permissions.length > 1 && !permissions.includes("--allow-all"));
  assert(!permissions.includes("--allow-run"));
  assertEquals(settingsOf(dev.command), permissions);
  // What serve revokes first thing.
  const all = [...permissions, "--allow-run"].sort();
  assertEquals(settingsOf(compile.command), all);
  assertEquals(settingsOf(quipu.command), all);
  assert(/^deno compile [^\n&|;]+ main\.ts$/.test(compile.command));
});

/** Permissions, and settings of the engine. */
function settingsOf(command: string): string[] {
  return command.split(" ").filter((word) => /^--(allow|v8)-/.test(word))
    .sort();
}

function compareVersions(one: string, other: string): number {
  return one.localeCompare(other, "en", { numeric: true });
}

interface Module {
  readonly path: string;
  /** Files of the project that it imports. */
  readonly imports: readonly string[];
  /** Those of them that are loaded with it. */
  readonly loads: readonly string[];
  /** Everything that it imports, as written. */
  readonly specifiers: readonly string[];
}

interface InfoOutput {
  readonly modules: readonly {
    readonly specifier: string;
    readonly error?: string;
    readonly dependencies?: readonly {
      readonly specifier: string;
      readonly code?: { readonly specifier?: string };
      readonly type?: { readonly specifier?: string };
      readonly isDynamic?: boolean;
    }[];
  }[];
}

let modules: Promise<readonly Module[]> | undefined;

/** Modules that other programs import. */
const EXPORTED = Object.values(project.exports).map((path) =>
  path.replace("./", "")
);

/** What `main.ts`, exported modules and those of workers are made of. */
function readModules(): Promise<readonly Module[]> {
  modules ??= readAllModules();
  return modules;
}

/** Modules that the program starts workers with. */
const WORKERS = includedIn(project.tasks.compile.command);

function includedIn(command: string): string[] {
  return [...command.matchAll(/--include (\S+\.ts)/g)]
    .map(([, path = ""]) => path);
}

async function readAllModules(): Promise<readonly Module[]> {
  const found = new Map<string, Module>();
  for (const entry of ["main.ts", ...EXPORTED, ...WORKERS]) {
    for (const module of await runInfo(entry)) found.set(module.path, module);
  }
  return [...found.values()];
}

async function runInfo(entry: string): Promise<readonly Module[]> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", entry],
    cwd: ROOT,
  }).output();
  const decoder = new TextDecoder();
  assert(success, decoder.decode(stderr));
  const info: InfoOutput = JSON.parse(decoder.decode(stdout));
  const found: Module[] = [];
  for (const { specifier, error, dependencies = [] } of info.modules) {
    if (!specifier.startsWith(ROOT.href)) continue;
    assert(error === undefined, `${specifier}: ${error}`);
    const ownFiles = (from: typeof dependencies) =>
      from.map(({ code, type }) => code?.specifier ?? type?.specifier ?? "")
        .filter((target) => target.startsWith(ROOT.href))
        .map((target) => target.slice(ROOT.href.length));
    found.push({
      path: specifier.slice(ROOT.href.length),
      imports: ownFiles(dependencies),
      loads: ownFiles(
        dependencies.filter(({ code, isDynamic }) =>
          code !== undefined && isDynamic !== true
        ),
      ),
      specifiers: dependencies.map((dependency) => dependency.specifier),
    });
  }
  return found;
}

/** The package with its version, without the path in it. */
function packageOf(specifier: string): string {
  return specifier.replace(/^(npm:(?:@[^/]+\/)?[^/]+).*$/, "$1");
}

/** `lib/http`, `storage/log`, `main.ts`, …: what the rules speak of. */
function areaOf(path: string): string {
  if (path.startsWith("storage/")) return dirname(path);
  const [top = "", second] = path.split("/");
  return top === "lib" ? `lib/${second}` : top;
}

/** Whether the file is part of what runs, and no test, bench or declaration. */
function isProgram(path: string): boolean {
  return (PROGRAM_ROOTS.includes(path) ||
    /^(?:lib|storage)\/(?!web\/editor\/).*\.tsx?$/.test(path)) &&
    !/(?:_test|_bench|\.d)\.tsx?$/.test(path);
}

let texts: readonly string[] | undefined;

/** All files that people write, by path from the root. */
function listTexts(): readonly string[] {
  texts ??= [...walk("")].filter((path) =>
    path !== "deno.lock" && /(?:\.(?:tsx?|js|json|jsonc|md|ya?ml|sh)|\/run)$/
      .test(path)
  ).sort();
  return texts;
}

function listSources(): string[] {
  return listTexts().filter(isSource);
}

function isSource(path: string): boolean {
  return /\.tsx?$/.test(path);
}

function* walk(directory: string): Generator<string> {
  for (const entry of Deno.readDirSync(new URL(directory || ".", ROOT))) {
    const path = directory + entry.name;
    const isForeign = directory === "" && !TOP_LEVEL.has(entry.name) ||
      path === ".git" || entry.name === "node_modules" ||
      path === "tests/conformance/golden";
    if (isForeign) continue;
    if (entry.isDirectory) yield* walk(path + "/");
    else if (entry.isFile) yield path;
  }
}

function readText(path: string): string {
  return Deno.readTextFileSync(new URL(path, ROOT));
}

function exists(url: URL): boolean {
  try {
    Deno.statSync(url);
    return true;
  } catch {
    return false;
  }
}

/** Rows of all tables of a document, cells trimmed and joined by ` | `. */
function readTableRows(path: string): Set<string> {
  const rows = readText(path).split("\n").filter((line) =>
    line.startsWith("|")
  );
  return new Set(rows.map((row) =>
    row.split(/(?<!\\)\|/).slice(1, -1)
      .map((cell) => cell.trim().replaceAll("\\|", "|")).join(" | ")
  ));
}

/** The code alone: comments and the insides of texts become blanks. */
function withoutCommentsAndTexts(source: string): string {
  const token =
    /\/\/[^\n]*|\/\*[\s\S]*?\*\/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\[\s\S]|[^`\\])*`/g;
  return source.replace(token, (match) => match.replace(/[^\n]/g, " "));
}
