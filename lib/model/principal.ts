/**
 * Who a request comes from.
 *
 * @module
 */

/** Roles with a meaning of their own (spec: users §1). */
export const ROLE_ADMINS = "$admins";
export const ROLE_OPS = "$ops";
/** May read metrics, and nothing else of the node. */
export const ROLE_MONITORS = "$monitors";
/** May take backups and exports, and with them read every event. */
export const ROLE_BACKUP = "$backup";
/** Pseudo-role in access lists: everyone, anonymous clients too. */
export const ROLE_ALL = "$all";

/**
 * The scopes of tokens. A token without scopes allows everything
 * that its user may do.
 */
export const TOKEN_SCOPES = [
  "feeds",
  "read",
  "append",
  "metrics",
  "backup",
] as const;

export type TokenScope = typeof TOKEN_SCOPES[number];

/** A client that has said who it is. `undefined` stands for an anonymous one. */
export interface Principal {
  readonly login: string;
  /** Groups of the user and the login itself. */
  readonly roles: ReadonlySet<string>;
  /** Whether the credentials allow nothing but reading. */
  readonly isReadOnly: boolean;
  /** The scopes of the credentials; undefined: all. */
  readonly scopes?: ReadonlySet<TokenScope>;
  /** When the credentials end; only tokens have an end. */
  readonly expiresAtUs?: number;
  /** Whether the credentials are a session, made by logging in on a page. */
  readonly isSession?: boolean;
}

/**
 * Whether the credentials allow everything that their user may do. Users,
 * tokens and rights are changed with such credentials alone, so that a narrow
 * token cannot widen itself.
 */
export function isUnnarrowed({ isReadOnly, scopes }: Principal): boolean {
  return !isReadOnly && scopes === undefined;
}

/** The server itself: may do everything. */
export const SYSTEM_PRINCIPAL: Principal = {
  login: "$system",
  roles: new Set([ROLE_ADMINS]),
  isReadOnly: false,
};
