/**
 * The HTTP client of `geteventstore-promise`, unmodified, in a process of its
 * own (`client_host.ts`): its methods for streams, persistent subscriptions and
 * projections, typed after its README.
 *
 * @module
 */

import { fromFileUrl } from "@std/path";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";

/** What is imported; `client.lock` holds its checksum and what it needs. */
const PACKAGE = "npm:geteventstore-promise@4.0.1";

/** An event as the client hands it out. */
export interface ClientEvent {
  readonly eventId: string;
  readonly eventType: string;
  readonly eventNumber: number;
  readonly streamId: string;
  readonly data?: unknown;
  /** With `embed=body`, text. */
  readonly metaData?: unknown;
  readonly created: string;
  readonly positionEventNumber: number;
  readonly positionStreamId: string;
}

/** What the client makes of a page of a feed. */
export interface ClientPage {
  readonly streamId: string;
  readonly isEndOfStream: boolean;
  readonly readDirection: "forward" | "backward";
  readonly nextEventNumber: number;
  readonly events: readonly ClientEvent[];
}

/** An event to write, in the form of the interface. */
export interface NewEvent {
  readonly eventId: string;
  readonly eventType: string;
  readonly data: unknown;
  readonly metadata?: unknown;
}

type Embed = "body" | "rich";
type Direction = "forward" | "backward";
type Position = number | "head";
interface WriteOptions {
  readonly expectedVersion: number;
}

/** Settings of a persistent subscription. */
export interface SubscriptionOptions {
  readonly resolveLinkTos?: boolean;
  readonly startFrom?: number;
  readonly readBatchSize?: number;
  readonly maxRetryCount?: number;
  readonly minCheckPointCount?: number;
}

/** A persistent subscription, as `/info` and lists show it. */
export interface SubscriptionInfo {
  readonly eventStreamId: string;
  readonly groupName: string;
  readonly totalInFlightMessages: number;
  readonly config?: Readonly<Record<string, unknown>>;
}

/**
 * The client's methods for persistent subscriptions. Messages have functions
 * that follow their links: see `follow`.
 */
export interface SubscriptionClient {
  assert(
    name: string,
    streamName: string,
    options?: SubscriptionOptions,
  ): Promise<{ readonly result: string }>;
  remove(
    name: string,
    streamName: string,
  ): Promise<{ readonly result: string }>;
  getEvents(
    name: string,
    streamName: string,
    count?: number,
    embed?: string,
  ): Promise<{ readonly entries: readonly { readonly event: ClientEvent }[] }>;
  getSubscriptionInfo(
    name: string,
    streamName: string,
  ): Promise<SubscriptionInfo>;
  getStreamSubscriptionsInfo(
    streamName: string,
  ): Promise<readonly SubscriptionInfo[]>;
  getAllSubscriptionsInfo(): Promise<readonly SubscriptionInfo[]>;
}

/** A projection, as lists show it. */
export interface ProjectionInfo {
  readonly name: string;
  readonly status: string;
  readonly mode: string;
  readonly config?: Readonly<Record<string, unknown>>;
}

/** Answer to a command. */
interface ProjectionAnswer {
  readonly name: string;
}

/** The client's methods for projections. */
export interface ProjectionClient {
  assert(
    name: string,
    query: string,
    mode?: "continuous" | "onetime",
    isEnabled?: boolean,
    hasCheckpoints?: boolean,
    emitEnabled?: boolean,
    tracksEmittedStreams?: boolean,
  ): Promise<ProjectionAnswer>;
  start(name: string): Promise<ProjectionAnswer>;
  stop(name: string): Promise<ProjectionAnswer>;
  reset(name: string): Promise<ProjectionAnswer>;
  remove(
    name: string,
    deletesCheckpointStream?: boolean,
    deletesStateStream?: boolean,
  ): Promise<ProjectionAnswer>;
  config(name: string): Promise<Readonly<Record<string, unknown>>>;
  getState(
    name: string,
    options?: { readonly partition: string },
  ): Promise<unknown>;
  getResult(
    name: string,
    options?: { readonly partition: string },
  ): Promise<unknown>;
  getInfo(
    name: string,
    includeConfig?: boolean,
  ): Promise<ProjectionInfo>;
  getAllProjectionsInfo(): Promise<
    { readonly projections: readonly ProjectionInfo[] }
  >;
  disableAll(): Promise<readonly ProjectionAnswer[]>;
  enableAll(): Promise<readonly ProjectionAnswer[]>;
}

