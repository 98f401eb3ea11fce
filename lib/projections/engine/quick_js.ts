/**
 * QuickJS as a WebAssembly module of its own: with a bounded memory, and quick
 * at taking texts.
 *
 * @module
 */

import {
  newQuickJSWASMModuleFromVariant,
  newVariant,
  type QuickJSSyncVariant,
  type QuickJSWASMModule,
} from "quickjs-emscripten-core";
import quickJsVariant from "@jitl/quickjs-singlefile-mjs-release-sync";
import { encodeUtf8, encodeUtf8Into } from "../../text/utf8.ts";

/** Memory beyond the limit in which an answer is written after a fault. */
export const RESCUE_BYTES = 16 * 1024 * 1024;
/** What the module asks for at least. */
export const INITIAL_BYTES = 16 * 1024 * 1024;
const PAGE_BYTES = 64 * 1024;

// The package's types say that it is the module, not its only export.
const QUICK_JS = withFastTexts(quickJsVariant as unknown as QuickJSSyncVariant);

/**
 * The memory of one engine, with a bound. QuickJS' own limit bounds each
 * allocation alone: it cannot see here how large those are that it has.
 */
export class BoundedMemory {
  readonly memory: WebAssembly.Memory;
  /** It may be raised by `RESCUE_BYTES`. */
  bytesMax: number;
  /** Whether more was wanted than there may be. */
  wasRefused = false;

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
    const initial = INITIAL_BYTES / PAGE_BYTES;
    const maximum = Math.ceil((bytesMax + RESCUE_BYTES) / PAGE_BYTES);
    const memory = new WebAssembly.Memory({
      initial,
      maximum: Math.max(initial, maximum),
    });
    const grow = memory.grow.bind(memory);
    memory.grow = (pages) => {
      const bytes = memory.buffer.byteLength + pages * PAGE_BYTES;
      if (bytes <= this.bytesMax) return grow(pages);
      this.wasRefused = true;
      throw new RangeError("No more memory is allowed");
    };
    this.memory = memory;
  }
}

type ModuleLoader = Extract<
  Awaited<ReturnType<QuickJSSyncVariant["importModuleLoader"]>>,
  (...given: never[]) => unknown
>;

/**
 * Texts go into the engine's memory by way of the platform's encoder, instead
 * of Emscripten's, which takes a character at a time: a fifth of the time.
 */
function withFastTexts(variant: QuickJSSyncVariant): QuickJSSyncVariant {
  return {
    ...variant,
    importModuleLoader: async () => {
      const load = await variant.importModuleLoader() as ModuleLoader;
      return async (options) => {
        const module = await load(options);
        module.lengthBytesUTF8 = (text) => encodeUtf8(text).length;
        module.stringToUTF8 = (text, at, size = 0) => {
          const target = module.HEAPU8.subarray(at, at + size);
          target[encodeUtf8Into(text, target)] = 0;
        };
        return module;
      };
    },
  };
}

/** Makes a module that has that memory. */
export async function openQuickJs(
  { memory }: BoundedMemory,
): Promise<QuickJSWASMModule> {
  return await newQuickJSWASMModuleFromVariant(
    newVariant(QUICK_JS, { wasmMemory: memory }),
  );
}
