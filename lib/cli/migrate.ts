/**
 * `quipu migrate`: everything of a live Event Store, over HTTP.
 *
 * @module
 */

import { randomBytes } from "node:crypto";
import type { MigrationReport } from "../migrate/migrate.ts";
import type { ProofReport } from "../migrate/proof.ts";
import { showCount, showDuration } from "../text/quantities.ts";
import { defineCommand } from "./command.ts";
import { EXIT_CODES, RunError, UsageError } from "./failures.ts";
import { printResult, TASK_OPTIONS, workLong } from "./offline_work.ts";
import { CLIENT_OPTIONS } from "./options/client_options.ts";
import { printNote } from "./terminal.ts";

const { login, password, token, passwordFile, tokenFile, caCertFile } =
  CLIENT_OPTIONS;

/** Bytes of a new password: 24 characters. */
const PASSWORD_BYTES = 18;

export const MIGRATE = defineCommand({
  name: "migrate",
  summary: "Copy everything of a live Event Store over HTTP, and prove it",
  details: "The source is an Event Store 3.9 to 5, a KurrentDB with AtomPub, " +
    "or another Quipu; it is only read. Events keep numbers, ids, types, " +
    "times, data and metadata. Users are made with new passwords, which are " +
    "printed once; subscriptions go on where they are; projections are " +
    "created stopped. Then both sides are read anew and compared stream by " +
    "stream. Run it again after an interruption: it goes on where it was. " +
    "With --follow it goes on with new events until Ctrl-C; a second Ctrl-C " +
    "stops at once.",
  options: [],
  own: {
    from: {
      flag: "from",
      kind: "text",
      form: "url",
      valueName: "URL",
      help: "The server to copy from",
    },
    fromLogin: {
      flag: "from-user",
      kind: "text",
      valueName: "LOGIN",
      default: "admin",
      help: "User to read the source as: a member of $admins",
    },
    fromPasswordFile: {
      flag: "from-password-file",
      kind: "text",
      valueName: "FILE",
      help: "File with the password of --from-user in its first line; - for " +
        "standard input; without it, the password is typed",
    },
    to: {
      flag: "to",
      kind: "text",
      valueName: "TARGET",
      help: "A directory, which no server has open, a database of PostgreSQL " +
        "as a URL, or the URL of a running Quipu",
    },
    isPlain: {
      flag: "plain",
      kind: "boolean",
      help: "The target is an Event Store: write to it as any client does. " +
        "Times are new, and JSON is formatted anew",
    },
    isFollowing: {
      flag: "follow",
      kind: "boolean",
      help: "Go on with new events until Ctrl-C",
    },
    isProofOnly: {
      flag: "verify",
      kind: "boolean",
      help: "Copy nothing; only compare both sides",
    },
    hasNoProof: {
      flag: "skip-proof",
      kind: "boolean",
      excludes: "verify",
      help: "Do not compare both sides at the end",
    },
    hasEventsOnly: {
      flag: "events-only",
      kind: "boolean",
      help: "Copy no users, subscriptions and projections",
    },
    statePath: {
      flag: "state",
      kind: "text",
      valueName: "FILE",
      default: "quipu-migrate.json",
      help: "File that remembers how far it is",
    },
    pageEvents: {
      flag: "page",
      kind: "integer",
      default: 1000,
      least: 1,
      most: 4096,
      help: "Events that the source is asked for at once",
    },
    readers: {
      flag: "readers",
      kind: "integer",
      default: 8,
      least: 1,
      most: 64,
      help: "Requests at the same time for data that pages do not show",
    },
    login,
    password,
    token,
    passwordFile,
    tokenFile,
    caCertFile,
    ...TASK_OPTIONS,
  },
}, async ({ values, environment }) => {
  const { from, to, isPlain, isFollowing, isProofOnly, statePath } = values;
  if (from === undefined || to === undefined) {
    throw new UsageError("migrate needs --from URL and --to TARGET");
  }
  const { openSides } = await import("./migration_sides.ts");
  const { migrate } = await import("../migrate/migrate.ts");
  const { MigrationError } = await import("../migrate/errors.ts");
  const { report, tookMs } = await workLong(values, async (control) => {
    const aborting = new AbortController();
    const { signal } = aborting;
    control.signal.addEventListener("abort", () => {
      if (isFollowing) printNote("Finishing; Ctrl-C again stops at once\n");
      else aborting.abort(control.signal.reason);
    });
    await using sides = await openSides(
      { ...values, from, to },
      { environment, signal },
    );
    try {
      return await migrate({
        ...sides,
        from,
        statePath,
        isLoose: isPlain,
        report: control.report,
        goesOn: () => isFollowing && !control.signal.aborted,
        does: {
          events: !isProofOnly,
          settings: !isProofOnly && !values.hasEventsOnly,
          proof: !values.hasNoProof,
        },
        newPassword: () => randomBytes(PASSWORD_BYTES).toString("base64url"),
      });
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      throw error instanceof MigrationError
        ? new RunError(error.message, { cause: error })
        : error;
    } finally {
      aborting.abort();
    }
  });
  printResult(values, {
    json: { from, to, tookMs, ...report },
    text: textOf(report, tookMs),
  });
  return report.proof?.isProven === false ? EXIT_CODES.failure : EXIT_CODES.ok;
});

