/**
 * Projections: queries that the server runs over its events.
 *
 * @module
 */

import { encodePathSegment } from "../text/path_segment.ts";
import { type Entry, parseDocument } from "./events.ts";
import type { ClientRequest, Transport } from "./transport.ts";

/** A projection to create. */
export interface NewProjection {
  readonly name: string;
  /** The query, in JavaScript. */
  readonly query: string;
  /** Whether it goes on with new events, or runs once. Default: `continuous`. */
  readonly mode?: "continuous" | "onetime" | undefined;
  /** Whether it may write events. */
  readonly emit?: boolean | undefined;
  /** Of a `onetime` one: whether it keeps checkpoints. */
  readonly checkpoints?: boolean | undefined;
  /** Whether the streams that it writes to are recorded. */
  readonly trackEmittedStreams?: boolean | undefined;
  /** Whether it starts at once. Default: true. */
  readonly isEnabled?: boolean | undefined;
}

/** What is deleted with a projection, besides itself. */
export interface DeleteProjectionOptions {
  readonly checkpoints?: boolean | undefined;
  readonly emittedStreams?: boolean | undefined;
}

/** The projections of a server. */
export class Projections {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Statistics of all, as the server shows them. */
  async list(): Promise<readonly Entry[]> {
    const text = await this.#ask({ path: "/projections/any" });
    const { projections } = parseDocument(text);
    return Array.isArray(projections) ? projections : [];
  }

  /** Statistics of one. */
  async info(name: string): Promise<Entry> {
    return parseDocument(await this.#ask({ path: pathOf(name) }));
  }

  /** Its state, or that of a partition, as text: JSON, or empty for none. */
  async state(name: string, partition?: string): Promise<string> {
    const path = `${pathOf(name)}/state`;
    return await this.#ask({ path, query: { partition } });
  }

  /** Its result, or that of a partition, as text: JSON, or empty for none. */
  async result(name: string, partition?: string): Promise<string> {
    const path = `${pathOf(name)}/result`;
    return await this.#ask({ path, query: { partition } });
  }

  /** Its query. */
  async query(name: string): Promise<string> {
    return await this.#ask({
      path: `${pathOf(name)}/query`,
      headers: { Accept: "application/javascript" },
    });
  }

  /**
   * Creates one.
   *
   * @throws {ClientError} `alreadyExists`, among others.
   */
  async create(projection: NewProjection): Promise<void> {
    const { name, query, mode = "continuous", isEnabled = true } = projection;
    await this.#ask({
      method: "POST",
      path: `/projections/${mode}`,
      query: {
        name,
        emit: yesIf(projection.emit),
        checkpoints: yesIf(projection.checkpoints),
        trackemittedstreams: yesIf(projection.trackEmittedStreams),
        enabled: isEnabled ? undefined : "no",
      },
      headers: { "Content-Type": "application/javascript" },
      body: query,
      isRepeatable: false,
    });
  }

  /** Starts it from where it stands. */
  async enable(name: string): Promise<void> {
    await this.#command(name, "enable");
  }

  /** Stops it, with a checkpoint. */
  async disable(name: string): Promise<void> {
    await this.#command(name, "disable");
  }

  /** Has it begin again, with a fresh state. */
  async reset(name: string): Promise<void> {
    await this.#command(name, "reset");
  }

  /** Deletes one that is stopped or faulted. */
  async delete(
    name: string,
    { checkpoints, emittedStreams }: DeleteProjectionOptions = {},
  ): Promise<void> {
    await this.#ask({
      method: "DELETE",
      path: pathOf(name),
      query: {
        deleteCheckpointStream: yesIf(checkpoints),
        deleteEmittedStreams: yesIf(emittedStreams),
      },
      isRepeatable: false,
    });
  }

  async #command(name: string, command: string): Promise<void> {
    await this.#ask({
      method: "POST",
      path: `${pathOf(name)}/command/${command}`,
      headers: { "Content-Type": "application/json" },
      body: "{}",
    });
  }

  async #ask(request: ClientRequest): Promise<string> {
    const headers = { Accept: "application/json", ...request.headers };
    return (await this.#transport.send({ ...request, headers })).text;
  }
}

function pathOf(name: string): string {
  return `/projection/${encodePathSegment(name)}`;
}

function yesIf(flag: boolean | undefined): string | undefined {
  return flag ? "yes" : undefined;
}
