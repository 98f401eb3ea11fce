/**
 * Makes `storage/verify/piece_wasm.ts` of `piece.wat`. Run: `deno task wasm`
 *
 * @module
 */

import { wasmModuleOf } from "./wasm_module.ts";

const STORAGE = new URL("../../storage/verify/", import.meta.url);

if (import.meta.main) {
  const text = await Deno.readTextFile(new URL("piece.wat", STORAGE));
  await Deno.writeTextFile(
    new URL("piece_wasm.ts", STORAGE),
    wasmModuleOf(text),
  );
}
