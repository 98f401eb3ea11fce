/**
 * Ids and times that a server makes up: they differ by nature, but not freely.
 *
 * @module
 */

import { FAMILY_AREAS, type Scenario } from "./recording.ts";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
/** An id or a time within a text. */
const MADE_PART =
  /([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\dT[\d:.]+(?:Z|\+00:00))/;
const UUID_ANYWHERE =
  /[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}/gi;

/** Time of a page that no event dates: a value like any other. */
const NO_TIME = "0001-01-01T00:00:00Z";
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{0,6}[1-9])?(Z|\+00:00)$/;

/**
 * What the server made up in one scenario. Ids and times that a client sent
 * must come back to the letter. An id that a server made must stand in the same
 * places: each recorded one has exactly one counterpart throughout.
 */
export class ServerMade {
  readonly #area: string;
  readonly #requests: string;
  readonly #sent: ReadonlySet<string>;
  readonly #answeredFor = new Map<string, string>();
  readonly #recordedFor = new Map<string, string>();

  constructor(scenario: Scenario) {
    this.#area = scenario.area;
    this.#requests = JSON.stringify(
      scenario.steps.map((step) => step.request),
    );
    const found = this.#requests.match(UUID_ANYWHERE) ?? [];
    this.#sent = new Set(found.map(digitsOf));
  }

  /** Whether an answered id may stand where the recorded one stands. */
  isSameId(recorded: string, answered: string): boolean {
    if (!UUID.test(recorded) || this.#sent.has(digitsOf(recorded))) {
      return recorded === answered;
    }
    if (!UUID.test(answered)) return false;
    const known = this.#answeredFor.get(recorded);
    const source = this.#recordedFor.get(answered);
    if (known === undefined && source === undefined) {
      this.#answeredFor.set(recorded, answered);
      this.#recordedFor.set(answered, recorded);
      return true;
    }
    return known === answered && source === recorded;
  }

  /** Whether texts are the same but for ids and times that a server made. */
  isSameText(recorded: string, answered: string): boolean {
    const wanted = this.#withOnes(recorded).split(MADE_PART);
    const given = this.#withOnes(answered).split(MADE_PART);
    return wanted.length === given.length &&
      wanted.every((part, index) => {
        const other = given[index] ?? "";
        if (index % 2 === 0) return part === other;
        return UUID.test(part)
          ? this.isSameId(part, other)
          : this.isSameTime(part, other);
      });
  }

  /** As `isSameText`, of a member's value, whose name may say what it is. */
  isSameMember(name: string, recorded: string, answered: string): boolean {
    return this.isSameText(`"${name}":${recorded}`, `"${name}":${answered}`);
  }

  /** Whether both are moments of the server's clock, written in one form. */
  isSameTime(recorded: string, answered: string): boolean {
    const form = TIME.exec(recorded)?.[1];
    if (
      form === undefined || recorded === NO_TIME || answered === NO_TIME ||
      this.#requests.includes(recorded)
    ) {
      return recorded === answered;
    }
    return TIME.exec(answered)?.[1] === form;
  }

  /**
   * In areas that one server recorded scenario after scenario, numbers that
   * depend on what it did before count as 1.
   */
  #withOnes(text: string): string {
    if (!FAMILY_AREAS.has(this.#area)) return text;
    return text
      .replaceAll(/\b([CP]):[1-9]\d*/g, "$1:1")
      .replaceAll(/("\$[cp]": ?)[1-9]\d*/g, "$11")
      .replaceAll(/("\$v": ?")\d+:/g, "$11:")
      .replaceAll(/(managed by projection )\d+/g, "$11")
      .replaceAll(/((?:event|Emitting) projection: ')\d+'/g, "$11'");
  }
}

/** The times of a feed and of its entries, in order. */
export interface FeedTimes {
  readonly feed: string;
  readonly entries: readonly string[];
}

/**
 * Whether the same entry dates both feeds. Entries of one append may share
 * their time, so it is enough that one entry could be it in both.
 */
export function isDatedAlike(
  recorded: FeedTimes,
  answered: FeedTimes,
): boolean {
  const dating = indexesOf(recorded);
  if (dating.length === 0) return true;
  const others = indexesOf(answered);
  return dating.some((index) => others.includes(index));
}

function indexesOf(times: FeedTimes): number[] {
  return times.entries.flatMap((time, index) =>
    time === times.feed ? [index] : []
  );
}

function digitsOf(id: string): string {
  return id.replaceAll("-", "").toLowerCase();
}
