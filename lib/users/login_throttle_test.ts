import { assert, assertEquals, assertRejects } from "@std/assert";
import { createTestClock, type TestClock } from "../../tests/support/events.ts";
import { QuipuError } from "../model/errors.ts";
import { LIMITS } from "../model/limits.ts";
import { LoginThrottle } from "./login_throttle.ts";

/** A throttle whose time passes only when told; each check takes `costMs`. */
interface Bench {
  readonly clock: TestClock;
  readonly throttle: LoginThrottle;
  /** Logins in the order in which they were checked, with the time in ms. */
  readonly checked: { readonly login: string; readonly atMs: number }[];
  /** Starts a login; what it ends with is in `ended`. */
  attempt(login: string, options?: AttemptOptions): Promise<boolean>;
  /** Lets time pass until nothing waits, or for `durationMs`. */
  pass(durationMs?: number): Promise<void>;
}

interface AttemptOptions {
  readonly address?: string;
  readonly isRight?: boolean;
}

function createBench(costMs = 0): Bench {
  const clock = createTestClock();
  const startUs = clock.nowUs();
  const due = new Set<{ readonly atUs: number; readonly call: () => void }>();
  const throttle = new LoginThrottle({
    clock,
    timers: {
      setTimer(delayMs, call) {
        const entry = { atUs: clock.nowUs() + delayMs * 1000, call };
        due.add(entry);
        return () => due.delete(entry);
      },
    },
  });
  const checked: { login: string; atMs: number }[] = [];
  return {
    clock,
    throttle,
    checked,
    attempt(login, { address = "10.0.0.1", isRight = false } = {}) {
      return throttle.run({ remoteAddress: address, login }, () => {
        checked.push({ login, atMs: (clock.nowUs() - startUs) / 1000 });
        clock.advanceMs(costMs);
        return Promise.resolve(isRight);
      });
    },
    async pass(durationMs = Infinity) {
      const endUs = clock.nowUs() + durationMs * 1000;
      for (;;) {
        await settle();
        const [next] = [...due].sort((a, b) => a.atUs - b.atUs);
        if (next === undefined || next.atUs > endUs) break;
        due.delete(next);
        clock.advanceMs(Math.max(0, next.atUs - clock.nowUs()) / 1000);
        next.call();
      }
    },
  };
}

