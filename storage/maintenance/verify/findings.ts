/**
 * Gathers what a verification finds: the first of it in full, the rest by
 * number.
 *
 * @module
 */

import { LIMITS } from "../../../lib/model/limits.ts";
import type {
  Finding,
  FindingKind,
  FindingSeverity,
} from "../../../lib/store/maintenance.ts";

/** Advice for operators, by kind of finding. */
const ADVICE = {
  restore: "Restore a backup, or run quipu repair, which keeps intact events " +
    "and lists lost ones; meanwhile serve --read-only serves intact events",
  rebuild:
    "Nothing is lost: quipu repair --yes rebuilds it from the log, and so " +
    "does a server when it needs it",
  byItself: "Nothing is lost: the next start of the server repairs it",
  device: "Check the device, then verify again",
  writable: "Verify a copy of the directory, or make it writable",
  foreign: "Move it away: it is not part of this store",
  known: "No action needed: the file lists what was lost",
} as const;

/** Where something is wrong. */
export interface Place {
  readonly file?: string;
  readonly offset?: number;
  readonly position?: number;
}

export class Findings {
  readonly listed: Finding[] = [];
  readonly #counts: Record<FindingSeverity, number> = {
    damage: 0,
    broken: 0,
    notice: 0,
  };

  countOf(severity: FindingSeverity): number {
    return this.#counts[severity];
  }

  /** Events that were acknowledged are lost. */
  damage(kind: FindingKind, what: string, place: Place): void {
    this.#add({
      kind,
      severity: "damage",
      what,
      ...place,
      advice: ADVICE.restore,
    });
  }

  /** Nothing is lost, but it must be made again. */
  broken(kind: FindingKind, what: string, place: Place): void {
    this.#add({
      kind,
      severity: "broken",
      what,
      ...place,
      advice: ADVICE.rebuild,
    });
  }

  /** Worth knowing. */
  notice(
    kind: FindingKind,
    what: string,
    place: Place,
    advice: keyof typeof ADVICE = "byItself",
  ): void {
    this.#add({
      kind,
      severity: "notice",
      what,
      ...place,
      advice: ADVICE[advice],
    });
  }

  /** A device that does not give the bytes: nobody knows what they are. */
  unreadable(what: string, place: Place): void {
    this.#add({
      kind: "unreadable",
      severity: "damage",
      what,
      ...place,
      advice: ADVICE.device,
    });
  }

  #add(finding: Finding): void {
    this.#counts[finding.severity]++;
    if (this.listed.length < LIMITS.findingsMax) this.listed.push(finding);
  }
}
