/**
 * The documents, as they stand in `docs/`: part of the program, so that the
 * binary needs no other file and the server shows them without a network.
 *
 * @module
 */

import browserApps from "../../../docs/browser-apps.md" with { type: "text" };
import caching from "../../../docs/caching.md" with { type: "text" };
import client from "../../../docs/client.md" with { type: "text" };
import commandLine from "../../../docs/command_line.md" with { type: "text" };
import commands from "../../../docs/commands.md" with { type: "text" };
import concepts from "../../../docs/concepts.md" with { type: "text" };
import conformance from "../../../docs/conformance.md" with { type: "text" };
import differences from "../../../docs/differences.md" with { type: "text" };
import embed from "../../../docs/embed.md" with { type: "text" };
import figures from "../../../docs/figures.md" with { type: "text" };
import index from "../../../docs/index.md" with { type: "text" };
import install from "../../../docs/install.md" with { type: "text" };
import limits from "../../../docs/limits.md" with { type: "text" };
import metrics from "../../../docs/metrics.md" with { type: "text" };
import migrate from "../../../docs/migrate.md" with { type: "text" };
import operate from "../../../docs/operate.md" with { type: "text" };
import options from "../../../docs/options.md" with { type: "text" };
import outbox from "../../../docs/outbox.md" with { type: "text" };
import personalData from "../../../docs/personal-data.md" with { type: "text" };
import processManagers from "../../../docs/process-managers.md" with {
  type: "text",
};
import projections from "../../../docs/projections.md" with { type: "text" };
import questions from "../../../docs/questions.md" with { type: "text" };
import readModels from "../../../docs/read-models.md" with { type: "text" };
import scaleOut from "../../../docs/scale-out.md" with { type: "text" };
import start from "../../../docs/start.md" with { type: "text" };
import subscriptions from "../../../docs/subscriptions.md" with {
  type: "text",
};
import tenants from "../../../docs/tenants.md" with { type: "text" };
import tour from "../../../docs/tour.md" with { type: "text" };
import users from "../../../docs/users.md" with { type: "text" };
import web from "../../../docs/web.md" with { type: "text" };

/**
 * The text of each document by its file's name, without the ending. `api` is
 * none of them: its place is that of the API's own page.
 */
export const DOCUMENTS: ReadonlyMap<string, string> = new Map([
  ["browser-apps", browserApps],
  ["caching", caching],
  ["client", client],
  ["command_line", commandLine],
  ["commands", commands],
  ["concepts", concepts],
  ["conformance", conformance],
  ["differences", differences],
  ["embed", embed],
  ["figures", figures],
  ["index", index],
  ["install", install],
  ["limits", limits],
  ["metrics", metrics],
  ["migrate", migrate],
  ["operate", operate],
  ["options", options],
  ["outbox", outbox],
  ["personal-data", personalData],
  ["process-managers", processManagers],
  ["projections", projections],
  ["questions", questions],
  ["read-models", readModels],
  ["scale-out", scaleOut],
  ["start", start],
  ["subscriptions", subscriptions],
  ["tenants", tenants],
  ["tour", tour],
  ["users", users],
  ["web", web],
]);
