/**
 * The interface as an OpenAPI 3.1 document, made from the route table, and as a
 * page to read.
 *
 * @module
 */

import type { ApiGroup, ApiPageFacts } from "../web/api_page.tsx";
import {
  ACCESS,
  type AnswerContent,
  type AnswerDescription,
  type Meanings,
  type Route,
  type Schema,
  type Schemas,
} from "./route.ts";
import { isJson, type MediaType } from "./negotiation.ts";

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

type PathItem = Readonly<Record<string, Operation>>;

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

interface Parameter {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly required?: boolean;
  readonly description: string;
  readonly schema: unknown;
}

interface OpenApiResponse {
  readonly description: string;
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly content?: Content;
}

/** Stands for something in the document's components. */
interface Reference {
  readonly $ref: string;
}

type Content = Readonly<Record<string, { readonly schema?: unknown }>>;

const TEXT = { schema: { type: "string" } };

/** Statuses that every route may answer with, by what it takes and offers. */
const ALWAYS_REFUSED = [400, 401, 403, 429, 500, 503] as const;

/** Refusals of the pipeline, by status. */
const REFUSALS: Readonly<Record<number, string>> = {
  400: "Bad request; the body explains why",
  401: "The credentials are missing or wrong, or do not grant this right",
  403:
    "The request comes from a page of a foreign origin, or is outside the token's scopes",
  406: "No media type in Accept is available here",
  408: "The body did not arrive in time",
  411: "The body's length is missing",
  413: "The body is too large",
  414: "The name of the stream is too long",
  415: "Content-Type names no type that this takes, or the body has a " +
    "coding or an encoding that is not supported",
  429: "Too many requests at once, or too many failed logins: try again later",
  500: "Internal error; the body has the id of the request",
  501: "The body has a Transfer-Encoding other than chunked",
  503:
    "The server is overloaded or cannot write at the moment: try again later",
};

/**
 * Makes the document.
 *
 * @throws {TypeError} If a placeholder is not described, or two schemas have
 * one name.
 */
export function buildOpenApi(
  routes: readonly Route[],
  version: string,
): OpenApiDocument {
  const paths: Record<string, Record<string, Operation>> = {};
  for (const route of routes) {
    const item = paths[pathOf(route.template)] ??= {};
    // Of rows that are alike the first one serves.
    item[route.method.toLowerCase()] ??= operationOf(route);
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Quipu",
      version,
      description:
        "An event store with the HTTP (AtomPub) interface of Event Store " +
        "4.0.2. Every answer may carry X-Request-Id.",
    },
    tags: [...new Set(routes.map(({ tag }) => tag))].map((name) => ({ name })),
    paths,
    components: {
      schemas: schemasOf(routes),
      responses: Object.fromEntries(
        Object.entries(REFUSALS).map(([status, description]) => [
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

function schemasOf(routes: readonly Route[]): Record<string, unknown> {
  const found = new Map<string, Schema>();
  for (const { schemas = {}, bodySchemas = {} } of routes) {
    const ofRow = [...Object.values(schemas), ...Object.values(bodySchemas)];
    for (const schema of ofRow) {
      const { name } = schema;
      if ((found.get(name) ?? schema) !== schema) {
        throw new TypeError(`Two schemas have one name: ${name}`);
      }
      found.set(name, schema);
    }
  }
  return Object.fromEntries(
    [...found].map(([name, { shape }]) => [name, shape]),
  );
}

/** A greedy placeholder is one like others: OpenAPI knows no better. */
function pathOf(template: string): string {
  return template.replace("{*", "{");
}

function operationOf(route: Route): Operation {
  const { summary, details, tag, request, body = "", bodySchemas } = route;
  const { text, isOpen } = ACCESS[route.access];
  const schemes = [{ basic: [] }, { bearer: [] }];
  return {
    operationId: operationIdOf(route),
    tags: [tag],
    summary,
    description: details === undefined ? text : `${details} ${text}`,
    parameters: parametersOf(route),
    ...(request !== undefined && {
      requestBody: {
        description: body,
        required: true,
        content: request === "any"
          ? { "*/*": TEXT }
          : contentOf(request, bodySchemas),
      },
    }),
    responses: responsesOf(route),
    security: isOpen ? [{}, ...schemes] : schemes,
  };
}

/** `getStreamsStreamEvent`: method and segments. */
function operationIdOf({ method, template }: Route): string {
  const words = template.split("/").slice(1).map((segment) =>
    segment === "" ? "slash" : segment.replace(/[{}*]/g, "")
  ).flatMap((segment) => segment.split(/[^A-Za-z0-9]+/));
  return method.toLowerCase() +
    words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("");
}

function parametersOf(
  { template, path = {}, query = {}, headers = {} }: Route,
): Parameter[] {
  const placeholders = [...template.matchAll(/\{\*?(\w+)\}/g)]
    .map(([, name = ""]): [string, string] => {
      const meaning = path[name];
      if (meaning !== undefined) return [name, meaning];
      throw new TypeError(`Placeholder without a meaning: ${name}`);
    });
  const schema = { type: "string" };
  return [
    ...placeholders.map(([name, description]) => ({
      name,
      in: "path" as const,
      required: true,
      description,
      schema,
    })),
    ...Object.entries(query).map(([name, description]) => ({
      name,
      in: "query" as const,
      description,
      schema,
    })),
    ...Object.entries(headers).map(([name, description]) => ({
      name,
      in: "header" as const,
      description,
      schema,
    })),
  ];
}

function responsesOf(
  route: Route,
): Record<string, OpenApiResponse | Reference> {
  const responses: Record<string, OpenApiResponse | Reference> = {};
  for (const status of refusalsOf(route)) {
    responses[status] = {
      $ref: `#/components/responses/${refusalName(status)}`,
    };
  }
  for (const [status, answer] of Object.entries(route.answers)) {
    responses[status] = responseOf(Number(status), answer, route);
  }
  return responses;
}

function refusalName(status: number | string): string {
  return `refused${status}`;
}

/** The target of a reference in an operation's answers. */
export function responseAt(
  { components }: OpenApiDocument,
  response: OpenApiResponse | Reference,
): OpenApiResponse {
  if (!("$ref" in response)) return response;
  const name = response.$ref.slice(response.$ref.lastIndexOf("/") + 1);
  const found = components.responses[name];
  if (found === undefined) throw new TypeError(`No such answer: ${name}`);
  return found;
}

function refusalsOf({ request, response, access }: Route): number[] {
  return [
    ...ALWAYS_REFUSED,
    ...(response === "any" ? [] : [406]),
    ...(request === undefined ? [] : [408, 411, 413, 415, 501]),
    ...(access === "accessList" ? [414] : []),
  ];
}

function responseOf(
  status: number,
  { text, content, headers }: AnswerDescription,
  route: Route,
): OpenApiResponse {
  const types = typesOf(
    content ?? (status === 200 ? "negotiated" : "text"),
    route,
  );
  return {
    description: text,
    ...(headers !== undefined && { headers: headersOf(headers) }),
    ...(types !== undefined && { content: types }),
  };
}

function headersOf(headers: Meanings): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, description]) => [
      name,
      { description, schema: { type: "string" } },
    ]),
  );
}

