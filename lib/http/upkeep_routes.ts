/**
 * Rows of the routes of long jobs, backups and exports: an addition to the
 * original's interface.
 *
 * @module
 */

import { JSON_ALONE } from "./media_types.ts";
import { BACKUP, UNNARROWED } from "./scopes.ts";

/** Part of `ROUTES`. */
export const UPKEEP_ROUTES = [
  {
    method: "POST",
    template: "/admin/verify",
    request: undefined,
    response: JSON_ALONE,
    handler: "startVerify",
    operation: "administer",
    scopes: UNNARROWED,
  },
  {
    method: "GET",
    template: "/admin/verify",
    request: undefined,
    response: JSON_ALONE,
    handler: "readVerify",
    operation: "administer",
    scopes: UNNARROWED,
  },
  {
    method: "DELETE",
    template: "/admin/verify",
    request: undefined,
    response: JSON_ALONE,
    handler: "cancelVerify",
    operation: "administer",
    scopes: UNNARROWED,
  },
  {
    method: "GET",
    template: "/admin/scavenge/{id}",
    request: undefined,
    response: JSON_ALONE,
    handler: "readScavenge",
    operation: "administer",
    scopes: UNNARROWED,
  },
  {
    method: "DELETE",
    template: "/admin/scavenge/{id}",
    request: undefined,
    response: JSON_ALONE,
    handler: "cancelScavenge",
    operation: "administer",
    scopes: UNNARROWED,
  },
  {
    method: "GET",
    template: "/admin/backup",
    request: undefined,
    response: "any",
    handler: "downloadBackup",
    operation: "administer",
    scopes: BACKUP,
  },
  {
    method: "POST",
    template: "/admin/backup",
    request: JSON_ALONE,
    response: "any",
    handler: "downloadNewBackup",
    operation: "administer",
    scopes: BACKUP,
  },
  {
    method: "GET",
    template: "/admin/export",
    request: undefined,
    response: "any",
    handler: "downloadExport",
    operation: "administer",
    scopes: BACKUP,
  },
] as const;
