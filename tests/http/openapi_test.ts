import { Validator } from "@seriousme/openapi-schema-validator";
import { assert, assertEquals } from "@std/assert";
import {
  type OpenApiDocument,
  type Operation,
  responseAt,
} from "../../lib/http/openapi.ts";
import { createRouter, parseTarget } from "../../lib/http/router.ts";
import { assetPath } from "../../lib/web/assets.ts";
import { ROUTES } from "../../lib/http/routes/table.ts";
import { areaNames, isAnswer, readArea } from "../conformance/recording.ts";
import { requestTypesOf } from "../support/request_types.ts";
import { testUuid } from "../support/events.ts";
import {
  openTestApp,
  TEST_BASE_URL,
  TEST_LOGINS,
} from "../support/test_app.ts";

Deno.test("/openapi.json is valid OpenAPI 3.1", async () => {
  await using test = openTestApp();
  const answer = await test.get("/openapi.json");
  assertEquals(answer.status, 200);
  const type = answer.headers.get("Content-Type");
  assertEquals(type, "application/json; charset=utf-8");
  const validator = new Validator();
  const result = await validator.validate(JSON.parse(answer.body));
  assertEquals(result.errors ?? [], []);
  assertEquals(result.valid, true);
  assertEquals(validator.version, "3.1");
});

Deno.test("every route is in /openapi.json, each operation once", async () => {
  const document = await readDocument();
  const missing = ROUTES.filter(({ method, template }) =>
    operationAt(document, method, template) === undefined
  ).map(({ method, template }) => `${method} ${template}`);
  assertEquals(missing, []);
  const ids = Object.values(document.paths)
    .flatMap((item) => Object.values(item))
    .map(({ operationId }) => operationId);
  assertEquals(new Set(ids).size, ids.length);
});

Deno.test("everything recorded has the status and type that /openapi.json says", async () => {
  const document = await readDocument();
  const router = createRouter(ROUTES);
  const wrong = new Set<string>();
  let count = 0;
  for (const area of areaNames()) {
    for (const { steps } of readArea(area)) {
      for (const { request, response, defect } of steps) {
        if (!isAnswer(response) || defect || request.headers["Host"]) continue;
        const path = parseTarget(TEST_BASE_URL + request.path).path;
        const found = router.find(path);
        if (found === undefined || found === "malformed") continue;
        const route = found.resource.routes.get(request.method);
        if (route === undefined) continue;
        count++;
        const { method, template } = route;
        const operation = operationAt(document, method, template);
        const answer = operation?.responses[response.status];
        const name = `${method} ${template} ${response.status}`;
        if (answer === undefined) {
          wrong.add(name);
          continue;
        }
        const type = response.headers["Content-Type"]?.split(";")[0] ?? "";
        const { content = {} } = responseAt(document, answer);
        // Bodies of refusals are ours, and of nothing there is no type.
        const isSaid = response.status >= 400 || type === "" ||
          response.body === "" || Object.keys(content).includes(type);
        if (!isSaid) wrong.add(`${name} ${type}`);
      }
    }
  }
  assert(count > 1500, String(count));
  assertEquals([...wrong], []);
});

/** Values for placeholders of templates; others are `0` or a place. */
const VALUES: Readonly<Record<string, string>> = {
  stream: "s",
  direction: "backward",
  count: "20",
  login: "admin",
  asset: assetPath("style.css").split("/").at(-1) ?? "",
};

/** Where a page may begin. */
const PLACES = ["0", "head", "0".repeat(32)];

/** What may be wrong with a request, on every route, or conditional. */
const VARIANTS: readonly Readonly<Record<string, string>>[] = [
  {},
  { "Transfer-Encoding": "gzip" },
  { "Content-Encoding": "br" },
  { "Content-Type": "image/png" },
  { Accept: "image/png" },
  { "If-None-Match": "*" },
  { "If-None-Match": "*", Authorization: TEST_LOGINS.admin },
  { Authorization: "Basic eDp5" },
  { Origin: "https://evil.example", "Sec-Fetch-Site": "cross-site" },
  { "ES-ExpectedVersion": "x" },
  { "ES-LongPoll": "x" },
  { "ES-ResolveLinkTos": "x" },
];

Deno.test("whatever is wrong with a request, /openapi.json has the status of its answer", async () => {
  const document = await readDocument();
  const wrong = new Set<string>();
  const seen = new Set<string>();
  for (const { method, template, request } of ROUTES) {
    const responses = operationAt(document, method, template)?.responses ?? {};
    for (
      const place of /\{(event|position)\}/.test(template) ? PLACES : ["0"]
    ) {
      const values: Record<string, string> = { ...VALUES, event: place };
      const path = template.replaceAll(
        /\{\*?(\w+)\}/g,
        (_, name: string) => values[name] ?? place,
      );
      for (const variant of VARIANTS) {
        await using test = openTestApp();
        await test.append("s", [{ eventId: testUuid(1), eventType: "t" }]);
        await test.append("$$s", [
          { eventId: testUuid(2), eventType: "$metadata", data: {} },
        ], { Authorization: TEST_LOGINS.admin });
        const headers = {
          "Content-Type": requestTypesOf(request)[0]?.name ??
            "application/json",
          ...variant,
        };
        const body = method === "GET" ? {} : { body: "[]" };
        const { status } = await test.send(path, { method, headers, ...body });
        const name = `${method} ${template} ${status}`;
        seen.add(name);
        if (responses[status] === undefined) {
          wrong.add(`${name} ${JSON.stringify(variant)}`);
        }
      }
    }
  }
  assertEquals([...wrong], []);
  // And says nothing of a condition that is not looked at.
  const never = ROUTES.filter(({ method, template }) => {
    const { responses = {} } = operationAt(document, method, template) ?? {};
    // The editor is there only once it was built.
    return responses[304] !== undefined && template !== "/web/editor.js" &&
      !seen.has(`${method} ${template} 304`);
  });
  assertEquals(never.map(({ template }) => template), []);
});

Deno.test("/docs/api shows every operation and runs nothing in it", async () => {
  const document = await readDocument();
  await using test = openTestApp();
  const answer = await test.get("/docs/api", "text/html");
  assertEquals(answer.status, 200);
  const policy = answer.headers.get("Content-Security-Policy") ?? "";
  assert(policy.startsWith("default-src 'none'; style-src 'self'"), policy);
  for (const item of Object.values(document.paths)) {
    for (const { operationId } of Object.values(item)) {
      assert(answer.body.includes(`id="${operationId}"`), operationId);
    }
  }
  const main = answer.body.slice(answer.body.indexOf("<main"));
  assert(!/<script|\son\w+=|src=/i.test(main));
});

async function readDocument(): Promise<OpenApiDocument> {
  await using test = openTestApp();
  return JSON.parse((await test.get("/openapi.json")).body);
}

function operationAt(
  { paths }: OpenApiDocument,
  method: string,
  template: string,
): Operation | undefined {
  return paths[template.replace("{*", "{")]?.[method.toLowerCase()];
}
