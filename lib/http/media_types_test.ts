import { assertEquals } from "@std/assert";
import {
  APPLICATION_JSON,
  ATOM_JSON,
  ATOM_XML,
  EVENTS_XML,
  OCTET_STREAM,
} from "./negotiation.ts";

Deno.test("media types carry the published hashes and their charset", () => {
  assertEquals(ATOM_JSON.etagHash, 248368668);
  assertEquals(ATOM_XML.etagHash, -1296467268);
  assertEquals(EVENTS_XML.etagHash, 1738871467);
  assertEquals(APPLICATION_JSON.contentType, "application/json; charset=utf-8");
  assertEquals(OCTET_STREAM.contentType, "application/octet-stream");
});
