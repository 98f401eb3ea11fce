/**
 * Ten questions that newcomers to event stores ask. Each is answered two clicks
 * from the start page: it leads to the page of questions, and that one to the
 * section that has the whole answer.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { linksOf, readPage, sectionsOf, START_PAGE } from "./pages.ts";

const PAGE = "questions.md";

/** A question, the section that answers it, and words without which it does not. */
const QUESTIONS: readonly {
  readonly question: string;
  readonly answer: string;
  readonly words: readonly string[];
}[] = [
  {
    question: "How many streams do I need?",
    answer: "concepts.md#streams",
    words: ["stream of its own", "category", "millions"],
  },
  {
    question: "How do I keep two writers from overwriting each other?",
    answer: "concepts.md#versions",
    words: ["ES-ExpectedVersion", "nothing is written", "400"],
  },
  {
    question: "I got no answer: was my event written?",
    answer: "concepts.md#idempotency",
    words: ["same event ids", "not written twice"],
  },
  {
    question: "How do I query, for example all open orders?",
    answer: "read-models.md#a-table-that-follows",
    words: ["client.follow", "place", "open_orders"],
  },
  {
    question: "Live feed, subscription or projection?",
    answer: "concepts.md#which-one-to-use",
    words: ["live feed", "persistent subscription", "projection"],
  },
  {
    question: "How do I correct or delete an event?",
    answer: "personal-data.md#ways",
    words: ["correct", "scavenge", "key"],
  },
  {
    question: "What if the shape of an event changes?",
    answer: "concepts.md#changing-the-shape-of-events",
    words: ["never change", "default", "new type"],
  },
  {
    question: "In which order do events come?",
    answer: "concepts.md#the-whole-log-and-positions",
    words: ["$all", "position", "order"],
  },
  {
    question: "Do I need snapshots?",
    answer: "concepts.md#long-streams",
    words: ["snapshots", "$maxCount", "from"],
  },
  {
    question: "Can an acknowledged event be lost?",
    answer: "concepts.md#durability",
    words: ["201", "fdatasync", "power cut", "backups"],
  },
];

Deno.test("the start page leads to the ten questions of newcomers", () => {
  assert(linksOf(readPage(START_PAGE)).includes(PAGE));
  const [, ...sections] = sectionsOf(readPage(PAGE));
  assertEquals(
    sections.map(({ heading }) => heading),
    QUESTIONS.map(({ question }) => question),
  );
  assertEquals(QUESTIONS.length, 10);
});

for (const { question, answer, words } of QUESTIONS) {
  Deno.test(`two clicks from the start page: ${question}`, () => {
    const asked = sectionsOf(readPage(PAGE))
      .find(({ heading }) => heading === question);
    assert(linksOf(asked?.text ?? "").includes(answer), "it is linked");
    const [page = "", anchor] = answer.split("#");
    const section = sectionsOf(readPage(page))
      .find((section) => section.anchor === anchor);
    assert(section !== undefined, "it is there");
    const missing = words.filter((word) =>
      !section.text.replace(/\s+/g, " ").includes(word)
    );
    assertEquals(missing, []);
  });
}
