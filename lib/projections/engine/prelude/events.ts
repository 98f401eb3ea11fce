/**
 * The part of the prelude for the event object that handlers see (spec:
 * projections §7.3), and how it is read from a batch.
 *
 * @module
 */

/** `readEvent(at)` takes the next one in hand. */
export const EVENTS = String.raw`
const Envelope = {
  get metadata() {
    if (this.metadata_ === null && this.metadataRaw) {
      this.metadata_ = parse(this.metadataRaw);
    }
    return this.metadata_;
  },
  get linkMetadata() {
    return this.linkMetadataRaw ? parse(this.linkMetadataRaw) : {};
  },
  get streamMetadata() { return {}; },
};
for (const name of keys(Envelope)) {
  defineProperty(Envelope, name, { enumerable: false });
}

/** Members of an event in the heads, and length of its id in the texts. */
const HEAD_WIDTH = 9;
const ID_LENGTH = 36;
let heads = [0];
let texts = "";
let textsAt = 0;
let isEscaped = false;

/** The event in hand, and what belongs to it. */
let event;
let isDeleted = false;
let ownPartition = "";

function textBetween(from, to) {
  return from === to ? "" : slice(texts, from, to);
}

/** Reads what handlers do not see, from at on in the heads. */
function readHead(at) {
  const partition = heads[at + 1];
  ownPartition = partition === 0 ? heads[at] : partition;
  nowMs = heads[at + 4];
  isDeleted = (heads[at + 5] & 2) !== 0;
}

/** Makes the next event, whose members stand from at on in the heads. */
function readEvent(at) {
  readHead(at);
  seedAt = textsAt;
  const dataAt = textsAt + ID_LENGTH;
  const metadataAt = dataAt + heads[at + 6];
  const linkAt = metadataAt + heads[at + 7];
  textsAt = linkAt + heads[at + 8];
  const flags = heads[at + 5];
  if (isDeleted) {
    event = { partition: ownPartition, isSoftDeleted: (flags & 4) !== 0 };
  } else {
    const isText = (flags & 1) === 0;
    const bodyRaw = bodyBetween(dataAt, metadataAt, isText);
    let isJson = false;
    let body = isText ? null : {};
    let jsonError;
    if (!isText && bodyRaw !== "") {
      try {
        body = parse(bodyRaw);
        isJson = true;
      } catch (error) {
        body = undefined;
        jsonError = error;
      }
    }
    event = {
      __proto__: Envelope,
      isJson,
      data: body,
      body,
      bodyRaw,
      eventType: heads[at + 3],
      streamId: heads[at],
      sequenceNumber: heads[at + 2],
      metadataRaw: textBetween(metadataAt, linkAt),
      linkMetadataRaw: textBetween(linkAt, textsAt),
      streamMetadataRaw: undefined,
      partition: "",
      metadata_: null,
    };
    if (jsonError !== undefined) event.jsonError = jsonError;
  }
  if (showsEventIds) hide(event, "eventId", slice(texts, seedAt, dataAt));
}

/** Text that is no JSON ends at a NUL. */
function bodyBetween(from, to, isText) {
  let raw = textBetween(from, to);
  const end = isEscaped && isText ? indexOf(raw, "\0") : -1;
  if (end >= 0) raw = slice(raw, 0, end);
  return trim(raw);
}
`;
