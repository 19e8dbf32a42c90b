// Changes: what was before and after is told, and what is still so can be taken back.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { api, until } from "./home.mjs";
import { close, home, open } from "./stage.mjs";

const group = async (id) => (await api(home.base, "groups")).groups.find((one) => one.id === id);

/** Changes something as a script does. */
async function send(method, path, body) {
  const headers = { "content-type": "application/json" };
  const response = await fetch(`${home.base}/api/v1/${path}`, { method, headers, body: body && JSON.stringify(body) });
  assert.ok(response.ok, `${path}: ${response.status} ${await response.text()}`);
}

const lineOf = (page, text) => page.getByRole("listitem").filter({ hasText: text });
const backOf = (page, text) => page.getByRole("button", { name: `Undo: ${text}`, exact: true });

describe("changes", { skip: process.argv.includes("--mock") && "the mock has no groups" }, () => {
  it("tell what was before and after, and are taken back, and that again", async () => {
    await send("POST", "groups", { name: "Teens", rules: ["||a.example^"] });
    await send("PATCH", "groups/teens", { name: "Youth", rules: ["||b.example^"] });
    const page = await open("/changes");
    const line = lineOf(page, "Group Youth changed").first();
    await line.getByText("by a script or another program").waitFor();
    await line.getByText("2 differences").click();
    assert.deepEqual(await line.locator("dt").allInnerTexts(), ["name", "rules"].sort());
    assert.deepEqual((await line.locator("del").allInnerTexts()).sort(), ["Teens", "||a.example^"].sort());
    assert.deepEqual((await line.locator("ins").allInnerTexts()).sort(), ["Youth", "||b.example^"].sort());

    await backOf(page, "Group Youth changed").first().click();
    await page.getByText("Taken back: Group Youth changed").waitFor();
    const before = await group("teens");
    assert.deepEqual([before.name, before.rules], ["Teens", ["||a.example^"]]);
    await line.getByText("taken back").waitFor();
    await lineOf(page, "Group Teens changed").first().getByText("takes a change back").waitFor();
    assert.equal(await backOf(page, "Group Youth changed").count(), 0);

    await page.getByRole("status").getByRole("button", { name: "Undo" }).click();
    await until("the change to be back", async () => (await group("teens")).name === "Youth");
    await send("DELETE", "groups/teens");
    await close(page);
  });

  it("offer no way back for what was changed again since", async () => {
    await send("POST", "groups", { name: "Guests", rules: ["||a.example^"] });
    await send("PATCH", "groups/guests", { rules: ["||b.example^"] });
    const page = await open("/changes");
    await backOf(page, "Group Guests changed").waitFor();
    await lineOf(page, "Group Guests added").waitFor();
    assert.equal(await backOf(page, "Group Guests added").count(), 0);
    await backOf(page, "Group Guests changed").click();
    await page.getByText("Taken back: Group Guests changed").waitFor();
    await backOf(page, "Group Guests added").click();
    await until("it to be gone", async () => !(await group("guests")));
    await close(page);
  });

  it("say why something cannot be taken back", async () => {
    await send("POST", "groups", { name: "Visitors" });
    const page = await open("/changes");
    await backOf(page, "Group Visitors added").waitFor();
    // Somebody else is quicker.
    await send("PATCH", "groups/visitors", { rules: ["||a.example^"] });
    await backOf(page, "Group Visitors added").click();
    await page.getByText("has been changed since").waitFor();
    assert.ok(await group("visitors"));
    await send("DELETE", "groups/visitors");
    await close(page);
  });
});
