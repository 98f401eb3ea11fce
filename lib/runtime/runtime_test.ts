import { assert, assertEquals } from "@std/assert";
import { validate } from "@std/uuid";
import { newEventId } from "./event_ids.ts";
import { createFineClock, SYSTEM_CLOCK } from "./system_clock.ts";
import { canOpenFiles, VERSION } from "./process.ts";

Deno.test("the system clock tells microseconds of this century", () => {
  const year = new Date(SYSTEM_CLOCK.nowUs() / 1000).getUTCFullYear();
  assert(year >= 2024 && year < 2100, String(year));
});

Deno.test("the clock stays in the system's millisecond and counts within it", () => {
  const sources = { nowMs: 5000, elapsedMs: 70.25 };
  const clock = createFineClock({
    nowMs: () => sources.nowMs,
    elapsedMs: () => sources.elapsedMs,
  });
  const told = (nowMs: number, elapsedMs: number): number => {
    Object.assign(sources, { nowMs, elapsedMs });
    return clock.nowUs();
  };
  // What both say at first, and while they run alike.
  assertEquals(told(5000, 70.25), 5_000_000);
  assertEquals(told(5000, 70.5007), 5_000_250);
  assertEquals(told(5000, 71.2), 5_000_950);
  assertEquals(told(5001, 71.3), 5_001_050);
  // The counter is ahead of the system's time, or behind it.
  assertEquals(told(5001, 79), 5_001_999);
  assertEquals(told(5003, 79.5), 5_003_000);
  // The system's time is set.
  assertEquals(told(9000, 80), 9_000_000);
  assertEquals(told(9000, 80.125), 9_000_125);
  assertEquals(told(1000, 81), 1_000_999);
  assertEquals(told(1001, 81.5), 1_001_499);
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

// A process of its own, because `deno test` itself ends with SIGINT.
const LISTENING_PROGRAM = `
  import { listenForStopSignals } from "${new URL(
  "./signals.ts",
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
  "./process.ts",
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

Deno.test("canOpenFiles() tells, and leaves none open", () => {
  assertEquals(canOpenFiles(10), true);
  assertEquals(canOpenFiles(10), true);
  assertEquals(canOpenFiles(1e9), false);
  assertEquals(canOpenFiles(10), true);
});
