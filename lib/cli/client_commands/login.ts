/**
 * `quipu login` and `quipu logout`: a login that further commands use.
 *
 * @module
 */

import { UsageError } from "../failures.ts";
import { defineClientCommand } from "./client_command.ts";
import { printFacts } from "./output.ts";
import { loginsFileOf, storeLogin } from "./stored_logins.ts";

const LOGIN_DAYS = 30;

export const LOGIN = defineClientCommand({
  name: "login",
  summary: "Log in to a server, so that further commands need no login",
  details: `Creates a token that is valid for ${LOGIN_DAYS} days, and stores ` +
    "it in quipu/logins.json in your configuration directory, which you alone " +
    "may read. The password is not stored.",
}, async ({ client, values, environment }) => {
  const { login, url } = values;
  if (login === undefined) throw new UsageError("login needs --user LOGIN");
  const { token, tokenId } = await client.users.createToken({
    label: "quipu login",
    expiresInSeconds: LOGIN_DAYS * 24 * 3600,
  });
  const [server = ""] = url.split(",");
  storeLogin(server, { login, tokenId, token }, environment);
  printFacts({
    server,
    login,
    tokenId,
    storedIn: loginsFileOf(environment),
  }, values);
});

export const LOGOUT = defineClientCommand({
  name: "logout",
  summary: "Forget the login of a server",
  details:
    "The token is forgotten here. To end it on the server as well, name " +
    "the user: --user LOGIN.",
}, async ({ client, values, environment }) => {
  const [server = ""] = values.url.split(",");
  const before = storeLogin(server, undefined, environment);
  const isRevoked = before !== undefined && values.login !== undefined;
  if (isRevoked) await client.users.revokeToken(before.tokenId);
  printFacts({
    server,
    login: before?.login,
    done: before === undefined
      ? "there was no login"
      : isRevoked
      ? "forgotten and revoked"
      : "forgotten",
  }, values);
});
