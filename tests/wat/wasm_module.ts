/**
 * The source of `storage/verify/piece_wasm.ts`.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { assembleWat } from "./assemble.ts";

const LINE_LENGTH = 76;

/** A module with what a text in WebAssembly's text format comes to. */
export function wasmModuleOf(wat: string): string {
  const base64 = Buffer.from(assembleWat(wat)).toString("base64");
  const lines = base64.match(new RegExp(`.{1,${LINE_LENGTH}}`, "g")) ?? [];
  return `/**
 * What \`piece.wat\` comes to. Made by \`deno task wasm\`; a test sees to it that
 * the two agree.
 *
 * @module
 */

/** The module's bytes as base64; white space says nothing. */
export const PIECE_WASM = \`
${lines.join("\n")}
\`;
`;
}
