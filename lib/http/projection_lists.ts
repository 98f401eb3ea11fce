/**
 * Lists of projections: those of every server that shares the store, each as
 * the server tells that runs it.
 *
 * @module
 */

import type { ModeFilter } from "../projections/contract.ts";
import { baseUrlOf, type RequestContext } from "./context.ts";
import { isForwarded } from "./forwarding.ts";
import {
  type Members,
  readStatisticsList,
  statisticsMembers,
} from "./projection_documents.ts";

/**
 * Reads statistics of projections, built-in ones first. Asked by another
 * server, only of those that this one has for itself.
 *
 * @param wanted `path`: where other servers have the same list.
 */
export async function readProjectionList(
  context: RequestContext,
  { filter, path }: { readonly filter: ModeFilter; readonly path: string },
): Promise<readonly Members[]> {
  const { services: { projections, forwarder }, request } = context;
  if (projections === undefined) return [];
  const baseUrl = baseUrlOf(context);
  const which = isForwarded(request) ? "own" : undefined;
  const list = new Map(
    projections.list(filter, which).map((statistics) => [
      statistics.name,
      statisticsMembers(statistics, baseUrl),
    ]),
  );
  for (const document of await forwarder?.askOthers(path, context) ?? []) {
    for (const { name, members } of readStatisticsList(document, baseUrl)) {
      list.set(name, members);
    }
  }
  return [...list.values()];
}