function typesOf(
  content: AnswerContent,
  { response, schemas }: Route,
): Content | undefined {
  if (content === "nothing") return undefined;
  if (content === "text") return { "text/plain": TEXT };
  if (content !== "negotiated") {
    return Object.fromEntries(
      [content.type].flat().map((type) => [type, TEXT]),
    );
  }
  if (response === "any") {
    throw new TypeError("A route that offers any type says what it answers");
  }
  return contentOf(response, schemas);
}

function contentOf(
  types: readonly MediaType[],
  schemas: Schemas | undefined,
): Content {
  return Object.fromEntries(types.map((type) => {
    const schema = schemas?.[type.form];
    if (schema !== undefined) {
      return [type.name, {
        schema: { $ref: `#/components/schemas/${schema.name}` },
      }];
    }
    return [type.name, isJson(type) ? {} : TEXT];
  }));
}

/** The part of the document that the page of the interface shows. */
export function apiPageFacts(
  document: OpenApiDocument,
): Omit<ApiPageFacts, "prefix"> {
  const { info, tags, paths } = document;
  const operations = Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({
      path,
      method: method.toUpperCase(),
      operation,
    }))
  );
  return {
    title: `${info.title} ${info.version}`,
    description: info.description,
    tags: tags.map(({ name }) => ({
      name,
      operations: operations
        .filter(({ operation }) => operation.tags.includes(name))
        .map(({ path, method, operation }) => ({
          id: operation.operationId,
          method,
          path,
          summary: operation.summary,
          description: operation.description,
          groups: groupsOf(operation, document),
        })),
    })),
  };
}

function groupsOf(
  { parameters, requestBody, responses }: Operation,
  document: OpenApiDocument,
): ApiGroup[] {
  const bodyTypes = Object.keys(requestBody?.content ?? {}).join(", ");
  const groups: ApiGroup[] = [
    {
      title: "Parameters",
      isAsked: true,
      rows: parameters.map((one) => [labelOf(one), one.description]),
    },
    {
      title: "Body",
      isAsked: true,
      rows: requestBody === undefined
        ? []
        : [[bodyTypes, requestBody.description]],
    },
    {
      title: "Answers",
      isAsked: false,
      rows: Object.entries(responses).map(([status, found]) => {
        const response = responseAt(document, found);
        const types = Object.keys(response.content ?? {}).join(", ");
        return [
          status,
          types === "" || types === "text/plain"
            ? response.description
            : `${response.description} (${types})`,
        ];
      }),
    },
  ];
  return groups.filter(({ rows }) => rows.length > 0);
}

function labelOf({ name, in: place }: Parameter): string {
  return place === "path" ? `{${name}}` : place === "query" ? `?${name}` : name;
}
