/**
 * A process for a client that is not ours: it imports the package named by its
 * first argument, makes a client from it, and calls its methods.
 *
 *   in   {"make":"HTTPClient","options":{…}}        first line
 *        {"call":"getEvents","args":[…]}            one line a call
 *        {"follow":"entries.0.ack"}                 calls a function that stands
 *                                                   in what a call returned last
 *   out  {"value":…} or {"error":{"message":"…","status":404}}, one line each;
 *        of a function that was followed, the status of its answer
 *
 * The package has a lock file of its own: neither it nor what it needs becomes
 * part of the program, and what it leaves open ends with this process.
 *
 * @module
 */

import { createInterface } from "node:readline";
import process from "node:process";

type Method = (...args: readonly unknown[]) => Promise<unknown>;
type Constructor = new (options: unknown) => unknown;

interface Failure {
  readonly message: string;
  /** Of the answer that made the client fail. */
  readonly status: number | undefined;
}

const [packageName = ""] = Deno.args;
const library: { default: Readonly<Record<string, Constructor>> } =
  await import(packageName);
const lines = createInterface({ input: process.stdin })
  [Symbol.asyncIterator]();

const first = JSON.parse((await lines.next()).value ?? "");
const Client = library.default[first.make];
if (Client === undefined) throw new TypeError(`No client "${first.make}"`);
const client = new Client(first.options);

/** What the last call returned. */
let returned: unknown;

for await (const line of lines) {
  const { call, follow, args = [] } = JSON.parse(line);
  const answer = follow === undefined
    ? await answerOf(async () =>
      returned = await functionAt(client, call)(...args)
    )
    : await answerOf(async () => {
      const response = await functionAt(returned, follow)();
      return (response as { status: number }).status;
    });
  process.stdout.write(JSON.stringify(answer) + "\n");
}
Deno.exit(0);

async function answerOf(
  call: () => Promise<unknown>,
): Promise<{ value: unknown } | { error: Failure }> {
  try {
    return { value: await call() };
  } catch (error) {
    return { error: failureOf(error) };
  }
}

/** @param path Names with periods between them. */
function functionAt(object: unknown, path: string): Method {
  const names = path.split(".");
  const owner = names.slice(0, -1).reduce(memberOf, object);
  const found = memberOf(owner, names.at(-1) ?? "");
  if (typeof found !== "function") throw new TypeError(`No method "${path}"`);
  return found.bind(owner);
}

function memberOf(object: unknown, name: string): unknown {
  return (object as Readonly<Record<string, unknown>> | undefined)?.[name];
}

function failureOf(error: unknown): Failure {
  if (!(error instanceof Error)) {
    return { message: String(error), status: undefined };
  }
  const { response } = error as Error & { response?: { status: number } };
  return { message: error.message, status: response?.status };
}
