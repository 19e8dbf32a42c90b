// Lists and own rules: what the page says is what the server does.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { api, until } from "./home.mjs";
import { close, home, number, open, settled, sizes } from "./stage.mjs";

const isStopped = async (name, device = 1) => (await home.ask(name, device)).address === "0.0.0.0";
const listNamed = async (name) => (await api(home.base, "lists")).lists.find((one) => one.name === name);
const rulesOf = async (text) => (await api(home.base, "rules")).rules.filter((one) => one.match.includes(text));
const toast = (page) => page.locator(".toast");
const undo = (page) => toast(page).getByRole("button", { name: "Undo" }).click();

/** Types a source into the form and waits for what it would bring. */
async function look(page, source) {
  await page.getByLabel("Where it comes from").fill(source);
  await page.getByRole("button", { name: "Look at it" }).click();
}

/** Adds a list by the page; gives it back as the API tells it. */
async function addList(page, source, name) {
  await page.goto(`${home.base}/lists?add=1`);
  await look(page, source);
  await page.getByRole("button", { name: "Add this list" }).waitFor();
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByRole("button", { name: "Add this list" }).click();
  await page.getByText(`${name} is added`).waitFor();
  return until(`${name} to be fetched`, async () => {
    const list = await listNamed(name);
    return list?.fetched_at && list.entries > 0 ? list : undefined;
  });
}

const item = (page, name) => page.locator("li.panel", { has: page.getByRole("link", { name, exact: true }) });

