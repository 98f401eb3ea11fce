import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { startServer } from "../support/program.ts";

const ADMIN = { Authorization: "Basic " + btoa("admin:changeit") };

Deno.test("the program shows its metrics to operators", async () => {
  const directory = await Deno.makeTempDir({ prefix: "quipu-watching-" });
  try {
    await using server = await startServer([`--db=${directory}`]);
    const closed = await fetch(`${server.url}/metrics`);
    assertEquals(closed.status, 401);
    await closed.body?.cancel();
    const response = await fetch(`${server.url}/metrics`, { headers: ADMIN });
    const text = await response.text();
    const valueOf = (name: string) =>
      Number(new RegExp(`^${name} (.*)$`, "m").exec(text)?.[1]);
    assert(valueOf("process_resident_memory_bytes") > 10_000_000);
    assert(valueOf("process_cpu_seconds_total") > 0);
    assert(valueOf("quipu_disk_free_bytes") > 0);
    // The default users were written.
    assert(valueOf("quipu_events_written_total") > 0);
    assert(valueOf("quipu_sync_duration_seconds_count") > 0);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test({
  name: "SIGUSR2 has the program log everything, and the next as before",
  ignore: Deno.build.os === "windows",
  async fn() {
    const server = await startServer(["--mem-db"]);
    const levelOf = async () => {
      const url = `${server.url}/admin/log-level`;
      return (await (await fetch(url, { headers: ADMIN })).json()).level;
    };
    assertEquals(await levelOf(), "info");
    const change = async (level: string) => {
      const { body } = await fetch(`${server.url}/admin/log-level`, {
        method: "POST",
        headers: { ...ADMIN, "Content-Type": "application/json" },
        body: JSON.stringify({ level }),
      });
      await body?.cancel();
    };
    for (const wanted of ["debug", "info", "error", "debug", "error"]) {
      if (wanted === "error" && await levelOf() === "info") {
        await change(wanted);
        continue;
      }
      server.kill("SIGUSR2");
      // Signals come when they come, soon.
      while (await levelOf() !== wanted);
    }
    await server[Symbol.asyncDispose]();
    const { log, exitCode } = await server.end;
    assertEquals(exitCode, 0);
    assertStringIncludes(log, "log.level_changed by=signal level=debug");
    assertStringIncludes(log, "log.level_changed by=signal level=error");
    assertStringIncludes(log, "by=admin before=info level=error");
  },
});

Deno.test("a slow request is logged with the id that its answer had", async () => {
  const directory = await Deno.makeTempDir({ prefix: "quipu-watching-" });
  try {
    const server = await startServer([
      `--db=${directory}`,
      "--slow-request=1",
      "--log-requests",
    ]);
    const response = await fetch(`${server.url}/users/`, { headers: ADMIN });
    const id = response.headers.get("X-Request-Id") ?? "";
    await response.body?.cancel();
    await server[Symbol.asyncDispose]();
    const { log } = await server.end;
    assertStringIncludes(log, " warn  request.slow durationMs=");
    assertStringIncludes(log, `requestId=${id}`);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
