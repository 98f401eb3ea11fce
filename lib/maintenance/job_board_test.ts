import { assertEquals, assertThrows } from "@std/assert";
import { QuipuError } from "../model/errors.ts";
import { SILENT_LOGGER } from "../model/logger.ts";
import type { JobControl } from "../store/maintenance.ts";
import { JobBoard } from "./job_board.ts";

function boardOf(): JobBoard {
  let ids = 0;
  return new JobBoard({
    clock: { nowUs: () => 5 },
    newId: () => `id-${++ids}`,
    logger: SILENT_LOGGER,
  });
}

/** A job that goes on until it is told how to end. */
function aJob(kind = "verify", excludes: string[] = []) {
  const end = Promise.withResolvers<unknown>();
  let control: JobControl | undefined;
  const request = {
    kind,
    request: { isDeep: true },
    excludes,
    work(given: JobControl): Promise<unknown> {
      control = given;
      given.signal.addEventListener(
        "abort",
        () => end.reject(given.signal.reason),
      );
      return end.promise;
    },
  };
  return {
    request,
    end,
    report: (done: number) => {
      control?.report({ phase: "p", done, total: 10, unit: "events" });
    },
  };
}

Deno.test("a job's status goes from running to done, with its result", async () => {
  const board = boardOf();
  assertEquals(board.status("verify"), undefined);
  const { request, end, report } = aJob();
  assertEquals(board.start(request).kind, "started");
  report(4);
  const running = board.status("verify");
  assertEquals(running?.state, "running");
  assertEquals(running?.progress?.done, 4);
  end.resolve({ isClean: true });
  await board.finished("verify");
  assertEquals(board.status("verify")?.state, "done");
  assertEquals(board.status("verify")?.result, { isClean: true });
  assertEquals(board.status("verify")?.request, { isDeep: true });
});

Deno.test("a job that has ended stays as far as it was, without time left", async () => {
  const board = boardOf();
  const { request, end, report } = aJob();
  board.start(request);
  report(4);
  end.resolve({});
  await board.finished("verify");
  const first = board.status("verify")?.progress;
  assertEquals([first?.done, first?.leftMs], [4, undefined]);
  assertEquals(board.status("verify")?.progress, first);
});

Deno.test("a second job of a kind, or of one that it excludes, is told of the first", async () => {
  const board = boardOf();
  const first = aJob();
  const started = board.start(first.request);
  const second = board.start(aJob().request);
  assertEquals([second.kind, second.status.id], ["busy", started.status.id]);
  assertEquals(board.start(aJob("repair", ["verify"]).request).kind, "busy");
  const beside = aJob("backup");
  assertEquals(board.start(beside.request).kind, "started");
  first.end.resolve(1);
  await board.finished("verify");
  const again = aJob();
  assertEquals(board.start(again.request).kind, "started");
  assertEquals(board.all().map(({ kind, state }) => [kind, state]), [
    ["verify", "running"],
    ["backup", "running"],
  ]);
  await board.close();
});

Deno.test("a job that fails says why, one that is cancelled is cancelled", async () => {
  const board = boardOf();
  const failing = aJob();
  board.start(failing.request);
  failing.end.reject(new Error("no luck"));
  await board.finished("verify");
  assertEquals(board.status("verify")?.state, "failed");
  assertEquals(board.status("verify")?.error, "no luck");
  // What has ended cannot be stopped.
  assertEquals(board.cancel("verify")?.state, "failed");

  board.start(aJob().request);
  assertEquals(board.cancel("verify")?.isStopping, true);
  await board.finished("verify");
  assertEquals(board.status("verify")?.state, "cancelled");
  assertEquals(board.status("verify")?.isStopping, false);
  assertEquals(board.cancel("scavenge"), undefined);
});

Deno.test("closing stops what is under way and takes nothing more", async () => {
  const board = boardOf();
  board.start(aJob().request);
  await board.close();
  assertEquals(board.status("verify")?.state, "cancelled");
  assertThrows(() => board.start(aJob().request), QuipuError, "stopping");
});

Deno.test("a job that throws at once has failed, and the board goes on", async () => {
  const board = boardOf();
  board.start({
    kind: "verify",
    request: {},
    work() {
      throw new Error("at once");
    },
  });
  await board.finished("verify");
  assertEquals(board.status("verify")?.error, "at once");
});
