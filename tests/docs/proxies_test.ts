/**
 * The configurations of proxies in the documents: what they allow is what the
 * server allows, and nginx takes those that are for it.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { LIMITS } from "../../lib/model/limits.ts";
import { outputOf } from "../../packaging/run_command.ts";
import { findTool, testWhere } from "../packaging/ways.ts";
import { blocksOf, DOCUMENTS } from "./blocks.ts";

const TLS = fromFileUrl(new URL("../support/tls/", import.meta.url));
const nginx = findTool("nginx");

const blocks = DOCUMENTS.flatMap(blocksOf);
const configurations = blocks.filter(({ language }) => language === "nginx");

Deno.test("the proxies of the documents allow what the server allows", () => {
  const caddy = blocks.find(({ language }) => language === "caddyfile")?.text;
  assert(caddy !== undefined && configurations.length > 0);
  const numberOf = (text: string, pattern: RegExp) =>
    Number(pattern.exec(text)?.[1]);
  const mebibytes = LIMITS.requestBytesMax / 1024 / 1024;
  const longPollSeconds = LIMITS.longPollMsMax / 1000;
  assertEquals(numberOf(caddy, /max_size (\d+)MiB/), mebibytes);
  assert(numberOf(caddy, /read_timeout (\d+)s/) > longPollSeconds);
  for (const { path, text } of configurations) {
    const bodies = numberOf(text, /client_max_body_size (\d+)m;/);
    assertEquals([path, bodies], [path, mebibytes]);
    assert(numberOf(text, /proxy_read_timeout (\d+)s;/) > longPollSeconds);
  }
});

testWhere(
  "nginx takes the configurations of the documents",
  nginx === undefined ? "nginx" : undefined,
  async () => {
    const directory = await Deno.makeTempDir({ prefix: "quipu-nginx-" });
    try {
      for (const { text } of configurations) {
        const file = join(directory, "nginx.conf");
        const own = text
          .replaceAll("/etc/ssl/events.pem", `${TLS}server.cert.pem`)
          .replaceAll("/etc/ssl/events.key", `${TLS}server.key.pem`)
          .replaceAll("/var/cache/nginx", join(directory, "cache"));
        await Deno.writeTextFile(
          file,
          `pid ${directory}/pid;\nevents {}\nhttp {\n${own}\n}\n`,
        );
        await outputOf([
          ...[nginx ?? "", "-t", "-p", directory, "-c", file],
          ...["-e", join(directory, "errors")],
        ]);
      }
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
);