/** Lets every promise that can settle do so. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 1000; turn++) await null;
}

Deno.test("a right and a wrong password are checked at once and told apart", async () => {
  const { attempt } = createBench();
  assertEquals(await attempt("a", { isRight: true }), true);
  assertEquals(await attempt("a"), false);
});

Deno.test("right passwords are never slowed", async () => {
  const { attempt, checked } = createBench(1);
  for (let index = 0; index < 500; index++) {
    await attempt("a", { isRight: true });
  }
  assertEquals(checked.at(-1)?.atMs, 499);
});

Deno.test("an address that keeps failing gets one try a second", async () => {
  const { attempt, checked, pass } = createBench();
  const ends: Promise<boolean>[] = [];
  const tries = LIMITS.loginFailuresMax + 5;
  for (let index = 0; index < tries; index++) {
    ends.push(attempt(`login-${index}`));
  }
  await pass();
  assertEquals((await Promise.all(ends)).length, tries);
  const times = checked.map(({ atMs }) => atMs);
  assertEquals(times.slice(-6), [0, 1000, 2000, 3000, 4000, 5000]);
});

Deno.test("a login that fails from everywhere is not delayed where it is right", async () => {
  const { attempt, checked } = createBench();
  await attempt("other", { address: "10.9.9.9" });
  for (let index = 0; index < LIMITS.loginFailuresMax + 20; index++) {
    await attempt("admin", { address: `10.0.${index}.1` });
  }
  const startMs = checked.at(-1)?.atMs;
  const right = attempt("admin", { address: "10.9.9.9", isRight: true });
  assertEquals(await right, true);
  assertEquals(checked.at(-1)?.atMs, startMs);
});

for (const addressCount of [1, 50, 1_000]) {
  Deno.test(`a right login from an address that never failed waits less than two seconds beside ${addressCount} that guess it`, async () => {
    const { attempt, checked, clock, pass } = createBench(250);
    const guess = (index: number) =>
      attempt("admin", {
        address: `10.1.${index >> 8}.${index & 255}`,
      }).catch(() => false);
    // Each has guessed before, one after the other or all at once.
    for (let index = 0; index < addressCount; index++) {
      const end = guess(index);
      await pass();
      await end;
    }
    const guesses: Promise<boolean>[] = [];
    for (let index = 0; index < 2 * LIMITS.loginQueueMax; index++) {
      guesses.push(guess(index % addressCount));
    }
    const startUs = clock.nowUs();
    let endUs = Infinity;
    const honest = attempt("admin", { address: "10.9.9.9", isRight: true })
      .then((isRight) => {
        endUs = clock.nowUs();
        return isRight;
      });
    await pass();
    assertEquals(await honest, true);
    await Promise.all(guesses);
    assert(endUs - startUs < 2_000_000, `waited ${endUs - startUs} µs`);
    assert(checked.length > addressCount);
  });
}

/** Where each guess comes from, and where the honest client is. */
const ATTACKS: Readonly<Record<string, [(index: number) => string, string]>> = {
  "eighty addresses again and again": [
    (index) => `198.51.100.${index % 80}`,
    "198.51.100.200",
  ],
  "fresh addresses of its own /8": [
    (index) => `10.${index >> 16 & 127}.${index >> 8 & 255}.${index & 255}`,
    "10.200.0.1",
  ],
  "fresh addresses of its own /16": [
    (index) => `10.1.${index % 200}.${index >> 8 & 255}`,
    "10.1.250.1",
  ],
  "fresh networks of IPv6": [
    (index) => `2001:db8:${(index >> 8).toString(16)}:${index & 255}::1`,
    "2001:db9::1",
  ],
  "fresh addresses of many networks": [
    (index) => `${1 + index % 100}.${index >> 8 & 255}.1.${index & 255}`,
    "192.0.2.7",
  ],
};

for (const [what, [addressOf, honestAddress]] of Object.entries(ATTACKS)) {
  Deno.test(`a right login waits less than two seconds beside guesses from ${what}`, async () => {
    const { attempt, clock, pass } = createBench(250);
    const ends: Promise<boolean>[] = [];
    let index = 0;
    /** Twenty guesses a second, with the queue full from the first moment. */
    const guessFor = async (seconds: number, isOver = () => false) => {
      for (let step = 0; step < seconds * 20 && !isOver(); step++) {
        ends.push(
          attempt("admin", { address: addressOf(index++) }).catch(() => false),
        );
        const beforeUs = clock.nowUs();
        await pass(50);
        const passedMs = (clock.nowUs() - beforeUs) / 1000;
        clock.advanceMs(Math.max(0, 50 - passedMs));
      }
    };
    for (let burst = 0; burst < 2 * LIMITS.loginQueueMax; burst++) {
      ends.push(
        attempt("admin", { address: addressOf(index++) }).catch(() => false),
      );
    }
    await guessFor(20);
    const startUs = clock.nowUs();
    let endUs: number | undefined;
    const honest = attempt("admin", { address: honestAddress, isRight: true })
      .then((isRight) => {
        endUs = clock.nowUs();
        return isRight;
      });
    await guessFor(10, () => endUs !== undefined);
    assert(endUs !== undefined, "waits after ten seconds");
    assertEquals(await honest, true);
    assert(endUs - startUs < 2_000_000, `waited ${endUs - startUs} µs`);
    await pass();
    await Promise.all(ends);
  });
}

