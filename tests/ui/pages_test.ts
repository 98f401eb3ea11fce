/**
 * The pages in a browser, clicked through as people do.
 *
 * @module
 */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { startServer } from "../support/program.ts";
import { StoreDirectory } from "../support/store_directory.ts";
import {
  BROWSER_PATH,
  openBrowser,
  type Tab,
  type TestBrowser,
} from "./browser.ts";

/** A test that needs a browser, and is left out where there is none. */
function browserTest(
  name: string,
  test: (browser: TestBrowser, url: string) => Promise<void>,
  { isOnDisk = false }: { readonly isOnDisk?: boolean } = {},
): void {
  const shown = BROWSER_PATH === undefined
    ? `${name} (left out: no Chromium is installed)`
    : name;
  Deno.test({
    name: shown,
    ignore: BROWSER_PATH === undefined,
    async fn() {
      await using directory = isOnDisk
        ? new StoreDirectory(await Deno.makeTempDir())
        : undefined;
      await using server = await startServer(
        directory === undefined ? ["--mem-db"] : ["--db", directory.path],
      );
      await using browser = await openBrowser(server.url);
      await test(browser, server.url);
    },
  });
}

const HOSTILE = `"><img src=x onerror=alert(1)>\u202e</title>`;

async function append(
  url: string,
  stream: string,
  events: readonly {
    readonly type: string;
    readonly data: unknown;
    readonly metadata?: unknown;
  }[],
): Promise<void> {
  const response = await fetch(
    `${url}/streams/${encodeURIComponent(stream)}`,
    {
      method: "POST",
      headers: {
        "Content-Type": "application/vnd.eventstore.events+json",
        Authorization: "Basic " + btoa("admin:changeit"),
      },
      body: JSON.stringify(
        events.map(({ type, ...rest }) => ({
          eventId: crypto.randomUUID(),
          eventType: type,
          ...rest,
        })),
      ),
    },
  );
  await response.body?.cancel();
  assertEquals(response.status, 201);
}

async function seed(url: string): Promise<void> {
  for (let number = 0; number < 45; number++) {
    await append(url, "orders-1", [{
      type: number % 2 === 0 ? "Placed" : "Paid",
      data: { number, items: [{ sku: "a" }, { sku: "b" }] },
      metadata: { $correlationId: "c-1", $causationId: "c-0" },
    }]);
  }
  const name = HOSTILE.replaceAll("/", "");
  await append(url, name, [{ type: HOSTILE, data: { [HOSTILE]: HOSTILE } }]);
  await append(url, "long-1", [{
    type: "Long",
    data: { text: "word ".repeat(100_000), word: "x".repeat(5000) },
  }]);
}

async function logIn(tab: Tab): Promise<void> {
  await tab.open("/web/login");
  await tab.page.fill("main [name=login]", "admin");
  await tab.page.fill("main [name=password]", "changeit");
  await tab.follow("main button[type=submit]");
}

const PATHS = [
  "/web/index.html",
  "/web/streams",
  "/web/streams?by=recent",
  "/web/streams?by=category",
  "/web/streams?by=type",
  "/web/streams?prefix=nothing",
  "/streams/orders-1",
  "/streams/orders-1/0/forward/20?order=oldest",
  "/streams/orders-1?filter-type=Paid&filter-stream=&from=&asOf=",
  "/streams/orders-1/3",
  "/streams/orders-1/metadata",
  "/streams/long-1",
  "/streams/long-1/0",
  `/streams/${encodeURIComponent(HOSTILE.replaceAll("/", ""))}`,
  `/streams/${encodeURIComponent(HOSTILE.replaceAll("/", ""))}/0`,
  "/streams/$all",
  "/streams/$ce-orders",
  "/streams/$streams",
  "/web/append?stream=orders-1",
  "/web/delete?stream=orders-1",
  "/users/",
  "/users/$current",
  "/users/ops",
  "/subscriptions",
  "/web/projections",
  "/web/projections/debug",
  "/projection/$by_category",
  "/web/maintenance",
  "/web/metrics",
  "/docs",
  "/docs/users",
  "/docs?q=disk",
  "/docs/api",
];

