/**
 * Single requests of the benches.
 *
 * @module
 */

const EVENTS_JSON = "application/vnd.eventstore.events+json";

/** The administrator of a store that is new. */
export const ADMIN = { Authorization: `Basic ${btoa("admin:changeit")}` };

/** Events of one type, with the data given. */
export function eventsOf(data: readonly unknown[]): string {
  return JSON.stringify(data.map((data) => ({
    eventId: crypto.randomUUID(),
    eventType: "orderPlaced",
    data,
  })));
}

/**
 * Appends events.
 *
 * @param body As `eventsOf` makes it.
 * @throws {Error} If they were not appended.
 */
export async function post(url: string, body: string): Promise<void> {
  await send(url, { method: "POST", body, type: EVENTS_JSON, status: 201 });
}

/**
 * Sends a request as the administrator.
 *
 * @throws {Error} If it is not answered with the status.
 */
export async function send(
  url: string,
  { method, body, type = "application/json", status }: {
    readonly method: string;
    readonly body?: string;
    readonly type?: string;
    readonly status: number;
  },
): Promise<string> {
  const response = await fetch(url, {
    method,
    headers: { ...ADMIN, "Content-Type": type },
    ...(body === undefined ? {} : { body }),
  });
  const text = await response.text();
  if (response.status === status) return text;
  throw new Error(`${method} ${url}: ${response.status} ${text}`);
}

/**
 * Lets clients act again and again for a while, side by side.
 *
 * @returns How often they did in a second.
 */
export async function rateOf(
  clients: number,
  durationMs: number,
  act: (client: number) => Promise<void>,
): Promise<number> {
  const endsAt = performance.now() + durationMs;
  let count = 0;
  await Promise.all(Array.from({ length: clients }, async (_, client) => {
    while (performance.now() < endsAt) {
      await act(client);
      count++;
    }
  }));
  return count * 1000 / durationMs;
}
