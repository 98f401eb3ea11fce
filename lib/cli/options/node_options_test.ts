import { assertEquals } from "@std/assert";
import { showOptions } from "./node_options.ts";
import { OPTION_NAMES } from "./options.ts";
import { resolveOptions } from "./resolve_options.ts";

Deno.test("showOptions() shows every option as a text, and no secret", () => {
  const { values } = resolveOptions({
    args: ["--mem-db", "--max-event-size=1MiB"],
    environment: { QUIPU_ADMIN_PASSWORD: "only-the-operator-knows" },
    readFile: () => "{}",
  });
  const shown = showOptions(values);

  assertEquals(shown.length, OPTION_NAMES.length);
  assertEquals(JSON.stringify(shown).includes("only-the-operator"), false);
  const valueByName = new Map(shown.map(({ name, value }) => [name, value]));
  assertEquals(valueByName.get("MemDb"), "True");
  assertEquals(valueByName.get("MaxEventSize"), "1MiB");
  assertEquals(valueByName.get("AdminPassword"), "");
  assertEquals(valueByName.get("PublicUrl"), "");
  const level = shown.find(({ name }) => name === "LogLevel");
  assertEquals(level?.possibleValues, ["debug", "info", "warn", "error"]);
});