Deno.test("failures are forgotten", async () => {
  const { attempt, checked, clock, pass } = createBench();
  for (let index = 0; index < LIMITS.loginFailuresMax; index++) {
    await attempt("a");
  }
  clock.advanceMs(LIMITS.loginFailuresMax * LIMITS.loginFailureForgetMs);
  const startMs = (checked.at(-1)?.atMs ?? 0) + 30_000;
  for (let index = 0; index < LIMITS.loginFailuresMax; index++) {
    await attempt("a");
  }
  await pass();
  assertEquals(checked.at(-1)?.atMs, startMs);
});

Deno.test("an honest client overtakes those who guess", async () => {
  const { attempt, checked, pass } = createBench(250);
  for (let index = 0; index < 5; index++) await attempt("admin");
  const guesses = Array.from({ length: 20 }, () => attempt("admin"));
  const honest = attempt("alice", { address: "10.7.7.7", isRight: true });
  await pass();
  assertEquals(await honest, true);
  await Promise.all(guesses);
  // One guess is under way when the honest client comes.
  assertEquals(checked.slice(5, 7).map(({ login }) => login), [
    "admin",
    "alice",
  ]);
});

Deno.test("a login known from an address is checked first there", async () => {
  const { attempt, checked, pass } = createBench(250);
  await attempt("alice", { isRight: true });
  const guesses = Array.from(
    { length: 40 },
    (_, index) => attempt(`guess-${index}`),
  );
  const honest = attempt("alice", { isRight: true });
  await pass();
  assertEquals(await honest, true);
  await Promise.all(guesses);
  assertEquals(checked[2]?.login, "alice");
});

Deno.test("failures use at most half of one core in the long run", async () => {
  const { attempt, checked, clock, pass } = createBench(250);
  const startUs = clock.nowUs();
  // Each guess comes from another network, so that nothing else slows it.
  for (let round = 0; round < 100; round++) {
    const guesses = Array.from(
      { length: 10 },
      (_, index) =>
        attempt(`login-${round}-${index}`, {
          address: `10.${round}.${index}.1`,
        }),
    );
    await pass();
    await Promise.all(guesses);
  }
  const elapsedMs = (clock.nowUs() - startUs) / 1000;
  const usedMs = checked.length * 250;
  assertEquals(checked.length, 1000);
  assert(usedMs <= elapsedMs * 0.5 + 2_250, `${usedMs} of ${elapsedMs} ms`);
});

Deno.test("beyond the queue the one with the most failures is refused", async () => {
  const { attempt, pass } = createBench(250);
  for (let index = 0; index < 5; index++) await attempt("admin");
  const refused: number[] = [];
  const guesses = Array.from(
    { length: LIMITS.loginQueueMax + 1 },
    (_, index) => attempt("admin").catch(() => refused.push(index)),
  );
  const honest = attempt("alice", { address: "10.7.7.7", isRight: true });
  const late = await assertRejects(() => attempt("admin"), QuipuError);
  assertEquals(late.code, "tooManyLogins");
  await pass();
  assertEquals(await honest, true);
  await Promise.all(guesses);
  assertEquals(refused, [LIMITS.loginQueueMax]);
});

Deno.test("a check that throws costs nothing and stops nobody", async () => {
  const { attempt, throttle } = createBench();
  const failing = throttle.run(
    { remoteAddress: "10.0.0.1", login: "a" },
    () => Promise.reject(new Error("Broken")),
  );
  await assertRejects(() => failing, Error, "Broken");
  assertEquals(await attempt("a", { isRight: true }), true);
});

Deno.test("closing refuses what waits and what comes", async () => {
  const { attempt, throttle, pass } = createBench();
  for (let index = 0; index < LIMITS.loginFailuresMax; index++) {
    await attempt("a");
  }
  const waiting = attempt("a");
  throttle.close();
  for (const end of [waiting, attempt("b")]) {
    const error = await assertRejects(() => end, QuipuError);
    assertEquals(error.code, "storeClosed");
  }
  await pass();
});
