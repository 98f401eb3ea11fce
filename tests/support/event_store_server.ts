/**
 * The stand-in of an Event Store as a server.
 *
 * @module
 */

import {
  createStandIn,
  type StandIn,
  type StandInStore,
} from "./event_store_stand_in.ts";

const CHECKPOINT =
  "/streams/$persistentsubscription-orders-1::mail-checkpoint/head";
const CONFIG = {
  resolveLinktos: true,
  startFrom: 0,
  messageTimeoutMilliseconds: 5000,
  extraStatistics: false,
  maxRetryCount: 3,
  liveBufferSize: 500,
  bufferSize: 500,
  readBatchSize: 20,
  preferRoundRobin: true,
  checkPointAfterMilliseconds: 1000,
  minCheckPointCount: 10,
  maxCheckPointCount: 500,
  maxSubscriberCount: 10,
  namedConsumerStrategy: "RoundRobin",
};
/** A user, a subscription and a projection, as 4.0.2 answers. */
export const STAND_IN_DOCUMENTS: Readonly<Record<string, string>> = {
  "/users/": JSON.stringify({
    data: [
      { loginName: "admin", groups: ["$admins"], disabled: false },
      { loginName: "jane", fullName: "Jane", groups: ["a"], disabled: true },
    ],
    success: true,
    error: "Success",
  }),
  "/subscriptions": JSON.stringify([
    { eventStreamId: "orders-1", groupName: "mail" },
  ]),
  "/subscriptions/orders-1/mail/info": JSON.stringify({ config: CONFIG }),
  [CHECKPOINT]: "1",
  "/projections/any": JSON.stringify({
    projections: [
      { name: "$by_category", mode: "Continuous" },
      { name: "count", mode: "Continuous" },
      { name: "Probe", mode: "Transient" },
    ],
  }),
  "/projection/count/query": "fromAll().when({$any:function(s,e){return s}})",
  "/projection/count/config": JSON.stringify({ emitEnabled: true }),
};

/** Serves the stand-in of an Event Store on a port of its own. */
export async function serveStandIn(
  store: StandInStore,
  wrap: (handle: StandIn["handle"]) => StandIn["handle"] = (handle) => handle,
): Promise<AsyncDisposable & { readonly url: string }> {
  const { handle } = createStandIn(store);
  const { promise, resolve } = Promise.withResolvers<number>();
  const server = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen: ({ port }) => resolve(port),
  }, wrap(handle));
  return {
    url: `http://127.0.0.1:${await promise}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}
