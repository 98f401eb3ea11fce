/**
 * The interface as an OpenAPI 3.1 document, made from the route table and what
 * is said about its handlers.
 *
 * @module
 */

import type {
  Access,
  AnswerContent,
  AnswerDescription,
  DescribedRoute,
  DescribedType,
  RouteDescription,
  Vocabulary,
} from "./description.ts";

/** What a document is made from. */
export interface OpenApiSources {
  /** Version of the program. */
  readonly version: string;
  readonly title: string;
  readonly about: string;
  readonly routes: readonly DescribedRoute[];
  /** By handler. */
  readonly descriptions: Readonly<Record<string, RouteDescription>>;
  readonly vocabulary: Vocabulary;
}

/** The document; members as OpenAPI 3.1 names them. */
export interface OpenApiDocument {
  readonly openapi: string;
  readonly info: {
    readonly title: string;
    readonly version: string;
    readonly description: string;
  };
  readonly tags: readonly { readonly name: string }[];
  readonly paths: Readonly<Record<string, PathItem>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, unknown>>;
    /** Refusals, by `refused` and their status. */
    readonly responses: Readonly<Record<string, OpenApiResponse>>;
    readonly securitySchemes: unknown;
  };
}

export type PathItem = Readonly<Record<string, Operation>>;

export interface Operation {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description: string;
  readonly parameters: readonly Parameter[];
  readonly requestBody?: {
    readonly description: string;
    readonly required: boolean;
    readonly content: Content;
  };
  readonly responses: Readonly<Record<string, OpenApiResponse | Reference>>;
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
}

export interface Parameter {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly required?: boolean;
  readonly description: string;
  readonly schema: unknown;
}

export interface OpenApiResponse {
  readonly description: string;
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly content?: Content;
}

/** Stands for something in the document's components. */
export interface Reference {
  readonly $ref: string;
}

type Content = Readonly<Record<string, { readonly schema?: unknown }>>;

const TEXT = { schema: { type: "string" } };

/** Statuses that every route may answer with, by what it takes and offers. */
const ALWAYS_REFUSED = [400, 401, 429, 500, 503] as const;

/** Who may use it, in words and as OpenAPI says it. */
const ACCESS: Readonly<
  Record<Access, { readonly text: string; readonly isOpen: boolean }>
> = {
  everybody: { text: "Open to everyone.", isOpen: true },
  accessList: {
    text: "Requires the right that the stream's access list grants (default: " +
      "everyone).",
    isOpen: true,
  },
  users: { text: "Requires a login.", isOpen: false },
  administrators: { text: "Requires membership in $admins.", isOpen: false },
  monitors: {
    text: "Requires membership in $admins, $ops or $monitors.",
    isOpen: false,
  },
  backup: { text: "Requires membership in $admins or $backup.", isOpen: false },
  operators: { text: "Requires membership in $admins or $ops.", isOpen: false },
};

/**
 * Makes the document.
 *
 * @throws {TypeError} If a route, parameter, header or status is not described.
 */
export function buildOpenApi(sources: OpenApiSources): OpenApiDocument {
  const { vocabulary, descriptions, routes } = sources;
  const paths: Record<string, Record<string, Operation>> = {};
  const tags = new Set<string>();
  for (const route of routes) {
    const description = known(descriptions, route.handler, "Handler");
    tags.add(description.tag);
    const path = pathOf(route.template);
    const item = paths[path] ??= {};
    // Of rows that are alike the first one serves.
    item[route.method.toLowerCase()] ??= operationOf(
      route,
      description,
      vocabulary,
    );
  }
  return {
    openapi: "3.1.0",
    info: {
      title: sources.title,
      version: sources.version,
      description: sources.about,
    },
    tags: [...tags].map((name) => ({ name })),
    paths,
    components: {
      schemas: vocabulary.schemas,
      responses: Object.fromEntries(
        Object.entries(vocabulary.refusals).map(([status, description]) => [
          refusalName(status),
          { description, content: { "text/plain": TEXT } },
        ]),
      ),
      securitySchemes: {
        basic: { type: "http", scheme: "basic" },
        bearer: {
          type: "http",
          scheme: "bearer",
          description: "A token made with POST /users/{login}/tokens.",
        },
      },
    },
  };
}

/** A greedy placeholder is one like others: OpenAPI knows no better. */
function pathOf(template: string): string {
  return template.replace("{*", "{");
}

function operationOf(
  route: DescribedRoute,
  description: RouteDescription,
  vocabulary: Vocabulary,
): Operation {
  const { summary, details, access, tag } = description;
  const { text, isOpen } = ACCESS[access];
  const schemes = [{ basic: [] }, { bearer: [] }];
  return {
    operationId: operationIdOf(route),
    tags: [tag],
    summary,
    description: details === undefined ? text : `${details} ${text}`,
    parameters: parametersOf(route, description, vocabulary),
    ...(route.request !== undefined && {
      requestBody: {
        description: description.body ?? "",
        required: true,
        content: contentOf(route.request, description.bodySchemas),
      },
    }),
    responses: responsesOf(route, description, vocabulary),
    security: isOpen ? [{}, ...schemes] : schemes,
  };
}