/** Each width in one of the looks, and each look in one of the widths. */
const LOOKS = [
  { width: 1280, scheme: "light" },
  { width: 390, scheme: "dark" },
] as const;

for (const look of LOOKS) {
  browserTest(
    `every page is whole, ${look.width} wide and ${look.scheme}`,
    async (browser, url) => {
      await seed(url);
      await using tab = await browser.openTab(look);
      await logIn(tab);
      for (const path of PATHS) await tab.open(path);
      await tab.open("/streams/none", { status: 404 });
      await tab.open("/streams/orders-1/x", { status: 400 });
    },
  );
}

browserTest("a login opens what was refused, and ends", async (browser) => {
  await using tab = await browser.openTab();
  const { page } = tab;
  await tab.open("/streams/$all", { status: 401 });
  await page.fill("main [name=login]", "admin");
  await page.fill("main [name=password]", "changeit");
  await tab.follow("main button[type=submit]");
  assertStringIncludes(await page.innerText("h1"), "$all");
  assertStringIncludes(await page.innerText(".login"), "admin");
  await tab.follow(".login button");
  assertStringIncludes(await page.innerText(".login"), "Log in");
  await tab.open("/streams/$all", { status: 401 });
});

browserTest(
  "an event is appended, opened in its row, and found",
  async (browser) => {
    await using tab = await browser.openTab();
    const { page } = tab;
    await tab.open("/web/append");
    await page.fill("main [name=stream]", "orders-7");
    await page.fill("main [name=type]", "Placed");
    await page.fill("main [name=data]", '{"n": 1');
    assertStringIncludes(await page.innerText(".problem"), "no JSON");
    await page.fill("main [name=data]", '{"n": 1}');
    await tab.follow("main button.primary");
    assertEquals(await page.innerText("h1"), "0@orders-7");
    await page.click(".payload summary");
    assertEquals(await page.isVisible(".payload .k"), false);

    await page.fill(".go input", "orders-7");
    await Promise.all([
      page.waitForEvent("load"),
      page.press(".go input", "Enter"),
    ]);
    await page.click("#events summary");
    assertStringIncludes(await page.innerText(".opened"), '"n": 1');
    await tab.judge();
    await tab.follow("#events .n");
    assertEquals(await page.innerText("h1"), "0@orders-7");
  },
);

browserTest(
  "two windows follow a stream; a pause holds events back",
  async (browser, url) => {
    await append(url, "live-1", [{ type: "Old", data: {} }]);
    await using first = await browser.openTab();
    await using second = await browser.openTab({ width: 390, scheme: "dark" });
    for (
      const { page, open } of [first, second].map((tab) => ({
        page: tab.page,
        open: () => tab.open("/streams/live-1"),
      }))
    ) {
      await open();
      await page.click("#follow");
      await page.waitForSelector("#follow-state:text('Live')");
    }
    await append(url, "live-1", [{ type: HOSTILE, data: { [HOSTILE]: 1 } }]);
    for (const { page } of [first, second]) {
      await page.waitForSelector("#events li:nth-child(2)");
      assertStringIncludes(await page.innerText("#events li"), "onerror");
    }
    await second.page.click("#follow");
    await append(url, "live-1", [
      { type: "New", data: { n: 1 } },
      { type: "New", data: { n: 2 } },
    ]);
    await second.page.waitForSelector("#follow-new:text('2 new')");
    await first.page.waitForSelector("#events li:nth-child(4)");
    assertEquals(await second.page.locator("#events > li").count(), 2);
    await second.page.click("#follow-new");
    assertEquals(await second.page.locator("#events > li").count(), 4);
    await first.judge();
    await second.judge();
  },
);

