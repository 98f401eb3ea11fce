/**
 * An app in this process, and clients that reach it without a socket.
 *
 * @module
 */

import {
  type AnyTypes,
  Client,
  type ClientOptions,
} from "../../lib/client/mod.ts";
import { createApp, type EmbeddedApp } from "../../lib/embed/server.ts";
import { openStore } from "../../lib/embed/store.ts";

/** The administrator of a new store. */
export const ADMIN = { login: "admin", password: "changeit" } as const;

/** An app over a store in memory. */
export interface Embedded extends AsyncDisposable {
  readonly app: EmbeddedApp;
  /** Asks the app. */
  readonly fetch: typeof fetch;
  /** Makes a client of it; its waits are short. */
  client<Types extends object = AnyTypes>(
    options?: Partial<ClientOptions>,
  ): Client<Types>;
}

/** Opens one; disposing of it closes it. */
export async function openEmbedded(): Promise<Embedded> {
  const store = await openStore();
  const app = await createApp({ store });
  const ask: typeof fetch = async (input, init) =>
    await app.fetch(new Request(input, init));
  return {
    app,
    fetch: ask,
    client: <Types extends object>(options: Partial<ClientOptions> = {}) =>
      new Client<Types>({
        url: "http://127.0.0.1:2113",
        credentials: ADMIN,
        fetch: ask,
        ...options,
        retry: { firstDelayMs: 1, delayMsMax: 1, ...options.retry },
      }),
    async [Symbol.asyncDispose]() {
      await app[Symbol.asyncDispose]();
      await store.close();
    },
  };
}

/** A `fetch` that notes what it was asked, and may fail. */
export interface NotingFetch {
  readonly fetch: typeof fetch;
  /** Method and URL of each request. */
  readonly asked: string[];
}

/**
 * Wraps a `fetch`.
 *
 * @param around Is called with the number of the request, from 0 on, and may
 * do something else instead of sending it, or with its answer.
 */
export function notingFetch(
  inner: typeof fetch,
  around: (
    count: number,
    send: () => Promise<Response>,
    request: Request,
  ) => Promise<Response> = (_, send) => send(),
): NotingFetch {
  const asked: string[] = [];
  return {
    asked,
    fetch: (input, init) => {
      const request = new Request(input, init);
      const count = asked.push(`${request.method} ${request.url}`) - 1;
      return around(count, () => inner(input, init), request);
    },
  };
}

/** All of an async iterable. */
export async function listOf<Item>(
  items: AsyncIterable<Item>,
): Promise<Item[]> {
  const list: Item[] = [];
  for await (const item of items) list.push(item);
  return list;
}

/** The first ones of an async iterable, which is then ended. */
export async function firstOf<Item>(
  items: AsyncIterable<Item>,
  count: number,
): Promise<Item[]> {
  const list: Item[] = [];
  for await (const item of items) {
    list.push(item);
    if (list.length >= count) break;
  }
  return list;
}
