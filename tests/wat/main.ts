/**
 * Prints the source of `storage/verify/piece_wasm.ts`. Run by `deno task wasm`,
 * and by a test that compares.
 *
 *   deno run … tests/wat/main.ts ASSEMBLER FILE.wat
 *
 * The assembler is an npm package with a lock file of its own
 * (`assembler.lock`), so that it becomes no part of the program.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import process from "node:process";

const LINE_LENGTH = 76;

/** As much of `wabt` as is needed. */
interface Assembler {
  parseWat(fileName: string, text: string): {
    resolveNames(): void;
    validate(): void;
    toBinary(options: { readonly write_debug_names: boolean }): {
      readonly buffer: Uint8Array;
    };
    destroy(): void;
  };
}

const [packageName = "", path = ""] = Deno.args;
const library: { default: () => Promise<Assembler> } = await import(
  packageName
);
const assembler = await library.default();
const module = assembler.parseWat(path, await Deno.readTextFile(path));
module.resolveNames();
module.validate();
const { buffer } = module.toBinary({ write_debug_names: false });
module.destroy();

const base64 = Buffer.from(buffer).toString("base64");
const lines = base64.match(new RegExp(`.{1,${LINE_LENGTH}}`, "g")) ?? [];
process.stdout.write(`/**
 * What \`piece.wat\` comes to. Made by \`deno task wasm\`; a test sees to it that
 * the two agree.
 *
 * @module
 */

/** The module's bytes as base64; white space says nothing. */
export const PIECE_WASM = \`
${lines.join("\n")}
\`;
`);
