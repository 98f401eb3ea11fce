/**
 * Hashes of lists' names, from text and from bytes.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { encodeUtf8 } from "../../lib/text/utf8.ts";
import { hashListName, hashName } from "./event_id_hash.ts";

Deno.test("bytes of a list's name have the hash of its text", () => {
  for (const name of ["", "cart-1", "$ce-cart", "größe", "訂單-1", "a😀b"]) {
    const array = encodeUtf8(`..${name}.`);
    for (let kind = 0; kind < 5; kind++) {
      assertEquals(
        hashListName(kind, array, 2, array.length - 1),
        hashName(kind + name),
        name,
      );
    }
  }
});
