import { assert, assertEquals, assertRejects } from "@std/assert";
import { validate } from "@std/uuid";
import { newEventId } from "./event_ids.ts";
import { settlesWithin } from "./settles_within.ts";
import { SYSTEM_CLOCK } from "./system_clock.ts";
import { VERSION } from "./version.ts";

Deno.test("the system clock tells microseconds of this century", () => {
  const year = new Date(SYSTEM_CLOCK.nowUs() / 1000).getUTCFullYear();
  assert(year >= 2024 && year < 2100, String(year));
});

Deno.test("newEventId() gives different lower-case UUIDs", () => {
  const ids = Array.from({ length: 100 }, newEventId);
  assertEquals(new Set(ids).size, 100);
  for (const id of ids) assert(validate(id) && id === id.toLowerCase());
});

Deno.test("the version is that of deno.json", async () => {
  const text = await Deno.readTextFile(
    new URL("../../deno.json", import.meta.url),
  );
  assertEquals(VERSION, JSON.parse(text).version);
  assert(/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(VERSION), VERSION);
});

Deno.test("settlesWithin() tells whether it settled in time", async () => {
  assertEquals(await settlesWithin(Promise.resolve(1), 10_000), true);
  assertEquals(await settlesWithin(new Promise(() => {}), 1), false);
  await assertRejects(
    () => settlesWithin(Promise.reject(new RangeError("x")), 10_000),
    RangeError,
  );
});

// A process of its own, because `deno test` itself ends with SIGINT.
const LISTENING_PROGRAM = `
  import { listenForStopSignals } from "${new URL(
  "./stop_signals.ts",
  import.meta.url,
)}";
  setInterval(() => {}, 1000);
  const signals = listenForStopSignals();
  signals.first.then((signal) => console.log(signal));
  console.log("ready");
`;

Deno.test({
  name: "the first stop signal is told, a SIGINT after it forces the end",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using child = new Deno.Command(Deno.execPath(), {
      args: ["eval", LISTENING_PROGRAM],
      stdout: "piped",
    }).spawn();
    const output = child.stdout.pipeThrough(new TextDecoderStream());
    let text = "";
    for await (const chunk of output) {
      text += chunk;
      if (text === "ready\n") child.kill("SIGTERM");
      if (text === "ready\nSIGTERM\n") child.kill("SIGINT");
    }
    assertEquals(text, "ready\nSIGTERM\n");
    assertEquals((await child.status).code, 130);
  },
});

const FAULTY_PROGRAM = `
  import { onUnhandledError } from "${new URL(
  "./unhandled_errors.ts",
  import.meta.url,
)}";
  onUnhandledError((error) => {
    console.log(error.message);
    if (error.message === "rejected") {
      setTimeout(() => { throw new Error("thrown"); });
    } else {
      setTimeout(() => console.log("still here"));
    }
  });
  Promise.reject(new Error("rejected"));
`;

Deno.test("errors that nobody handles are told and do not end the program", async () => {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["eval", FAULTY_PROGRAM],
  });
  const { code, stdout } = await child.output();
  const text = new TextDecoder().decode(stdout);
  assertEquals(text, "rejected\nthrown\nstill here\n");
  assertEquals(code, 0);
});