function textOf(report: MigrationReport, tookMs: number): string {
  const { copied, settings, proof, losses } = report;
  const lines: string[] = [];
  if (copied !== undefined) {
    lines.push(
      `Copied ${showCount(copied.importedCount, "event")} in ` +
        `${showDuration(tookMs)}; ${showCount(copied.knownCount)} were ` +
        "already there",
    );
    if (copied.filledCount > 0) {
      lines.push(
        `${showCount(copied.filledCount, "number")} that the source has no ` +
          "event for were filled with $missing",
      );
    }
  }
  if (settings !== undefined) {
    lines.push(
      `Made ${showCount(settings.users.length, "user")}, ` +
        `${showCount(settings.subscriptionCount, "subscription")} and ` +
        `${showCount(settings.projectionCount, "projection")}, stopped`,
    );
    for (const { login, password } of settings.users) {
      lines.push(`New password of ${JSON.stringify(login)}: ${password}`);
    }
    lines.push(...settings.notes);
  }
  const { unreadableCount, brokenMetadataCount, examples } = losses;
  if (unreadableCount > 0) {
    lines.push(
      `${showCount(unreadableCount, "event")} without data, which the source ` +
        "no longer shows",
    );
  }
  if (brokenMetadataCount > 0) {
    lines.push(
      `${showCount(brokenMetadataCount, "event")} with metadata that is not ` +
        "UTF-8, which the source does not show as it is",
    );
  }
  if (examples.length > 0) {
    const names = examples.map((example) => JSON.stringify(example));
    lines.push(`Such as ${names.join(", ")}`);
  }
  if (proof !== undefined) lines.push(...proofLines(proof));
  return lines.map((line) => `${line}\n`).join("");
}

function proofLines(proof: ProofReport): string[] {
  const { differences, differenceCount, otherTimesCount } = proof;
  const lines = differences.map(({ streamName, what }) =>
    `${JSON.stringify(streamName)}: ${what}`
  );
  if (otherTimesCount > 0) {
    lines.push(
      `${showCount(otherTimesCount, "stream")} with other times: the store ` +
        "held later events, or the clock of the source went back",
    );
  }
  if (proof.extraStreamCount > 0) {
    lines.push(
      `${showCount(proof.extraStreamCount, "stream")} at the destination alone`,
    );
  }
  lines.push(
    proof.isProven
      ? `Both sides have the same ${showCount(proof.eventCount, "event")} in ` +
        `${showCount(proof.streamCount, "stream")}, checksum ${proof.checksum}`
      : `Both sides differ in ${showCount(differenceCount, "stream")}`,
  );
  return lines;
}
