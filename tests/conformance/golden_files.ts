/**
 * The recorded areas as texts: imported, so that a bundle has them, too.
 *
 * @module
 */

import aclText from "./golden/acl.jsonl" with { type: "text" };
import allText from "./golden/all.jsonl" with { type: "text" };
import authText from "./golden/auth.jsonl" with { type: "text" };
import cachingText from "./golden/caching.jsonl" with { type: "text" };
import deleteText from "./golden/delete.jsonl" with { type: "text" };
import embedText from "./golden/embed.jsonl" with { type: "text" };
import expectedVersionText from "./golden/expected-version.jsonl" with {
  type: "text",
};
import feedText from "./golden/feed.jsonl" with { type: "text" };
import idempotencyText from "./golden/idempotency.jsonl" with { type: "text" };
import linksText from "./golden/links.jsonl" with { type: "text" };
import longPollText from "./golden/long-poll.jsonl" with { type: "text" };
import metadataText from "./golden/metadata.jsonl" with { type: "text" };
import negotiationText from "./golden/negotiation.jsonl" with { type: "text" };
import nodeText from "./golden/node.jsonl" with { type: "text" };
import projectionsText from "./golden/projections.jsonl" with { type: "text" };
import seedsText from "./golden/seeds.jsonl" with { type: "text" };
import streamNamesText from "./golden/stream-names.jsonl" with { type: "text" };
import subscriptionsText from "./golden/subscriptions.jsonl" with {
  type: "text",
};
import usersText from "./golden/users.jsonl" with { type: "text" };
import writeContentTypeText from "./golden/write-content-type.jsonl" with {
  type: "text",
};
import writeErrorsText from "./golden/write-errors.jsonl" with { type: "text" };
import writeFieldsText from "./golden/write-fields.jsonl" with { type: "text" };
import writeXmlText from "./golden/write-xml.jsonl" with { type: "text" };

/** Lines of JSON by area; each is a scenario. */
export const GOLDEN_FILES: Readonly<Record<string, string>> = {
  "acl": aclText,
  "all": allText,
  "auth": authText,
  "caching": cachingText,
  "delete": deleteText,
  "embed": embedText,
  "expected-version": expectedVersionText,
  "feed": feedText,
  "idempotency": idempotencyText,
  "links": linksText,
  "long-poll": longPollText,
  "metadata": metadataText,
  "negotiation": negotiationText,
  "node": nodeText,
  "projections": projectionsText,
  "seeds": seedsText,
  "stream-names": streamNamesText,
  "subscriptions": subscriptionsText,
  "users": usersText,
  "write-content-type": writeContentTypeText,
  "write-errors": writeErrorsText,
  "write-fields": writeFieldsText,
  "write-xml": writeXmlText,
};
