// Who is let in: a server with a password, and one that wants its first.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { freePorts, start, until } from "./home.mjs";
import { close, open, settled, sizes } from "./stage.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const binary = process.env["SERVER_BINARY"];
const skip = !binary && "only the real server has a door";
const first = "correct horse";

/** A server by itself; `prepare` gets the folder of its data before it starts. */
async function serve(variables, prepare = () => {}) {
  const folder = mkdtempSync(join(tmpdir(), "squelch-door-"));
  const { dns, web } = await freePorts();
  const base = `http://127.0.0.1:${web}`;
  const config = join(folder, "config.toml");
  writeFileSync(config, `[dns]\nlisten = ["127.0.0.1:${dns}"]\n[upstream]\nservers = ["udp://127.0.0.1:9"]\n[web]\nlisten = ["127.0.0.1:${web}"]\n`);
  mkdirSync(join(folder, "data"));
  prepare(join(folder, "data"));
  const options = { env: { ...process.env, ...variables } };
  const stop = await start(binary, ["serve", "--config", config], `${base}/healthz`, options);
  const end = async () => {
    await stop();
    rmSync(folder, { recursive: true });
  };
  return { base, said: stop.said, end };
}

/** What somebody without a browser asks; gives the status and what came. */
async function ask(base, method, path, { body, headers = {} } = {}) {
  const response = await fetch(`${base}/api/v1/${path}`, {
    method,
    headers: { "content-type": "application/json", ...headers },
    body: body && JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, cookie: response.headers.get("set-cookie")?.split(";")[0], data: text && JSON.parse(text) };
}

async function signIn(page, password) {
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.keyboard.press("Enter");
}

/** The same, and waits until the dashboard is there. */
async function enter(page, password) {
  await signIn(page, password);
  await page.getByRole("heading", { name: "Sign in" }).waitFor({ state: "detached" });
}

const isShut = (page) => page.getByRole("heading", { name: "Sign in" }).waitFor();

async function nothingToFind(page, what) {
  await settled(page);
  await page.evaluate(axe);
  const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
  const { violations } = await page.evaluate((values) => globalThis.axe.run({ runOnly: values }), tags);
  const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 150)).join(" | ")}`);
  assert.deepEqual(found, [], what);
  for (const width of [320, 390, 1280]) {
    await page.setViewportSize({ width, height: 700 });
    assert.ok((await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)) <= 0, `${what} at ${width}`);
  }
}

describe("a dashboard with a password", { skip }, () => {
  let server;
  before(async () => (server = await serve({}, () => {})));
  after(() => server?.end());

  it("asks nobody before there is one, and everybody from then on", async () => {
    const page = await open("/settings", { base: server.base });
    await page.getByLabel("New password").fill(first);
    await page.getByLabel("Once more").fill("something else");
    await page.keyboard.press("Enter");
    await page.getByText("These are two different passwords.").waitFor();
    await page.getByLabel("Once more").fill(first);
    await page.keyboard.press("Enter");
    await page.getByText("The password is set.").waitFor();
    await page.getByText("this browser").waitFor();
    assert.equal((await ask(server.base, "GET", "status")).status, 401);
    await close(page);
  });

  it("is opened by its password, and shows the page that was asked for", async () => {
    const page = await open("/log?verdict=block&since=7d", { base: server.base });
    await isShut(page);
    assert.equal(await page.locator("nav").count(), 0);
    const field = page.getByLabel("Password", { exact: true });
    assert.equal(await field.getAttribute("autocomplete"), "current-password");
    assert.ok(await field.evaluate((one) => one === document.activeElement));
    await signIn(page, "wrong");
    await page.getByText("Wrong password, 4 tries left this minute").waitFor();
    await page.waitForFunction(() => document.activeElement?.getAttribute("aria-invalid") === "true");
    await enter(page, first);
    await page.getByRole("heading", { name: "Log", level: 1 }).waitFor();
    assert.ok(page.url().endsWith("/log?verdict=block&since=7d"));
    // No script gets at it, and it outlives a reload.
    assert.equal(await page.evaluate(() => document.cookie), "");
    await page.reload();
    await page.getByRole("heading", { name: "Log", level: 1 }).waitFor();
    await close(page);
  });

  it("is shut at once where the session ends, also while one listens, and opens at the same place", async () => {
    const page = await open("/log", { base: server.base });
    await enter(page, first);
    await page.getByText("Live", { exact: true }).waitFor();
    const { cookie } = await ask(server.base, "POST", "session", { body: { password: first } });
    const ended = await ask(server.base, "DELETE", "sessions", { headers: { cookie } });
    assert.equal(ended.status, 204);
    await isShut(page);
    assert.equal(await page.locator(".line").count(), 0);
    await enter(page, first);
    await page.getByRole("heading", { name: "Log", level: 1 }).waitFor();
    await page.getByRole("link", { name: "Devices" }).click();
    await page.getByRole("heading", { name: "Devices", level: 1 }).waitFor();
    await page.getByRole("button", { name: "Sign out" }).click();
    await isShut(page);
    assert.equal(new URL(page.url()).pathname, "/devices");
    await page.reload();
    await isShut(page);
    await close(page);
  });

  it("makes a token by key, shows it once, and revokes it", async () => {
    const page = await open("/settings", { base: server.base });
    await enter(page, first);
    await page.getByLabel("For which program").focus();
    await page.keyboard.type("Prometheus");
    await page.keyboard.press("Enter");
    const shown = page.getByLabel("The token for Prometheus");
    await shown.waitFor();
    const token = await shown.inputValue();
    const headers = { authorization: `Bearer ${token}` };
    assert.equal((await ask(server.base, "GET", "status", { headers })).status, 200);
    assert.equal((await ask(server.base, "DELETE", "pause", { headers })).status, 403);
    await page.reload();
    await page.getByRole("button", { name: "Revoke: Prometheus" }).waitFor();
    assert.ok(!(await page.content()).includes(token));
    await page.getByRole("button", { name: "Revoke: Prometheus" }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Really revoke: Prometheus" }).waitFor();
    await page.keyboard.press("Enter");
    await page.getByText("The token for Prometheus is revoked.").waitFor();
    assert.equal((await ask(server.base, "GET", "status", { headers })).status, 401);
    await close(page);
  });

  it("signs out elsewhere, and changes the password", async () => {
    const page = await open("/settings", { base: server.base });
    await enter(page, first);
    const { cookie } = await ask(server.base, "POST", "session", { body: { password: first } });
    await page.reload();
    await page.getByRole("button", { name: /^Sign out there: node/ }).first().click();
    await page.getByText("node is signed out.").waitFor();
    assert.equal((await ask(server.base, "GET", "status", { headers: { cookie } })).status, 401);
    const second = "battery staple";
    await page.getByLabel("Current password").fill("wrong");
    await page.getByLabel("New password").fill(second);
    await page.getByLabel("Once more").fill(second);
    await page.getByRole("button", { name: "Change the password" }).click();
    await page.getByText(/^Wrong password/).waitFor();
    await page.getByLabel("Current password").fill(first);
    await page.getByRole("button", { name: "Change the password" }).click();
    await page.getByText("The password is set.").waitFor();
    const { status } = await ask(server.base, "POST", "session", { body: { password: second } });
    assert.equal(status, 200);
    await close(page);
  });

  for (const theme of ["light", "dark"]) {
    it(`has nothing that axe finds at its door and behind it, ${theme}`, async () => {
      const page = await open("/settings", { base: server.base, size: sizes.phone, theme });
      await isShut(page);
      await nothingToFind(page, "door");
      await enter(page, "battery staple");
      await page.getByRole("heading", { name: "Tokens for programs" }).waitFor();
      await nothingToFind(page, "settings");
      await close(page);
    });
  }
});

describe("a dashboard that wants its first password", { skip }, () => {
  let server;
  before(async () => {
    // As where the database is lost: the door is not open.
    server = await serve({}, (data) => writeFileSync(join(data, "password.set"), ""));
  });
  after(() => server?.end());

  it("takes it from who has the code, and shows the page that was asked for", async () => {
    const code = await until("the code", () => /this code: (\S+)/.exec(server.said())?.[1]);
    const page = await open("/packs", { base: server.base, size: { width: 320, height: 640 } });
    await page.getByRole("heading", { name: "Set the password" }).waitFor();
    await nothingToFind(page, "first password");
    await page.setViewportSize({ width: 320, height: 640 });
    await page.getByLabel("Code").fill("AAAA-AAAA");
    await page.getByLabel("New password").fill(first);
    await page.getByLabel("Once more").fill(first);
    await page.keyboard.press("Enter");
    await page.getByText("Wrong code, 4 tries left this minute").waitFor();
    await page.getByLabel("Code").fill(code.toLowerCase());
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Packs", level: 1 }).waitFor();
    assert.equal((await ask(server.base, "GET", "status")).status, 401);
    await close(page);
  });
});
