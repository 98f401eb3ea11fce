import { assert, assertEquals } from "@std/assert";
import { createRouter, parseTarget } from "./router.ts";
import { ROUTES } from "./routes/table.ts";

const router = createRouter(ROUTES);

function find(path: string) {
  const destination = router.find(path);
  assert(destination !== undefined && destination !== "malformed", path);
  return destination;
}

Deno.test("Access-Control-Allow-Methods lists every matching row, the less literal first", () => {
  const table: [path: string, allowed: string][] = [
    ["/streams/s", "POST, DELETE, GET, OPTIONS"],
    ["/streams/s/", "POST, DELETE, GET, OPTIONS"],
    ["/streams/s/0", "GET, OPTIONS"],
    ["/streams/s/0/20", "GET, OPTIONS"],
    ["/streams/s/0/backward/20", "GET, OPTIONS"],
    ["/streams/s/0/forward/20", "GET, OPTIONS"],
    ["/streams/s/incoming/x", "GET, POST, OPTIONS"],
    ["/streams/s/metadata", "GET, POST, GET, OPTIONS"],
    ["/streams/s/metadata/", "POST, GET, OPTIONS"],
    ["/streams/s/metadata/0", "GET, GET, OPTIONS"],
    ["/streams/s/metadata/0/20", "GET, OPTIONS"],
    ["/streams/s/metadata/head/backward/20", "GET, OPTIONS"],
    ["/streams/s/metadata/0/forward/20", "GET, OPTIONS"],
    ["/streams/$all", "POST, DELETE, GET, GET, OPTIONS"],
    ["/streams/%24all", "POST, DELETE, GET, GET, OPTIONS"],
    ["/streams/$all/", "POST, DELETE, GET, GET, OPTIONS"],
    ["/streams/$all/head/backward/20", "GET, GET, OPTIONS"],
    ["/streams/$all/0", "GET, OPTIONS"],
    ["/streams/$all/metadata", "GET, POST, GET, OPTIONS"],
    ["/ping", "GET, OPTIONS"],
    ["/info", "GET, OPTIONS"],
    ["/", "GET, OPTIONS"],
    ["/web", "GET, OPTIONS"],
  ];
  for (const [path, allowed] of table) {
    assertEquals(find(path).resource.allowedMethods, allowed, path);
  }
});

Deno.test("the most literal row answers", () => {
  const table: [method: string, path: string, handler: string][] = [
    ["GET", "/streams/s/metadata", "readMetadata"],
    ["GET", "/streams/s/metadata/3", "readMetadata"],
    ["GET", "/streams/s/metadata/3/20", "readMetadataBackwardPage"],
    ["GET", "/streams/s/3/20", "readBackwardPage"],
    ["GET", "/streams/s/incoming/3", "readBackwardPage"],
    ["POST", "/streams/s/incoming/3", "appendIncoming"],
    ["GET", "/streams/$all", "readAllHeadPage"],
    ["POST", "/streams/$all", "appendEvents"],
    ["GET", "/streams/$all/head/20", "readAllBackwardPage"],
    ["GET", "/streams/$all/head", "readEvent"],
    ["GET", "/streams/$all/metadata", "readMetadata"],
    ["GET", "/streams/s/", "redirectToUnslashed"],
    ["GET", "/streams/$all/", "redirectToUnslashed"],
  ];
  for (const [method, path, handler] of table) {
    const route = find(path).resource.routes.get(method);
    assertEquals(route?.handler.name, handler, `${method} ${path}`);
  }
});

Deno.test("paths that no row has lead nowhere", () => {
  const paths = [
    "/nothing",
    "/streams",
    "/streams/",
    "/Streams/s",
    "/streams//0",
    "/streams/s/0/Backward/20",
    "/streams/s/0/sideways/20",
    "/streams/s/incoming/",
    "/streams/s/0/",
    "/ping/",
    "/PING",
    "//",
    "/../streams/s",
    "/users/../info",
    "/\\streams\\s",
  ];
  for (const path of paths) assertEquals(router.find(path), undefined, path);
});