/** `getStreamsStreamEvent`: method and segments. */
function operationIdOf({ method, template }: DescribedRoute): string {
  const words = template.split("/").slice(1).map((segment) =>
    segment === "" ? "slash" : segment.replace(/[{}*]/g, "")
  ).flatMap((segment) => segment.split(/[^A-Za-z0-9]+/));
  return method.toLowerCase() +
    words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("");
}

function parametersOf(
  { template }: DescribedRoute,
  { query = [], queryMeanings = {}, headers = [] }: RouteDescription,
  vocabulary: Vocabulary,
): Parameter[] {
  const placeholders = [...template.matchAll(/\{\*?(\w+)\}/g)]
    .map(([, name = ""]) => name);
  const schema = { type: "string" };
  return [
    ...placeholders.map((name) => ({
      name,
      in: "path" as const,
      required: true,
      description: known(vocabulary.path, name, "Placeholder"),
      schema,
    })),
    ...query.map((name) => ({
      name,
      in: "query" as const,
      description: queryMeanings[name] ??
        known(vocabulary.query, name, "Parameter"),
      schema,
    })),
    ...headers.map((name) => ({
      name,
      in: "header" as const,
      description: known(vocabulary.headers, name, "Header"),
      schema,
    })),
  ];
}

function responsesOf(
  route: DescribedRoute,
  description: RouteDescription,
  vocabulary: Vocabulary,
): Record<string, OpenApiResponse | Reference> {
  const responses: Record<string, OpenApiResponse | Reference> = {};
  for (const status of refusalsOf(route, description)) {
    known(vocabulary.refusals, status, "Status");
    responses[status] = {
      $ref: `#/components/responses/${refusalName(status)}`,
    };
  }
  for (const [status, answer] of Object.entries(description.answers)) {
    responses[status] = responseOf(Number(status), answer, {
      route,
      schemas: description.schemas,
      vocabulary,
    });
  }
  return responses;
}

function refusalName(status: number | string): string {
  return `refused${status}`;
}

/** What a reference in an operation's answers stands for. */
export function responseAt(
  { components }: OpenApiDocument,
  response: OpenApiResponse | Reference,
): OpenApiResponse {
  if (!("$ref" in response)) return response;
  const name = response.$ref.slice(response.$ref.lastIndexOf("/") + 1);
  return known(components.responses, name, "Answer");
}

function refusalsOf(
  { method, request, response }: DescribedRoute,
  { access }: RouteDescription,
): number[] {
  return [
    ...ALWAYS_REFUSED,
    ...(method === "GET" ? [] : [403]),
    ...(response === "any" ? [] : [406]),
    ...(request === undefined ? [] : [408, 411, 413, 415]),
    ...(access === "accessList" ? [414] : []),
  ];
}

function responseOf(
  status: number,
  { text, content, headers = [] }: AnswerDescription,
  { route, schemas, vocabulary }: {
    readonly route: DescribedRoute;
    readonly schemas: RouteDescription["schemas"];
    readonly vocabulary: Vocabulary;
  },
): OpenApiResponse {
  const named = headers.map((name) =>
    [name, {
      description: known(vocabulary.answerHeaders, name, "Header"),
      schema: { type: "string" },
    }] as const
  );
  const chosen = content ?? (status === 200 ? "negotiated" : "text");
  const types = typesOf(chosen, route, schemas);
  return {
    description: text,
    ...(named.length > 0 && { headers: Object.fromEntries(named) }),
    ...(types !== undefined && { content: types }),
  };
}

function typesOf(
  content: AnswerContent,
  { response }: DescribedRoute,
  schemas: RouteDescription["schemas"],
): Content | undefined {
  if (content === "nothing") return undefined;
  if (content === "text") return { "text/plain": TEXT };
  if (content !== "negotiated") return { [content.type]: TEXT };
  if (response === "any") {
    throw new TypeError("A route that offers any type says what it answers");
  }
  return contentOf(response, schemas);
}

function contentOf(
  types: readonly DescribedType[],
  schemas: Readonly<Record<string, string>> | undefined,
): Content {
  return Object.fromEntries(types.map(({ name, form }) => {
    const schema = schemas?.[form];
    if (schema !== undefined) {
      return [name, { schema: { $ref: `#/components/schemas/${schema}` } }];
    }
    return [name, isAnyJson(form) ? {} : TEXT];
  }));
}

function isAnyJson(form: string): boolean {
  return form.toLowerCase().endsWith("json") || form === "streamDescription";
}

function known<Value>(
  table: Readonly<Record<string | number, Value>>,
  key: string | number,
  what: string,
): Value {
  const value = table[key];
  if (value === undefined) {
    throw new TypeError(`${what} without a description: ${key}`);
  }
  return value;
}
