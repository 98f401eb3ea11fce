/**
 * The pages of operators, and the forms on them: jobs, log level, metrics.
 *
 * @module
 */

import { LOG_LEVELS } from "../../model/logger.ts";
import { maintenancePage } from "../../web/maintenance_page.tsx";
import { metricsPage } from "../../web/metrics_page.tsx";
import type { RequestContext } from "../context.ts";
import {
  markOf,
  pageResponse,
  prefixOf,
  readForm,
  seeOther,
} from "../pages.ts";
import { parameterOf } from "../router.ts";
import { METRICS, type Route, UNNARROWED } from "../route.ts";
import {
  beginScavenge,
  beginVerify,
  maintenanceOf,
  SCAVENGE,
  VERIFY,
} from "./maintenance.ts";
import { setLogLevel } from "./node.ts";
import { metricFamiliesOf } from "./watching.ts";
import { WEB_PAGE } from "./web.ts";
import { FORM_ANSWERS, WEB_FORM } from "./web_login.ts";

const OPERATOR_FORM = {
  ...WEB_FORM,
  scopes: UNNARROWED,
  access: "operators",
  answers: {
    303: FORM_ANSWERS[303],
    501: { text: "The store has no maintenance" },
  },
} as const satisfies Partial<Route>;

/** Part of `ROUTES`. */
export const WEB_MAINTENANCE_ROUTES: readonly Route[] = [
  {
    ...WEB_PAGE,
    template: "/web/maintenance",
    scopes: UNNARROWED,
    access: "operators",
    handler: showMaintenance,
    summary: "Checks, scavenges, backups, log level and options",
    answers: { 200: { text: "The page" } },
  },
  {
    ...WEB_PAGE,
    template: "/web/metrics",
    scopes: METRICS,
    access: "monitors",
    handler: showMetrics,
    summary: "Metrics as numbers that people read",
    answers: { 200: { text: "The page" } },
  },
  {
    ...OPERATOR_FORM,
    template: "/web/maintenance/verify",
    handler: startVerifyByForm,
    summary: "Start checking the store by a form",
  },
  {
    ...OPERATOR_FORM,
    template: "/web/maintenance/verify/cancel",
    handler: cancelVerifyByForm,
    summary: "Stop the running check by a form",
  },
  {
    ...OPERATOR_FORM,
    template: "/web/maintenance/scavenge",
    handler: startScavengeByForm,
    summary: "Start a scavenge by a form",
  },
  {
    ...OPERATOR_FORM,
    template: "/web/maintenance/scavenge/cancel",
    handler: cancelScavengeByForm,
    summary: "Stop the running scavenge by a form",
  },
  {
    ...OPERATOR_FORM,
    template: "/web/maintenance/log-level",
    handler: changeLogLevelByForm,
    summary: "Change the log level by a form",
  },
];

const PAGE = "/web/maintenance";

/** What came of a form, by the word in the address that it led to. */
const NOTICES = {
  busy: { kind: "bad", text: "Another job is under way. Stop it, or wait." },
  level: { kind: "good", text: "The log level is changed." },
} as const;

/** `GET /web/maintenance` */
function showMaintenance(context: RequestContext): Response {
  const { node, observation, maintenance } = context.services;
  const { jobs } = maintenance;
  const done = parameterOf(context.target.query, "done");
  const page = maintenancePage({
    prefix: prefixOf(context),
    csrf: markOf(context),
    jobs: maintenance.store && {
      verify: jobs.status(VERIFY),
      scavenge: jobs.status(SCAVENGE),
    },
    hasBackups: maintenance.store?.openBackup !== undefined,
    logLevel: observation.log.level,
    logLevels: LOG_LEVELS,
    options: node.options ?? [],
    notice: done === "busy" || done === "level" ? NOTICES[done] : undefined,
  });
  return pageResponse(page, context);
}

/** `GET /web/metrics` */
async function showMetrics(context: RequestContext): Promise<Response> {
  const page = metricsPage({
    prefix: prefixOf(context),
    families: await metricFamiliesOf(context),
  });
  return pageResponse(page, context);
}

/** `POST /web/maintenance/verify` */
async function startVerifyByForm(context: RequestContext): Promise<Response> {
  const form = await readForm(context);
  const { kind } = beginVerify(context, form.isTicked("deep"));
  return seeOther(kind === "started" ? PAGE : `${PAGE}?done=busy`, context);
}

/** `POST /web/maintenance/verify/cancel` */
async function cancelVerifyByForm(context: RequestContext): Promise<Response> {
  await readForm(context);
  maintenanceOf(context).jobs.cancel(VERIFY);
  return seeOther(PAGE, context);
}

/** `POST /web/maintenance/scavenge` */
async function startScavengeByForm(context: RequestContext): Promise<Response> {
  await readForm(context);
  const { kind } = beginScavenge(context, {});
  return seeOther(kind === "started" ? PAGE : `${PAGE}?done=busy`, context);
}

/** `POST /web/maintenance/scavenge/cancel` */
async function cancelScavengeByForm(
  context: RequestContext,
): Promise<Response> {
  await readForm(context);
  maintenanceOf(context).jobs.cancel(SCAVENGE);
  return seeOther(PAGE, context);
}

/** `POST /web/maintenance/log-level` */
async function changeLogLevelByForm(
  context: RequestContext,
): Promise<Response> {
  const form = await readForm(context);
  setLogLevel(context, form.optional("level"));
  return seeOther(`${PAGE}?done=level`, context);
}
