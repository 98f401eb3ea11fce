/**
 * Keeping the store well: checks, scavenges, backups, the log level and the
 * options that the server runs with.
 *
 * @module
 */

import type { JobStatus } from "../maintenance/job_board.ts";
import type { Finding, VerifyReport } from "../store/maintenance.ts";
import { showDuration } from "../text/quantities.ts";
import {
  ActionForm,
  countOf,
  countText,
  Empty,
  Facts,
  Name,
  Notice,
  sizeText,
  Table,
  Time,
} from "./components.tsx";
import type { Page } from "./frame.tsx";
import type { Content, Html } from "./html.ts";

/** What the page shows. */
export interface MaintenancePageFacts {
  readonly prefix: string;
  readonly csrf: string;
  /** Undefined: the store is kept well from elsewhere. */
  readonly jobs: {
    readonly verify: JobStatus | undefined;
    readonly scavenge: JobStatus | undefined;
  } | undefined;
  /** Whether backups are taken from here. */
  readonly hasBackups: boolean;
  readonly logLevel: string;
  readonly logLevels: readonly string[];
  readonly options: readonly {
    readonly name: string;
    readonly value: string;
    readonly description: string;
  }[];
  readonly notice?: {
    readonly kind: "good" | "bad";
    readonly text: string;
  } | undefined;
}

/** Makes the page. */
export function maintenancePage(facts: MaintenancePageFacts): Page {
  const { prefix, csrf, jobs, hasBackups, notice } = facts;
  const isBusy = jobs?.verify?.state === "running" ||
    jobs?.scavenge?.state === "running";
  return {
    title: "Maintenance",
    section: "maintenance",
    scripts: isBusy ? ["refresh.js"] : [],
    body: (
      <>
        <h1>Maintenance</h1>
        {notice === undefined
          ? null
          : <Notice kind={notice.kind}>{notice.text}</Notice>}
        {jobs === undefined
          ? (
            <Empty>
              The store is kept well by the database that it is in: its backups
              and checks are made there.
            </Empty>
          )
          : (
            <div
              class="cards wide"
              id="jobs"
              data-refresh={isBusy ? "1000" : undefined}
            >
              <Verify prefix={prefix} csrf={csrf} status={jobs.verify} />
              <Scavenge prefix={prefix} csrf={csrf} status={jobs.scavenge} />
              {hasBackups ? <Copies prefix={prefix} /> : null}
            </div>
          )}
        <h2>Log</h2>
        <LogLevel {...facts} />
        <p>
          <a href={prefix + "/web/metrics"}>Metrics</a>{" "}
          say what the server does, in numbers.
        </p>
        <h2>Options</h2>
        <Options {...facts} />
      </>
    ),
  };
}

interface JobCard {
  readonly prefix: string;
  readonly csrf: string;
  readonly status: JobStatus | undefined;
}

function Verify({ prefix, csrf, status }: JobCard): Html {
  const path = prefix + "/web/maintenance/verify";
  return (
    <section class="card">
      <h2>Verify</h2>
      <p>Reads the whole store and checks every event.</p>
      {status === undefined ? null : <Job status={status} />}
      {status?.state === "done" && isVerifyReport(status.result)
        ? <VerifyResult report={status.result} />
        : null}
      <Buttons path={path} csrf={csrf} status={status} start="Verify">
        <label class="field row">
          <input type="checkbox" name="deep" value="true" />
          <span>compare the indexes entry by entry, too</span>
        </label>
      </Buttons>
    </section>
  );
}

function Scavenge({ prefix, csrf, status }: JobCard): Html {
  const path = prefix + "/web/maintenance/scavenge";
  return (
    <section class="card">
      <h2>Scavenge</h2>
      <p>
        Removes events that nobody can read any more: of deleted streams, and
        those that metadata hides for good.
      </p>
      {status === undefined ? null : <Job status={status} />}
      {status?.state === "done" ? scavengeResult(status.result) : null}
      <Buttons path={path} csrf={csrf} status={status} start="Scavenge" />
      <p>
        <a href={prefix + "/streams/$scavenges"}>History</a>
      </p>
    </section>
  );
}

function Copies({ prefix }: { readonly prefix: string }): Html {
  return (
    <section class="card">
      <h2>Backup and export</h2>
      <p>
        A backup is the whole store as one archive, for{" "}
        <code>quipu restore</code>. An export is its events as lines of JSON,
        for <code>quipu import</code> and other programs.
      </p>
      <div class="actions">
        <a class="button" href={prefix + "/admin/backup"} download="">
          Download a backup
        </a>
        <a class="button" href={prefix + "/admin/export"} download="">
          Download an export
        </a>
      </div>
    </section>
  );
}