browserTest(
  "metadata, deleting and users are changed by forms",
  async (browser, url) => {
    await append(url, "orders-1", [{ type: "Placed", data: {} }]);
    await using tab = await browser.openTab();
    const { page } = tab;
    await logIn(tab);
    await tab.open("/streams/orders-1/metadata");
    await page.fill("[name='$maxCount']", "10");
    await page.fill("[name='$r']", "$admins, ada");
    await tab.follow("main button.primary");
    assertStringIncludes(await page.innerText("main"), "The metadata is saved");
    assertEquals(await page.inputValue("[name='$r']"), "$admins, ada");

    await tab.open("/users/");
    await page.click("summary");
    await page.fill("main [name=login]", "ada");
    await page.fill("main [name=password]", "a password");
    await tab.follow("main button.primary");
    assertEquals(await page.innerText("h1"), "ada");

    await tab.open("/users/$current");
    await page.click("text=Make a token");
    await page.fill("[name=label]", "ci");
    await page.fill("details[open] [name=password]", "changeit");
    await tab.follow("details[open] button.primary");
    assertStringIncludes(await page.innerText("#secret"), "quipu.");
    await tab.follow("tr:has-text('ci') button");

    await tab.open("/web/delete?stream=orders-1");
    await page.fill(
      "section:has-text('allow it again') [name=confirm]",
      "orders-1",
    );
    await tab.follow("section:has-text('allow it again') button");
    await tab.open("/streams/orders-1", { status: 404 });
  },
);

browserTest(
  "the interface's page sends requests with the present login",
  async (browser) => {
    await using tab = await browser.openTab();
    const { page } = tab;
    await logIn(tab);
    await tab.open("/docs/api");
    const append = page.locator("#postStreamsStream");
    await append.locator("summary").first().click();
    await append.locator("[name=stream]").fill("api-1");
    await append.locator("button.primary").click();
    await append.locator(".answer .good:has-text('201')").waitFor();
    assertStringIncludes(await append.innerText(), "/streams/api-1/0");

    await append.getByLabel("Body").fill(
      JSON.stringify([{
        eventId: crypto.randomUUID(),
        eventType: HOSTILE,
        data: { [HOSTILE]: 1 },
      }]),
    );
    await append.locator("button.primary").click();
    await append.locator(".answer :text('/streams/api-1/1')").waitFor();
    const read = page.locator("#getStreamsStreamEvent");
    await read.locator("summary").first().click();
    await read.locator("[name=stream]").fill("api-1");
    await read.locator("[name=event]").fill("1");
    await read.locator("button.primary").click();
    await read.locator(".answer .good:has-text('200')").waitFor();
    assertStringIncludes(await read.innerText(), "onerror");
    await tab.judge();

    // Users are for administrators: said on the page, not asked for by a box.
    await tab.follow(".login button");
    await tab.open("/docs/api#getUsersSlash");
    const users = page.locator("#getUsersSlash");
    tab.expectRefusal("/users/");
    await users.locator("button.primary").click();
    await users.locator(".answer .bad:has-text('401')").waitFor();
    assertStringIncludes(await users.innerText(), "Bearer realm");
    await tab.judge();
  },
);

/** Parks the first message of a group, as a consumer does. */
async function parkOne(url: string, group: string): Promise<void> {
  const headers = { Authorization: "Basic " + btoa("admin:changeit") };
  const page = await fetch(`${url}/subscriptions/${group}/1?embed=body`, {
    headers: {
      ...headers,
      Accept: "application/vnd.eventstore.competingatom+json",
    },
  });
  const { entries } = await page.json();
  const ids = entries.map(({ eventId }: { eventId: string }) => eventId);
  const parked = await fetch(
    `${url}/subscriptions/${group}/nack?ids=${ids}&action=park`,
    { method: "POST", headers },
  );
  await parked.body?.cancel();
  assertEquals(parked.status, 202);
}

