/**
 * `quipu postgres`: the schema of a store in PostgreSQL.
 *
 * @module
 */

import { defineCommand } from "./command.ts";
import { EXIT_CODES, UsageError } from "./failures.ts";
import { printResult, TASK_OPTIONS } from "./offline_work.ts";
import { actAsOwner, databaseOf } from "./shared_store.ts";

const ACTIONS = ["init", "upgrade", "status"] as const;

export const POSTGRES = defineCommand({
  name: "postgres",
  summary: "Make the schema of a store in PostgreSQL, or bring it up to date",
  details:
    "init makes a store in a database that is there, in the schema that " +
    "the URL names (quipu by default), and may be repeated; upgrade applies what this version " +
    "adds, while servers run; status tells the version, and exits with 1 if " +
    "it is not this program's. The user of the URL owns the schema. Servers " +
    "log in as the role that --role names: it may call functions and nothing " +
    "else.",
  options: ["directory", "configFile"],
  meanings: {
    directory: "URL of the database: postgres://USER@HOST/DATABASE",
  },
  own: {
    role: {
      flag: "role",
      kind: "text",
      valueName: "ROLE",
      help: "Role that servers log in as, which must be there",
    },
    isJson: TASK_OPTIONS.isJson,
  },
  operands: {
    action: {
      label: "ACTION",
      help: "init, upgrade or status",
      words: ACTIONS,
    },
  },
}, async ({ values, operands }) => {
  const action = ACTIONS.find((name) => name === operands.action);
  if (action === undefined) {
    throw new UsageError(
      `Unknown action "${operands.action}": expected one of ` +
        ACTIONS.join(", "),
    );
  }
  const address = databaseOf(values);
  if (address === undefined) {
    throw new UsageError("--db must be the URL of a database");
  }
  const { migrate, readSchemaStatus } = await import(
    "../../storage/postgres/migrate.ts"
  );
  const { schema } = address;
  return await actAsOwner(values, address, async (connection) => {
    if (action === "status") {
      const status = await readSchemaStatus(connection, schema);
      const isCurrent = status.version === status.wanted;
      printResult(values, {
        json: { schema, ...status },
        text: showStatus(schema, status),
      });
      return isCurrent ? EXIT_CODES.ok : EXIT_CODES.failure;
    }
    const { role } = values;
    const isNew = action === "init";
    const { from, to } = await migrate(connection, { schema, role, isNew });
    printResult(values, {
      json: { schema, from, to },
      text: from === to
        ? `Schema "${schema}" has version ${to} already\n`
        : isNew
        ? `Made a store in schema "${schema}", version ${to}\n`
        : `Upgraded schema "${schema}" from version ${from} to ${to}\n`,
    });
    return EXIT_CODES.ok;
  });
});

function showStatus(
  schema: string,
  { version, wanted, storeId, standbyNames }: {
    readonly version: number;
    readonly wanted: number;
    readonly storeId: string | undefined;
    readonly standbyNames: string;
  },
): string {
  if (version === 0) return `There is no store in schema "${schema}"\n`;
  return `Store ${storeId} in schema "${schema}"\n` +
    `Version ${version}${
      version === wanted ? "" : `, and this program has ${wanted}`
    }\n` +
    (standbyNames === ""
      ? "No synchronous standbys: what is acknowledged is on one disk\n"
      : `Synchronous standbys: ${standbyNames}\n`);
}
