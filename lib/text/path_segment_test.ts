import { assertEquals } from "@std/assert";
import { decodeSegmentAgain, encodePathSegment } from "./path_segment.ts";

Deno.test("letters, digits and -_.~ stay, all else is escaped as recorded", () => {
  const cases: [string, string][] = [
    ["g-nm_1.x~", "g-nm_1.x~"],
    ["with space", "with%20space"],
    ["$$meta", "%24%24meta"],
    ["a:b@c*'!()", "a%3Ab%40c%2A%27%21%28%29"],
    ["ünï?#&=+;", "%C3%BCn%C3%AF%3F%23%26%3D%2B%3B"],
    ['<">', "%3C%22%3E"],
    ["100%", "100%25"],
    ["%FF", "%25FF"],
    ["\ud800", "%EF%BF%BD"],
    // What would not outlive being decoded twice.
    ["a/b", "a%252Fb"],
    ["x%41", "x%252541"],
    [".", "%252E"],
    ["..", "%252E%252E"],
    ["...", "..."],
  ];
  for (const [name, escaped] of cases) {
    assertEquals(encodePathSegment(name), escaped);
  }
});

const PARTS = ["%", "/", "2", "F", "4", "C3", "A9", ".", "a", "é", "\ufeff"];

Deno.test("a name of any four parts is what its segment decodes to", () => {
  for (let at = 0; at < PARTS.length ** 4; at++) {
    const name = [0, 1, 2, 3].map((place) =>
      PARTS[Math.floor(at / PARTS.length ** place) % PARTS.length]
    ).join("");
    const segment = encodePathSegment(name);
    // Clients normalise a path before they send it.
    const path = new URL(`http://h/streams/${segment}/0`).pathname;
    assertEquals(path, `/streams/${segment}/0`);
    const once = decodeURIComponent(segment);
    assertEquals(once.includes("/"), false, name);
    assertEquals(decodeSegmentAgain(once), name);
  }
});