describe("lists", { skip: process.argv.includes("--mock") && "the mock stops nothing" }, () => {
  it("show what the API tells of them, and which the config file sets", async () => {
    const list = await until("the declared list to be read", async () => {
      const found = await listNamed("declared");
      return found?.entries > 0 ? found : undefined;
    });
    const page = await open("/lists");
    const shown = item(page, "declared");
    await shown.getByText("set in the config file").waitFor();
    assert.equal(await shown.getByRole("group").count(), 0);
    assert.equal(number(await shown.locator("dd").first().innerText()), list.entries);
    assert.ok(await isStopped("declared-one.example"));
    await shown.getByRole("link", { name: "declared", exact: true }).click();
    await page.waitForURL(/\/lists\/[^/]+$/);
    await page.getByRole("heading", { name: `${list.refused} refused line` }).waitFor();
    for (const { line, text } of (await api(home.base, `lists/${list.id}/refused`)).refused) {
      await page.getByText(`line ${line}`, { exact: true }).first().waitFor();
      await page.getByText(text, { exact: true }).first().waitFor();
    }
    await close(page);
  });

  it("are looked at before they are added: entries, refused lines, and what they would have stopped", async () => {
    home.publish("/look.txt", `0.0.0.0 ${home.names.plain}\n0.0.0.0 never-asked.example\n0.0.0.0 declared-one.example\n0.0.0.0 not_a..name\n`);
    const page = await open("/lists?add=1");
    await look(page, `${home.published}/look.txt`);
    await page.getByText("3 entries, read as hosts file").waitFor();
    await page.getByText("1 line is refused").click();
    await page.getByText("line 4", { exact: true }).waitFor();
    await page.getByText(/It would have stopped \d+ questions that went through, for 1 name:/).waitFor();
    const top = page.locator(".preview li", { hasText: home.names.plain });
    assert.ok(number((await top.locator("a").innerText()).split("by")[0]) >= 60);
    assert.equal(await listNamed("look"), undefined, "looking adds nothing");
    await close(page);
  });

  it("say at the field what is wrong with a source", async () => {
    const page = await open("/lists?add=1");
    await look(page, `${home.published}/nowhere.txt`);
    const field = page.getByLabel("Where it comes from");
    await page.waitForFunction(() => document.activeElement?.getAttribute("aria-invalid") === "true");
    const note = await page.locator(`[id="${await field.getAttribute("aria-describedby")}"]`).innerText();
    assert.match(note, /404/);
    await close(page);
  });

  it("stop, only log, or pause at one click, and go back", async () => {
    home.publish("/does.txt", "does.example\n");
    const page = await open("/lists");
    await addList(page, `${home.published}/does.txt`, "does");
    await until("its name to be stopped", () => isStopped("does.example"));
    await page.goto(`${home.base}/lists`);
    const choose = (word) => item(page, "does").getByRole("button", { name: word, exact: true }).click();
    await choose("Log only");
    await page.getByText("does now only logs").waitFor();
    await until("its name to be let through", async () => !(await isStopped("does.example")));
    await undo(page);
    await until("its name to be stopped again", () => isStopped("does.example"));
    await choose("Paused");
    await until("its name to be left alone", async () => !(await isStopped("does.example")));
    assert.equal((await listNamed("does")).enabled, false);
    await close(page);
  });

  it("count their hits, which link to the log", async () => {
    home.publish("/hits.txt", "hits-one.example\nhits-two.example\n");
    const page = await open("/lists");
    const list = await addList(page, `${home.published}/hits.txt`, "hits");
    await until("its name to be stopped", () => isStopped("hits-one.example"));
    await until("the hit to be counted", async () => (await listNamed("hits")).hits.blocked > 0);
    await page.goto(`${home.base}/lists/${list.id}`);
    await page.getByRole("link", { name: /stopped$/ }).click();
    await page.waitForURL(/\/log\?.*list=hits/);
    await page.getByRole("button", { name: "Why: hits-one.example" }).first().click();
    await page.locator("#why-name").waitFor();
    await page.getByRole("link", { name: "List hits" }).click();
    await page.waitForURL(`**/lists/${list.id}`);
    await page.getByRole("button", { name: /^Never matched/ }).click();
    await page.getByText("hits-two.example", { exact: true }).waitFor();
    await close(page);
  });

  it("hold a copy back that shrank, until somebody says that it is right", async () => {
    const names = Array.from({ length: 400 }, (_, at) => `held-${at}.example`);
    home.publish("/held.txt", `${names.join("\n")}\n`);
    const page = await open("/lists");
    const list = await addList(page, `${home.published}/held.txt`, "held");
    await until("the copy to be in force", () => isStopped("held-300.example"));
    home.publish("/held.txt", `${names.slice(0, 10).join("\n")}\n`);
    await page.goto(`${home.base}/lists/${list.id}`);
    await page.getByRole("button", { name: "Refresh", exact: true }).click();
    await page.getByText("A new copy is held back.").waitFor();
    await page.getByText("It has 10 entries; the copy in force has 400 and stays until you decide.").waitFor();
    assert.ok(await isStopped("held-300.example"), "the old copy stays in force");
    await page.getByRole("button", { name: "Use the new copy" }).click();
    await until("the new copy to be in force", async () => !(await isStopped("held-300.example")));
    assert.ok(await isStopped("held-3.example"));
    await close(page);
  });

  it("say why they cannot be refreshed, and keep the copy they have", async () => {
    home.publish("/gone.txt", "gone.example\n");
    const page = await open("/lists");
    await addList(page, `${home.published}/gone.txt`, "gone");
    home.publish("/gone.txt", undefined);
    await page.goto(`${home.base}/lists`);
    await page.getByRole("button", { name: "Refresh gone" }).click();
    await item(page, "gone").getByText(/404/).waitFor();
    await item(page, "gone").getByText(/^The copy of .* stays in force\.$/).waitFor();
    assert.ok(await isStopped("gone.example"));
    await close(page);
  });

  it("that turn into something else are held back, and discarded for good by keyboard", async () => {
    home.publish("/turned.txt", "turned.example\nsecond.example\n");
    const page = await open("/lists");
    await addList(page, `${home.published}/turned.txt`, "turned");
    await until("its name to be stopped", () => isStopped("turned.example"));
    home.publish("/turned.txt", "<!DOCTYPE html><p>Please sign in</p>");
    await page.goto(`${home.base}/lists`);
    await page.getByRole("button", { name: "Refresh turned" }).click();
    await item(page, "turned").getByText("A new copy is held back.").waitFor();
    const title = "A list looks wrong";
    // Other troubles may stand before it.
    const bar = page.getByText(title);
    await bar.first().waitFor({ state: "attached" });
    await item(page, "turned").getByRole("button", { name: "Discard it" }).focus();
    await page.keyboard.press("Enter");
    await page.getByText("The new copy of turned is discarded.").waitFor();
    await item(page, "turned").getByText("A new copy was discarded").waitFor();
    const isWrong = async () => (await api(home.base, "status")).problems.some((one) => one.title === title);
    await until("nothing to be wrong with it", async () => !(await isWrong()));
    const before = (await listNamed("turned")).checked_at;
    await page.getByRole("button", { name: "Refresh turned" }).click();
    await until("it to be looked at", async () => (await listNamed("turned")).checked_at !== before);
    const now = await listNamed("turned");
    assert.deepEqual([now.state, now.held, now.entries], ["good", null, 2]);
    assert.ok(await isStopped("turned.example"));
    await page.goto(`${home.base}/`);
    await settled(page);
    assert.equal(await bar.count(), 0);
    await close(page);
  });

  it("count for the groups that are chosen, which follow and can be taken back", async () => {
    const send = (method, path, body) =>
      fetch(`${home.base}/api/v1/${path}`, { method, headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
    const { items } = await api(home.base, "devices");
    const child = items.find((one) => one.addresses.includes("127.0.0.12"));
    assert.equal((await send("POST", "groups", { name: "Kids" })).status, 201);
    assert.equal((await send("PATCH", `devices/${child.id}`, { group: "kids" })).status, 200);
    const stopped = async () => [await isStopped("games.example", 1), await isStopped("games.example", 2)];
    const becomes = (what, wanted) => until(what, async () => `${await stopped()}` === `${wanted}`);

    home.publish("/games.txt", "games.example\n");
    const page = await open("/lists?add=1");
    await look(page, `${home.published}/games.txt`);
    await page.getByRole("radio", { name: "Only these groups" }).check();
    await page.getByRole("checkbox", { name: "default" }).uncheck();
    await page.getByRole("button", { name: "Add this list" }).click();
    await page.getByText("games is added").waitFor();
    await becomes("it to be for the kids", [false, true]);
    await item(page, "games").getByText("for Kids", { exact: true }).waitFor();
    const { groups } = await listNamed("games");
    assert.deepEqual(groups, ["kids"]);

    await page.getByRole("link", { name: "games", exact: true }).click();
    await page.getByRole("button", { name: "Change", exact: true }).click();
    await page.getByRole("radio", { name: /^All groups that choose no lists themselves/ }).check();
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("games is changed.").waitFor();
    await page.getByText("for all groups").first().waitFor();
    await becomes("it to be for all", [true, true]);
    await undo(page);
    await becomes("it to be for the kids again", [false, true]);

    await page.goto(`${home.base}/groups`);
    await page.locator("section", { has: page.getByRole("heading", { name: "Kids" }) }).getByText(/games/).waitFor();
    await page.goto(`${home.base}/changes`);
    await page.getByRole("button", { name: "Undo: List games changed" }).first().click();
    await page.getByText("Taken back: List games changed").waitFor();
    await becomes("it to be for all", [true, true]);
    // The other tests know the home as it was.
    await send("PATCH", `devices/${child.id}`, { name: null });
    await send("DELETE", "groups/kids");
    await send("DELETE", `lists/${(await listNamed("games")).id}`);
    await close(page);
  });

  it("are removed after a question, and come back with Undo", async () => {
    home.publish("/remove.txt", "remove.example\n");
    const page = await open("/lists");
    const list = await addList(page, `${home.published}/remove.txt`, "remove");
    await until("its name to be stopped", () => isStopped("remove.example"));
    await page.goto(`${home.base}/lists/${list.id}`);
    await page.getByRole("button", { name: "Remove…" }).click();
    await page.getByText("1 of its entries is on no other list.").waitFor();
    await page.keyboard.press("Enter");
    await page.getByText("remove is removed.").waitFor();
    await page.waitForURL(/\/lists$/);
    await until("its name to be left alone", async () => !(await isStopped("remove.example")));
    await undo(page);
    await until("it to be back", () => isStopped("remove.example"));
    await close(page);
  });
});

describe("own rules", { skip: process.argv.includes("--mock") && "the mock stops nothing" }, () => {
  it("are made, changed and removed by keyboard alone", async () => {
    const page = await open("/");
    await page.keyboard.press("g");
    await page.keyboard.press("r");
    await page.waitForURL(/\/rules$/);
    await page.getByLabel("Name or pattern").focus();
    await page.keyboard.type("by-key.example");
    await page.getByText("Kept as ||by-key.example^").waitFor();
    await page.keyboard.press("Enter");
    await page.getByText("The rule for ||by-key.example^ is in force.").waitFor();
    await until("it to stop", () => isStopped("www.by-key.example"));
    const line = page.locator("li", { hasText: "by-key.example" });
    await line.getByRole("button", { name: "Allow" }).focus();
    await page.keyboard.press("Space");
    await until("it to allow", async () => !(await isStopped("www.by-key.example")));
    await page.getByRole("button", { name: "Remove by-key.example" }).focus();
    await page.keyboard.press("Enter");
    await page.getByText("The rule for by-key.example is removed.").waitFor();
    assert.deepEqual(await rulesOf("by-key"), []);
    await page.keyboard.press("u");
    await until("it to be back", async () => (await rulesOf("by-key")).length === 1);
    await close(page);
  });

  it("say at the field what is wrong with them", async () => {
    const page = await open("/rules");
    await page.getByLabel("Name or pattern").fill("/(?<=look)behind/");
    await page.getByRole("button", { name: "Add the rule" }).click();
    await page.waitForFunction(() => document.activeElement?.getAttribute("aria-invalid") === "true");
    await close(page);
  });

  it("come of one click in the log, for one device, and Undo takes them back", async () => {
    const name = home.names.block;
    assert.ok(await isStopped(name, 1));
    const page = await open(`/log?verdict=block&name=%3D${name}`);
    const button = page.getByRole("button", { name: new RegExp(`^Allow ${name} for `) }).last();
    await button.waitFor();
    const said = await button.getAttribute("aria-label");
    await button.click();
    await page.getByText(said.replace("Allow ", "").replace(" for ", " is now allowed for ")).waitFor();
    const [rule] = await rulesOf(name);
    assert.equal(rule.match, `|${name}^`);
    const { items } = await api(home.base, "devices");
    const at = Number(items.find((one) => one.id === rule.device).addresses[0].split(".").at(-1)) - 10;
    await until("it to be let through", async () => !(await isStopped(name, at)));
    assert.ok(await isStopped(name, at === 1 ? 2 : 1), "other devices are still stopped");
    await undo(page);
    await until("it to be stopped again", () => isStopped(name, at));
    assert.deepEqual(await rulesOf(name), []);
    await close(page);
  });

  it("are offered on a phone, in the panel of a line", async () => {
    const page = await open(`/log?name=%3D${home.names.watch}`, { size: sizes.phone });
    await page.locator(".line .name button").first().click();
    const sheet = page.locator("dialog:modal");
    await sheet.getByRole("combobox", { name: "For whom" }).selectOption("all");
    await sheet.getByRole("button", { name: "Stop", exact: true }).click();
    await sheet.getByText(`${home.names.watch} is now stopped for every device.`).waitFor();
    await until("it to be stopped", () => isStopped(home.names.watch, 3));
    await sheet.getByRole("link", { name: "Your rule", exact: true }).waitFor();
    await sheet.getByRole("button", { name: "Undo" }).click();
    await until("it to be let through again", async () => !(await isStopped(home.names.watch, 3)));
    await close(page);
  });
});
