import { assert, assertEquals } from "@std/assert";
import { SILENT_LOGGER } from "../model/logger.ts";
import { announceDefaultUsers } from "./default_users_notice.ts";

type Report = Awaited<Parameters<typeof announceDefaultUsers>[0]>;

async function announced(report: Promise<Report>) {
  const lines: string[] = [];
  let output = "";
  const collect = (event: string, fields = {}) => {
    lines.push(`${event} ${JSON.stringify(fields)}`);
  };
  await announceDefaultUsers(report, {
    logger: { ...SILENT_LOGGER, info: collect, warn: collect, error: collect },
    print: (text) => output += text,
  });
  return { lines, output };
}

Deno.test("a generated password is printed and not logged", async () => {
  const { lines, output } = await announced(Promise.resolve({
    generated: [{ login: "admin", password: "s3cret" }],
    withDefaultPassword: [],
  }));
  assertEquals(output, "Password of admin, shown only now: s3cret\n");
  assertEquals(lines, ['user.passwordGenerated {"login":"admin"}']);
});

Deno.test("published passwords are warned of", async () => {
  const { lines, output } = await announced(Promise.resolve({
    generated: [],
    withDefaultPassword: ["admin", "ops"],
  }));
  assertEquals(output, "");
  assertEquals(lines, [
    'user.hasDefaultPassword {"login":"admin"}',
    'user.hasDefaultPassword {"login":"ops"}',
  ]);
});

Deno.test("users that could not be made are an error in the log", async () => {
  const { lines } = await announced(Promise.reject(new Error("disk full")));
  assert(lines[0]?.startsWith("user.defaultsNotMade"), lines[0]);
});
