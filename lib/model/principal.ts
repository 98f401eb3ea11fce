/**
 * Who a request comes from.
 *
 * @module
 */

/** Roles with a meaning of their own (spec: users §1). */
export const ROLE_ADMINS = "$admins";
export const ROLE_OPS = "$ops";
/** Pseudo-role in access lists: everyone, anonymous clients too. */
export const ROLE_ALL = "$all";

/** A client that has said who it is. `undefined` stands for an anonymous one. */
export interface Principal {
  readonly login: string;
  /** Groups of the user and the login itself. */
  readonly roles: ReadonlySet<string>;
  /** Whether the credentials allow nothing but reading. */
  readonly isReadOnly: boolean;
  /** When the credentials end; only tokens have an end. */
  readonly expiresAtUs?: number;
}

/** The server itself: may do everything. */
export const SYSTEM_PRINCIPAL: Principal = {
  login: "$system",
  roles: new Set([ROLE_ADMINS]),
  isReadOnly: false,
};
