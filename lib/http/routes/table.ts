/**
 * All routes of the interface. Routing, 404, 405, OPTIONS,
 * Access-Control-Allow-Methods, content negotiation and the OpenAPI document
 * follow from their rows.
 *
 * @module
 */

import type { Route } from "../route.ts";
import { ALL_ROUTES } from "./all.ts";
import { BACKUP_ROUTES } from "./backups.ts";
import { describingRoutes } from "./description.ts";
import { IMPORT_ROUTES } from "./imports.ts";
import { MAINTENANCE_ROUTES } from "./maintenance.ts";
import { METADATA_ROUTES } from "./metadata.ts";
import { NODE_ROUTES } from "./node.ts";
import { PROJECTION_ROUTES } from "./projections.ts";
import { PROJECTION_COMMAND_ROUTES } from "./projection_commands.ts";
import { PROJECTION_SOURCE_ROUTES } from "./projection_source.ts";
import { STATS_ROUTES } from "./stats.ts";
import { STREAM_ROUTES } from "./streams.ts";
import { MESSAGE_ROUTES } from "./subscription_messages.ts";
import { SUBSCRIPTION_ROUTES } from "./subscriptions.ts";
import { TOKEN_ROUTES } from "./tokens.ts";
import { USER_ROUTES } from "./users.ts";
import { WATCHING_ROUTES } from "./watching.ts";
import { WEB_ROUTES } from "./web.ts";
import { WEB_DEBUG_ROUTES } from "./web_debug.ts";
import { WEB_DOCS_ROUTES } from "./web_docs.ts";
import { WEB_LOGIN_ROUTES } from "./web_login.ts";
import { WEB_MAINTENANCE_ROUTES } from "./web_maintenance.ts";
import { WEB_PROJECTIONS_ROUTES } from "./web_projections.ts";
import { WEB_STREAMS_ROUTES } from "./web_streams.ts";
import { WEB_USERS_ROUTES } from "./web_users.ts";
import { WEB_WRITING_ROUTES } from "./web_writing.ts";
import { WEB_SUBSCRIPTIONS_ROUTES } from "./web_subscriptions.ts";

/**
 * Every route. Rows of one address stand in the order in which the original
 * registered them: it shows in Access-Control-Allow-Methods.
 */
export const ROUTES: readonly Route[] = [
  ...STREAM_ROUTES,
  ...METADATA_ROUTES,
  ...ALL_ROUTES,
  ...SUBSCRIPTION_ROUTES,
  ...MESSAGE_ROUTES,
  ...PROJECTION_ROUTES,
  ...PROJECTION_COMMAND_ROUTES,
  ...PROJECTION_SOURCE_ROUTES,
  ...USER_ROUTES,
  ...TOKEN_ROUTES,
  ...NODE_ROUTES,
  ...WATCHING_ROUTES,
  ...STATS_ROUTES,
  ...MAINTENANCE_ROUTES,
  ...BACKUP_ROUTES,
  ...IMPORT_ROUTES,
  ...WEB_ROUTES,
  ...WEB_LOGIN_ROUTES,
  ...WEB_STREAMS_ROUTES,
  ...WEB_WRITING_ROUTES,
  ...WEB_USERS_ROUTES,
  ...WEB_SUBSCRIPTIONS_ROUTES,
  ...WEB_MAINTENANCE_ROUTES,
  ...WEB_PROJECTIONS_ROUTES,
  ...WEB_DEBUG_ROUTES,
  ...WEB_DOCS_ROUTES,
  ...describingRoutes(() => ROUTES),
];
