/**
 * Follows a feed: new events appear at the top of the table as they are
 * written. A pause holds them back and says how many there are.
 *
 * @module
 */

import { showLocalTimes } from "./page.js";

/** Rows that the table keeps, and new events that a pause holds back. */
const ROWS_MAX = 500;
const PREVIEW_LENGTH = 140;
const BODY_LENGTH = 20_000;

const box = document.querySelector(".follow");
const list = document.getElementById("events");
const button = document.getElementById("follow");
const more = document.getElementById("follow-new");
const state = document.getElementById("follow-state");

let source;
let isPaused = false;
let waiting = [];
let leftOut = 0;

/** Makes an element; text stays text. */
function make(name, properties = {}, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

function link(text, href) {
  return make("a", { href }, make("bdi", { textContent: text }));
}

function sizeText(length) {
  return length < 1000 ? `${length} bytes` : `${(length / 1000).toFixed(1)} kB`;
}

/** A row as the server makes it, of an entry as feeds have it. */
function rowOf(entry) {
  const { data = "", metaData = "", summary, title, updated } = entry;
  const href = new URL(entry.links[0].uri).pathname;
  const label = entry.streamId === box.dataset.stream
    ? title.slice(0, title.indexOf("@"))
    : title;
  const time = make("time", { textContent: updated });
  time.dateTime = updated;
  const text = typeof data === "string" ? data : JSON.stringify(data, null, 2);
  const opened = make(
    "div",
    { className: "opened" },
    make("p", { className: "dim" }, link(title, href), ` id ${entry.eventId}`),
    make("pre", { textContent: text.slice(0, BODY_LENGTH) || "Empty" }),
  );
  if (metaData !== "") {
    opened.append(
      make("p", { className: "dim", textContent: "Metadata" }),
      make("pre", { textContent: metaData.slice(0, BODY_LENGTH) }),
    );
  }
  const type = make("bdi", { textContent: summary });
  const row = make(
    "li",
    { className: "new" },
    Object.assign(link(label, href), { className: "n" }),
    make(
      "details",
      {},
      make(
        "summary",
        { className: "cells" },
        make("span", { className: "type" }, type),
        time,
        make("span", {
          className: "num dim",
          textContent: sizeText(text.length + metaData.length),
        }),
        make("code", {
          textContent: text.slice(0, 4 * PREVIEW_LENGTH).replace(/\s+/g, " ")
            .slice(0, PREVIEW_LENGTH),
        }),
      ),
      opened,
    ),
  );
  showLocalTimes(row);
  return row;
}

function show(entries) {
  for (const entry of entries) list.prepend(rowOf(entry));
  while (list.children.length > ROWS_MAX) list.lastElementChild.remove();
}

function tellWaiting() {
  const count = waiting.length + leftOut;
  more.hidden = count === 0;
  more.textContent = `${count} new`;
}

function resume() {
  isPaused = false;
  show(waiting);
  waiting = [];
  leftOut = 0;
  tellWaiting();
  tell();
}

function tell(text) {
  button.setAttribute("aria-pressed", String(source !== undefined));
  button.textContent = source === undefined
    ? "Follow live"
    : isPaused
    ? "Resume"
    : "Pause";
  state.textContent = text ??
    (source === undefined ? "" : isPaused ? "Paused" : "Live");
}

function stop(text) {
  source?.close();
  source = undefined;
  resume();
  tell(text);
}

function start() {
  const url = new URL(box.dataset.feed, location.href);
  url.searchParams.set("format", "sse");
  // What was written since the page was made is part of it.
  url.searchParams.set("from", box.dataset.from);
  source = new EventSource(url);
  source.addEventListener("message", ({ data }) => {
    const entry = JSON.parse(data);
    if (!isPaused) return show([entry]);
    waiting.push(entry);
    if (waiting.length > ROWS_MAX) {
      waiting.shift();
      leftOut++;
    }
    tellWaiting();
  });
  source.addEventListener("error", () => {
    const isOver = source?.readyState === EventSource.CLOSED;
    if (isOver) stop("The feed has ended");
    else tell("Connecting…");
  });
  source.addEventListener("open", () => tell());
  tell("Connecting…");
}

button.addEventListener("click", () => {
  if (source === undefined) return start();
  if (isPaused) return resume();
  isPaused = true;
  tell();
});
more.addEventListener("click", resume);
addEventListener("pagehide", () => source?.close());
box.hidden = false;
