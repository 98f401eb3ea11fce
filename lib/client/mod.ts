/**
 * A client of Quipu, and of other servers with its interface, for Deno, Node 20
 * or later, and browsers.
 *
 * ```ts
 * import { Client } from "@quipu-store/quipu/client";
 *
 * const client = new Client({ url: "http://127.0.0.1:2113" });
 * await client.append("order-1", {
 *   eventType: "OrderPaid",
 *   data: { amount: 42 },
 * });
 * for await (const event of client.read("order-1")) console.log(event.data);
 * ```
 *
 * @module
 */

export {
  Client,
  type DeleteOptions,
  type ListedStream,
  type StreamMetadata,
} from "./client.ts";
export type {
  AppendAllOptions,
  AppendOptions,
  AppendResult,
  ExpectedVersion,
} from "./appending.ts";
export { ClientError, type ClientErrorCode } from "./errors.ts";
export type {
  AnyTypes,
  EventFields,
  EventPlace,
  NewEvent,
  RecordedEvent,
} from "./events.ts";
export { Feed, type FollowOptions } from "./following.ts";
export {
  type DeleteProjectionOptions,
  type NewProjection,
  Projections,
} from "./projections.ts";
export type { EventFilter, FeedOptions, ReadOptions } from "./reading.ts";
export {
  type ConsumeOptions,
  type GroupId,
  type Message,
  type NackAction,
  Subscriptions,
  type SubscriptionSettings,
} from "./subscriptions.ts";
export type { ClientOptions, Credentials, RetryOptions } from "./transport.ts";
export {
  type CreatedToken,
  type NewToken,
  type NewUser,
  type User,
  Users,
} from "./users.ts";