/** Starts a job, or stops the one that runs. */
function Buttons(
  { path, csrf, status, start, children }: {
    readonly path: string;
    readonly csrf: string;
    readonly status: JobStatus | undefined;
    readonly start: string;
    readonly children?: Content;
  },
): Html {
  if (status?.state !== "running") {
    return (
      <ActionForm action={path} csrf={csrf}>
        {children}
        <div class="actions">
          <button type="submit" class="primary">{start}</button>
        </div>
      </ActionForm>
    );
  }
  return (
    <ActionForm action={path + "/cancel"} csrf={csrf}>
      <div class="actions">
        <button type="submit" class="danger" disabled={status.isStopping}>
          {status.isStopping ? "Stopping" : "Stop"}
        </button>
      </div>
    </ActionForm>
  );
}

/** How a job is, or how it ended. */
function Job({ status }: { readonly status: JobStatus }): Html {
  const { state, startedAtUs, endedAtUs, error, progress } = status;
  const took = endedAtUs === undefined
    ? null
    : ` in ${showDuration((endedAtUs - startedAtUs) / 1000)}`;
  if (state !== "running") {
    const kind = state === "done" ? "good" : "bad";
    return (
      <p>
        <span class={`tag ${kind}`}>{state}</span>
        {took}, begun <Time us={startedAtUs} />
        {error === undefined ? null : (
          <>
            : <Name>{error}</Name>
          </>
        )}
      </p>
    );
  }
  const total = progress?.total ?? 0;
  return (
    <div>
      <progress
        max={total === 0 ? undefined : total}
        value={total === 0 ? undefined : progress?.done}
        aria-label={progress?.phase ?? "starting"}
      >
      </progress>
      <p>
        {progress?.phase ?? "starting"}
        {total === 0 || progress === undefined
          ? null
          : `, ${Math.floor(100 * progress.done / total)} %`}
        {progress?.leftMs === undefined
          ? null
          : `, about ${showDuration(progress.leftMs)} left`}
      </p>
    </div>
  );
}

/** Findings that the page lists. */
const FINDINGS_SHOWN = 100;

function VerifyResult({ report }: { readonly report: VerifyReport }): Html {
  const { isClean, findings, eventCount, segmentCount, checkedBytes } = report;
  return (
    <>
      <Notice kind={isClean ? "good" : "bad"}>
        {isClean ? "Everything is as it was written" : (
          `${countOf(report.damageCount, "loss")}, ${
            countText(report.brokenCount)
          } to be mended`
        )}
        {`: ${countOf(eventCount, "event")}`}
        {segmentCount === 0
          ? "."
          : ` in ${countOf(segmentCount, "segment")}, ${
            sizeText(checkedBytes)
          }.`}
      </Notice>
      {findings.length === 0
        ? null
        : (
          <Table label="Findings" heads={["Severity", "What", "What to do"]}>
            {findings.slice(0, FINDINGS_SHOWN).map((finding) => (
              <FindingRow finding={finding} />
            ))}
          </Table>
        )}
    </>
  );
}

function FindingRow({ finding }: { readonly finding: Finding }): Html {
  const { severity, what, file, advice } = finding;
  return (
    <tr>
      <td>
        <span class={`tag ${severity === "notice" ? "" : "bad"}`}>
          {severity}
        </span>
      </td>
      <td class="wide">
        <Name>{what}</Name>
        {file === undefined ? null : (
          <>
            {" "}
            <code>{file.toWellFormed()}</code>
          </>
        )}
      </td>
      <td class="wide">
        <Name>{advice}</Name>
      </td>
    </tr>
  );
}

function isVerifyReport(result: unknown): result is VerifyReport {
  return typeof result === "object" && result !== null && "isClean" in result;
}

function scavengeResult(result: unknown): Content {
  const isReport = typeof result === "object" && result !== null &&
    "removedCount" in result && "freedBytes" in result;
  if (!isReport) return null;
  return (
    <Facts
      rows={[
        ["Events removed", countText(Number(result.removedCount))],
        ["Space freed", sizeText(Number(result.freedBytes))],
      ]}
    />
  );
}

function LogLevel(
  { prefix, csrf, logLevel, logLevels }: MaintenancePageFacts,
): Html {
  return (
    <ActionForm
      action={prefix + "/web/maintenance/log-level"}
      csrf={csrf}
      class="inline"
    >
      <label>
        Log from{" "}
        <select name="level">
          {logLevels.map((level) => (
            <option value={level} selected={level === logLevel}>{level}</option>
          ))}
        </select>{" "}
        up
      </label>
      <button type="submit">Change</button>
    </ActionForm>
  );
}

function Options({ options }: MaintenancePageFacts): Html {
  return (
    <Table label="Options" heads={["Option", "Value", "What it does"]}>
      {options.map(({ name, value, description }) => (
        <tr>
          <td>
            <code>{name}</code>
          </td>
          <td class="wide">
            <Name>{value}</Name>
          </td>
          <td class="wide">{description}</td>
        </tr>
      ))}
    </Table>
  );
}
