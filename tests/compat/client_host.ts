/**
 * A process for a client that is not ours: it imports the package named by its
 * first argument, makes a client from it, and calls its methods.
 *
 *   in   {"make":"HTTPClient","options":{…}}        first line
 *        {"call":"getEvents","args":[…]}            one line a call
 *   out  {"value":…} or {"error":{"message":"…","status":404}}, one line each
 *
 * The package has a lock file of its own: neither it nor what it needs becomes
 * part of the program, and what it leaves open ends with this process.
 *
 * @module
 */

import { createInterface } from "node:readline";
import process from "node:process";

type Method = (...args: readonly unknown[]) => Promise<unknown>;
type Constructor = new (options: unknown) => Readonly<Record<string, Method>>;

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

for await (const line of lines) {
  const { call, args } = JSON.parse(line);
  process.stdout.write(JSON.stringify(await callClient(call, args)) + "\n");
}
Deno.exit(0);

async function callClient(
  name: string,
  args: readonly unknown[],
): Promise<{ value: unknown } | { error: Failure }> {
  try {
    const method = client[name];
    if (method === undefined) throw new TypeError(`No method "${name}"`);
    return { value: await method.apply(client, [...args]) };
  } catch (error) {
    return { error: failureOf(error) };
  }
}

function failureOf(error: unknown): Failure {
  if (!(error instanceof Error)) {
    return { message: String(error), status: undefined };
  }
  const { response } = error as Error & { response?: { status: number } };
  return { message: error.message, status: response?.status };
}
