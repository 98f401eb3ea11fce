/**
 * Serves the stand-in of an Event Store: `stand_in_server.ts COUNT [TAMPERING]`.
 * Prints its port.
 *
 * @module
 */

import { print } from "../report.ts";
import { createStandIn } from "../../tests/support/event_store_stand_in.ts";
import { generatedStore, type Tampering } from "./generated_store.ts";

const [count = "", tampering] = Deno.args;
const { handle } = createStandIn(
  generatedStore(Number(count), tampering as Tampering | undefined),
);
Deno.serve({
  hostname: "127.0.0.1",
  port: 0,
  onListen: ({ port }) => print(String(port)),
}, handle);