Deno.test("values are decoded before and after splitting", () => {
  const table: [path: string, segments: string[]][] = [
    ["/streams/a%20b", ["streams", "a b"]],
    ["/streams/%C3%BCn%C3%AF", ["streams", "ünï"]],
    ["/streams/a%2Fb", ["streams", "a", "b"]],
    ["/streams/a%252Fb", ["streams", "a/b"]],
    ["/streams/100%25", ["streams", "100%"]],
    ["/streams/%25zz", ["streams", "%zz"]],
    ["/streams/%25FF", ["streams", "%FF"]],
    ["/streams/a+b", ["streams", "a+b"]],
    ["/streams/..", ["streams", ".."]],
    ["/streams/%2e%2e", ["streams", ".."]],
    ["/streams/%252e%252e/metadata", ["streams", "..", "metadata"]],
    ["/streams/%EF%BB%BFx", ["streams", "\ufeffx"]],
    ["/users/%2524current", ["users", "$current"]],
  ];
  for (const [path, segments] of table) {
    assertEquals(find(path).segments, segments, path);
  }
});

Deno.test("words of a template are decoded once, and no escaped slash stands beside one", () => {
  assertEquals(find("/%73treams/s").segments, ["streams", "s"]);
  assertEquals(find("/users/%24current").segments, ["users", "$current"]);
  for (const route of ROUTES) {
    const words = route.template.slice(1).split("/");
    const path = "/" +
      words.map((word) => word.replace(/^\{.*/, "v")).join("/");
    const own = router.find(path);
    for (const [index, word] of words.entries()) {
      if (word === "" || word.startsWith("{")) continue;
      const code = word.charCodeAt(0).toString(16);
      const spelled = (escape: string) =>
        "/" +
        words.map((other, at) =>
          at === index ? escape + word.slice(1) : other.replace(/^\{.*/, "v")
        ).join("/");
      assertEquals(router.find(spelled(`%${code}`)), own, path);
      const twice = router.find(spelled(`%25${code}`));
      const resource = typeof twice === "object" ? twice.resource : undefined;
      assert(
        resource === undefined ||
          resource !== (typeof own === "object" ? own.resource : undefined),
        `${spelled(`%25${code}`)} is no other way to ${path}`,
      );
    }
    for (
      let at = path.indexOf("/", 1);
      at > 0;
      at = path.indexOf("/", at + 1)
    ) {
      const escaped = path.slice(0, at) + "%2F" + path.slice(at + 1);
      const before = words[path.slice(1, at).split("/").length - 1] ?? "";
      const after = words[path.slice(1, at).split("/").length] ?? "";
      const isBetweenValues = before.startsWith("{") &&
        (after.startsWith("{") || after === "");
      assertEquals(
        router.find(escaped) !== undefined,
        isBetweenValues,
        escaped,
      );
    }
  }
});

Deno.test("broken escapes make a path malformed", () => {
  for (const escape of ["%", "%2", "%zz", "%FF", "%C3%28"]) {
    assertEquals(router.find("/streams/" + escape), "malformed", escape);
  }
});

Deno.test("a greedy end takes whatever follows, and anything more literal wins", () => {
  const row = (template: string, handler: string) => ({
    method: "GET",
    template,
    handler,
  });
  const greedy = createRouter([
    row("/stats/{*path}", "info"),
    row("/stats/tcp", "ping"),
    row("/stats", "ping"),
  ]);
  const handlerOf = (path: string) => {
    const found = greedy.find(path);
    return typeof found === "object"
      ? found.resource.routes.get("GET")?.handler
      : found;
  };
  assertEquals(handlerOf("/stats"), "ping");
  assertEquals(handlerOf("/stats/tcp"), "ping");
  assertEquals(handlerOf("/stats/proc"), "info");
  assertEquals(handlerOf("/stats/proc/mem/x"), "info");
  assertEquals(handlerOf("/stats/tcp/x"), "info");
  assertEquals(handlerOf("/stats/"), undefined);
});

Deno.test("parseTarget() takes URLs apart as they are", () => {
  const table: [url: string, path: string, query: string][] = [
    ["http://h:1/streams/s", "/streams/s", ""],
    ["http://h:1/streams/s?embed=body&x=1", "/streams/s", "embed=body&x=1"],
    ["http://h:1/s?a=b?c", "/s", "a=b?c"],
    ["http://h:1/s#frag?x", "/s", ""],
    ["http://h:1/s?x#frag", "/s", "x"],
    ["http://h:1", "/", ""],
    ["http://h:1?x=/y", "/", "x=/y"],
    ["http://h/../a", "/../a", ""],
    ["http://h//a\\b", "//a\\b", ""],
    ["http://[::1]:2113/s", "/s", ""],
  ];
  for (const [url, path, query] of table) {
    assertEquals(parseTarget(url), { path, query }, url);
  }
});

Deno.test("every template of the table finds its own row", () => {
  for (const { method, template, handler } of ROUTES) {
    const path = template.replaceAll(/\{[^}]*\}/g, "x");
    assertEquals(find(path).resource.routes.get(method)?.handler, handler);
  }
});
