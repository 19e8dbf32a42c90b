// The dashboard in a real Chromium. See README.md for how to run it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, describe, it } from "node:test";
import { api, until } from "./home.mjs";
import { browser, close, complaints, home, number, open, raise, settled, sizes, strike } from "./stage.mjs";
import "./access.mjs";
import "./lists.mjs";
import "./groups.mjs";
import "./changes.mjs";
import "./records.mjs";
import "./upstreams.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

before(raise);
after(strike);

const parametersOf = (href) => new URL(href, home.base).searchParams.toString();

/** All rows of a log address, read from the API page by page. */
async function countRows(href) {
  let [count, cursor] = [0, ""];
  do {
    const page = await api(home.base, `queries?${parametersOf(href)}&limit=500${cursor}`);
    count += page.items.length;
    cursor = page.next ? `&cursor=${encodeURIComponent(page.next)}` : undefined;
  } while (cursor !== undefined);
  return count;
}

/** The paths of every page, with a device, a pack and a list that exist. */
async function everyPath() {
  const { items } = await api(home.base, "devices");
  const { lists } = await api(home.base, "lists");
  const name = encodeURIComponent(home.names.block);
  const why = await api(home.base, `explain?name=${name}`);
  return ["/", "/devices", `/devices/${items[0].id}`, "/packs", `/packs/${why.pack.id}`, "/log", "/lists", "/lists?add=1", `/lists/${lists[0].id}`, "/rules", "/groups", "/changes", "/settings", "/records", "/upstreams", `/lookup?name=${name}`, "/nothing-here"];
}

async function openWhy(page, name) {
  await page.getByRole("button", { name: `Why: ${name}`, exact: true }).first().click();
  await page.locator("#why-name").waitFor();
  await page.getByText("How we know").waitFor();
}

describe("the overview", () => {
  it("shows the numbers of the API", async () => {
    const page = await open("/");
    const link = page.getByTestId("block");
    await link.waitFor();
    const href = await link.getAttribute("href");
    const shown = {
      block: number(await link.innerText()),
      watch: number(await page.getByTestId("watch").innerText()),
      queries: number(await page.getByTestId("queries").innerText()),
    };
    const span = new URL(href, home.base).searchParams;
    const query = new URLSearchParams({ since: span.get("since"), until: span.get("until") });
    const { totals } = await api(home.base, `summary?${query}`);
    assert.deepEqual(shown, { block: totals.block, watch: totals.watch, queries: totals.queries });
    assert.ok(totals.block > 0 && totals.watch > 0, "the home is too quiet for this test");
    await close(page);
  });

  it("has a cell open the log with its count, row by row", async () => {
    const page = await open("/");
    await page.locator("a.square[data-count]").first().waitFor();
    const cells = await page.locator("a.square[data-count]").all();
    assert.ok(cells.length >= 4);
    for (const cell of [cells[0], cells.at(-1)]) {
      const [href, counted] = [await cell.getAttribute("href"), Number(await cell.getAttribute("data-count"))];
      assert.equal(await countRows(href), counted);
    }
    const counted = Number(await cells.at(-1).getAttribute("data-count"));
    await cells.at(-1).click();
    await page.waitForURL(/\/log\?/);
    const words = `${counted.toLocaleString("en-US")} question${counted === 1 ? "" : "s"}`;
    await page.locator("header p").getByText(words).waitFor();
    await close(page);
  });

  it("is read by keyboard: the chart tells a moment and opens it", async () => {
    const page = await open("/");
    const chart = page.getByRole("slider");
    await chart.focus();
    await page.keyboard.press("End");
    const last = await chart.getAttribute("aria-valuetext");
    assert.match(last, /\d+ stopped, \d+ watched$/);
    await page.keyboard.press("ArrowLeft");
    assert.notEqual(await chart.getAttribute("aria-valuetext"), last);
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/log\?verdict=block,watch&since=.*&until=/);
    await close(page);
  });
});

