import { assertEquals } from "@std/assert";
import type { CommitHint } from "../store/event_store.ts";
import { LIMITS } from "../model/limits.ts";
import type { Principal } from "../model/principal.ts";
import { UserChanges } from "./user_changes.ts";

/** Stands where the store is; `commit` makes an event visible. */
function createCommits(): {
  readonly watch: (
    listener: (events: readonly CommitHint[]) => void,
  ) => () => void;
  readonly commit: (...streamNames: string[]) => void;
  readonly commitOfType: (eventType: string, streamName: string) => void;
} {
  let notify: ((events: readonly CommitHint[]) => void) | undefined;
  return {
    watch(listener) {
      notify = listener;
      return () => notify = undefined;
    },
    commit(...streamNames) {
      notify?.(streamNames.map((streamName) => committed(streamName)));
    },
    commitOfType(eventType, streamName) {
      notify?.([{ ...committed(streamName), eventType }]);
    },
  };
}

function committed(streamName: string): CommitHint {
  return { streamName, eventNumber: 0, eventType: "tested", logPosition: 0 };
}

function principalOf(login: string): Principal {
  return { login, roles: new Set([login]), isReadOnly: false };
}

const STREAMS: readonly [string, string | undefined][] = [
  ["$user-alice", "alice"],
  ["$$$user-alice", "alice"],
  ["$tokens-alice", "alice"],
  ["$$$tokens-alice", "alice"],
  ["$user-a-b", "a-b"],
  ["$users", undefined],
  ["$users-password-notifications", undefined],
  ["user-alice", undefined],
  ["$$user-alice", undefined],
  ["orders-1", undefined],
];

for (const [streamName, login] of STREAMS) {
  Deno.test(`a commit to ${streamName} changes ${login ?? "nobody"}`, () => {
    const { watch, commit } = createCommits();
    const changes = new UserChanges({ watch });
    const changed: string[] = [];
    changes.onChange((name) => changed.push(name));
    commit("orders-1", streamName);
    assertEquals(changed, login === undefined ? [] : [login]);
  });
}

Deno.test("one more token changes nobody, a token less does", () => {
  const { watch, commitOfType } = createCommits();
  const changes = new UserChanges({ watch });
  const changed: string[] = [];
  changes.onChange((name) => changed.push(name));
  commitOfType("$TokenCreated", "$tokens-alice");
  assertEquals(changed, []);
  commitOfType("$TokenRevoked", "$tokens-alice");
  assertEquals(changed, ["alice"]);
});

Deno.test("what was found out before a change holds no longer", () => {
  const { watch, commit } = createCommits();
  const changes = new UserChanges({ watch });
  const before = principalOf("alice");
  changes.mark(before, changes.epoch);
  commit("$user-bob");
  assertEquals(changes.isUnchanged(before), true);
  commit("$user-alice");
  assertEquals(changes.isUnchanged(before), false);
  const after = principalOf("alice");
  changes.mark(after, changes.epoch);
  assertEquals(changes.isUnchanged(after), true);
  assertEquals(changes.isUnchanged(principalOf("alice")), true);
});

Deno.test("changes that are forgotten count for everybody", () => {
  const { watch, commit } = createCommits();
  const changes = new UserChanges({ watch });
  const alice = principalOf("alice");
  changes.mark(alice, changes.epoch);
  commit("$user-alice");
  for (let index = 0; index < LIMITS.verifiedLoginsMax + 1; index++) {
    commit(`$user-${index}`);
  }
  assertEquals(changes.isUnchanged(alice), false);
  const later = principalOf("alice");
  changes.mark(later, changes.epoch);
  assertEquals(changes.isUnchanged(later), true);
});

Deno.test("after closing nothing is watched", () => {
  const { watch, commit } = createCommits();
  const changes = new UserChanges({ watch });
  const changed: string[] = [];
  const stop = changes.onChange((login) => changed.push(login));
  commit("$user-a");
  stop();
  commit("$user-b");
  changes.onChange((login) => changed.push(login));
  changes.close();
  commit("$user-c");
  assertEquals(changed, ["a"]);
});