browserTest(
  "a subscription is made, its parked messages are discarded, it is deleted",
  async (browser, url) => {
    await append(url, "orders-1", [
      { type: HOSTILE, data: { [HOSTILE]: 1 } },
      { type: "Paid", data: {} },
    ]);
    await using tab = await browser.openTab({ width: 390 });
    const { page } = tab;
    await logIn(tab);
    await tab.open("/subscriptions");
    await page.click("summary:text('New subscription')");
    await page.fill("[name=stream]", "orders-1");
    await page.fill("[name=group]", "billing");
    await tab.follow("main button.primary");
    assertStringIncludes(await page.innerText("h1"), "billing");

    await parkOne(url, "orders-1/billing");
    await parkOne(url, "orders-1/billing");
    const group = "/subscriptions/orders-1/billing/info";
    await tab.open(group);
    assertEquals(await page.locator("[name=id]").count(), 2);
    assertStringIncludes(await page.innerText("#discard"), "onerror");
    await page.locator("[name=id]").first().check();
    await tab.follow("text=Discard what is ticked");
    assertEquals(await page.locator("[name=id]").count(), 1);
    await tab.follow("text=Replay all 1");

    await tab.open(group);
    await page.click("summary:text('Delete this subscription')");
    await page.fill("[name=confirm]", "billing");
    await tab.follow("main button.danger:text('Delete')");
    await tab.open(group, { status: 404 });
  },
);

const COUNTING = `fromStream("orders-1").when({
  $init: () => ({ count: 0 }),
  $any: (state) => ({ count: state.count + 1 }),
})`;

browserTest(
  "a projection is debugged, run to its result, and deleted",
  async (browser, url) => {
    await append(url, "orders-1", [
      { type: "Placed", data: { n: 1 } },
      { type: "Paid", data: {} },
    ]);
    await using tab = await browser.openTab({ scheme: "dark" });
    const { page } = tab;
    await logIn(tab);
    await tab.open("/web/projections/debug");
    await fillQuery(tab);
    await page.selectOption("[name=count]", "1");
    await tab.follow("main button[value=start]");
    assertStringIncludes(await page.innerText(".step"), '"count": 1');
    await tab.follow("main button[value=next]");
    assertStringIncludes(await page.innerText(".step"), '"count": 2');

    await tab.open("/web/projections");
    await page.click("summary:text('New projection')");
    await fillQuery(tab);
    await page.fill("main [name=name]", "counting");
    await page.selectOption("[name=mode]", "Continuous");
    await tab.follow("main button.primary:text('Run')");
    await page.waitForSelector("pre.state:has-text('\"count\": 2')");
    await append(url, "orders-1", [{ type: "Paid", data: {} }]);
    await page.waitForSelector("pre.state:has-text('\"count\": 3')");
    await tab.follow("main button:text('Disable')");
    await page.waitForSelector(".tag:text('Stopped')");

    await page.click("summary:text('Delete this projection')");
    await page.fill("[name=confirm]", "counting");
    await tab.follow("main button.danger:text('Delete')");
    await tab.open("/projection/counting", { status: 404 });
  },
);

/** Types a query: into the editor, where one was built. */
async function fillQuery({ page }: Tab): Promise<void> {
  const field = page.locator("textarea[name=query]");
  if (await field.isVisible()) await field.fill(COUNTING);
  else await page.locator(".cm-content").fill(COUNTING);
}

browserTest(
  "the store is verified and scavenged, and the log says more",
  async (browser, url) => {
    await append(url, "orders-1", [{ type: "Placed", data: {} }]);
    await using tab = await browser.openTab();
    const { page } = tab;
    await logIn(tab);
    await tab.open("/web/maintenance");
    await tab.follow("main button.primary:text('Verify')");
    await page.waitForSelector(".card:has-text('Verify') .good");
    await tab.follow("main button.primary:text('Scavenge')");
    await page.waitForSelector(".card:has-text('Scavenge') .good");
    await page.selectOption("[name=level]", "debug");
    await tab.follow("main button:text('Change')");
    assertEquals(await page.inputValue("[name=level]"), "debug");
    await tab.judge();
  },
  { isOnDisk: true },
);