describe("the log", () => {
  it("shows a question that is asked now within a second", async () => {
    const page = await open("/log");
    await page.getByText("Live", { exact: true }).waitFor();
    const name = `now-${Date.now()}.example`;
    await home.ask(name);
    await page.getByRole("button", { name: `Why: ${name}` }).waitFor({ timeout: 1500 });
    await close(page);
  });

  it("never takes stopped for let through", async () => {
    const page = await open("/log");
    await page.getByText("Live", { exact: true }).waitFor();
    for (const [verdict, word] of [["block", "Stopped"], ["watch", "Watched"]]) {
      const answer = await home.ask(home.names[verdict], 2);
      if (home.isReal) assert.equal(answer.address, verdict === "block" ? "0.0.0.0" : "192.0.2.1");
      const row = page.locator(`[data-verdict="${verdict}"]`, { has: page.getByRole("button", { name: `Why: ${home.names[verdict]}` }) });
      await row.first().waitFor();
      assert.equal(await row.first().locator(".mark").first().innerText(), word);
    }
    await close(page);
  });

  it("counts while it is paused, and goes on in order", async () => {
    const page = await open("/log");
    await page.getByText("Live", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Pause" }).click();
    const names = [1, 2, 3].map((each) => `paused-${each}-${Date.now()}.example`);
    for (const name of names) await home.ask(name);
    await page.getByRole("button", { name: "3 new, show" }).waitFor();
    assert.equal(await page.getByRole("button", { name: `Why: ${names[0]}` }).count(), 0);
    await page.getByRole("button", { name: "Resume" }).click();
    await page.getByRole("button", { name: `Why: ${names[2]}` }).waitFor();
    const first = await page.locator(".line .name button").evaluateAll((all) => all.slice(0, 3).map((one) => one.getAttribute("aria-label")));
    assert.deepEqual(first, names.toReversed().map((name) => `Why: ${name}`));
    await close(page);
  });

  it("does not move what somebody reads further down", async () => {
    const page = await open("/log");
    await page.getByText("Live", { exact: true }).waitFor();
    await page.locator(".line").nth(12).waitFor();
    await page.mouse.wheel(0, 900);
    await page.waitForFunction(() => scrollY > 600);
    const place = () => page.locator(".line").nth(12).evaluate((line) => [line.textContent, Math.round(line.getBoundingClientRect().top)]);
    const before = await place();
    await home.ask(`below-${Date.now()}.example`);
    await page.getByRole("button", { name: /new, show/ }).waitFor();
    assert.deepEqual(await place(), before);
    await close(page);
  });

  it("tells why: entry, file and line, evidence, and the device's own switch", async () => {
    await home.ask(home.names.block, 2);
    const why = await api(home.base, `explain?name=${home.names.block}`);
    const page = await open(`/log?name=%3D${home.names.block}`);
    await openWhy(page, home.names.block);
    const text = (await page.locator("aside").innerText()).replace(/\s+/g, " ");
    const { entry } = why;
    for (const part of [why.pack.name, entry.domain, `${entry.file}, line ${entry.line}`, "was stopped", ...entry.purposes.map((one) => one.text), ...entry.evidence.flatMap((one) => [one.title, one.where]), ...entry.breaks.map((one) => one.what), entry.component?.opt_out ?? ""]) {
      assert.ok(text.includes(part.replace(/\s+/g, " ")), `“${part}” is not in: ${text}`);
    }
    await close(page);
  });

  it("opens and closes the panel by key, and gives the focus back", async () => {
    const page = await open("/log?verdict=block");
    await page.locator(".line").first().waitFor();
    await page.keyboard.press("j");
    await page.waitForFunction(() => document.activeElement?.closest(".line"));
    const chosen = await page.evaluate(() => document.activeElement.getAttribute("aria-label"));
    await page.keyboard.press("Enter");
    await page.locator("aside").waitFor();
    await page.keyboard.press("Escape");
    await page.locator("aside").waitFor({ state: "detached" });
    await page.waitForFunction((label) => document.activeElement?.getAttribute("aria-label") === label, chosen);
    await close(page);
  });

  it("is a modal sheet on a phone, which Back closes", async () => {
    const page = await open("/log?verdict=block", { size: sizes.phone });
    await page.locator(".line").first().click();
    await page.locator("dialog:modal").waitFor();
    assert.ok(await page.evaluate(() => document.querySelector("dialog").contains(document.activeElement)));
    await page.goBack();
    await page.locator("dialog").waitFor({ state: "detached" });
    assert.equal(new URL(page.url()).search, "?verdict=block");
    await close(page);
  });

  it("keeps its filters through reload and Back", async () => {
    const page = await open("/log");
    await page.getByRole("button", { name: "Stopped" }).click();
    await page.getByLabel("Name contains…").fill("e");
    await page.waitForURL(/name=e/);
    await page.getByLabel("Time", { exact: true }).selectOption("7d");
    const at = page.url();
    assert.match(at, /\/log\?name=e&verdict=block&since=7d$/);
    await page.reload();
    await page.locator(".line").first().waitFor();
    assert.equal(await page.getByRole("button", { name: "Stopped" }).getAttribute("aria-pressed"), "true");
    assert.equal(await page.getByLabel("Name contains…").inputValue(), "e");
    await page.getByRole("link", { name: "Clear filters" }).click();
    await page.waitForURL(/\/log$/);
    await page.goBack();
    assert.equal(page.url(), at);
    await close(page);
  });

  it("says when nothing matches", async () => {
    const page = await open("/log?name=nobody-asks-for-this");
    await page.getByText("Nothing matches these filters.").waitFor();
    await close(page);
  });

  it("stays small in the document however much it shows", async () => {
    const page = await open("/log?since=30d");
    await page.locator(".line").first().waitFor();
    for (let each = 0; each < 6; each += 1) {
      await page.mouse.wheel(0, 20_000);
      await page.waitForTimeout(150);
    }
    assert.ok((await page.evaluate(() => document.querySelectorAll("*").length)) <= 1500);
    await close(page);
  });

  it("shows a hostile name as text", async () => {
    await home.ask(home.hostile);
    const page = await open("/log?name=onerror");
    await page.locator(".line").first().waitFor();
    const shown = await page.locator(".line .name").first().innerText();
    assert.match(shown.replace(/\s/g, ""), /<img.*onerror=alert\(1\)>/);
    await page.locator(".line .name button").first().click();
    await page.locator("#why-name").waitFor();
    assert.equal(await page.locator("main img").count(), 0);
    await close(page);
  });
});

describe("the look-up", () => {
  it("says what the API says", async () => {
    const page = await open("/");
    await page.keyboard.press("/");
    await page.waitForURL(/\/lookup/);
    await page.waitForFunction(() => document.activeElement?.tagName === "INPUT");
    for (const [verdict, words] of [["block", "It would be stopped"], ["watch", "It would be let through and noted"], ["plain", "It would be answered"]]) {
      await page.getByRole("textbox", { name: "Name" }).fill(home.names[verdict]);
      await page.keyboard.press("Enter");
      await page.getByRole("heading", { name: home.names[verdict] }).waitFor();
      await page.getByText(words, { exact: true }).waitFor();
    }
    await close(page);
  });

  it("shows what is wrong with a name", async () => {
    const page = await open("/lookup?name=a..b");
    await page.getByText(/label/).first().waitFor();
    await page.getByRole("button", { name: "Try again" }).waitFor();
    await close(page);
  });
});

describe("devices and packs", () => {
  it("show the counts of the API, and link to the log with them", async () => {
    const read = async () => (await api(home.base, "devices")).items.find((one) => one.block > 0);
    const device = await read();
    const page = await open("/devices");
    const line = page.locator("li", { has: page.getByRole("link", { name: device.name, exact: true }) });
    const link = line.getByRole("link", { name: /stopped$/ });
    const shown = number(await link.innerText());
    // The day goes on while the page loads: what is 24 hours old drops out.
    const counts = [device.block, (await read()).block].sort((one, other) => one - other);
    assert.ok(shown >= counts[0] && shown <= counts[1], `${shown} is not within ${counts}`);
    assert.equal(await link.getAttribute("href"), `/log?device=${device.id}&verdict=block`);
    await close(page);
  });

  it("show every entry of a pack with its evidence", async () => {
    const { pack } = await api(home.base, `explain?name=${home.names.block}`);
    const detail = await api(home.base, `packs/${pack.id}`);
    const page = await open(`/packs/${pack.id}`);
    await page.getByRole("heading", { name: pack.name, level: 1 }).waitFor();
    await page.getByLabel("Name or purpose").fill(home.names.block);
    await page.locator("summary", { hasText: home.names.block }).first().click();
    const entry = detail.entries.find((one) => one.domain === home.names.block);
    await page.getByText(`${entry.file}, line ${entry.line}`).waitFor();
    for (const one of entry.evidence) await page.getByText(one.title).first().waitFor();
    await close(page);
  });
});

describe("everywhere", () => {
  it("is reached by key", async () => {
    const page = await open("/");
    for (const [key, path] of [["d", "/devices"], ["p", "/packs"], ["l", "/log"], ["i", "/lists"], ["r", "/rules"], ["o", "/"]]) {
      await page.keyboard.press("g");
      await page.keyboard.press(key);
      await page.waitForFunction((wanted) => location.pathname === wanted, path);
    }
    await page.keyboard.press("?");
    await page.locator("dialog:modal").waitFor();
    await page.keyboard.press("Escape");
    await page.locator("dialog").waitFor({ state: "detached" });
    await close(page);
  });

  it("says that the server is gone, keeps what it knew, and recovers", async () => {
    const page = await open("/");
    await page.getByTestId("block").waitFor();
    await page.context().setOffline(true);
    await page.getByRole("link", { name: "7 days" }).click();
    await page.getByText(/^Not connected since/).waitFor();
    assert.ok(await page.getByTestId("block").isVisible());
    await page.context().setOffline(false);
    await page.getByText(/^Not connected since/).waitFor({ state: "detached" });
    await close(page);
  });

  it("keeps the theme that the reader chose", async () => {
    const page = await open("/", { theme: "light" });
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = await ground();
    await page.getByRole("button", { name: "Theme: automatic" }).click();
    await page.getByRole("button", { name: "Theme: light" }).click();
    assert.notEqual(await ground(), light);
    await page.reload();
    await page.getByRole("button", { name: "Theme: dark" }).waitFor();
    assert.notEqual(await ground(), light);
    await close(page);
  });

  for (const theme of ["light", "dark"]) {
    for (const [name, size] of Object.entries(sizes)) {
      it(`has nothing that axe finds, ${theme}, ${name}`, async () => {
        const found = [];
        const check = async (page, what) => {
          await settled(page);
          await page.evaluate(axe);
          const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
          const { violations } = await page.evaluate((values) => globalThis.axe.run({ runOnly: values }), tags);
          for (const { id, nodes } of violations) {
            found.push(`${what}: ${id}: ${nodes.slice(0, 4).map((node) => node.html.slice(0, 150)).join(" | ")}`);
          }
        };
        for (const path of await everyPath()) {
          const page = await open(path, { size, theme });
          await check(page, path);
          await close(page);
        }
        const page = await open(`/log?name=%3D${home.names.block}`, { size, theme });
        await openWhy(page, home.names.block);
        await check(page, "why");
        await close(page);
        const add = await open("/lists?add=1", { size, theme });
        await add.getByLabel("Where it comes from").fill(home.aList);
        await add.getByRole("button", { name: "Look at it" }).click();
        await add.getByRole("button", { name: "Add this list" }).waitFor();
        await check(add, "add");
        await close(add);
        assert.deepEqual(found, []);
      });
    }
  }

  it("never scrolls sideways", async () => {
    const found = [];
    for (const path of await everyPath()) {
      const page = await open(path, { size: { width: 320, height: 640 } });
      for (const width of [320, 390, 768, 1280]) {
        await page.setViewportSize({ width, height: 700 });
        await settled(page);
        const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        if (over > 0) found.push(`${path} at ${width}: ${over} px`);
      }
      await close(page);
    }
    assert.deepEqual(found, []);
  });

  it("comes within its budget", async () => {
    const context = await browser.newContext({ viewport: sizes.desktop });
    const page = await context.newPage();
    const files = [];
    const sizing = [];
    page.on("requestfinished", (request) => {
      const path = new URL(request.url()).pathname;
      if (path.startsWith("/api/")) return;
      sizing.push(request.sizes().then((size) => files.push({ path, bytes: size.responseBodySize })));
    });
    await page.goto(home.base);
    await page.getByTestId("block").waitFor();
    await page.waitForTimeout(500);
    await Promise.all(sizing);
    const sum = (kind) => files.filter((file) => file.path.endsWith(kind)).reduce((all, file) => all + file.bytes, 0);
    console.log(`first page: ${sum(".js")} bytes of JavaScript, ${sum(".css")} of CSS, ${files.length} files`);
    assert.ok(sum(".js") > 0 && sum(".js") <= 60 * 1024);
    assert.ok(sum(".css") > 0 && sum(".css") <= 10 * 1024);
    // The page, two scripts, the style, the icon.
    assert.ok(files.length <= 5, files.map((file) => file.path).join(" "));
    await context.close();
  });

  it("is built on the API's description of today", async (test) => {
    if (!home.isReal) return test.skip("the mock has none");
    const committed = JSON.parse(readFileSync(new URL("../../src/api/openapi.json", import.meta.url), "utf8"));
    const served = await (await fetch(`${home.base}/api/openapi.json`)).json();
    assert.deepEqual(committed, served, "save /api/openapi.json to src/api and run `npm run api`");
  });

  it("serves a strict policy, and nothing broke it", async () => {
    const policy = (await fetch(home.base)).headers.get("content-security-policy") ?? "";
    for (const part of ["default-src 'none'", "script-src 'self'", "style-src 'self'", "require-trusted-types-for 'script'"]) {
      assert.ok(policy.includes(part), `“${part}” is not in: ${policy}`);
    }
    await until("late complaints", () => true);
    assert.deepEqual(complaints, []);
  });
});
