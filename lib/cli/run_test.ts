import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { OPTION_NAMES, OPTIONS } from "./options/options.ts";
import { resolveOptions } from "./options/resolve_options.ts";
import { QuipuError, type QuipuErrorCode } from "../model/errors.ts";
import { VERSION } from "../runtime/process.ts";
import type { Command, CommandCall } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { EXIT_CODE_MEANINGS, listenError } from "./failures.ts";
import { runProgram } from "./run.ts";
import { flagLabel } from "./usage_text.ts";

const NAMES = COMMANDS.map(({ name }) => name);

type Run = Exclude<Command["run"], undefined>;

/** Runs a command line with other commands than the real ones. */
async function run(args: readonly string[], runs: Record<string, Run> = {}) {
  let output = "";
  const failures: string[] = [];
  const exitCode = await runProgram({ args, environment: {} }, {
    print: (text) => output += text,
    printFailure: (message) => failures.push(message),
    commands: COMMANDS.map((command) => ({
      ...command,
      run: runs[command.name] ?? (() => {
        throw new Error(`${command.name} was run`);
      }),
    })),
  });
  return { exitCode, output, failures };
}

Deno.test("serve gets its options and exits with 0", async () => {
  let port: number | undefined;
  const result = await run(["serve", "--port", "9"], {
    serve: ({ values }) => {
      port = values.port;
      return Promise.resolve();
    },
  });
  assertEquals(port, 9);
  assertEquals(result, { exitCode: 0, output: "", failures: [] });
});

Deno.test("version is shown for each spelling", async () => {
  for (const argument of ["version", "--version", "-V"]) {
    const { exitCode, output } = await run([argument]);
    assertEquals({ exitCode, output }, { exitCode: 0, output: `${VERSION}\n` });
  }
});

Deno.test("help on a command without options says what it does", async () => {
  const { exitCode, output } = await run(["version", "--help"]);
  assertEquals(exitCode, 0);
  assertStringIncludes(output, "Show the version");
});

Deno.test("help lists every command and exit code in lines that fit", async () => {
  for (const args of [["help"], ["--help"], ["-h"], ["help", "--help"]]) {
    const { exitCode, output } = await run(args);
    assertEquals(exitCode, 0);
    assertStringIncludes(output, `Quipu ${VERSION}`);
    for (const name of NAMES) assertStringIncludes(output, `  ${name}`);
    for (const [code, meaning] of EXIT_CODE_MEANINGS) {
      assertStringIncludes(output, `  ${code}  ${meaning}`);
    }
    assert(output.split("\n").every((line) => line.length <= 80), output);
  }
});

Deno.test("help on serve lists every option in lines that fit", async () => {
  const { output } = await run(["help", "serve"]);
  for (const args of [["serve", "--help"], ["serve", "--port", "x", "-h"]]) {
    assertEquals(await run(args), { exitCode: 0, output, failures: [] });
  }
  for (const name of OPTION_NAMES) {
    assertStringIncludes(output, `\n  ${flagLabel(OPTIONS[name])}  `);
  }
  assertStringIncludes(output, "[default: 256MiB]");
  assert(output.split("\n").every((line) => line.length <= 80), output);
});

Deno.test("bad usage exits with 2 and one line", async () => {
  const cases: [string[], string][] = [
    [
      [],
      `No command given: expected one of ${NAMES.join(", ")} ` +
      "(see quipu --help)",
    ],
    [
      ["srve"],
      "Unknown command srve; did you mean serve? (see quipu --help)",
    ],
    [["constructor"], "Unknown command constructor (see quipu --help)"],
    [
      ["--port", "1", "serve"],
      "Unexpected --port: expected a command first, such as serve " +
      "(see quipu --help)",
    ],
    [
      ["serve", "--prot", "1"],
      "Unknown option --prot; did you mean --port? (see quipu serve --help)",
    ],
    [
      ["backup", ""],
      `TARGET is missing: Directory to keep the backup in ` +
      "(see quipu backup --help)",
    ],
    [["version", "x"], 'Unexpected argument "x" (see quipu version --help)'],
    [
      ["help", "servee"],
      "Unknown command servee; did you mean serve? (see quipu help --help)",
    ],
  ];
  for (const [args, message] of cases) {
    assertEquals(await run(args), {
      exitCode: 2,
      output: "",
      failures: [message],
    });
  }
});

Deno.test("a failure exits with the code of its kind and its message", async () => {
  const cases: [QuipuErrorCode, number][] = [
    ["directoryLocked", 1],
    ["foreignFormat", 1],
    ["notWritable", 1],
    ["damaged", 3],
    ["corruptRecord", 3],
  ];
  for (const [code, exitCode] of cases) {
    const error = new QuipuError(code, `It is ${code}`);
    const result = await run(["serve"], {
      serve: () => Promise.reject(error),
    });
    const failures = [`It is ${code}`];
    assertEquals(result, { exitCode, output: "", failures });
  }
});