/** The client's methods: arguments and results. */
export interface PromiseClient {
  readonly persistentSubscriptions: SubscriptionClient;
  readonly projections: ProjectionClient;
  /**
   * Calls a function of what the last call returned, such as `ackAll` or
   * `entries.0.nack`.
   *
   * @returns The status of the answer.
   */
  follow(path: string): Promise<number>;
  ping(): Promise<unknown>;
  writeEvent(
    streamName: string,
    eventType: string,
    data: unknown,
    metadata?: unknown,
    options?: WriteOptions,
  ): Promise<unknown>;
  writeEvents(
    streamName: string,
    events: readonly NewEvent[],
    options?: WriteOptions,
  ): Promise<unknown>;
  getEvents(
    streamName: string,
    startPosition?: Position,
    count?: number,
    direction?: Direction,
    resolveLinkTos?: boolean,
    embed?: Embed,
  ): Promise<readonly ClientEvent[]>;
  getEventsByType(
    streamName: string,
    eventTypes: readonly string[],
    startPosition?: Position,
    count?: number,
    direction?: Direction,
  ): Promise<readonly ClientEvent[]>;
  getAllStreamEvents(
    streamName: string,
    chunkSize?: number,
    startPosition?: number,
    resolveLinkTos?: boolean,
    embed?: Embed,
  ): Promise<readonly ClientEvent[]>;
  readEventsForward(
    streamName: string,
    startPosition?: Position,
    count?: number,
    resolveLinkTos?: boolean,
    embed?: Embed,
  ): Promise<ClientPage>;
  readEventsBackward(
    streamName: string,
    startPosition?: Position,
    count?: number,
    resolveLinkTos?: boolean,
    embed?: Embed,
  ): Promise<ClientPage>;
  checkStreamExists(streamName: string): Promise<boolean>;
  deleteStream(streamName: string, isHard?: boolean): Promise<unknown>;
}

/** The client failed. */
export class ClientError extends Error {
  override readonly name = "ClientError";
  /** Of the answer that made it fail, if one did. */
  readonly status: number | undefined;

  constructor(message: string, status: number | undefined) {
    super(message);
    this.status = status;
  }
}

/** A client in its process; disposing of it ends the process. */
export interface HostedClient extends PromiseClient, AsyncDisposable {}

/**
 * Starts a client for a server.
 *
 * @param credentials Default: the administrator of a new store.
 */
export function startClient(
  url: string,
  credentials = { username: "admin", password: "changeit" },
): HostedClient {
  const { hostname, port } = new URL(url);
  const child = spawnHost();
  const writer = child.stdin.getWriter();
  const answers = createInterface({ input: Readable.from(child.stdout) })
    [Symbol.asyncIterator]();
  const send = (message: unknown) =>
    writer.write(new TextEncoder().encode(JSON.stringify(message) + "\n"));
  const ready = send({
    make: "HTTPClient",
    options: { hostname, port, credentials, timeout: 10_000 },
  });

  const call = (name: string, args: readonly unknown[]) =>
    ask({ call: name, args });

  /** One question at a time: each waits for its answer. */
  async function ask(question: unknown) {
    await ready;
    await send(question);
    const line = await answers.next();
    if (line.done) throw new Error("The client's process has ended");
    const { value, error } = JSON.parse(line.value);
    if (error === undefined) return value;
    throw new ClientError(error.message, error.status);
  }

  return {
    persistentSubscriptions: {
      assert: (...args) => call("persistentSubscriptions.assert", args),
      remove: (...args) => call("persistentSubscriptions.remove", args),
      getEvents: (...args) => call("persistentSubscriptions.getEvents", args),
      getSubscriptionInfo: (...args) =>
        call("persistentSubscriptions.getSubscriptionInfo", args),
      getStreamSubscriptionsInfo: (...args) =>
        call("persistentSubscriptions.getStreamSubscriptionsInfo", args),
      getAllSubscriptionsInfo: (...args) =>
        call("persistentSubscriptions.getAllSubscriptionsInfo", args),
    },
    projections: {
      assert: (...args) => call("projections.assert", args),
      start: (...args) => call("projections.start", args),
      stop: (...args) => call("projections.stop", args),
      reset: (...args) => call("projections.reset", args),
      remove: (...args) => call("projections.remove", args),
      config: (...args) => call("projections.config", args),
      getState: (...args) => call("projections.getState", args),
      getResult: (...args) => call("projections.getResult", args),
      getInfo: (...args) => call("projections.getInfo", args),
      getAllProjectionsInfo: (...args) =>
        call("projections.getAllProjectionsInfo", args),
      disableAll: (...args) => call("projections.disableAll", args),
      enableAll: (...args) => call("projections.enableAll", args),
    },
    follow: (path) => ask({ follow: path }),
    ping: (...args) => call("ping", args),
    writeEvent: (...args) => call("writeEvent", args),
    writeEvents: (...args) => call("writeEvents", args),
    getEvents: (...args) => call("getEvents", args),
    getEventsByType: (...args) => call("getEventsByType", args),
    getAllStreamEvents: (...args) => call("getAllStreamEvents", args),
    readEventsForward: (...args) => call("readEventsForward", args),
    readEventsBackward: (...args) => call("readEventsBackward", args),
    checkStreamExists: (...args) => call("checkStreamExists", args),
    deleteStream: (...args) => call("deleteStream", args),
    async [Symbol.asyncDispose]() {
      await writer.close();
      await answers.return?.();
      await child.status;
    },
  };
}

function spawnHost() {
  const pathOf = (name: string) => fromFileUrl(new URL(name, import.meta.url));
  return new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-prompt",
      "--no-config",
      "--frozen",
      `--lock=${pathOf("client.lock")}`,
      "--allow-all",
      pathOf("client_host.ts"),
      PACKAGE,
    ],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
}
