/**
 * A browser before the program: what people see of it. A page that is opened is
 * judged at once: nothing fails to load, nothing is logged as an error, nothing
 * is wider than the window, and `axe` finds nothing that keeps somebody out.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import axe from "axe-core";
import { type Browser, chromium, type Page } from "playwright-core";

/** Where browsers are that can be driven; the first one there is taken. */
const PLACES = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/** Path of a browser; undefined: none is installed. */
export const BROWSER_PATH = PLACES.find(isThere);

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** A page in a window, whose faults are gathered. */
export class Tab implements AsyncDisposable {
  readonly page: Page;
  readonly #url: string;
  readonly #faults: string[] = [];
  /** Addresses whose refusal is meant. */
  readonly #refused = new Set<string>();

  constructor(page: Page, url: string) {
    this.page = page;
    this.#url = url;
    page.on("pageerror", (error) => this.#faults.push(`error: ${error}`));
    page.on("console", (message) => {
      if (message.type() !== "error") return;
      const { url } = message.location();
      if (!this.#refused.has(url)) this.#faults.push(message.text());
    });
    page.on("response", (response) => {
      const isRefused = response.status() >= 400 &&
        !this.#refused.has(response.url());
      if (isRefused) {
        this.#faults.push(`${response.status()} ${response.url()}`);
      }
    });
    page.on("requestfailed", (request) => {
      const reason = request.failure()?.errorText;
      // Leaving a page breaks off what it still loads.
      if (reason !== "net::ERR_ABORTED") {
        this.#faults.push(`${reason} ${request.url()}`);
      }
    });
  }

  /** Opens a path and judges what is there. */
  async open(path: string, { status = 200 } = {}): Promise<void> {
    if (status >= 400) this.expectRefusal(path);
    const response = await this.page.goto(this.#url + path);
    assertEquals(response?.status(), status, path);
    await this.judge();
  }

  /** Lets requests for a path be refused. */
  expectRefusal(path: string): void {
    this.#refused.add(this.#url + path);
  }

  /** Clicks or submits, waits for the page after it, and judges that. */
  async follow(selector: string): Promise<void> {
    await Promise.all([
      this.page.waitForEvent("load"),
      this.page.click(selector),
    ]);
    await this.judge();
  }

  /** Judges the page as it is now. */
  async judge(): Promise<void> {
    const where = this.page.url().slice(this.#url.length);
    const extra = await this.page.evaluate(EXTRA_WIDTH);
    assertEquals(extra, 0, `${where} is wider than the window`);
    await this.page.evaluate(axe.source);
    const found: readonly string[] = await this.page.evaluate(AXE_RUN);
    assertEquals(found, [], where);
    assertEquals(this.#faults, [], where);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.page.context().close();
  }
}

const EXTRA_WIDTH = `document.documentElement.scrollWidth -
  document.documentElement.clientWidth`;

/** Runs in the page, where `axe` is. */
const AXE_RUN = `axe.run().then(({ violations }) =>
  violations.map(({ id, nodes }) => id + ": " + nodes[0].html))`;

/** A browser that is running. */
export class TestBrowser implements AsyncDisposable {
  readonly #browser: Browser;
  readonly #url: string;

  constructor(browser: Browser, url: string) {
    this.#browser = browser;
    this.#url = url;
  }

  /** A window with cookies of its own. */
  async openTab(
    { width = 1280, height = 800, scheme = "light" }: {
      readonly width?: number;
      readonly height?: number;
      readonly scheme?: "light" | "dark";
    } = {},
  ): Promise<Tab> {
    const context = await this.#browser.newContext({
      viewport: { width, height },
      colorScheme: scheme,
      reducedMotion: "reduce",
    });
    return new Tab(await context.newPage(), this.#url);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close();
  }
}

/** Starts the browser. @param url Of the program, without a slash at its end. */
export async function openBrowser(url: string): Promise<TestBrowser> {
  const browser = await chromium.launch({
    executablePath: BROWSER_PATH ?? "",
    args: ["--no-sandbox"],
  });
  return new TestBrowser(browser, url);
}