Deno.test("a port in use is explained and exits with 1", async () => {
  const error = listenError(
    "127.0.0.1:2113",
    new Deno.errors.AddrInUse("Address already in use (os error 98)"),
  );
  const result = await run(["serve"], {
    serve: () => Promise.reject(error),
  });
  assertEquals(result, {
    exitCode: 1,
    output: "",
    failures: [
      "Cannot listen on 127.0.0.1:2113: the port is in use by another program",
    ],
  });
});

Deno.test("what the system refuses is said without a place in the source", async () => {
  const result = await run(["serve"], {
    serve: () =>
      Promise.reject(findError(() => Deno.readDirSync(import.meta.url))),
  });
  assertEquals(result.exitCode, 1);
  const [message = ""] = result.failures;
  assert(message.startsWith("Operating system error: "), message);
  assert(!message.includes("\n"), message);
});

function findError(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  throw new Error("It went well");
}

Deno.test("a bug exits with 1 and says where it is", async () => {
  const result = await run(["serve"], {
    serve: () => Promise.reject(new TypeError("x")),
  });
  assertEquals(result.exitCode, 1);
  const [message = ""] = result.failures;
  assert(message.startsWith("Unexpected failure: TypeError: x"), message);
  assertStringIncludes(message, "run_test.ts");
});

Deno.test("a command gets the options that it alone has, and says how it ended", async () => {
  const seen: unknown[] = [];
  const verify = ({ values, operands }: CommandCall) => {
    seen.push([values, operands]);
    return Promise.resolve(3 as const);
  };
  const args = ["verify", "--deep", "--db=x", "--json"];
  const result = await run(args, { verify });
  assertEquals(result, { exitCode: 3, output: "", failures: [] });
  const { values } = resolveOptions({
    args: ["--db=x"],
    environment: {},
    readFile: () => "{}",
  });
  const own = { isDeep: true, isJson: true, isQuiet: false };
  assertEquals(seen, [[{ ...values, ...own }, {}]]);
});

Deno.test("options of one command are none of another, and no operands", async () => {
  const cases: [string[], string][] = [
    [["serve", "--deep"], "Unknown option --deep"],
    [["verify", "--port=1"], "Option --port is not one of this command"],
    [["verify", "--depe"], "Unknown option --depe; did you mean --deep?"],
    [
      ["verify", "--json=2"],
      'Bad value "2" for --json: expected true or false',
    ],
    [["verify", "x"], 'Unexpected argument "x": expected an option'],
    [["verify", "--deep", "--deep"], "Option --deep is given twice"],
    [
      ["export", "--stream=a", "--category=b"],
      "Options --stream and --category exclude each other: give one",
    ],
    [
      ["backup", "x", "--password-file=p"],
      "Option --password-file needs --url: give both",
    ],
    [["backup", "x", "--user=u"], "Option --user needs --url: give both"],
  ];
  for (const [args, message] of cases) {
    const failures = [`${message} (see quipu ${args[0]} --help)`];
    assertEquals(await run(args), { exitCode: 2, output: "", failures });
  }
});

Deno.test("every command shows its options and operands in lines that fit", async () => {
  for (const row of COMMANDS) {
    const { exitCode, output } = await run(["help", row.name]);
    assertEquals(exitCode, 0);
    assertStringIncludes(output, row.summary);
    for (const own of Object.values(row.own ?? {})) {
      assertStringIncludes(output, `\n  ${flagLabel(own)}  `);
    }
    for (const { label, help } of Object.values(row.operands ?? {})) {
      assertStringIncludes(output, `\n  ${label}  `);
      assertStringIncludes(output.replace(/\s+/g, " "), help);
    }
    assert(output.split("\n").every((line) => line.length <= 80), output);
  }
});

Deno.test("help says whether a command makes the directory that it works on", async () => {
  const makers = ["serve", "import"];
  for (const name of NAMES) {
    const { output } = await run(["help", name]);
    const [, said] = output.replace(/\s+/g, " ").split("--db DIR ");
    if (said === undefined) continue;
    const expected = makers.includes(name)
      ? "Directory of the store, created if it is missing"
      : name === "restore"
      ? "Directory for the store: one that is empty, or made now"
      : name === "postgres"
      ? "URL of the database: postgres://USER@HOST/DATABASE"
      : "Directory of the store, which must be there";
    assert(said.startsWith(expected), `${name}: ${said}`);
  }
});

Deno.test("own options never share a name or flag with one of the program", () => {
  const flags = OPTION_NAMES.map((name) => OPTIONS[name].flag as string);
  for (const { name, own } of COMMANDS) {
    for (const [key, { flag, group }] of Object.entries(own ?? {})) {
      assertEquals(group, undefined);
      assert(!Object.hasOwn(OPTIONS, key), `${name}: ${key}`);
      assert(!flags.includes(flag), `${name}: --${flag}`);
    }
  }
});

Deno.test("a directory in use is refused with the way to ask its server", async () => {
  const verify = () =>
    Promise.reject(new QuipuError("directoryLocked", "In use by process 7"));
  const { exitCode, failures } = await run(["verify"], { verify });
  assertEquals({ exitCode, failures }, {
    exitCode: 1,
    failures: [
      "In use by process 7; stop it first, or ask a running server by " +
      "POST /admin/verify",
    ],
  });
});
