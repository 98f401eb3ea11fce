// The npm package that carries the @std modules has no types of its own.
// Without these declarations every import from it would silently be `any`.

declare module "@std/assert" {
  export function assert(expr: unknown, msg?: string): asserts expr;
  export function assertEquals<T>(actual: T, expected: T, msg?: string): void;
  export function assertNotEquals<T>(
    actual: T,
    expected: T,
    msg?: string,
  ): void;
  export function assertStrictEquals<T>(
    actual: unknown,
    expected: T,
    msg?: string,
  ): asserts actual is T;
  export function assertExists<T>(
    actual: T,
    msg?: string,
  ): asserts actual is NonNullable<T>;
  export function assertGreater<T>(actual: T, expected: T, msg?: string): void;
  export function assertGreaterOrEqual<T>(
    actual: T,
    expected: T,
    msg?: string,
  ): void;
  export function assertLess<T>(actual: T, expected: T, msg?: string): void;
  export function assertLessOrEqual<T>(
    actual: T,
    expected: T,
    msg?: string,
  ): void;
  export function assertStringIncludes(
    actual: string,
    expected: string,
    msg?: string,
  ): void;
  export function assertArrayIncludes<T>(
    actual: readonly T[],
    expected: readonly T[],
    msg?: string,
  ): void;
  export function assertMatch(
    actual: string,
    expected: RegExp,
    msg?: string,
  ): void;
  export function assertNotMatch(
    actual: string,
    expected: RegExp,
    msg?: string,
  ): void;
  export function assertObjectMatch(
    actual: Record<PropertyKey, unknown>,
    expected: Record<PropertyKey, unknown>,
    msg?: string,
  ): void;
  export function assertInstanceOf<T>(
    actual: unknown,
    expected: abstract new (...args: never[]) => T,
    msg?: string,
  ): asserts actual is T;
  export function assertThrows<E extends Error>(
    fn: () => unknown,
    errorClass?: abstract new (...args: never[]) => E,
    msgIncludes?: string,
    msg?: string,
  ): E;
  export function assertRejects<E extends Error>(
    fn: () => PromiseLike<unknown>,
    errorClass?: abstract new (...args: never[]) => E,
    msgIncludes?: string,
    msg?: string,
  ): Promise<E>;
  export function fail(msg?: string): never;
}

declare module "@std/path" {
  export function join(...paths: string[]): string;
  export function dirname(path: string): string;
  export function basename(path: string, suffix?: string): string;
  export function extname(path: string): string;
  export function resolve(...paths: string[]): string;
  export function relative(from: string, to: string): string;
  export function normalize(path: string): string;
  export function isAbsolute(path: string): boolean;
  export function fromFileUrl(url: string | URL): string;
  export function toFileUrl(path: string): URL;
}

declare module "@std/http/etag" {
  /** Whether no ETag of the header's value is the given one. */
  export function ifNoneMatch(
    value: string | null,
    etag: string | undefined,
  ): boolean;
}

declare module "@std/http/negotiation" {
  export function accepts(request: Pick<Request, "headers">): string[];
  export function accepts(
    request: Pick<Request, "headers">,
    ...types: string[]
  ): string | undefined;
}

declare module "@std/http/cookie" {
  /** The cookies of a request, by name. */
  export function getCookies(headers: Headers): Record<string, string>;
  /** Adds a `Set-Cookie`; throws for a name or value that none can have. */
  export function setCookie(headers: Headers, cookie: {
    readonly name: string;
    readonly value: string;
    readonly path?: string;
    /** Seconds. */
    readonly maxAge?: number;
    readonly secure?: boolean;
    readonly httpOnly?: boolean;
    readonly sameSite?: "Strict" | "Lax" | "None";
  }): void;
}

declare module "@std/uuid" {
  export const NIL_UUID: string;
  export function isNil(id: string): boolean;
  export function validate(uuid: string): boolean;
  export function version(uuid: string): number;
}

declare module "parse-prometheus-text-format" {
  /** A family as the text says it. */
  interface ParsedFamily {
    readonly name: string;
    readonly help: string | undefined;
    readonly type: string;
    readonly metrics: readonly unknown[];
  }
  export default function parse(text: string): ParsedFamily[];
}
