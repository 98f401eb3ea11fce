/**
 * The HTTP client of `geteventstore-promise`, unmodified, with the types that
 * its package lacks: as far as the tests use it, after its README.
 *
 * @module
 */

import library from "geteventstore-promise";

/** An event as the client hands it out. */
export interface ClientEvent {
  readonly eventId: string;
  readonly eventType: string;
  readonly eventNumber: number;
  readonly streamId: string;
  readonly data: unknown;
  /** With `embed=body`, text. */
  readonly metaData?: unknown;
  readonly created: string;
  readonly positionEventNumber: number;
  readonly positionStreamId: string;
}

/** What the client makes of a page of a feed. */
export interface ClientPage {
  readonly streamId: string;
  readonly eTag?: string;
  readonly isEndOfStream: boolean;
  readonly readDirection: "forward" | "backward";
  readonly fromEventNumber: number | "head";
  readonly nextEventNumber: number;
  readonly events: readonly ClientEvent[];
}

/** An event to write, made by {@link newEvent}. */
export interface NewEvent {
  readonly eventId: string;
  readonly eventType: string;
  readonly data: unknown;
  readonly metadata?: unknown;
}

type Embed = "body" | "rich";
type Direction = "forward" | "backward";
type Position = number | "head";

/** The client's methods for streams. */
export interface PromiseClient {
  ping(): Promise<unknown>;
  writeEvent(
    streamName: string,
    eventType: string,
    data: unknown,
    metadata?: unknown,
    options?: { expectedVersion: number },
  ): Promise<unknown>;
  writeEvents(
    streamName: string,
    events: readonly NewEvent[],
    options?: { expectedVersion: number },
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

/** How the client fails: it hands the error of its own HTTP library through. */
export interface ClientError extends Error {
  readonly response?: {
    readonly status: number;
    readonly data: unknown;
    readonly headers: Readonly<Record<string, string>>;
  };
}

interface Library {
  readonly HTTPClient: new (config: {
    readonly hostname: string;
    readonly port: string | number;
    readonly credentials: {
      readonly username: string;
      readonly password: string;
    };
    readonly timeout?: number;
  }) => PromiseClient;
  readonly EventFactory: new () => {
    newEvent(
      eventType: string,
      data: unknown,
      metadata?: unknown,
      eventId?: string,
    ): NewEvent;
  };
}

const { HTTPClient, EventFactory } = library as Library;

/** A client for a server. Who asks is the administrator of a new store. */
export function createPromiseClient(
  url: string,
  credentials = { username: "admin", password: "changeit" },
): PromiseClient {
  const { hostname, port } = new URL(url);
  return new HTTPClient({ hostname, port, credentials, timeout: 10_000 });
}

const factory = new EventFactory();

/** An event as the client's own factory makes it. */
export function newEvent(
  eventType: string,
  data: unknown,
  metadata?: unknown,
  eventId?: string,
): NewEvent {
  return factory.newEvent(eventType, data, metadata, eventId);
}
